// Reductions, what runs along a dim, and sorting.
#include "frontend/export/stablehlo/emitter.h"

#include "ir/dialect/weir.h"

using namespace mlir;

namespace weir::stablehlo {
namespace {

/// The op that combines two elements, and what it leaves unchanged.
struct Combiner {
  StringRef name;
  Value (*neutral)(Emitter &e, Type type);
};

Combiner combinerOf(StringRef op) {
  if (op.ends_with("_sum")) return {"add", [](Emitter &e, Type t) { return e.splat(t, 0); }};
  if (op.ends_with("_prod")) return {"multiply", [](Emitter &e, Type t) { return e.splat(t, 1); }};
  if (op.ends_with("_max"))
    return {"maximum", [](Emitter &e, Type t) { return e.extreme(t, false); }};
  if (op.ends_with("_min"))
    return {"minimum", [](Emitter &e, Type t) { return e.extreme(t, true); }};
  if (op.ends_with("_and")) return {"and", [](Emitter &e, Type t) { return e.splat(t, -1); }};
  return {"or", [](Emitter &e, Type t) { return e.splat(t, 0); }};
}

RankedTensorType scalarOf(Value value) {
  return typeOf(value).clone(ArrayRef<int64_t>());
}

Values reduceRule(Emitter &e, Operation *op) {
  const Values in = e.operands(op);
  auto dims = op->getAttrOfType<DenseI64ArrayAttr>("dims");
  if (dims.empty()) return in;
  const Combiner combiner = combinerOf(op->getName().getStringRef());
  auto scalar = scalarOf(in[0]);
  auto body = [&](ValueRange args) { return Values{e.same(combiner.name, args)}; };
  return e.withRegions("stablehlo.reduce", {in[0], combiner.neutral(e, scalar)},
                       op->getResultTypes(), {{{scalar, scalar}, body}}, Named{"dimensions", dims});
}

/// A value with its index against another: the larger (smaller) one, of equals the first, NaN
/// before all.
Values argRule(Emitter &e, Operation *op) {
  const Values in = e.operands(op);
  const bool largest = isa<ir::ArgmaxOp>(op);
  const int64_t dim = op->getAttrOfType<IntegerAttr>("dim").getInt();
  auto scalar = scalarOf(in[0]), index = typeOf(op->getResult(0)).clone(ArrayRef<int64_t>());
  Value indices = e.op("stablehlo.iota", {}, typeOf(in[0]).clone(e.b.getI32Type()),
                       Named{"iota_dimension", e.number(dim)});
  auto body = [&](ValueRange args) {
    Value a = args[0], ia = args[1], c = args[2], ic = args[3];
    Value better = e.compare(largest ? "GT" : "LT", a, c);
    Value pick = e.same("or", {better, e.compare("NE", a, a)});
    Value tie = e.same("and", {e.compare("EQ", a, c), e.compare("LT", ia, ic)});
    return Values{e.select(pick, a, c), e.select(e.same("or", {pick, tie}), ia, ic)};
  };
  Type results[] = {typeOf(op->getResult(0)).clone(scalar.getElementType()),
                    op->getResult(0).getType()};
  return {e.withRegions(
      "stablehlo.reduce", {in[0], indices, e.extreme(scalar, !largest), e.splat(index, 0)}, results,
      {{{scalar, index, scalar, index}, body}}, Named{"dimensions", e.ints(dim)})[1]};
}

/// A window over all that came before.
Values cumulativeRule(Emitter &e, Operation *op) {
  const Values in = e.operands(op);
  const int64_t dim = op->getAttrOfType<IntegerAttr>("dim").getInt();
  const bool reverse = op->getAttrOfType<BoolAttr>("reverse").getValue();
  auto type = typeOf(in[0]);
  const int64_t size = type.getDimSize(dim);
  if (size == 0) return in;
  const Combiner combiner = combinerOf(op->getName().getStringRef());
  auto scalar = scalarOf(in[0]);
  auto body = [&](ValueRange args) { return Values{e.same(combiner.name, args)}; };
  Ints window(type.getRank(), 1), ones = window, low(type.getRank(), 0), high = low;
  window[dim] = size;
  (reverse ? high : low)[dim] = size - 1;
  return e.withRegions(
      "stablehlo.reduce_window", {in[0], combiner.neutral(e, scalar)}, op->getResultTypes(),
      {{{scalar, scalar}, body}},
      {Named{"window_dimensions", e.ints(window)}, Named{"window_strides", e.ints(ones)},
       Named{"base_dilations", e.ints(ones)}, Named{"window_dilations", e.ints(ones)},
       Named{"padding", e.padding(low, high)}});
}

/// Type of a slice across `dim`.
RankedTensorType without(RankedTensorType type, int64_t dim) {
  Ints shape(type.getShape());
  shape.erase(shape.begin() + dim);
  return type.clone(shape);
}

/// log(exp(a) + exp(b)) without overflow.
Value logAddExp(Emitter &e, Value a, Value b) {
  Value delta = e.same("subtract", {a, b});
  Value tail =
      e.same("log_plus_one", {e.same("exponential", {e.same("negate", {e.same("abs", {delta})})})});
  Value sum = e.same("add", {e.same("maximum", {a, b}), tail});
  return e.select(e.compare("NE", delta, delta), e.same("add", {a, b}), sum);
}

Values logsumexpRule(Emitter &e, Operation *op) {
  auto cumulative = cast<ir::CumulativeLogsumexpOp>(op);
  const Values in = e.operands(op);
  const auto dim = static_cast<int64_t>(cumulative.getDim());
  auto type = typeOf(in[0]);
  auto step = [&](ValueRange carries, ValueRange slices) {
    Value next = logAddExp(e, carries[0], slices[0]);
    return Values{next, next};
  };
  return {e.loop(type.getDimSize(dim), cumulative.getReverse(), dim,
                 e.extreme(without(type, dim), false), in, type, step)[1]};
}

Values recurrenceRule(Emitter &e, Operation *op) {
  auto recurrence = cast<ir::LinearRecurrenceOp>(op);
  const Values in = e.operands(op);
  const auto dim = static_cast<int64_t>(recurrence.getDim());
  auto type = typeOf(in[0]);
  auto step = [&](ValueRange carries, ValueRange slices) {
    Value next = e.same("add", {e.same("multiply", {slices[0], carries[0]}), slices[1]});
    return Values{next, next};
  };
  return {e.loop(type.getDimSize(dim), recurrence.getReverse(), dim, e.splat(without(type, dim), 0),
                 in, type, step)[1]};
}

/// Whether a goes before b: smaller in the first key that differs. NaN is above all.
Values before(Emitter &e, ValueRange args, int64_t keys, bool descending) {
  Value result;
  for (int64_t k = keys; k-- > 0;) {
    Value a = args[2 * k + descending], b = args[2 * k + 1 - descending];
    Value less = e.compare("LT", a, b), equal = e.compare("EQ", a, b);
    if (isa<FloatType>(typeOf(a).getElementType())) {
      Value aIsNan = e.compare("NE", a, a), bIsNan = e.compare("NE", b, b);
      less = e.same("or", {less, e.same("and", {e.same("not", {aIsNan}), bIsNan})});
      equal = e.same("or", {equal, e.same("and", {aIsNan, bIsNan})});
    }
    result = result ? e.same("or", {less, e.same("and", {equal, result})}) : less;
  }
  return {result};
}

Values sortRule(Emitter &e, Operation *op) {
  auto sort = cast<ir::SortOp>(op);
  const Values in = e.operands(op);
  SmallVector<Type> types;
  for (Value value : in) types.append(2, scalarOf(value));
  auto body = [&](ValueRange args) {
    return before(e, args, sort.getNumKeys(), sort.getDescending());
  };
  return e.withRegions(
      "stablehlo.sort", in, op->getResultTypes(), {{types, body}},
      {Named{"dimension", e.number(sort.getDim())}, Named{"is_stable", e.b.getBoolAttr(true)}});
}

} // namespace

void addReductionRules(Rules &rules) {
  for (StringRef name : {"sum", "prod", "max", "min", "and", "or"})
    rules[("reduce_" + name).str()] = reduceRule;
  for (StringRef name : {"sum", "prod", "max", "min"})
    rules[("cumulative_" + name).str()] = cumulativeRule;
  rules["argmax"] = argRule;
  rules["argmin"] = argRule;
  rules["cumulative_logsumexp"] = logsumexpRule;
  rules["linear_recurrence"] = recurrenceRule;
  rules["sort"] = sortRule;
}

} // namespace weir::stablehlo
