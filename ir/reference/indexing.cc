// gather, the scatters and the dynamic slices: ops whose addresses are values. A gathered or sliced
// position is clamped into range; an update outside of it is dropped.
#include "ir/dialect/weir.h"
#include "ir/reference/frame.h"
#include "ir/reference/scalar.h"

#include <cmath>

namespace weir::ir::reference {

using mlir::LogicalResult;
using mlir::success;
using Index = llvm::ArrayRef<int64_t>;

static constexpr double kInfinity = std::numeric_limits<double>::infinity();

namespace {

/// How an index of gather's result (scatter_add's updates) splits: operand dims before `dim`, index
/// dims, operand dims after.
class Take {
public:
  Take(const NdArray &operand, const NdArray &indices, int64_t dim, int64_t batchDims)
      : indices(indices), dim(dim), batchDims(batchDims), size(operand.dims[dim]),
        strides(stridesOf(operand.dims)), indexStrides(stridesOf(indices.dims)) {}

  /// Where in `indices` the position for `index` is.
  int64_t indexAt(Index index) const {
    int64_t at = 0;
    for (int64_t d = 0; d < indices.rank(); ++d)
      at += index[d < batchDims ? d : dim + d - batchDims] * indexStrides[d];
    return at;
  }
  /// Where in the operand `index` is, when `dim` is at `position`.
  int64_t operandAt(Index index, int64_t position) const {
    int64_t at = position * strides[dim], after = dim + indices.rank() - batchDims;
    for (int64_t d = 0; d < dim; ++d) at += index[d] * strides[d];
    for (int64_t d = dim + 1; d < int64_t(strides.size()); ++d) at += index[after++] * strides[d];
    return at;
  }
  int64_t position(Index index) const { return indices.ints[indexAt(index)]; }
  bool uncertain(Index index) const { return indices.errorAt(indexAt(index)) != 0; }
  int64_t clamp(int64_t position) const { return std::clamp<int64_t>(position, 0, size - 1); }
  bool inRange(int64_t position) const { return position >= 0 && position < size; }

private:
  const NdArray &indices;
  int64_t dim, batchDims, size;
  llvm::SmallVector<int64_t> strides, indexStrides;
};

} // namespace

static LogicalResult evaluateGather(GatherOp op, Frame &frame) {
  const NdArray &operand = frame.operand(op, 0), &indices = frame.operand(op, 1);
  NdArray result = resultArray(op->getResult(0));
  if (operand.size() == 0 && result.size() > 0)
    return op.emitError("gather: nothing to take from: dim ")
           << op.getDim() << " of the operand has size 0";
  Take take(operand, indices, op.getDim(), op.getBatchDims());
  forEachIndex(result.dims, [&](Index index, int64_t flat) {
    copyElement(operand, take.operandAt(index, take.clamp(take.position(index))), result, flat);
    if (take.uncertain(index)) result.setError(flat, kInfinity);
  });
  frame.set(op->getResult(0), std::move(result));
  return success();
}

namespace {

/// What one element of a scatter's result is made of.
struct Met {
  double count = 1;   // values that met
  double terms = 0;   // Σ|x|
  double product = 1; // Π|x|
  double largest = 1; // Π(|x| + error)
};

/// How an update meets an element, and what the bound of the outcome is.
struct Meeting {
  double (*onFloats)(double, double);
  int64_t (*onIntegers)(int64_t, int64_t);
  int64_t (*onUnsigned)(int64_t, int64_t);
  /// `carried` adds the values' errors up, `greatest` is the largest of them.
  double (*error)(const Met &met, double carried, double greatest, runtime::DType dtype);
};

} // namespace

static void meet(Met &met, double x, double error) {
  met.terms += std::abs(x);
  met.product *= std::abs(x);
  met.largest *= std::abs(x) + error;
}

/// In ascending order of the updates; one element is rounded once.
static LogicalResult scatter(mlir::Operation *op, int64_t dim, int64_t batchDims, Frame &frame,
                             const Meeting &meeting) {
  const NdArray &operand = frame.operand(op, 0), &indices = frame.operand(op, 1),
                &updates = frame.operand(op, 2);
  NdArray result = operand;
  Take take(result, indices, dim, batchDims);
  auto onIntegers = runtime::isUnsigned(result.dtype) ? meeting.onUnsigned : meeting.onIntegers;
  bool bounds = frame.mode().bounds, uncertain = false;
  std::vector<Met> met(bounds ? result.size() : 0);
  std::vector<double> carried = result.errors, greatest = result.errors;
  carried.resize(met.size());
  greatest.resize(met.size());
  for (int64_t k = 0; k < int64_t(met.size()); ++k) meet(met[k], result.at(k).f, carried[k]);
  forEachIndex(updates.dims, [&](Index index, int64_t flat) {
    uncertain |= take.uncertain(index);
    if (!take.inRange(take.position(index))) return;
    int64_t at = take.operandAt(index, take.position(index));
    Scalar total = result.at(at), update = updates.at(flat);
    result.store(at,
                 result.isFloat() ? Scalar{meeting.onFloats(total.f, update.f), 0}
                                  : Scalar{0, onIntegers(total.i, update.i)},
                 {.widen = true});
    if (!bounds) return;
    met[at].count += 1;
    meet(met[at], update.f, updates.errorAt(flat));
    carried[at] += updates.errorAt(flat);
    greatest[at] = std::max(greatest[at], updates.errorAt(flat));
  });
  for (int64_t k = 0; k < result.size(); ++k) {
    result.store(k, result.at(k), frame.mode());
    if (bounds && met[k].count > 1)
      result.setError(k, meeting.error(met[k], carried[k], greatest[k], result.dtype));
    if (uncertain) result.setError(k, kInfinity);
  }
  frame.set(op->getResult(0), std::move(result));
  return success();
}

static double errorOfSum(const Met &met, double carried, double, runtime::DType dtype) {
  return carried + (runtime::isFloat(dtype) ? contractError(dtype, met.terms, met.count) : 0);
}
static double errorOfProduct(const Met &met, double carried, double, runtime::DType dtype) {
  if (!runtime::isFloat(dtype)) return carried;
  double moved = met.largest - met.product;
  return std::isnan(moved) ? kInfinity : moved + contractError(dtype, met.product, met.count);
}
static double errorOfExtreme(const Met &, double, double greatest, runtime::DType) {
  return greatest;
}

template <class OpT> static void addScatter(Evaluators &evaluators, Meeting meeting) {
  evaluators.add<OpT>([meeting](OpT op, Frame &frame) {
    return scatter(op, op.getDim(), op.getBatchDims(), frame, meeting);
  });
}

/// The last update of an element stays.
static LogicalResult evaluateScatterSet(ScatterSetOp op, Frame &frame) {
  const NdArray &indices = frame.operand(op, 1), &updates = frame.operand(op, 2);
  NdArray result = frame.operand(op, 0);
  Take take(result, indices, op.getDim(), op.getBatchDims());
  bool uncertain = false;
  forEachIndex(updates.dims, [&](Index index, int64_t flat) {
    uncertain |= take.uncertain(index);
    int64_t position = take.position(index);
    if (take.inRange(position)) copyElement(updates, flat, result, take.operandAt(index, position));
  });
  for (int64_t k = 0; uncertain && k < result.size(); ++k) result.setError(k, kInfinity);
  frame.set(op->getResult(0), std::move(result));
  return success();
}

/// The clamped start of a window of `sizes` in an operand of `dims`, as a flat offset; false where
/// a start is uncertain.
static bool windowStart(mlir::ValueRange starts, Frame &frame, Index dims, Index sizes,
                        int64_t &offset) {
  bool certain = true;
  offset = 0;
  for (auto [start, dim, size, stride] : llvm::zip(starts, dims, sizes, stridesOf(dims))) {
    offset += std::clamp<int64_t>(frame[start].ints[0], 0, dim - size) * stride;
    certain &= frame[start].errorAt(0) == 0;
  }
  return certain;
}

static void makeUncertain(NdArray &array) {
  for (int64_t k = 0; k < array.size(); ++k) array.setError(k, kInfinity);
}

static LogicalResult evaluateDynamicSlice(DynamicSliceOp op, Frame &frame) {
  const NdArray &operand = frame.operand(op, 0);
  NdArray result = resultArray(op->getResult(0));
  int64_t offset;
  bool certain = windowStart(op.getStarts(), frame, operand.dims, result.dims, offset);
  auto strides = stridesOf(operand.dims);
  forEachIndex(result.dims, [&](Index index, int64_t flat) {
    copyElement(operand, offset + flatten(index, strides), result, flat);
  });
  if (!certain) makeUncertain(result);
  frame.set(op->getResult(0), std::move(result));
  return success();
}

static LogicalResult evaluateDynamicUpdateSlice(DynamicUpdateSliceOp op, Frame &frame) {
  const NdArray &update = frame.operand(op, 1);
  NdArray result = frame.operand(op, 0);
  int64_t offset;
  bool certain = windowStart(op.getStarts(), frame, result.dims, update.dims, offset);
  auto strides = stridesOf(result.dims);
  forEachIndex(update.dims, [&](Index index, int64_t flat) {
    copyElement(update, flat, result, offset + flatten(index, strides));
  });
  if (!certain) makeUncertain(result);
  frame.set(op->getResult(0), std::move(result));
  return success();
}

void addIndexing(Evaluators &evaluators) {
  evaluators.add<GatherOp>(evaluateGather);
  addScatter<ScatterAddOp>(
      evaluators, {[](double a, double b) { return a + b; }, scalar::add, scalar::add, errorOfSum});
  addScatter<ScatterMulOp>(evaluators, {[](double a, double b) { return a * b; }, scalar::mul,
                                        scalar::mul, errorOfProduct});
  addScatter<ScatterMaxOp>(evaluators,
                           {scalar::max, [](int64_t a, int64_t b) { return std::max(a, b); },
                            scalar::umax, errorOfExtreme});
  addScatter<ScatterMinOp>(evaluators,
                           {scalar::min, [](int64_t a, int64_t b) { return std::min(a, b); },
                            scalar::umin, errorOfExtreme});
  evaluators.add<ScatterSetOp>(evaluateScatterSet);
  evaluators.add<DynamicSliceOp>(evaluateDynamicSlice);
  evaluators.add<DynamicUpdateSliceOp>(evaluateDynamicUpdateSlice);
}

} // namespace weir::ir::reference
