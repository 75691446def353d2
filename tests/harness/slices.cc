// Slices, calls and concatenations.
#include "tests/harness/slices.h"

#include "ir/dialect/weir.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace weir::testing {

using mlir::Value;
using Dims = llvm::SmallVector<int64_t>;
using Values = llvm::SmallVector<Value>;

/// Slice `k` of `x` along `dim`, or all of it where dim is -1.
static Value sliceOf(mlir::OpBuilder &b, Value x, int64_t dim, int64_t k) {
  if (dim < 0) return x;
  Dims shape(mlir::cast<mlir::RankedTensorType>(x.getType()).getShape()), starts(shape.size(), 0),
      limits = shape, strides(shape.size(), 1);
  starts[dim] = k;
  limits[dim] = k + 1;
  Value slice = ir::SliceOp::create(b, x.getLoc(), x, starts, limits, strides);
  shape.erase(shape.begin() + dim);
  return ir::ReshapeOp::create(b, x.getLoc(), slice, shape);
}

/// `parts` as slices along `dim`; the first one where dim is -1.
static Value stacked(mlir::OpBuilder &b, Values parts, int64_t dim) {
  if (dim < 0) return parts.front();
  for (Value &part : parts) {
    Dims shape(mlir::cast<mlir::RankedTensorType>(part.getType()).getShape());
    shape.insert(shape.begin() + dim, 1);
    part = ir::ReshapeOp::create(b, part.getLoc(), part, shape);
  }
  return ir::ConcatenateOp::create(b, parts.front().getLoc(), parts, dim);
}

static void replace(ir::VmapOp op) {
  mlir::OpBuilder b(op);
  llvm::SmallVector<Values> results(op.getNumResults());
  for (int64_t k = 0; k < op.batchSize(); ++k) {
    Values slices;
    for (auto [input, dim] : llvm::zip(op.getInputs(), op.getInDims()))
      slices.push_back(sliceOf(b, input, dim, k));
    auto callee =
        op->getParentOfType<mlir::ModuleOp>().lookupSymbol<mlir::func::FuncOp>(op.getCallee());
    auto call = ir::CallOp::create(b, op.getLoc(), callee.getFunctionType().getResults(),
                                   op.getCallee(), slices);
    for (auto [result, parts] : llvm::zip(call->getResults(), results)) parts.push_back(result);
  }
  for (auto [result, parts, dim] : llvm::zip(op->getResults(), results, op.getOutDims()))
    result.replaceAllUsesWith(stacked(b, parts, dim));
  op.erase();
}

void loopOverSlices(mlir::ModuleOp module) {
  llvm::SmallVector<ir::VmapOp> batches;
  module.walk([&](ir::VmapOp op) { batches.push_back(op); });
  for (ir::VmapOp op : batches) replace(op);
}

} // namespace weir::testing
