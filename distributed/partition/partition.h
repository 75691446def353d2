// From shardings to the program of one device, in three steps with a check between them:
//
// insertCollectives, while shapes are global: every op gets the shardings it computes on, chosen by
// cost where operands and results do not go together, and every value is redistributed to what its
// user takes. verifySharding is the type rule that closes this level. localize makes shapes those
// of one device: one program for all of them.
#pragma once

#include "distributed/plan/cluster.h"
#include "distributed/propagate/propagate.h"
#include "runtime/base/dtype.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace mlir {
class OpPassManager;
class Pass;
} // namespace mlir

namespace weir::distributed {

struct InsertOptions {
  /// Remark on each conflict between splits, and on each op that has no sharding rule.
  bool remarks = false;
  /// What redistributions are planned for; null: one node with as many devices as the mesh.
  const Cluster *cluster = nullptr;
};

/// Propagates through `function`, then inserts collectives; shapes stay global. What the user said
/// (spmd.shard) is gone afterwards; attributes say the sharding of every value.
mlir::LogicalResult insertCollectives(mlir::func::FuncOp function,
                                      const InsertOptions &options = {});

/// Checks that every op is given values of shardings on which it computes what it says, and that
/// its results have the shardings that then follow. Errors are diagnostics at the op.
mlir::LogicalResult verifySharding(mlir::func::FuncOp function);

/// Makes a function with collectives the program of one device; of a function without any, and with
/// even pieces only, also that of `pieces` neighbouring devices at once.
mlir::LogicalResult localize(mlir::func::FuncOp function, int64_t pieces = 1);

/// Gives the collectives of a program of one device the form that communicators run: contiguous
/// pieces.
void flattenCollectives(mlir::func::FuncOp function);

/// Of a program of one device, where the module says spmd.bucket_bytes: all_reduces and
/// reduce_scatters over the same groups go together, in buckets of at most so many bytes. Error:
/// that is no number of bytes.
mlir::LogicalResult combineReductions(mlir::func::FuncOp function);

/// The shardings that attributes say of the values of a function.
mlir::FailureOr<llvm::DenseMap<mlir::Value, Sharding>> readShardings(mlir::func::FuncOp function,
                                                                     const Mesh &mesh);

std::vector<int64_t> shapeOf(mlir::Value value);
runtime::DType dtypeOf(mlir::Value value);
/// Bytes of an element in memory.
int64_t elementBytes(mlir::Value value);

/// weir-shard (all of these on @main; it does nothing without a mesh) and weir-insert-collectives.
std::unique_ptr<mlir::Pass> createShardPass();
void registerDistributedPasses();

} // namespace weir::distributed
