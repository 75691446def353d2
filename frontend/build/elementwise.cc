// Elementwise functions: dtype rule, NumPy's broadcasting made explicit, numbers. No MLIR here.
#include "frontend/api/graph.h"
#include "frontend/build/emit.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

namespace weir::build {

Tensor tensorOf(std::string_view name, const Arg &arg, std::string_view label) {
  if (arg.kind == Arg::IsTensor) return arg.tensor;
  throw Error(std::string(name) + ": " + std::string(label) + " is a number, but must be a tensor",
              arg.at);
}

namespace {

/// The shortest decimal that reads back as `number`.
std::string numberText(double number) {
  char text[32];
  return std::string(text, std::to_chars(text, text + sizeof(text), number).ptr);
}

/// Whether an integer dtype holds the number. Bit patterns of 32 bits are welcome in i32 as well as
/// signed numbers; a uint64_t beyond i64 arrives as its bits.
bool fits(const Arg &number, DType dtype) {
  if (number.kind == Arg::Float &&
      (std::trunc(number.real) != number.real || std::abs(number.real) > 0x1p53))
    return false;
  return runtime::visitDType(dtype, [&](auto tag) {
    using T = decltype(tag);
    if constexpr (!std::is_integral_v<T>)
      return true;
    else if constexpr (std::is_same_v<T, int32_t>)
      return number.real >= -0x1p31 && number.real < 0x1p32;
    else if constexpr (std::is_same_v<T, uint64_t>)
      return number.real >= 0 && number.real < 0x1p64;
    else
      return number.real >= static_cast<double>(std::numeric_limits<T>::min()) &&
             (sizeof(T) == 8 ? number.real < 0x1p63
                             : number.real <= static_cast<double>(std::numeric_limits<T>::max()));
  });
}

/// The one element of an array of `dtype`; throws when the dtype cannot hold the number.
Array scalarArray(std::string_view name, const Arg &number, DType dtype) {
  const bool isFloat = runtime::isFloat(dtype);
  const bool overflows =
      isFloat && std::isfinite(number.real) && !std::isfinite(runtime::roundTo(dtype, number.real));
  if (overflows || (!isFloat && !fits(number, dtype)))
    throw Error(
        std::string(name) + ": the number " +
            (number.kind == Arg::Float ? numberText(number.real) : std::to_string(number.integer)) +
            " does not fit " + std::string(runtime::dtypeName(dtype)),
        number.at);
  int64_t integer = number.integer;
  if (number.kind == Arg::Float && !isFloat) integer = static_cast<int64_t>(number.real);
  return runtime::visitDType(dtype, [&](auto tag) {
    using T = decltype(tag);
    if constexpr (std::is_integral_v<T>)
      return Array::scalar(static_cast<T>(integer));
    else
      return Array::scalar(T(number.real));
  });
}

} // namespace

Tensor numberAs(const StatePtr &state, std::string_view name, const Arg &number,
                const TensorType &type) {
  Splat value{scalarArray(name, number, type.dtype), type.shape};
  return emitIn(state, "constant", {{"value", std::move(value)}}, number.at);
}

Shape broadcastShapes(std::string_view name, const Operand &lhs, const Operand &rhs, Location at) {
  const Shape &a = lhs.tensor.shape(at), &b = rhs.tensor.shape(at);
  Shape result(std::max(a.size(), b.size()));
  for (size_t back = 1; back <= result.size(); ++back) {
    int64_t x = back <= a.size() ? a[a.size() - back] : 1;
    int64_t y = back <= b.size() ? b[b.size() - back] : 1;
    if (x != y && x != 1 && y != 1)
      throw Error(std::string(name) + ": shapes do not broadcast: " + lhs.label + " dim " +
                      std::to_string(a.size() - back) + " is " + std::to_string(x) + ", " +
                      rhs.label + " dim " + std::to_string(b.size() - back) + " is " +
                      std::to_string(y),
                  at, {noteOn(lhs), noteOn(rhs)});
    result[result.size() - back] = x == 1 ? y : x;
  }
  return result;
}

Tensor stretch(const Tensor &x, const Shape &shape, Location at) {
  if (x.shape(at) == shape) return x;
  const Shape &from = x.shape(at);
  const size_t offset = shape.size() - from.size();
  Shape kept;
  std::vector<int64_t> dims;
  for (size_t i = 0; i < from.size(); ++i)
    if (from[i] == shape[offset + i]) {
      kept.push_back(from[i]);
      dims.push_back(static_cast<int64_t>(offset + i));
    }
  Tensor squeezed = kept == from ? x : emit("reshape", {{x, "operand"}}, {{"shape", kept}}, at);
  return emit("broadcast", {{squeezed, "operand"}}, {{"shape", shape}, {"dims", dims}}, at);
}

StatePtr stateOf(std::string_view name, const std::vector<Arg> &args) {
  const Tensor *first = nullptr;
  for (const Arg &arg : args)
    if (arg.kind == Arg::IsTensor) {
      if (arg.tensor.empty())
        throw Error(std::string(name) + ": an operand is an empty tensor: it belongs to no graph",
                    arg.at);
      arg.tensor.type(arg.at);
      if (!first) first = &arg.tensor;
      if (arg.tensor.graph(arg.at).state() != first->graph(arg.at).state())
        throw Error(std::string(name) + ": the operands belong to different graphs", arg.at,
                    {noteOn({*first, "one operand"}), noteOn({arg.tensor, "another operand"})});
    }
  if (first) return first->graph().state();
  throw Error(std::string(name) + ": all operands are numbers, at least one must be a tensor",
              args.at(0).at);
}

namespace {

void requireSameDtype(std::string_view name, const Operand &lhs, const Operand &rhs, Location at) {
  DType a = lhs.tensor.dtype(at), b = rhs.tensor.dtype(at);
  if (a == b) return;
  throw Error(std::string(name) + ": dtypes differ: " + lhs.label + " is " +
                  std::string(runtime::dtypeName(a)) + ", " + rhs.label + " is " +
                  std::string(runtime::dtypeName(b)),
              at, {noteOn(lhs), noteOn(rhs)});
}

/// Both operands in one dtype and broadcast shape; a number becomes a constant of the other's type.
std::pair<Operand, Operand> unify(std::string_view name, const Arg &lhs, const Arg &rhs,
                                  const char *lhsLabel, const char *rhsLabel) {
  const Location at = lhs.at;
  const StatePtr state = stateOf(name, {lhs, rhs});
  Operand l{lhs.tensor, lhsLabel}, r{rhs.tensor, rhsLabel};
  if (lhs.kind != Arg::IsTensor) {
    l.tensor = numberAs(state, name, lhs, rhs.tensor.type(at));
  } else if (rhs.kind != Arg::IsTensor) {
    r.tensor = numberAs(state, name, rhs, lhs.tensor.type(at));
  } else {
    requireSameDtype(name, l, r, at);
    const Shape shape = broadcastShapes(name, l, r, at);
    l.tensor = stretch(l.tensor, shape, at);
    r.tensor = stretch(r.tensor, shape, at);
  }
  return {l, r};
}

} // namespace

Tensor emitBinary(std::string_view name, const Arg &lhs, const Arg &rhs,
                  const std::vector<Attribute> &attributes) {
  auto [l, r] = unify(name, lhs, rhs, "lhs", "rhs");
  return emit(name, {l, r}, attributes, lhs.at);
}

} // namespace weir::build

