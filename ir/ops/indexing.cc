// Indexing ops: the indexed dim is data-dependent, everything else runs along loops.
#include "ir/dialect/weir.h"

#define GET_OP_CLASSES
#include "ir/ops/indexing.cc.inc"

using namespace mlir;

namespace weir::ir {

static LogicalResult checkIndices(Value indices, EmitError error) {
  Type element = elementOf(indices);
  if (element.isInteger(32) || element.isInteger(64)) return success();
  return error() << "indices are " << typeString(element) << ", but must be i32 or i64", failure();
}

/// Checks `dim` and `batch_dims` of gather and the scatters.
static LogicalResult checkConvention(ArrayRef<int64_t> operand, ArrayRef<int64_t> indices,
                                     int64_t dim, int64_t batchDims, EmitError error) {
  int64_t rank = operand.size(), indexRank = indices.size();
  if (failed(checkDims(dim, rank, "dim", error))) return failure();
  if (batchDims < 0 || batchDims > dim || batchDims > indexRank)
    return error() << "batch_dims is " << batchDims << ", but dim is " << dim
                   << " and indices have rank " << indexRank,
           failure();
  for (int64_t i = 0; i < batchDims; ++i)
    if (operand[i] != indices[i])
      return error() << "batch dim " << i << " differs: operand has " << operand[i]
                     << ", indices have " << indices[i],
             failure();
  return success();
}

/// Visits the dims of the picked value in order: loop(source operand, its dim) for each.
static void forEachPicked(int64_t rank, int64_t indexRank, int64_t dim, int64_t batchDims,
                          llvm::function_ref<void(bool fromIndices, int64_t)> visit) {
  for (int64_t i = 0; i < dim; ++i) visit(false, i);
  for (int64_t i = batchDims; i < indexRank; ++i) visit(true, i);
  for (int64_t i = dim + 1; i < rank; ++i) visit(false, i);
}

FailureOr<IterationSpace> GatherOp::iterationSpace(Adaptor op, EmitError error) {
  IterationSpaceBuilder s(op.getOperands());
  int64_t dim = op.getDim(), batchDims = op.getBatchDims();
  ArrayRef<int64_t> operand = s.shape(0), indices = s.shape(1);
  if (failed(checkIndices(op.getIndices(), error)) ||
      failed(checkConvention(operand, indices, dim, batchDims, error)))
    return failure();
  forEachPicked(operand.size(), indices.size(), dim, batchDims, [&](bool fromIndices, int64_t i) {
    int loop = s.parallel(fromIndices ? indices[i] : operand[i]);
    s.operandAlong(fromIndices ? 1 : 0, i, loop);
    if (!fromIndices && i < batchDims) s.operandAlong(1, i, loop);
  });
  s.setOperand(0, dim, DimMap::indexed(operand[dim]));
  IterationSpace space = s.take();
  if (operand[dim] == 0 && space.points() > 0)
    return error() << "dim " << dim << " of the operand has no elements to pick from", failure();
  return space;
}

FailureOr<IterationSpace> scatterSpace(ValueRange operands, int64_t dim, int64_t batchDims,
                                       LoopKind kind, EmitError error) {
  IterationSpaceBuilder s(operands);
  ArrayRef<int64_t> operand = s.shape(0), indices = s.shape(1), updates = s.shape(2);
  if (failed(checkIndices(operands[1], error)) ||
      failed(checkConvention(operand, indices, dim, batchDims, error)))
    return failure();
  bool combines = kind != LoopKind::Parallel;
  if (elementOf(operands[2]) != elementOf(operands[0])) {
    error() << "operand is " << typeString(elementOf(operands[0])) << " and updates are "
            << typeString(elementOf(operands[2])) << ", but must be one dtype";
    return failure();
  }
  SmallVector<int64_t> expected;
  SmallVector<int> loopOfDim(operand.size(), -1);
  forEachPicked(operand.size(), indices.size(), dim, batchDims, [&](bool fromIndices, int64_t i) {
    int64_t size = fromIndices ? indices[i] : operand[i];
    size_t updateDim = expected.size();
    expected.push_back(size);
    if (fromIndices && !combines) return; // the order of updates matters: their dims are whole
    int loop = s.loop(size, fromIndices ? kind : LoopKind::Parallel);
    if (updateDim < updates.size()) s.setOperand(2, updateDim, DimMap::along(loop, size));
    s.operandAlong(fromIndices ? 1 : 0, i, loop);
    if (!fromIndices && i < batchDims) s.operandAlong(1, i, loop);
    if (!fromIndices) loopOfDim[i] = loop;
  });
  if (updates != ArrayRef<int64_t>(expected))
    return error() << "updates have shape " << shapeString(updates)
                   << ", but operand and indices ask for " << shapeString(expected),
           failure();
  s.setOperand(0, dim, DimMap::indexed(operand[dim]));
  for (auto [i, loop] : llvm::enumerate(loopOfDim))
    s.result(loop < 0 ? DimMap::indexed(operand[i]) : DimMap::along(loop, operand[i]));
  return s.take();
}

FailureOr<IterationSpace> SortOp::iterationSpace(Adaptor op, EmitError error) {
  ValueRange inputs = op.getInputs();
  int64_t along = op.getDim(), keys = op.getNumKeys();
  if (inputs.empty()) return error() << "nothing to sort", failure();
  if (failed(checkDtypes(inputs, DtypeClass::Any, error))) return failure();
  IterationSpaceBuilder s(inputs, inputs.size());
  ArrayRef<int64_t> shape = s.shape(0);
  if (failed(checkDims(along, shape.size(), "dim", error))) return failure();
  if (keys < 1 || keys > static_cast<int64_t>(inputs.size()))
    return error() << "keys is " << keys << " with " << inputs.size() << " inputs", failure();
  for (size_t i = 1; i < inputs.size(); ++i)
    if (s.shape(i) != shape) {
      error() << "shapes differ: input 0 is " << typeString(inputs[0].getType()) << ", input " << i
              << " is " << typeString(inputs[i].getType());
      return failure();
    }
  for (auto [dim, size] : llvm::enumerate(shape)) {
    bool whole = static_cast<int64_t>(dim) == along;
    int loop = whole ? -1 : s.loop(size);
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (!whole) s.operandAlong(i, dim, loop);
      s.result(whole ? DimMap::whole(size) : DimMap::along(loop, size), i);
    }
  }
  return s.take();
}

