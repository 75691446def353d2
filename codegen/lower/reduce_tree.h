// The fixed order of reductions over trailing dims: four accumulators of one full vector each,
// element i goes to accumulator (i / lanes) % 4, lane i % lanes; then ((a0+a1)+(a2+a3)), then lanes
// by halving. When a kernel's vectors are shorter than the reduced type's full vector (another type
// is wider), several of them make one accumulator.
#pragma once

#include "codegen/lower/kernel_builder.h"

namespace weir::codegen {

/// The combining op of a reduction and the value that changes nothing.
struct Reducer {
  explicit Reducer(mlir::Operation *reduceOp);
  mlir::Value identity(KernelBuilder &k, int64_t lanes) const;
  mlir::Value combine(KernelBuilder &k, mlir::Value a, mlir::Value b) const;
  /// What combining everything gave, as the reduction's result: f16 and bf16 add up in f32.
  mlir::Value finish(KernelBuilder &k, mlir::Value total) const;

  llvm::StringRef name; // Of the elementwise op.
  mlir::Type element;
};

/// reduce_* and fold: what runs over the reduced loops of a row or column kernel.
bool isReduction(mlir::Operation *op);
/// How many elements make one of the result's.
int64_t reductionExtent(mlir::Operation *reduceOp);

/// How many vectors of `lanes` hold the four accumulators.
int64_t accumulatorsFor(mlir::Type element, int64_t vectorBytes, int64_t lanes);
/// The finished value of the whole tree.
mlir::Value finishTree(KernelBuilder &k, const Reducer &reducer,
                       llvm::SmallVector<mlir::Value> accumulators);

} // namespace weir::codegen
