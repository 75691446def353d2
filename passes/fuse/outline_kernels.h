// Turns the clusters of a block into kernel functions and launches.
#pragma once

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/fuse/clustering.h"

namespace weir::passes {

class Outliner {
public:
  explicit Outliner(mlir::ModuleOp module);

  /// Replaces the ops of the block by launches in an order that lets variables be updated in place.
  /// Blocks nested in it must have been outlined before.
  void outline(Clustering &clustering);

private:
  mlir::Value inMemory(mlir::Value value);
  void launch(const Cluster &cluster);
  void moveControl(mlir::Operation *op);
  mlir::func::FuncOp createKernel(const Cluster &cluster, llvm::ArrayRef<mlir::Operation *> ops,
                                  llvm::ArrayRef<mlir::Value> args,
                                  llvm::ArrayRef<mlir::Value> results, mlir::Location loc);

  mlir::OpBuilder kernels; ///< at the end of the module
  mlir::SymbolTable table;
  int64_t nextKernel = 0;
  Clustering *clustering = nullptr;
  mlir::OpBuilder here;
  llvm::DenseMap<mlir::Value, mlir::Value> memory; ///< what was written so far
};

/// The clusters in an order that respects data flow: as in the program, but readers of a variable
/// before the kernel that updates it where data flow allows.
llvm::SmallVector<int> scheduleClusters(const Clustering &clustering);

/// Pairs [result, argument] that may share memory: each element is read where it is written, before
/// it is written.
llvm::SmallVector<std::pair<int64_t, int64_t>> inplacePairs(const Clustering &clustering,
                                                            const Cluster &cluster,
                                                            llvm::ArrayRef<mlir::Value> args,
                                                            llvm::ArrayRef<mlir::Value> results);

} // namespace weir::passes
