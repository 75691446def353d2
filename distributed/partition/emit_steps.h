// Ops for the steps of a redistribution, while shapes are global.
#pragma once

#include "distributed/partition/redistribute.h"

#include "mlir/IR/Builders.h"

namespace weir::distributed {

mlir::ArrayAttr axisNames(mlir::OpBuilder &b, const std::vector<int> &axes, const Mesh &mesh);
/// ["[{data},{}]", ...]
mlir::ArrayAttr shardingTexts(mlir::OpBuilder &b, llvm::ArrayRef<Sharding> shardings,
                              const Mesh &mesh);
/// The op of `step` on `value`.
mlir::Value emitStep(mlir::OpBuilder &b, mlir::Location loc, mlir::Value value, const Step &step,
                     const Mesh &mesh);

} // namespace weir::distributed
