// Elementwise ops: one driver over the elements, one row an op saying what happens to one of them.
#include "ir/dialect/weir.h"
#include "ir/reference/frame.h"
#include "ir/reference/scalar.h"
#include "ir/reference/special.h"

#include <bit>

namespace weir::ir::reference {

using mlir::LogicalResult;
using mlir::success;
using runtime::DType;

namespace {

/// How the result is rounded: not at all, once, or as the sum of the operands (whose magnitudes
/// then bound it).
enum class Rounding { Exact, Once, OfSum };

/// One element of an elementwise op, from one of each operand; `in` is the dtype of the last
/// operand.
using Body = std::function<Scalar(const Scalar *x, DType in)>;

} // namespace

static double deviation(const NdArray &like, Scalar a, Scalar b) {
  if (like.isFloat()) return distance(a.f, b.f);
  return a.i == b.i ? 0 : std::numeric_limits<double>::infinity();
}

/// How far the result moves when each operand in turn moves by its error, to either side, or to a
/// zero in between: what is alike on both sides of it may differ there.
static double carriedError(const Body &body, llvm::ArrayRef<const NdArray *> operands, int64_t flat,
                           llvm::MutableArrayRef<Scalar> x, Scalar y, const NdArray &result) {
  double carried = 0;
  for (auto [k, operand] : llvm::enumerate(operands)) {
    double error = operand->errorAt(flat);
    if (error == 0) continue;
    bool isBool = operand->dtype == DType::I1;
    if (!isBool && !std::isfinite(error)) return std::numeric_limits<double>::infinity();
    Scalar kept = x[k];
    x[k] = {kept.f + error, kept.i ^ 1};
    double above = deviation(result, body(x.data(), operands.back()->dtype), y);
    x[k] = {kept.f - error, kept.i ^ 1};
    double below = deviation(result, body(x.data(), operands.back()->dtype), y);
    bool hasZero = operand->isFloat() && std::abs(kept.f) < error;
    x[k] = {0, kept.i};
    double within = hasZero ? deviation(result, body(x.data(), operands.back()->dtype), y) : 0;
    x[k] = kept;
    carried += std::max({above, below, within});
  }
  return carried;
}

static LogicalResult evaluate(mlir::Operation *op, Frame &frame, Rounding rounding,
                              const Body &body) {
  NdArray result = resultArray(op->getResult(0));
  llvm::SmallVector<const NdArray *> operands;
  for (mlir::Value operand : op->getOperands()) operands.push_back(&frame[operand]);
  llvm::SmallVector<Scalar, 3> x(operands.size());
  for (int64_t flat = 0, n = result.size(); flat < n; ++flat) {
    for (auto [k, operand] : llvm::enumerate(operands)) x[k] = operand->at(flat);
    Scalar y = body(x.data(), operands.back()->dtype);
    result.store(flat, y, frame.mode());
    if (!frame.mode().bounds) continue;
    double terms = rounding == Rounding::Exact ? 0 : std::abs(y.f);
    if (rounding == Rounding::OfSum) terms = std::abs(x[0].f) + std::abs(x[1].f);
    double own = rounding == Rounding::Exact ? 0 : contractError(result.dtype, terms);
    result.setError(flat, own + carriedError(body, operands, flat, x, result.at(flat), result));
  }
  frame.set(op->getResult(0), std::move(result));
  return success();
}

LogicalResult evaluateFloats(mlir::Operation *op, Frame &frame,
                             const std::function<double(llvm::ArrayRef<double>)> &body) {
  size_t count = op->getNumOperands();
  return evaluate(op, frame, Rounding::Once, [&](const Scalar *x, DType) {
    llvm::SmallVector<double, 3> values;
    for (size_t k = 0; k < count; ++k) values.push_back(x[k].f);
    return Scalar{body(values), 0};
  });
}

template <class OpT> static void add(Evaluators &evaluators, Rounding rounding, Body body) {
  evaluators.add<OpT>([=](OpT op, Frame &frame) { return evaluate(op, frame, rounding, body); });
}

static Body floats(double (*f)(double)) {
  return [f](const Scalar *x, DType) { return Scalar{f(x[0].f), 0}; };
}
static Body floats(double (*f)(double, double)) {
  return [f](const Scalar *x, DType) { return Scalar{f(x[0].f, x[1].f), 0}; };
}
static Body numbers(double (*f)(double), int64_t (*i)(int64_t)) {
  return [f, i](const Scalar *x, DType in) {
    return runtime::isFloat(in) ? Scalar{f(x[0].f), 0} : Scalar{0, i(x[0].i)};
  };
}
static Body numbers(double (*f)(double, double), int64_t (*i)(int64_t, int64_t)) {
  return [f, i](const Scalar *x, DType in) {
    return runtime::isFloat(in) ? Scalar{f(x[0].f, x[1].f), 0} : Scalar{0, i(x[0].i, x[1].i)};
  };
}
/// As above, with `u` for unsigned integers.
static Body numbers(double (*f)(double), int64_t (*i)(int64_t), int64_t (*u)(int64_t)) {
  return [f, i, u](const Scalar *x, DType in) {
    if (runtime::isFloat(in)) return Scalar{f(x[0].f), 0};
    return Scalar{0, runtime::isUnsigned(in) ? u(x[0].i) : i(x[0].i)};
  };
}
static Body numbers(double (*f)(double, double), int64_t (*i)(int64_t, int64_t),
                    int64_t (*u)(int64_t, int64_t)) {
  return [f, i, u](const Scalar *x, DType in) {
    if (runtime::isFloat(in)) return Scalar{f(x[0].f, x[1].f), 0};
    return Scalar{0, (runtime::isUnsigned(in) ? u : i)(x[0].i, x[1].i)};
  };
}
static Body integers(int64_t (*i)(int64_t, int64_t)) {
  return [i](const Scalar *x, DType) { return Scalar{0, i(x[0].i, x[1].i)}; };
}
static Body shift(int64_t (*i)(int64_t, int64_t, int)) {
  return [i](const Scalar *x, DType in) { return Scalar{0, i(x[0].i, x[1].i, widthOf(in))}; };
}

static void addUnary(Evaluators &e) {
  using enum Rounding;
  add<AbsOp>(e, Exact,
             numbers(
                 std::fabs, [](int64_t a) { return a < 0 ? scalar::neg(a) : a; },
                 [](int64_t a) { return a; }));
  add<NegOp>(e, Exact, numbers([](double a) { return -a; }, scalar::neg));
  add<SignOp>(e, Exact,
              numbers(
                  scalar::sign, [](int64_t a) -> int64_t { return (a > 0) - (a < 0); },
                  [](int64_t a) -> int64_t { return a != 0; }));
  add<ExpOp>(e, Once, floats(std::exp));
  add<Expm1Op>(e, Once, floats(std::expm1));
  add<LogOp>(e, Once, floats(std::log));
  add<Log1pOp>(e, Once, floats(std::log1p));
  add<SqrtOp>(e, Once, floats(std::sqrt));
  add<RsqrtOp>(e, Once, floats([](double a) { return 1 / std::sqrt(a); }));
  add<CbrtOp>(e, Once, floats(std::cbrt));
  add<TanhOp>(e, Once, floats(std::tanh));
  add<LogisticOp>(e, Once, floats([](double a) { return 1 / (1 + std::exp(-a)); }));
  add<SinOp>(e, Once, floats(std::sin));
  add<CosOp>(e, Once, floats(std::cos));
  add<TanOp>(e, Once, floats(std::tan));
  add<ErfOp>(e, Once, floats(std::erf));
  add<ErfcOp>(e, Once, floats(std::erfc));
  add<ErfInvOp>(e, Once, floats(scalar::erfInv));
  add<LgammaOp>(e, Once, floats(std::lgamma));
  add<DigammaOp>(e, Once, floats(scalar::digamma));
  add<FloorOp>(e, Exact, floats(std::floor));
  add<CeilOp>(e, Exact, floats(std::ceil));
  add<RoundOp>(e, Exact, floats(std::round));
  add<RoundEvenOp>(e, Exact, floats(std::nearbyint));
  add<IsFiniteOp>(e, Exact,
                  [](const Scalar *x, DType) { return Scalar{0, std::isfinite(x[0].f)}; });
  add<NotOp>(e, Exact, [](const Scalar *x, DType) { return Scalar{0, ~x[0].i}; });
  add<PopcntOp>(e, Exact, [](const Scalar *x, DType in) {
    return Scalar{0, std::popcount(scalar::bits(x[0].i, widthOf(in)))};
  });
  add<CountLeadingZerosOp>(e, Exact, [](const Scalar *x, DType in) {
    return Scalar{0, std::countl_zero(scalar::bits(x[0].i, widthOf(in))) - (64 - widthOf(in))};
  });
}

static void addBinary(Evaluators &e) {
  using enum Rounding;
  add<AddOp>(e, OfSum, numbers([](double a, double b) { return a + b; }, scalar::add));
  add<SubOp>(e, OfSum, numbers([](double a, double b) { return a - b; }, scalar::sub));
  add<MulOp>(e, Once, numbers([](double a, double b) { return a * b; }, scalar::mul));
  add<DivOp>(e, Once, numbers([](double a, double b) { return a / b; }, scalar::div, scalar::udiv));
  add<PowOp>(e, Once, numbers(std::pow, scalar::pow, scalar::upow));
  add<MaxOp>(
      e, Exact,
      numbers(scalar::max, [](int64_t a, int64_t b) { return std::max(a, b); }, scalar::umax));
  add<MinOp>(
      e, Exact,
      numbers(scalar::min, [](int64_t a, int64_t b) { return std::min(a, b); }, scalar::umin));
  add<Atan2Op>(e, Once, floats(std::atan2));
  add<ZetaOp>(e, Once, floats(scalar::zeta));
  add<RemOp>(e, Exact, numbers(std::fmod, scalar::rem, scalar::urem));
  add<AndOp>(e, Exact, integers([](int64_t a, int64_t b) { return a & b; }));
  add<OrOp>(e, Exact, integers([](int64_t a, int64_t b) { return a | b; }));
  add<XorOp>(e, Exact, integers([](int64_t a, int64_t b) { return a ^ b; }));
  add<ShiftLeftOp>(e, Exact, shift(scalar::shiftLeft));
  add<ShiftRightLogicalOp>(e, Exact, shift(scalar::shiftRightLogical));
  add<ShiftRightArithmeticOp>(e, Exact, shift(scalar::shiftRightArithmetic));
}

template <class T> static bool holds(CompareDirection direction, T a, T b) {
  switch (direction) {
  case CompareDirection::eq:
    return a == b;
  case CompareDirection::ne:
    return a != b;
  case CompareDirection::lt:
    return a < b;
  case CompareDirection::le:
    return a <= b;
  case CompareDirection::gt:
    return a > b;
  case CompareDirection::ge:
    return a >= b;
  }
  return false;
}

/// Operands that may be equal within their errors may compare either way.
static LogicalResult evaluateCompare(CompareOp op, Frame &frame) {
  const NdArray &lhs = frame.operand(op, 0), &rhs = frame.operand(op, 1);
  NdArray result = resultArray(op->getResult(0));
  for (int64_t flat = 0, n = result.size(); flat < n; ++flat) {
    Scalar a = lhs.at(flat), b = rhs.at(flat);
    bool isTrue = lhs.isFloat()                    ? holds(op.getDirection(), a.f, b.f)
                  : runtime::isUnsigned(lhs.dtype) ? holds<uint64_t>(op.getDirection(), a.i, b.i)
                                                   : holds(op.getDirection(), a.i, b.i);
    result.store(flat, {0, isTrue}, frame.mode());
    double reach = lhs.errorAt(flat) + rhs.errorAt(flat);
    if (reach > 0 && !(std::abs(a.f - b.f) > reach))
      result.setError(flat, std::numeric_limits<double>::infinity());
  }
  frame.set(op->getResult(0), std::move(result));
  return success();
}

static Scalar convert(Scalar x, DType from, DType to) {
  if (runtime::isFloat(from) && runtime::isFloat(to)) return x;
  bool isUnsigned = runtime::isUnsigned(from);
  if (to == DType::F64)
    return {isUnsigned ? static_cast<double>(uint64_t(x.i)) : static_cast<double>(x.i), 0};
  if (runtime::isFloat(to)) return {scalar::toFloatOdd(x.i, isUnsigned), 0};
  if (to == DType::I1) return {0, runtime::isFloat(from) ? x.f != 0 : x.i != 0};
  if (!runtime::isFloat(from)) return x;
  return {0, (runtime::isUnsigned(to) ? scalar::toUnsigned : scalar::toInteger)(x.f, widthOf(to))};
}

static LogicalResult evaluateConvert(ConvertOp op, Frame &frame) {
  DType to = resultArray(op->getResult(0)).dtype;
  return evaluate(op, frame, Rounding::Once,
                  [to](const Scalar *x, DType from) { return convert(x[0], from, to); });
}

/// A widened float is rounded first: its bits are those of the nearest of its dtype.
static Scalar bitcast(Scalar x, DType from, DType to) {
  int64_t bits = x.i;
  if (from == DType::F16) bits = runtime::Half(x.f).bits;
  if (from == DType::BF16) bits = runtime::BFloat16(x.f).bits;
  if (from == DType::F32) bits = std::bit_cast<int32_t>(static_cast<float>(x.f));
  if (from == DType::F64) bits = std::bit_cast<int64_t>(x.f);
  if (to == DType::F16) return {runtime::Half::fromBits(bits), 0};
  if (to == DType::BF16) return {runtime::BFloat16::fromBits(bits), 0};
  if (to == DType::F32) return {std::bit_cast<float>(static_cast<int32_t>(bits)), 0};
  if (to == DType::F64) return {std::bit_cast<double>(bits), 0};
  return {0, bits};
}

static LogicalResult evaluateBitcast(BitcastOp op, Frame &frame) {
  DType to = resultArray(op->getResult(0)).dtype;
  return evaluate(op, frame, Rounding::Exact, [to](const Scalar *x, DType from) {
    return from == to ? x[0] : bitcast(x[0], from, to);
  });
}

static LogicalResult evaluateSelect(SelectOp op, Frame &frame) {
  const NdArray &pred = frame.operand(op, 0), &onTrue = frame.operand(op, 1),
                &onFalse = frame.operand(op, 2);
  NdArray result = resultArray(op->getResult(0));
  for (int64_t flat = 0, n = result.size(); flat < n; ++flat) {
    copyElement(pred.ints[flat] ? onTrue : onFalse, flat, result, flat);
    if (pred.errorAt(flat) == 0) continue;
    double apart = deviation(result, onTrue.at(flat), onFalse.at(flat));
    result.setError(flat, apart + onTrue.errorAt(flat) + onFalse.errorAt(flat));
  }
  frame.set(op->getResult(0), std::move(result));
  return success();
}

void addElementwise(Evaluators &evaluators) {
  addUnary(evaluators);
  addBinary(evaluators);
  evaluators.add<CompareOp>(evaluateCompare);
  evaluators.add<ConvertOp>(evaluateConvert);
  evaluators.add<BitcastOp>(evaluateBitcast);
  evaluators.add<SelectOp>(evaluateSelect);
}

} // namespace weir::ir::reference