namespace weir {

using namespace build;

#define WEIR_DEFINE_UNARY(function, op)                                                            \
  Tensor function(Arg x) {                                                                         \
    return emit(#op, {{tensorOf(#op, x), "operand"}}, {}, x.at);                                   \
  }
WEIR_UNARY_FUNCTIONS(WEIR_DEFINE_UNARY)
#undef WEIR_DEFINE_UNARY

#define WEIR_DEFINE_BINARY(function, op)                                                           \
  Tensor function(Arg lhs, Arg rhs) {                                                              \
    return emitBinary(#op, lhs, rhs);                                                              \
  }
WEIR_BINARY_FUNCTIONS(WEIR_DEFINE_BINARY)
#undef WEIR_DEFINE_BINARY

Tensor compare(Arg lhs, Arg rhs, Direction direction) {
  return emitBinary("compare", lhs, rhs, {{"direction", direction}});
}

Tensor select(Arg pred, Arg onTrue, Arg onFalse) {
  const Location at = pred.at;
  Operand p{tensorOf("select", pred, "pred"), "pred"};
  // Two numbers are f32 in the predicate's shape.
  if (onTrue.kind != Arg::IsTensor && onFalse.kind != Arg::IsTensor)
    onTrue = Arg(numberAs(stateOf("select", {pred}), "select", onTrue, {f32, p.tensor.shape(at)}),
                 onTrue.at);
  stateOf("select", {pred, onTrue, onFalse});
  auto [t, f] = unify("select", onTrue, onFalse, "onTrue", "onFalse");
  const Shape shape = broadcastShapes("select", p, t, at);
  p.tensor = stretch(p.tensor, shape, at);
  t.tensor = stretch(t.tensor, shape, at);
  f.tensor = stretch(f.tensor, shape, at);
  return emit("select", {p, t, f}, {}, at);
}

Tensor convert(Arg x, DType to) {
  Tensor operand = tensorOf("convert", x);
  if (operand.dtype(x.at) == to) return operand;
  return emit("convert", {{operand, "operand"}}, {{"to", to}}, x.at);
}

Tensor bitcast(Arg x, DType to) {
  return emit("bitcast", {{tensorOf("bitcast", x), "operand"}}, {{"to", to}}, x.at);
}

Tensor relu(Arg x) {
  return max(x, Arg(0, x.at));
}
Tensor clamp(Arg x, Arg lo, Arg hi) {
  return min(Arg(max(x, lo), x.at), hi);
}

Tensor fullLike(Arg x, double value) {
  return numberAs(stateOf("fullLike", {x}), "fullLike", Arg(value, x.at), x.tensor.type(x.at));
}

} // namespace weir
