// Tensor's and Results' own members, and the operators. No MLIR here.
#include "frontend/api/graph.h"
#include "frontend/build/emit.h"

namespace weir {

int64_t Tensor::rank(Location at) const {
  return static_cast<int64_t>(shape(at).size());
}

int64_t Tensor::dim(int64_t dim, Location at) const {
  int64_t index = build::normalizeDim("dim", dim, Arg(*this, at), *this);
  return shape(at)[static_cast<size_t>(index)];
}

int64_t Tensor::size(Location at) const {
  int64_t count = 1;
  for (int64_t size : shape(at)) count *= size;
  return count;
}

Graph Tensor::graph(Location at) const {
  type(at);
  return Graph(state);
}

Results::operator Tensor() const {
  if (tensors.size() == 1) return tensors[0];
  throw Error(
      std::to_string(tensors.size()) + " results where one tensor is needed; pick one with []", at);
}

const Tensor &Results::operator[](size_t i) const {
  if (i < tensors.size()) return tensors[i];
  throw Error("result " + std::to_string(i) + " of " + std::to_string(tensors.size()) +
                  " does not exist",
              at);
}

Tensor operator+(Arg lhs, Arg rhs) {
  return add(lhs, rhs);
}
Tensor operator-(Arg lhs, Arg rhs) {
  return sub(lhs, rhs);
}
Tensor operator*(Arg lhs, Arg rhs) {
  return mul(lhs, rhs);
}
Tensor operator/(Arg lhs, Arg rhs) {
  return div(lhs, rhs);
}
Tensor operator%(Arg lhs, Arg rhs) {
  return rem(lhs, rhs);
}
Tensor operator-(Arg x) {
  return neg(x);
}
Tensor operator&(Arg lhs, Arg rhs) {
  return logicalAnd(lhs, rhs);
}
Tensor operator|(Arg lhs, Arg rhs) {
  return logicalOr(lhs, rhs);
}
Tensor operator^(Arg lhs, Arg rhs) {
  return logicalXor(lhs, rhs);
}
Tensor operator~(Arg x) {
  return logicalNot(x);
}
Tensor operator==(Arg lhs, Arg rhs) {
  return compare(lhs, rhs, Direction::Eq);
}
Tensor operator!=(Arg lhs, Arg rhs) {
  return compare(lhs, rhs, Direction::Ne);
}
Tensor operator<(Arg lhs, Arg rhs) {
  return compare(lhs, rhs, Direction::Lt);
}
Tensor operator<=(Arg lhs, Arg rhs) {
  return compare(lhs, rhs, Direction::Le);
}
Tensor operator>(Arg lhs, Arg rhs) {
  return compare(lhs, rhs, Direction::Gt);
}
Tensor operator>=(Arg lhs, Arg rhs) {
  return compare(lhs, rhs, Direction::Ge);
}

} // namespace weir
