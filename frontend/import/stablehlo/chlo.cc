// CHLO: the functions that JAX leaves to a client library.
#include "frontend/import/stablehlo/op.h"

#include <cmath>
#include <limits>

namespace weir::stablehlo {
namespace {

Tensor isPositiveInfinity(Arg x) {
  return x.tensor == INFINITY;
}
Tensor isNegativeInfinity(Arg x) {
  return x.tensor == -INFINITY;
}

/// The neighbour of x towards y: one more or less in the order of the bits.
Tensor nextAfter(Arg from, Arg to) {
  const Tensor x = from.tensor, y = to.tensor;
  const DType dtype = x.dtype();
  const size_t bytes = runtime::dtypeBytes(dtype);
  const DType integer = bytes == 2 ? DType::I16 : bytes == 4 ? i32 : i64;
  const Tensor bits = bitcast(x, integer);
  // Away from zero the bits count up, whatever the sign.
  const Tensor away = (x < y) == (x > 0);
  const Tensor moved = bitcast(bits + select(away, fullLike(bits, 1), fullLike(bits, -1)), dtype);
  const Tensor smallest = bitcast(fullLike(bits, 1), dtype);
  const Tensor ofZero = select(y > 0, smallest, -smallest);
  const Tensor result = select(x == y, y, select(x == 0, ofZero, moved));
  return select((x == x) & (y == y), result, x + y);
}

TensorList constantLike(Op &op) {
  op.expectOperands(1);
  return {fullLike(op.operand(0), op.real("value", 0))};
}

/// chlo.broadcast_X is stablehlo.X, or chlo's, with NumPy's broadcasting.
TensorList broadcasting(Op &op) {
  const std::string name = op.name().substr(std::string("chlo.broadcast_").size());
  const Rule *rule = findRule("stablehlo." + name);
  if (!rule) rule = findRule("chlo." + name);
  if (!rule || !rule->elementwise) op.fail("this op is not supported");
  return rule->apply(op);
}

} // namespace

void addChloRules(Rules &rules) {
  const Rules own = {
      {"chlo.acos", {unary<acos>, true}},
      {"chlo.acosh", {unary<acosh>, true}},
      {"chlo.asin", {unary<asin>, true}},
      {"chlo.asinh", {unary<asinh>, true}},
      {"chlo.atan", {unary<atan>, true}},
      {"chlo.atanh", {unary<atanh>, true}},
      {"chlo.cosh", {unary<cosh>, true}},
      {"chlo.digamma", {unary<digamma>, true}},
      {"chlo.erf", {unary<erf>, true}},
      {"chlo.erf_inv", {unary<erfInv>, true}},
      {"chlo.erfc", {unary<erfc>, true}},
      {"chlo.is_inf", {unary<isInf>, true}},
      {"chlo.is_neg_inf", {unary<isNegativeInfinity>, true}},
      {"chlo.is_pos_inf", {unary<isPositiveInfinity>, true}},
      {"chlo.lgamma", {unary<lgamma>, true}},
      {"chlo.sinh", {unary<sinh>, true}},
      {"chlo.square", {unary<square>, true}},
      {"chlo.tan", {unary<tan>, true}},
      {"chlo.next_after", {binary<nextAfter>, true}},
      {"chlo.polygamma", {binary<polygamma>, true}},
      {"chlo.zeta", {binary<zeta>, true}},
      {"chlo.constant_like", {constantLike, true}},
  };
  rules.insert(own.begin(), own.end());
  for (const char *name : {"add",
                           "and",
                           "atan2",
                           "clamp",
                           "compare",
                           "divide",
                           "maximum",
                           "minimum",
                           "multiply",
                           "next_after",
                           "or",
                           "polygamma",
                           "power",
                           "remainder",
                           "select",
                           "shift_left",
                           "shift_right_arithmetic",
                           "shift_right_logical",
                           "subtract",
                           "xor",
                           "zeta"})
    rules.insert({std::string("chlo.broadcast_") + name, {broadcasting, true}});
}

} // namespace weir::stablehlo
