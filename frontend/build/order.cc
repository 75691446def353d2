// What depends on the order of elements along a dim: argmax, cumulative functions, recurrences and
// sorting. No MLIR here.
#include "frontend/api/graph.h"
#include "frontend/build/emit.h"

namespace weir {

using namespace build;

static Tensor arg(std::string_view name, const Arg &x, int64_t dim) {
  Operand operand{tensorOf(name, x), "operand"};
  return emit(name, {operand}, {{"dim", normalizeDim(name, dim, x, operand.tensor)}}, x.at);
}

Tensor argmax(Arg x, int64_t dim) {
  return arg("argmax", x, dim);
}
Tensor argmin(Arg x, int64_t dim) {
  return arg("argmin", x, dim);
}

static Tensor cumulative(std::string_view name, const Arg &x, int64_t dim, bool reverse) {
  Operand operand{tensorOf(name, x), "operand"};
  dim = normalizeDim(name, dim, x, operand.tensor);
  return emit(name, {operand}, {{"dim", dim}, {"reverse", reverse}}, x.at);
}

#define WEIR_DEFINE_CUMULATIVE(function, op)                                                       \
  Tensor function(Arg x, int64_t dim, bool reverse) {                                              \
    return cumulative(#op, x, dim, reverse);                                                       \
  }
WEIR_CUMULATIVE_FUNCTIONS(WEIR_DEFINE_CUMULATIVE)
#undef WEIR_DEFINE_CUMULATIVE

Tensor linearRecurrence(Arg a, Arg b, int64_t dim, bool reverse) {
  const char *name = "linear_recurrence";
  stateOf(name, {a, b});
  Operand factor{tensorOf(name, a, "a"), "a"}, term{tensorOf(name, b, "b"), "b"};
  dim = normalizeDim(name, dim, a, factor.tensor);
  return emit(name, {factor, term}, {{"dim", dim}, {"reverse", reverse}}, a.at);
}

std::vector<Tensor> sort(const std::vector<Tensor> &xs, int64_t dim, int64_t numKeys,
                         bool descending, Location at) {
  if (xs.empty()) throw Error("sort: no tensors", at);
  std::vector<Operand> operands;
  for (size_t i = 0; i < xs.size(); ++i) operands.push_back({xs[i], "input " + std::to_string(i)});
  dim = normalizeDim("sort", dim, Arg(xs[0], at), xs[0]);
  return emitAll("sort", operands,
                 {{"dim", dim}, {"num_keys", numKeys}, {"descending", descending}}, at);
}

Tensor sort(Arg x, int64_t dim, bool descending) {
  return sort(std::vector<Tensor>{tensorOf("sort", x)}, dim, 1, descending, x.at).front();
}

/// x sorted along dim, and where its elements were.
static std::pair<Tensor, Tensor> sortWithPositions(std::string_view name, const Arg &x, int64_t dim,
                                                   bool descending) {
  const Tensor t = tensorOf(name, x);
  dim = normalizeDim(name, dim, x, t);
  Tensor positions = t.graph(x.at).iota(i32, t.shape(x.at), dim, x.at);
  std::vector<Tensor> sorted = sort({t, positions}, dim, 1, descending, x.at);
  return {sorted[0], sorted[1]};
}

Tensor argsort(Arg x, int64_t dim, bool descending) {
  return sortWithPositions("argsort", x, dim, descending).second;
}

std::pair<Tensor, Tensor> topK(Arg x, int64_t k, int64_t dim) {
  const Tensor t = tensorOf("topK", x);
  dim = normalizeDim("topK", dim, x, t);
  if (k < 0 || k > t.dim(dim, x.at))
    throw Error("topK: k is " + std::to_string(k) + ", but dim " + std::to_string(dim) + " is " +
                    std::to_string(t.dim(dim, x.at)),
                x.at, {noteOn(Operand{t, "operand"})});
  auto [values, positions] = sortWithPositions("topK", x, dim, true);
  return {sliceDim(Arg(values, x.at), dim, 0, k), sliceDim(Arg(positions, x.at), dim, 0, k)};
}

} // namespace weir
