// Propagation: from the shardings that the user gave to one for every value of a graph.
//
// Every op links the dims of its operands and results that run along one loop; control flow links
// what a region takes and yields to what the op takes and gives; an update links a variable to its
// next value. Splits spread along these links to a fixpoint, cheap ones first: elementwise and
// layout ops, then all parallel loops, then reducing ones. What the user said is never changed, and
// where two spread splits do not go together neither moves. No op is named here (see rule.h).
#pragma once

#include "distributed/sharding/sharding.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"

namespace weir::distributed {

/// Two splits of one loop of `op` that do not go together.
struct Conflict {
  mlir::Operation *op;
  mlir::Value first, second;
};

struct Propagation {
  Mesh mesh;
  /// Of every value of the function: which dims are to be split. No partial axes.
  llvm::DenseMap<mlir::Value, Sharding> shardings;
  /// The values of which the user, or an attribute, says it.
  llvm::DenseSet<mlir::Value> fixed;
  llvm::SmallVector<Conflict> conflicts;
  /// Of values whose splits came by propagation: the op that brought the last one.
  llvm::DenseMap<mlir::Value, mlir::Operation *> via;
};

/// The mesh of a module (attribute spmd.mesh); failure with a diagnostic where its text is wrong. A
/// module without the attribute has the mesh of one device.
mlir::FailureOr<Mesh> meshOf(mlir::Operation *inModule);

/// Reads the sharding of a value of `rank` dims. Errors are diagnostics at `at`.
mlir::FailureOr<Sharding> readSharding(llvm::StringRef text, const Mesh &mesh, int64_t rank,
                                       mlir::Location at);

/// Propagates through the body of `function`, which must not call others.
mlir::FailureOr<Propagation> propagate(mlir::func::FuncOp function);

} // namespace weir::distributed
