// Ops in which the elements along one dim depend on those before them: the cumulative ops, the
// linear recurrence, and sort. Floats accumulate in f64, one element after the other.
#include "ir/dialect/weir.h"
#include "ir/reference/frame.h"
#include "ir/reference/scalar.h"

#include <cmath>
#include <numeric>

namespace weir::ir::reference {

using mlir::LogicalResult;
using mlir::success;
using runtime::DType;
using Index = llvm::ArrayRef<int64_t>;

static constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Calls `visit(start)` for each line along `dim`; its elements are at start + k·stride.
static void forEachLine(Index dims, int64_t dim, llvm::function_ref<void(int64_t)> visit) {
  llvm::SmallVector<int64_t> others(dims);
  others[dim] = std::min<int64_t>(dims[dim], 1);
  auto strides = stridesOf(dims);
  forEachIndex(others, [&](Index index, int64_t) { visit(flatten(index, strides)); });
}

namespace {

/// All up to one element, and the bound on it.
struct Prefix {
  Scalar value;
  double error = 0;      // of an integer 0 or infinity
  double terms = 0;      // Σ|x|
  double product = 1;    // Π|x|
  double productMax = 1; // Π(|x| + error)
  double count = 0;
};

using Step = std::function<void(Prefix &prefix, Scalar x, double error, DType dtype)>;

} // namespace

/// Positions along a dim in the order in which they are combined.
static llvm::SmallVector<int64_t> order(int64_t length, bool reverse) {
  llvm::SmallVector<int64_t> positions(length);
  std::iota(positions.begin(), positions.end(), 0);
  if (reverse) std::reverse(positions.begin(), positions.end());
  return positions;
}

/// The first element is its own prefix; `step` takes in each further one.
template <class OpT> static LogicalResult accumulate(OpT op, Frame &frame, const Step &step) {
  const NdArray &from = frame.operand(op, 0);
  NdArray result = resultArray(op->getResult(0));
  int64_t dim = op.getDim(), stride = stridesOf(from.dims)[dim];
  forEachLine(from.dims, dim, [&](int64_t start) {
    Prefix prefix;
    for (int64_t k : order(from.dims[dim], op.getReverse())) {
      int64_t at = start + k * stride;
      Scalar x = from.at(at);
      double error = from.errorAt(at);
      prefix.terms += std::abs(x.f);
      prefix.product *= std::abs(x.f);
      prefix.productMax *= std::abs(x.f) + error;
      if (prefix.count++ == 0) {
        prefix.value = x;
        prefix.error = error;
      } else {
        step(prefix, x, error, from.dtype);
      }
      result.store(at, prefix.value, frame.mode());
      if (frame.mode().bounds) result.setError(at, prefix.error);
    }
  });
  frame.set(op->getResult(0), std::move(result));
  return success();
}

/// The sum's bound grows with the terms so far, so the rounding errors before are part of it.
static void addTo(Prefix &p, Scalar x, double error, DType dtype) {
  if (!runtime::isFloat(dtype)) {
    p.value.i = scalar::add(p.value.i, x.i);
    p.error += error;
    return;
  }
  p.value.f += x.f;
  p.error += error + contractError(dtype, p.terms);
}

static void multiplyInto(Prefix &p, Scalar x, double error, DType dtype) {
  if (!runtime::isFloat(dtype)) {
    p.value.i = scalar::mul(p.value.i, x.i);
    p.error += error;
    return;
  }
  p.value.f *= x.f;
  double carried = p.productMax - p.product;
  p.error = (std::isnan(carried) ? kInfinity : carried) + p.count * contractError(dtype, p.product);
}

static Step extreme(double (*onFloats)(double, double), bool smallest) {
  return [=](Prefix &p, Scalar x, double error, DType dtype) {
    p.value.f = onFloats(p.value.f, x.f);
    if (runtime::isUnsigned(dtype))
      p.value.i = (smallest ? scalar::umin : scalar::umax)(p.value.i, x.i);
    else
      p.value.i = smallest ? std::min(p.value.i, x.i) : std::max(p.value.i, x.i);
    p.error = std::max(p.error, error);
  };
}

/// log(e^a + e^b) with the larger taken out; the error is a mean of the two and each step's own.
static void logAddTo(Prefix &p, Scalar x, double error, DType dtype) {
  double a = p.value.f, large = scalar::max(a, x.f), small = scalar::min(a, x.f);
  p.value.f = std::isinf(large) ? large : large + std::log1p(std::exp(small - large));
  double terms = std::max(std::abs(p.value.f), std::abs(large)) + 1;
  p.error = std::max(p.error, error) + contractError(dtype, std::isinf(large) ? 0 : terms);
}

static LogicalResult evaluateRecurrence(LinearRecurrenceOp op, Frame &frame) {
  const NdArray &a = frame.operand(op, 0), &b = frame.operand(op, 1);
  NdArray result = resultArray(op->getResult(0));
  int64_t dim = op.getDim(), stride = stridesOf(a.dims)[dim];
  forEachLine(a.dims, dim, [&](int64_t start) {
    double s = 0, error = 0;
    bool first = true;
    for (int64_t k : order(a.dims[dim], op.getReverse())) {
      int64_t at = start + k * stride;
      double x = a.floats[at], before = std::abs(s);
      double carried = std::abs(x) * error + a.errorAt(at) * (before + error);
      if (first) carried = 0;
      s = std::fma(x, s, b.floats[at]);
      error = carried + b.errorAt(at) +
              (first ? 0 : contractError(a.dtype, std::abs(x) * before + std::abs(b.floats[at])));
      first = false;
      result.store(at, {s, 0}, frame.mode());
      if (frame.mode().bounds) result.setError(at, std::isnan(error) ? kInfinity : error);
    }
  });
  frame.set(op->getResult(0), std::move(result));
  return success();
}

// ---- sort ----

/// -1, 0 or 1: NaN is above everything and equal to NaN, -0 equals +0.
static int compareElements(const NdArray &keys, int64_t a, int64_t b) {
  if (runtime::isUnsigned(keys.dtype)) {
    uint64_t x = keys.ints[a], y = keys.ints[b];
    return (x > y) - (x < y);
  }
  if (!keys.isFloat()) return (keys.ints[a] > keys.ints[b]) - (keys.ints[a] < keys.ints[b]);
  double x = keys.floats[a], y = keys.floats[b];
  if (std::isnan(x) || std::isnan(y)) return int(std::isnan(x)) - int(std::isnan(y));
  return (x > y) - (x < y);
}

/// Whether the errors leave open which of the two comes first.
static bool mayMeet(const NdArray &keys, int64_t a, int64_t b) {
  double reach = keys.errorAt(a) + keys.errorAt(b);
  if (reach == 0) return false;
  return !keys.isFloat() || !(std::abs(keys.floats[a] - keys.floats[b]) > reach);
}

/// Sorted lists are as near as what they were sorted from; what goes along with keys that may meet
/// can be anything of the line, and so can the further keys.
static void setErrorsOfLine(SortOp op, Frame &frame, llvm::ArrayRef<int64_t> line,
                            llvm::ArrayRef<int64_t> positions, std::vector<NdArray> &results) {
  const NdArray &keys = frame.operand(op, 0);
  bool open = false;
  for (uint64_t key = 0; key < op.getNumKeys(); ++key)
    for (size_t k = 1; k < positions.size(); ++k)
      open |= mayMeet(frame.operand(op, key), line[positions[k - 1]], line[positions[k]]);
  double largest = 0;
  for (int64_t at : line) largest = std::max(largest, keys.errorAt(at));
  for (auto [i, result] : llvm::enumerate(results))
    for (size_t k = 0; k < line.size(); ++k) {
      double own = frame.operand(op, i).errorAt(line[positions[k]]);
      result.setError(line[k], !open ? own : i == 0 ? largest : kInfinity);
    }
}

static LogicalResult evaluateSort(SortOp op, Frame &frame) {
  std::vector<NdArray> results;
  for (mlir::Value result : op->getResults()) results.push_back(resultArray(result));
  Index dims = results.front().dims;
  int64_t dim = op.getDim(), stride = stridesOf(dims)[dim];
  forEachLine(dims, dim, [&](int64_t start) {
    llvm::SmallVector<int64_t> line, positions = order(dims[dim], false);
    for (int64_t k : positions) line.push_back(start + k * stride);
    llvm::sort(positions, [&](int64_t a, int64_t b) {
      for (uint64_t key = 0; key < op.getNumKeys(); ++key)
        if (int c = compareElements(frame.operand(op, key), line[a], line[b]))
          return op.getDescending() ? c > 0 : c < 0;
      return a < b;
    });
    for (auto [i, result] : llvm::enumerate(results))
      for (size_t k = 0; k < line.size(); ++k)
        copyElement(frame.operand(op, i), line[positions[k]], result, line[k]);
    if (frame.mode().bounds) setErrorsOfLine(op, frame, line, positions, results);
  });
  for (auto [i, result] : llvm::enumerate(op->getResults()))
    frame.set(result, std::move(results[i]));
  return success();
}

template <class OpT> static void add(Evaluators &evaluators, Step step) {
  evaluators.add<OpT>([step](OpT op, Frame &frame) { return accumulate(op, frame, step); });
}

void addOrdered(Evaluators &evaluators) {
  add<CumulativeSumOp>(evaluators, addTo);
  add<CumulativeProdOp>(evaluators, multiplyInto);
  add<CumulativeMaxOp>(evaluators, extreme(scalar::max, false));
  add<CumulativeMinOp>(evaluators, extreme(scalar::min, true));
  add<CumulativeLogsumexpOp>(evaluators, logAddTo);
  evaluators.add<LinearRecurrenceOp>(evaluateRecurrence);
  evaluators.add<SortOp>(evaluateSort);
}

} // namespace weir::ir::reference
