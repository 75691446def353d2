// The spmd dialect: shard, the user's word about a value, and collectives over mesh axes
// (README.md).
#pragma once

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "ir/collective/spmd_dialect.h.inc"

#define GET_OP_CLASSES
#include "ir/collective/spmd_ops.h.inc"

namespace weir::ir::spmd {

/// Of the module: the mesh, as text ("data=2,model=4").
inline constexpr llvm::StringLiteral kMeshAttr = "spmd.mesh";
/// Of the module: reductions of fewer bytes on a device go together, up to so many at once.
inline constexpr llvm::StringLiteral kBucketBytesAttr = "spmd.bucket_bytes";
/// Of a function's argument or result: its sharding, as text ("[{data},{}]").
inline constexpr llvm::StringLiteral kShardingAttr = "spmd.sharding";
/// Of an argument or result of the program of one device: its global shape.
inline constexpr llvm::StringLiteral kShapeAttr = "spmd.shape";
/// Of an op: a list with the sharding of each result.
inline constexpr llvm::StringLiteral kShardingsAttr = "spmd.shardings";
/// Of a collective of whole values: who takes the value so.
inline constexpr llvm::StringLiteral kReasonAttr = "spmd.reason";
/// Of an all_gather that is done again, since its result was dropped: how often it was done before.
inline constexpr llvm::StringLiteral kAgainAttr = "spmd.again";
/// Of an op with regions: lists with the shardings of each region's arguments.
inline constexpr llvm::StringLiteral kRegionShardingsAttr = "spmd.region_shardings";

} // namespace weir::ir::spmd
