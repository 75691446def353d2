// Elementwise ops. The references are other formulas than the interpreter's where there is one;
// ranges keep derivatives away from kinks and poles.
#include "tests/ops/op_table.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>

namespace weir::testing {

using runtime::DType;

using Unary = double (*)(double);
using Binary = double (*)(double, double);

static const std::vector<std::vector<int64_t>> kShapes = {{}, {1}, {7}, {3, 5}, {2, 131}, {0, 4}};

static Plain map(const Plain &x, const std::function<double(double)> &f) {
  Plain y = x;
  for (double &v : y.values) v = f(v);
  return y;
}

static Plain zip(const Plain &a, const Plain &b, const std::function<double(double, double)> &f) {
  Plain y = a;
  for (size_t k = 0; k < y.values.size(); ++k) y.values[k] = f(a.values[k], b.values[k]);
  return y;
}

template <class OpT>
static void unary(std::vector<Row> &rows, const std::vector<DType> &dtypes, Range range,
                  Unary reference) {
  rows.push_back(
      {OpT::getOperationName().str(), dtypes, [=](DType dtype) {
         std::vector<Sample> samples;
         for (const auto &shape : kShapes)
           samples.push_back(
               {shapeName(shape),
                {{dtype, shape, rangeFor(dtype, range)}},
                single([](auto &b, auto loc, auto x) { return OpT::create(b, loc, x[0]); }),
                [=](const Plains &x) { return Plains{map(x[0], reference)}; }});
         return samples;
       }});
}

/// Ranges of the two operands; integers of `integers`.
struct Ranges {
  Range lhs = {}, rhs = {};
  Range lhsIntegers = {-9, 9}, rhsIntegers = {-9, 9};
};

template <class OpT>
static void binary(std::vector<Row> &rows, const std::vector<DType> &dtypes, Ranges ranges,
                   Binary onFloats, Binary onIntegers) {
  rows.push_back(
      {OpT::getOperationName().str(), dtypes, [=](DType dtype) {
         bool isFloat = runtime::isFloat(dtype);
         std::vector<Sample> samples;
         for (const auto &shape : kShapes)
           samples.push_back(
               {shapeName(shape),
                {{dtype, shape, isFloat ? ranges.lhs : ranges.lhsIntegers},
                 {dtype, shape, isFloat ? ranges.rhs : ranges.rhsIntegers}},
                single([](auto &b, auto loc, auto x) { return OpT::create(b, loc, x[0], x[1]); }),
                [=](const Plains &x) {
                  return Plains{zip(x[0], x[1], isFloat ? onFloats : onIntegers)};
                }});
         return samples;
       }});
}

static double erfSeries(double x) { // 2/√π Σ (-1)^n x^(2n+1) / (n! (2n+1))
  double term = x, sum = x;
  for (int n = 1; n < 60; ++n) {
    term *= -x * x / n;
    sum += term / (2 * n + 1);
  }
  return sum * 2 / std::sqrt(std::acos(-1.0));
}

/// By halving: the oldest way, good to the last bits.
static double erfInverse(double x) {
  double low = -7, high = 7;
  for (int step = 0; step < 100; ++step) {
    double middle = (low + high) / 2;
    (std::erf(middle) < x ? low : high) = middle;
  }
  return low;
}

/// Legendre's formula from its double: Γ(x) Γ(x + 1/2) = 2^(1-2x) √π Γ(2x), for half and whole x
/// alike by what is left of it.
static double logGamma(double x) {
  return std::log(2.0) * (x - 1) - std::log(std::acos(-1.0)) / 2 + std::lgamma(x / 2) +
         std::lgamma((x + 1) / 2);
}

/// Gauss's integral after a shift: ψ(x) = log z - 1/2z - 2 ∫ t dt / ((t² + z²)(e^(2πt) - 1)).
static double digammaIntegral(double x) {
  const double pi = std::acos(-1.0);
  double shift = 0, z = x;
  for (; z < 8; ++z) shift += 1 / z;
  const int steps = 20000;
  const double end = 8;
  double integral = 0;
  for (int k = 0; k <= steps; ++k) {
    double t = end * k / steps;
    double f = k == 0 ? 1 / (2 * pi * z * z) : t / ((t * t + z * z) * std::expm1(2 * pi * t));
    integral += f * (k == 0 || k == steps ? 1 : k % 2 ? 4 : 2); // Simpson
  }
  return std::log(z) - 1 / (2 * z) - 2 * integral * end / steps / 3 - shift;
}

/// Hermite's integral for the Hurwitz zeta function, DLMF 25.11.29.
static double zetaIntegral(double x, double q) {
  const double pi = std::acos(-1.0);
  double sum = 0;
  for (; q < 8; ++q) sum += std::pow(q, -x);
  const int steps = 20000;
  const double end = 8;
  double integral = 0;
  for (int k = 0; k <= steps; ++k) {
    double t = end * k / steps;
    double f = k == 0 ? x / q * std::pow(q, -x) / (2 * pi)
                      : std::sin(x * std::atan(t / q)) * std::pow(q * q + t * t, -x / 2) /
                            std::expm1(2 * pi * t);
    integral += f * (k == 0 || k == steps ? 1 : k % 2 ? 4 : 2);
  }
  return sum + std::pow(q, -x) / 2 + std::pow(q, 1 - x) / (x - 1) + 2 * integral * end / steps / 3;
}

static double roundAway(double x) {
  return std::copysign(std::floor(std::abs(x) + 0.5), x);
}

static double roundEven(double x) {
  double down = std::floor(x), rest = x - down;
  if (rest != 0.5) return rest < 0.5 ? down : down + 1;
  return std::fmod(down, 2) == 0 ? down : down + 1;
}

static void addUnaryRows(std::vector<Row> &rows) {
  Range any{-2, 2}, positive{0.2, 3}, offZero{-2, 2, Range::Zero},
      steps{-3, 3, Range::HalfIntegers};
  unary<ir::AbsOp>(rows, kNumeric, offZero, [](double x) { return std::sqrt(x * x); });
  unary<ir::NegOp>(rows, kNumeric, any, [](double x) { return 0 - x; });
  unary<ir::SignOp>(rows, kNumeric, offZero,
                    [](double x) { return x == 0 ? 0.0 : x / std::abs(x); });
  unary<ir::ExpOp>(rows, kFloats, any, [](double x) { return std::pow(std::exp(1.0), x); });
  unary<ir::Expm1Op>(rows, kFloats, any,
                     [](double x) { return 2 * std::exp(x / 2) * std::sinh(x / 2); });
  unary<ir::LogOp>(rows, kFloats, positive,
                   [](double x) { return std::log2(x) / std::log2(std::exp(1.0)); });
  unary<ir::Log1pOp>(rows, kFloats, {-0.8, 3},
                     [](double x) { return 2 * std::atanh(x / (x + 2)); });
  unary<ir::SqrtOp>(rows, kFloats, positive,
                    [](double x) { return std::hypot(std::sqrt(x / 2), std::sqrt(x / 2)); });
  unary<ir::RsqrtOp>(rows, kFloats, positive, [](double x) { return std::sqrt(1 / x); });
  unary<ir::CbrtOp>(rows, kFloats, offZero,
                    [](double x) { return std::copysign(std::pow(std::abs(x), 1.0 / 3), x); });
  unary<ir::TanhOp>(rows, kFloats, any, [](double x) { return std::sinh(x) / std::cosh(x); });
  unary<ir::LogisticOp>(rows, kFloats, any, [](double x) { return (1 + std::tanh(x / 2)) / 2; });
  unary<ir::SinOp>(rows, kFloats, any,
                   [](double x) { return 2 * std::sin(x / 2) * std::cos(x / 2); });
  unary<ir::CosOp>(rows, kFloats, any,
                   [](double x) { return 1 - 2 * std::sin(x / 2) * std::sin(x / 2); });
  unary<ir::TanOp>(rows, kFloats, {-1.2, 1.2}, [](double x) { return std::sin(x) / std::cos(x); });
  unary<ir::ErfOp>(rows, kFloats, any, erfSeries);
  unary<ir::ErfcOp>(rows, kFloats, {-2, 1}, [](double x) { return 1 - erfSeries(x); });
  unary<ir::ErfInvOp>(rows, kFloats, {-0.95, 0.95}, erfInverse);
  unary<ir::LgammaOp>(rows, kFloats, {2.5, 9}, logGamma);
  unary<ir::DigammaOp>(rows, kFloats, {2, 9}, digammaIntegral);
  unary<ir::FloorOp>(rows, kFloats, steps, [](double x) { return -std::ceil(-x); });
  unary<ir::CeilOp>(rows, kFloats, steps, [](double x) { return -std::floor(-x); });
  unary<ir::RoundOp>(rows, kFloats, steps, roundAway);
  unary<ir::RoundEvenOp>(rows, kFloats, steps, roundEven);
  unary<ir::IsFiniteOp>(rows, kFloats, any, [](double x) -> double { return x - x == 0; });
}

static void addBinaryRows(std::vector<Row> &rows) {
  Range any{-2, 2}, positive{0.2, 2}, offZero{-2, 2, Range::Zero}, distinct{-2, 2, Range::Equals};
  auto add = [](double a, double b) { return a + b; };
  auto sub = [](double a, double b) { return a - b; };
  auto mul = [](double a, double b) { return a * b; };
  auto max = [](double a, double b) { return (a + b + std::abs(a - b)) / 2; };
  auto min = [](double a, double b) { return (a + b - std::abs(a - b)) / 2; };
  binary<ir::AddOp>(rows, kNumeric, {}, add, add);
  binary<ir::SubOp>(rows, kNumeric, {}, sub, sub);
  binary<ir::MulOp>(rows, kNumeric, {}, mul, mul);
  binary<ir::DivOp>(
      rows, kNumeric, {any, offZero}, [](double a, double b) { return a * (1 / b); },
      [](double a, double b) { return b == 0 ? -1 : std::trunc(a / b); });
  binary<ir::RemOp>(
      rows, kNumeric, {{0.2, 0.9}, {1, 2}},
      [](double a, double b) { return a - b * std::trunc(a / b); },
      [](double a, double b) { return b == 0 ? a : a - b * std::trunc(a / b); });
  binary<ir::PowOp>(
      rows, kNumeric, {positive, any, {-5, 5}, {0, 5}},
      [](double a, double b) { return std::exp(b * std::log(a)); },
      [](double a, double b) { return std::pow(a, b); });
  binary<ir::MaxOp>(rows, kNumeric, {distinct, distinct}, max, max);
  binary<ir::MinOp>(rows, kNumeric, {distinct, distinct}, min, min);
  binary<ir::Atan2Op>(
      rows, kFloats, {offZero, offZero},
      [](double a, double b) { return 2 * std::atan(a / (std::hypot(a, b) + b)); }, nullptr);
}

/// The slope in x is zero by definition, which differences do not know; so x is fixed where it
/// matters.
static void addZetaRow(std::vector<Row> &rows) {
  rows.push_back(
      {"weir.zeta", kFloats, [](DType dtype) {
         std::vector<Sample> samples;
         std::vector<std::vector<int64_t>> shapes = {{0, 4}};
         if (dtype != DType::F64) shapes.insert(shapes.end(), {{}, {7}, {3, 5}});
         for (const auto &shape : shapes)
           samples.push_back(
               {shapeName(shape),
                {{dtype, shape, {1.5, 6}}, {dtype, shape, {0.5, 4}}},
                single([](auto &b, auto loc, auto x) {
                  return ir::ZetaOp::create(b, loc, x[0], x[1]);
                }),
                [](const Plains &x) { return Plains{zip(x[0], x[1], zetaIntegral)}; }});
         for (double power : {1.5, 3.0, 9.0})
           samples.push_back(
               {"of " + std::to_string(power),
                {{dtype, {5}, {0.5, 4}}},
                single([=](auto &b, auto loc, auto x) {
                  auto type = mlir::cast<mlir::RankedTensorType>(x[0].getType());
                  mlir::Attribute value = b.getFloatAttr(type.getElementType(), power);
                  auto all =
                      ir::ConstantOp::create(b, loc, mlir::DenseElementsAttr::get(type, value));
                  return ir::ZetaOp::create(b, loc, all, x[0]);
                }),
                [=](const Plains &x) {
                  return Plains{map(x[0], [=](double q) { return zetaIntegral(power, q); })};
                }});
         return samples;
       }});
}

static int64_t whole(double x) {
  return static_cast<int64_t>(x);
}

/// Counts over the two's complement digits of a number, highest first.
template <class OpT>
static void bitCount(std::vector<Row> &rows, int64_t (*count)(const std::vector<int> &)) {
  rows.push_back(
      {OpT::getOperationName().str(), kIntegers, [=](DType dtype) {
         std::vector<Sample> samples;
         for (const auto &shape : kShapes)
           samples.push_back(
               {shapeName(shape),
                {{dtype, shape, {-100, 1000}}},
                single([](auto &b, auto loc, auto x) { return OpT::create(b, loc, x[0]); }),
                [=](const Plains &x) {
                  return Plains{map(x[0], [=](double v) -> double {
                    std::vector<int> digits;
                    int width = 8 * runtime::dtypeBytes(dtype);
                    for (int k = width; k-- > 0;)
                      digits.push_back(std::fmod(std::floor(v / std::exp2(k)), 2) != 0);
                    return count(digits);
                  })};
                }});
         return samples;
       }});
}

static void addBitCounts(std::vector<Row> &rows) {
  bitCount<ir::PopcntOp>(rows, [](const std::vector<int> &digits) -> int64_t {
    return std::count(digits.begin(), digits.end(), 1);
  });
  bitCount<ir::CountLeadingZerosOp>(rows, [](const std::vector<int> &digits) -> int64_t {
    return std::find(digits.begin(), digits.end(), 1) - digits.begin();
  });
}

static void addBitRows(std::vector<Row> &rows) {
  rows.push_back(
      {"weir.not", kBitwise, [](DType dtype) {
         std::vector<Sample> samples;
         for (const auto &shape : kShapes)
           samples.push_back(
               {shapeName(shape),
                {{dtype, shape, {-9, 9}}},
                single([](auto &b, auto loc, auto x) { return ir::NotOp::create(b, loc, x[0]); }),
                [=](const Plains &x) {
                  double flip = dtype == DType::I1 ? 1 : -1;
                  return Plains{map(x[0], [=](double v) { return flip - v; })};
                }});
         return samples;
       }});
  addBitCounts(rows);
  Ranges bits;
  Ranges shifts{.lhsIntegers = {-100, 100}, .rhsIntegers = {0, 20}};
  binary<ir::AndOp>(rows, kBitwise, bits, nullptr,
                    [](double a, double b) -> double { return whole(a) & whole(b); });
  binary<ir::OrOp>(rows, kBitwise, bits, nullptr,
                   [](double a, double b) -> double { return whole(a) | whole(b); });
  binary<ir::XorOp>(rows, kBitwise, bits, nullptr,
                    [](double a, double b) -> double { return whole(a) ^ whole(b); });
  binary<ir::ShiftLeftOp>(rows, kIntegers, shifts, nullptr,
                          [](double a, double b) { return a * std::exp2(b); });
  binary<ir::ShiftRightArithmeticOp>(rows, kIntegers, shifts, nullptr, [](double a, double b) {
    return std::floor(a / std::exp2(b));
  });
  Ranges positive{.lhsIntegers = {0, 100}, .rhsIntegers = {0, 20}};
  binary<ir::ShiftRightLogicalOp>(rows, kIntegers, positive, nullptr,
                                  [](double a, double b) { return std::floor(a / std::exp2(b)); });
}

static void addCompareAndSelectRows(std::vector<Row> &rows) {
  rows.push_back(
      {"weir.compare", kAny, [](DType dtype) {
         using Direction = ir::CompareDirection;
         std::vector<Sample> samples;
         auto add = [&](const char *name, Direction direction, Binary reference) {
           for (const auto &shape : kShapes)
             samples.push_back(
                 {name + shapeName(shape),
                  {{dtype, shape, {-1, 1}}, {dtype, shape, {-1, 1}}},
                  single([=](auto &b, auto loc, auto x) {
                    return ir::CompareOp::create(b, loc, x[0], x[1], direction);
                  }),
                  [=](const Plains &x) { return Plains{zip(x[0], x[1], reference)}; }});
         };
         add("eq", Direction::eq,
             [](double a, double b) -> double { return !(a < b) && !(b < a); });
         add("ne", Direction::ne, [](double a, double b) -> double { return a < b || b < a; });
         add("lt", Direction::lt, [](double a, double b) -> double { return b - a > 0; });
         add("le", Direction::le, [](double a, double b) -> double { return b - a >= 0; });
         add("gt", Direction::gt, [](double a, double b) -> double { return a - b > 0; });
         add("ge", Direction::ge, [](double a, double b) -> double { return a - b >= 0; });
         return samples;
       }});
  rows.push_back({"weir.select", kAny, [](DType dtype) {
                    std::vector<Sample> samples;
                    for (const auto &shape : kShapes)
                      samples.push_back({shapeName(shape),
                                         {{DType::I1, shape}, {dtype, shape}, {dtype, shape}},
                                         single([](auto &b, auto loc, auto x) {
                                           return ir::SelectOp::create(b, loc, x[0], x[1], x[2]);
                                         }),
                                         [](const Plains &x) {
                                           Plain y = x[1];
                                           for (size_t k = 0; k < y.values.size(); ++k)
                                             if (x[0].values[k] == 0) y.values[k] = x[2].values[k];
                                           return Plains{y};
                                         }});
                    return samples;
                  }});
}

/// Widened, so without the rounding to a narrower float; negative floats saturate where there is no
/// sign.
static double converted(double x, DType from, DType to) {
  if (to == DType::I1) return x != 0;
  if (runtime::isFloat(from) && runtime::isUnsigned(to)) return std::max(0.0, std::trunc(x));
  return runtime::isFloat(to) ? x : std::trunc(x);
}

/// A dtype of the same width: floats and integers change places, i8 and ui8 do.
static DType sameWidth(DType dtype) {
  using enum DType;
  static const std::map<DType, DType> others = {
      {I8, U8},   {U8, I8},   {I16, F16}, {F16, I16}, {U16, BF16}, {BF16, U16}, {I32, F32},
      {F32, I32}, {U32, F32}, {I1, I8},   {I64, F64}, {F64, I64},  {U64, F64}};
  return others.at(dtype);
}

static double bitsOf(double x, DType from) {
  switch (from) {
  case DType::F16:
    return static_cast<int16_t>(runtime::Half(x).bits);
  case DType::BF16:
    return runtime::BFloat16(x).bits;
  case DType::F32:
    return std::bit_cast<int32_t>(static_cast<float>(x));
  case DType::I16:
    return runtime::Half::fromBits(static_cast<int16_t>(x));
  case DType::U16:
    return runtime::BFloat16::fromBits(static_cast<uint16_t>(x));
  case DType::I32:
  case DType::U32:
    return std::bit_cast<float>(static_cast<int32_t>(x));
  default:
    return x; // i1, i8 and ui8, modulo 256
  }
}

static void addConversionRows(std::vector<Row> &rows) {
  rows.push_back({"weir.convert", kAny, [](DType from) {
                    std::vector<Sample> samples;
                    for (DType to : kAny)
                      for (const auto &shape : kShapes)
                        samples.push_back(
                            {"to " + std::string(runtime::dtypeName(to)) + shapeName(shape),
                             {{from, shape, rangeFor(from, {-9, 9})}},
                             single([=](auto &b, auto loc, auto x) {
                               return ir::ConvertOp::create(b, loc, x[0],
                                                            ir::elementTypeOf(b.getContext(), to));
                             }),
                             [=](const Plains &x) {
                               return Plains{
                                   map(x[0], [=](double v) { return converted(v, from, to); })};
                             }});
                    return samples;
                  }});
  rows.push_back({"weir.bitcast", kAny, [](DType from) {
                    std::vector<Sample> samples;
                    for (const auto &shape : kShapes) {
                      Reference reference; // 64 bits do not survive in a double
                      if (runtime::dtypeBytes(from) < 8)
                        reference = [=](const Plains &x) {
                          return Plains{map(x[0], [=](double v) { return bitsOf(v, from); })};
                        };
                      samples.push_back({shapeName(shape),
                                         {{from, shape, rangeFor(from)}},
                                         single([=](auto &b, auto loc, auto x) {
                                           return ir::BitcastOp::create(
                                               b, loc, x[0],
                                               ir::elementTypeOf(b.getContext(), sameWidth(from)));
                                         }),
                                         reference});
                    }
                    return samples;
                  }});
}

void addElementwiseRows(std::vector<Row> &rows) {
  addUnaryRows(rows);
  addBinaryRows(rows);
  addZetaRow(rows);
  addBitRows(rows);
  addCompareAndSelectRows(rows);
  addConversionRows(rows);
}

} // namespace weir::testing