LogicalResult SortOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location,
                                       Adaptor op, SmallVectorImpl<Type> &types) {
  auto error = [&] {
    return opError(location.value_or(UnknownLoc::get(context)), getOperationName());
  };
  if (failed(iterationSpace(op, error))) return failure();
  llvm::append_range(types, op.getInputs().getTypes());
  return success();
}

/// Checks that there is a scalar index for each dim, and that a window fits.
static LogicalResult checkWindow(ArrayRef<int64_t> operand, ArrayRef<int64_t> window,
                                 ValueRange starts, StringRef what, EmitError error) {
  if (failed(checkCount(window, operand.size(), what, error))) return failure();
  if (starts.size() != operand.size())
    return error() << starts.size() << " starts for a tensor of rank " << operand.size(), failure();
  for (Value start : starts) {
    if (failed(checkIndices(start, error))) return failure();
    if (cast<RankedTensorType>(start.getType()).getRank() != 0)
      return error() << "a start is " << typeString(start.getType()) << ", but must be a scalar",
             failure();
  }
  for (auto [dim, size] : llvm::enumerate(window))
    if (size < 0 || size > operand[dim])
      return error() << what << " along dim " << dim << " is " << size << ", but the operand has "
                     << operand[dim],
             failure();
  return success();
}

FailureOr<IterationSpace> DynamicSliceOp::iterationSpace(Adaptor op, EmitError error) {
  IterationSpaceBuilder s(op.getOperands());
  ArrayRef<int64_t> operand = s.shape(0), sizes = op.getSizes();
  if (failed(checkWindow(operand, sizes, op.getStarts(), "size", error))) return failure();
  for (auto [dim, size] : llvm::enumerate(sizes)) {
    int loop = s.parallel(size);
    s.setOperand(0, dim,
                 size == operand[dim] ? DimMap::along(loop, size) : DimMap::indexed(operand[dim]));
  }
  return s.take();
}

FailureOr<IterationSpace> DynamicUpdateSliceOp::iterationSpace(Adaptor op, EmitError error) {
  IterationSpaceBuilder s(op.getOperands());
  ArrayRef<int64_t> operand = s.shape(0), update = s.shape(1);
  if (elementOf(op.getOperand()) != elementOf(op.getUpdate())) {
    error() << "operand is " << typeString(elementOf(op.getOperand())) << ", but update is "
            << typeString(elementOf(op.getUpdate()));
    return failure();
  }
  if (failed(checkWindow(operand, update, op.getStarts(), "update", error))) return failure();
  for (auto [dim, size] : llvm::enumerate(operand)) {
    int loop = s.parallel(size);
    s.operandAlong(0, dim, loop);
    s.setOperand(1, dim,
                 update[dim] == size ? DimMap::along(loop, size) : DimMap::indexed(update[dim]));
  }
  return s.take();
}

} // namespace weir::ir
