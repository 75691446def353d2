// Reductions over any set of dims, in ascending order of the operand's elements, argmax, argmin and
// fold. Floats accumulate in f64.
#include "ir/dialect/weir.h"
#include "ir/reference/frame.h"
#include "ir/reference/scalar.h"

namespace weir::ir::reference {

using mlir::LogicalResult;
using mlir::success;
using runtime::DType;
using Index = llvm::ArrayRef<int64_t>;

static constexpr double kInfinity = std::numeric_limits<double>::infinity();

namespace {

/// A combiner: its identity, and how it takes one more element in.
struct Combiner {
  std::function<Scalar(DType)> identity;
  double (*onFloats)(double, double);
  int64_t (*onIntegers)(int64_t, int64_t);
  int64_t (*onUnsigned)(int64_t, int64_t) = onIntegers;
};

/// What the bound of one result element is made of.
struct Gathered {
  double carried = 0;    // sum of the elements' errors
  double largest = 0;    // the largest of them
  double terms = 0;      // Σ|x|
  double product = 1;    // Π|x|
  double productMax = 1; // Π(|x| + error)
  double growth = 1;     // Π max(1, |x| + error): the most a partial product grows by
};

} // namespace

static void gatherError(Gathered &g, double x, double error) {
  g.carried += error;
  g.largest = std::max(g.largest, error);
  g.terms += std::abs(x);
  g.product *= std::abs(x);
  g.productMax *= std::abs(x) + error;
  g.growth *= std::max(1.0, std::abs(x) + error);
}

static double errorOf(mlir::Operation *op, const Gathered &g, DType dtype, double count) {
  if (!runtime::isFloat(dtype)) return g.largest; // 0 or infinity
  if (mlir::isa<ReduceSumOp>(op)) return g.carried + contractError(dtype, g.terms, count);
  if (mlir::isa<ReduceProdOp>(op)) {
    double carried = g.productMax - g.product;
    // A partial product may underflow before other elements make it large again.
    double underflow = contractError(dtype, 0, count) * g.growth;
    double total = carried + contractError(dtype, g.product, count) + underflow;
    return std::isnan(total) ? kInfinity : total;
  }
  return g.largest;
}

/// For each operand element, the flat index of the result element that it goes to.
static int64_t targetOf(Index index, Index reduced, Index resultStrides) {
  int64_t at = 0, kept = 0;
  for (auto [d, i] : llvm::enumerate(index))
    if (!llvm::is_contained(reduced, int64_t(d))) at += i * resultStrides[kept++];
  return at;
}

static LogicalResult reduce(mlir::Operation *op, Index dims, Frame &frame,
                            const Combiner &combiner) {
  const NdArray &from = frame.operand(op, 0);
  NdArray result = resultArray(op->getResult(0));
  Mode exact = {.widen = true}; // partial results are not rounded
  for (int64_t k = 0; k < result.size(); ++k) result.store(k, combiner.identity(from.dtype), exact);
  std::vector<Gathered> gathered(frame.mode().bounds ? result.size() : 0);
  auto strides = stridesOf(result.dims);
  auto onIntegers = runtime::isUnsigned(from.dtype) ? combiner.onUnsigned : combiner.onIntegers;
  forEachIndex(from.dims, [&](Index index, int64_t flat) {
    int64_t at = targetOf(index, dims, strides);
    Scalar total = result.at(at), x = from.at(flat);
    result.store(at,
                 from.isFloat() ? Scalar{combiner.onFloats(total.f, x.f), 0}
                                : Scalar{0, onIntegers(total.i, x.i)},
                 exact);
    if (!gathered.empty()) gatherError(gathered[at], x.f, from.errorAt(flat));
  });
  for (int64_t k = 0; k < result.size(); ++k) result.store(k, result.at(k), frame.mode());
  double count = result.size() ? double(from.size()) / result.size() : 0;
  for (auto [k, g] : llvm::enumerate(gathered))
    result.setError(k, errorOf(op, g, from.dtype, count));
  frame.set(op->getResult(0), std::move(result));
  return success();
}

template <class OpT> static void add(Evaluators &evaluators, Combiner combiner) {
  evaluators.add<OpT>(
      [combiner](OpT op, Frame &frame) { return reduce(op, op.getDims(), frame, combiner); });
}

/// The first of the extreme elements along `dim`; a NaN comes before all others. `sign` is -1 for
/// the smallest.
template <class OpT> static LogicalResult evaluateArg(OpT op, Frame &frame, int sign) {
  const NdArray &from = frame.operand(op, 0);
  NdArray result = resultArray(op->getResult(0));
  int64_t dim = op.getDim(), length = from.dims[dim];
  auto strides = stridesOf(from.dims);
  llvm::SmallVector<int64_t> keptStrides(strides);
  keptStrides.erase(keptStrides.begin() + dim);
  auto before = [&](int64_t a, int64_t b) {
    if (!from.isFloat()) {
      if (sign < 0) std::swap(a, b);
      if (runtime::isUnsigned(from.dtype)) return uint64_t(from.ints[a]) > uint64_t(from.ints[b]);
      return from.ints[a] > from.ints[b];
    }
    return sign * from.floats[a] > sign * from.floats[b] ||
           (std::isnan(from.floats[a]) && !std::isnan(from.floats[b]));
  };
  forEachIndex(result.dims, [&](Index index, int64_t flat) {
    int64_t start = flatten(index, keptStrides), best = 0;
    auto at = [&](int64_t k) { return start + k * strides[dim]; };
    for (int64_t k = 1; k < length; ++k)
      if (before(at(k), at(best))) best = k;
    result.store(flat, {0, best}, frame.mode());
    for (int64_t k = 0; k < length && !from.errors.empty(); ++k) {
      double reach = from.errorAt(at(k)) + from.errorAt(at(best));
      double lead = from.isFloat() ? sign * (from.floats[at(best)] - from.floats[at(k)]) : 0;
      if (k != best && reach > 0 && !(lead > reach)) result.setError(flat, kInfinity);
    }
  });
  frame.set(op->getResult(0), std::move(result));
  return success();
}

/// For each element of the result, the windows that hold it, in ascending position within them.
static LogicalResult evaluateFold(FoldOp op, Frame &frame) {
  const NdArray &from = frame.operand(op, 0);
  NdArray result = resultArray(op->getResult(0));
  auto strides = stridesOf(from.dims);
  Index windows = Index(from.dims).drop_front(result.rank());
  forEachIndex(result.dims, [&](Index index, int64_t flat) {
    Scalar total;
    Gathered g;
    double count = 0;
    forEachIndex(windows, [&](Index k, int64_t) {
      llvm::SmallVector<int64_t> at(index);
      at.append(k.begin(), k.end());
      for (auto [j, d] : llvm::enumerate(op.getDims())) {
        int64_t scaled = index[d] + op.getLow()[j] - k[j] * op.getDilations()[j];
        int64_t stride = op.getStrides()[j];
        if (scaled < 0 || scaled % stride != 0 || scaled / stride >= from.dims[d]) return;
        at[d] = scaled / stride;
      }
      int64_t source = flatten(at, strides);
      Scalar x = from.at(source);
      total = {total.f + x.f, scalar::add(total.i, x.i)};
      gatherError(g, x.f, from.errorAt(source));
      ++count;
    });
    result.store(flat, total, frame.mode());
    if (!frame.mode().bounds) return;
    bool sums = from.isFloat() && count > 1;
    result.setError(flat, g.carried + (sums ? contractError(from.dtype, g.terms, count) : 0));
  });
  frame.set(op->getResult(0), std::move(result));
  return success();
}

void addReduction(Evaluators &e) {
  auto constant = [](double f, int64_t i) { return [=](DType) { return Scalar{f, i}; }; };
  add<ReduceSumOp>(e, {constant(0, 0), [](double a, double b) { return a + b; }, scalar::add});
  add<ReduceProdOp>(e, {constant(1, 1), [](double a, double b) { return a * b; }, scalar::mul});
  add<ReduceMaxOp>(
      e,
      {[](DType t) { return runtime::isFloat(t) ? Scalar{-kInfinity, 0} : Scalar{0, smallest(t)}; },
       scalar::max, [](int64_t a, int64_t b) { return std::max(a, b); }, scalar::umax});
  add<ReduceMinOp>(
      e,
      {[](DType t) { return runtime::isFloat(t) ? Scalar{kInfinity, 0} : Scalar{0, largest(t)}; },
       scalar::min, [](int64_t a, int64_t b) { return std::min(a, b); }, scalar::umin});
  add<ReduceAndOp>(e, {constant(0, -1), nullptr, [](int64_t a, int64_t b) { return a & b; }});
  add<ReduceOrOp>(e, {constant(0, 0), nullptr, [](int64_t a, int64_t b) { return a | b; }});
  e.add<ArgmaxOp>([](ArgmaxOp op, Frame &frame) { return evaluateArg(op, frame, 1); });
  e.add<ArgminOp>([](ArgminOp op, Frame &frame) { return evaluateArg(op, frame, -1); });
  e.add<FoldOp>(evaluateFold);
}

} // namespace weir::ir::reference
