// Elementwise steps. Operands that have poles nearby are moved away from them first.
#include "tests/fuzz/random_graph.h"

#include <cmath>

namespace weir::testing {

using mlir::Value;
using runtime::DType;

static bool isFloat(const Known &k) {
  return k.isFloat();
}
static bool isInt(const Known &k) {
  return k.isInt();
}
static bool isBool(const Known &k) {
  return k.isBool();
}
static bool anything(const Known &) {
  return true;
}

/// y = f(x) where |f| is at most `magnitude` of |x|.
template <class OpT> static bool smooth(RandomGraph &g, double (*magnitude)(double)) {
  auto x = g.pick(isFloat);
  if (!x) return false;
  g.add(g.op<OpT>(x->value), magnitude(x->magnitude));
  return true;
}

static bool boundedFunctions(RandomGraph &g) {
  auto one = [](double) { return 1.0; };
  switch (g.rng.below(6)) {
  case 0:
    return smooth<ir::TanhOp>(g, one);
  case 1:
    return smooth<ir::LogisticOp>(g, one);
  case 2:
    return smooth<ir::SinOp>(g, one);
  case 3:
    return smooth<ir::CosOp>(g, one);
  case 4:
    return smooth<ir::ErfcOp>(g, [](double) { return 2.0; });
  default:
    return smooth<ir::ErfOp>(g, one);
  }
}

static bool stepFunctions(RandomGraph &g) {
  auto same = [](double m) { return m + 1; };
  switch (g.rng.below(6)) {
  case 0:
    return smooth<ir::FloorOp>(g, same);
  case 1:
    return smooth<ir::CeilOp>(g, same);
  case 2:
    return smooth<ir::RoundEvenOp>(g, same);
  case 3:
    return smooth<ir::SignOp>(g, same);
  case 4:
    return smooth<ir::RoundOp>(g, same);
  default:
    return smooth<ir::IsFiniteOp>(g, same);
  }
}

static bool signs(RandomGraph &g) {
  auto same = [](double m) { return m; };
  return g.rng.chance(0.5) ? smooth<ir::AbsOp>(g, same) : smooth<ir::NegOp>(g, same);
}

static bool exponentials(RandomGraph &g) {
  auto x = g.pick(isFloat);
  if (!x) return false;
  Known small = g.tamed(*x, 2);
  double magnitude = std::exp(small.magnitude);
  if (g.rng.chance(0.3))
    g.add(g.op<ir::TanOp>(g.tamed(*x, 1).value), 1.6);
  else if (g.rng.chance(0.5))
    g.add(g.op<ir::ExpOp>(small.value), magnitude);
  else
    g.add(g.op<ir::Expm1Op>(small.value), magnitude);
  return true;
}

static bool ofPositives(RandomGraph &g) {
  auto x = g.pick(isFloat);
  if (!x) return false;
  Known positive = g.awayFromZero(*x, 0.5);
  double m = positive.magnitude;
  switch (g.rng.below(5)) {
  case 0:
    g.add(g.op<ir::LogOp>(positive.value), std::max(0.7, std::log(m)));
    break;
  case 1:
    g.add(g.op<ir::Log1pOp>(positive.value), std::log1p(m));
    break;
  case 2:
    g.add(g.op<ir::SqrtOp>(positive.value), std::sqrt(m));
    break;
  case 3:
    g.add(g.op<ir::RsqrtOp>(positive.value), 1.5);
    break;
  default:
    g.add(g.op<ir::CbrtOp>(positive.value), std::cbrt(m));
    break;
  }
  return true;
}

/// Functions with poles, far enough from them.
static bool special(RandomGraph &g) {
  auto x = g.pick(isFloat);
  if (!x) return false;
  int64_t kind = g.rng.below(4);
  if (kind == 0) {
    Value inside = g.op<ir::MulOp>(g.op<ir::TanhOp>(x->value), g.splat(x->type(), 0.875));
    g.add(g.op<ir::ErfInvOp>(inside), 1.1);
    return true;
  }
  Known positive = g.awayFromZero(*x, 0.75);
  double m = positive.magnitude;
  if (kind == 1) g.add(g.op<ir::LgammaOp>(positive.value), std::max(0.25, m * std::log(m)));
  if (kind == 2) g.add(g.op<ir::DigammaOp>(positive.value), 1.2 + m);
  if (kind == 3) {
    Value power = g.splat(x->type(), 1.5 + 0.5 * g.rng.below(4));
    g.add(g.op<ir::ZetaOp>(power, positive.value), 5);
  }
  return true;
}

static bool bitCounts(RandomGraph &g) {
  auto x = g.pick(isInt);
  if (!x) return false;
  if (g.rng.chance(0.5))
    g.add(g.op<ir::PopcntOp>(x->value), 0, x->exact);
  else
    g.add(g.op<ir::CountLeadingZerosOp>(x->value), 0, x->exact);
  return true;
}

static bool arithmetic(RandomGraph &g) {
  auto x = g.pick(isFloat);
  if (!x) return false;
  Known y = g.like(*x);
  switch (g.rng.below(5)) {
  case 0:
    g.add(g.op<ir::AddOp>(x->value, y.value), x->magnitude + y.magnitude);
    break;
  case 1:
    g.add(g.op<ir::SubOp>(x->value, y.value), x->magnitude + y.magnitude);
    break;
  case 2:
    g.add(g.op<ir::MaxOp>(x->value, y.value), std::max(x->magnitude, y.magnitude));
    break;
  case 3:
    g.add(g.op<ir::MinOp>(x->value, y.value), std::max(x->magnitude, y.magnitude));
    break;
  default:
    g.add(g.op<ir::MulOp>(x->value, y.value), x->magnitude * y.magnitude);
    break;
  }
  return true;
}

static bool divisions(RandomGraph &g) {
  auto x = g.pick(isFloat);
  if (!x) return false;
  Known y = g.awayFromZero(g.like(*x), 0.5);
  switch (g.rng.below(4)) {
  case 0:
    g.add(g.op<ir::DivOp>(x->value, y.value), 2 * x->magnitude);
    break;
  case 1:
    g.add(g.op<ir::RemOp>(x->value, y.value), x->magnitude);
    break;
  case 2:
    g.add(g.op<ir::Atan2Op>(x->value, y.value), 3.2);
    break;
  default:
    g.add(g.op<ir::PowOp>(y.value, g.tamed(*x, 1).value), std::max(2.0, y.magnitude));
    break;
  }
  return true;
}

static bool integerArithmetic(RandomGraph &g) {
  auto x = g.pick(isInt);
  if (!x) return false;
  Known y = g.like(*x);
  auto binary = [&]<class OpT>() { return Value(g.op<OpT>(x->value, y.value)); };
  Value result;
  switch (g.rng.below(16)) {
  case 0:
    result = binary.operator()<ir::AddOp>();
    break;
  case 1:
    result = binary.operator()<ir::SubOp>();
    break;
  case 2:
    result = binary.operator()<ir::MulOp>();
    break;
  case 3:
    result = binary.operator()<ir::DivOp>();
    break;
  case 4:
    result = binary.operator()<ir::RemOp>();
    break;
  case 5:
    result = binary.operator()<ir::MaxOp>();
    break;
  case 6:
    result = binary.operator()<ir::MinOp>();
    break;
  case 7:
    result = binary.operator()<ir::AndOp>();
    break;
  case 8:
    result = binary.operator()<ir::OrOp>();
    break;
  case 9:
    result = binary.operator()<ir::XorOp>();
    break;
  case 10:
    result = binary.operator()<ir::ShiftLeftOp>();
    break;
  case 11:
    result = binary.operator()<ir::ShiftRightLogicalOp>();
    break;
  case 12:
    result = binary.operator()<ir::ShiftRightArithmeticOp>();
    break;
  case 13:
    result = binary.operator()<ir::PowOp>();
    break;
  case 14:
    result = g.op<ir::NotOp>(x->value);
    break;
  default:
    result =
        g.rng.chance(0.5) ? Value(g.op<ir::AbsOp>(x->value)) : Value(g.op<ir::NegOp>(x->value));
    break;
  }
  g.add(result, 0, x->exact && y.exact);
  return true;
}

static bool booleans(RandomGraph &g) {
  auto x = g.pick(isBool);
  if (!x) return false;
  Known y = g.like(*x);
  switch (g.rng.below(4)) {
  case 0:
    g.add(g.op<ir::AndOp>(x->value, y.value), 0, x->exact && y.exact);
    break;
  case 1:
    g.add(g.op<ir::OrOp>(x->value, y.value), 0, x->exact && y.exact);
    break;
  case 2:
    g.add(g.op<ir::XorOp>(x->value, y.value), 0, x->exact && y.exact);
    break;
  default:
    g.add(g.op<ir::NotOp>(x->value), 0, x->exact);
    break;
  }
  return true;
}

static bool comparison(RandomGraph &g) {
  auto x = g.pick(anything);
  if (!x) return false;
  Known y = g.like(*x);
  auto direction = static_cast<ir::CompareDirection>(g.rng.below(6));
  g.add(g.op<ir::CompareOp>(x->value, y.value, direction), 0, x->exact && y.exact);
  return true;
}

static bool selection(RandomGraph &g) {
  auto x = g.pick(anything);
  if (!x) return false;
  Known y = g.like(*x), pred = g.valueOf(g.typeOf(x->shape(), DType::I1));
  g.add(g.op<ir::SelectOp>(pred.value, x->value, y.value), std::max(x->magnitude, y.magnitude),
        pred.exact && x->exact && y.exact);
  return true;
}

static mlir::Type elementOf(RandomGraph &g, DType dtype) {
  return ir::elementTypeOf(g.b.getContext(), dtype);
}

/// Integers become small before they become floats.
static bool conversion(RandomGraph &g) {
  auto x = g.pick(anything);
  if (!x) return false;
  if (x->isFloat()) {
    DType to = g.rng.chance(0.5) ? g.anyFloat() : g.rng.chance(0.3) ? DType::I1 : g.anyInt();
    bool widens = x->dtype() == to || (x->dtype() == DType::F32 && to == DType::F64);
    g.add(g.op<ir::ConvertOp>(x->value, elementOf(g, to)), x->magnitude,
          x->exact && (widens || !runtime::isFloat(to)));
  } else if (g.rng.chance(0.4)) {
    g.add(g.op<ir::ConvertOp>(x->value, elementOf(g, g.rng.chance(0.2) ? DType::I1 : g.anyInt())),
          0, x->exact);
  } else {
    Value small = x->value;
    if (x->isInt()) small = g.op<ir::RemOp>(small, g.splat(x->type(), 4));
    g.add(g.op<ir::ConvertOp>(small, elementOf(g, g.anyFloat())), 3, x->exact);
  }
  return true;
}

/// Mantissa bits under the exponent of 1: a float in [1, 2) out of any integer. And exact floats to
/// bits.
static bool bits(RandomGraph &g) {
  auto x =
      g.pick([](const Known &k) { return (k.dtype() == DType::I32 || k.isFloat()) && k.exact; });
  if (!x) return false;
  if (x->isFloat()) {
    g.add(g.op<ir::BitcastOp>(x->value,
                              elementOf(g, x->dtype() == DType::F32 ? DType::I32 : DType::I64)),
          0, true);
    return true;
  }
  Value mantissa = g.op<ir::AndOp>(x->value, g.splat(x->type(), 0x7FFFFF));
  Value pattern = g.op<ir::OrOp>(mantissa, g.splat(x->type(), 0x3F800000));
  Value asFloat = g.op<ir::BitcastOp>(pattern, elementOf(g, DType::F32));
  g.add(asFloat, 2, true);
  return true;
}

std::vector<WeightedStep> elementwiseSteps() {
  return {{3, boundedFunctions}, {1, stepFunctions},     {1, signs},     {2, exponentials},
          {2, ofPositives},      {6, arithmetic},        {2, divisions}, {1, special},
          {0.7, bitCounts},      {3, integerArithmetic}, {1, booleans},  {2, comparison},
          {3, selection},        {2, conversion},        {0.7, bits}};
}

} // namespace weir::testing
