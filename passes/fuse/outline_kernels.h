// Turns the clusters of a block into kernel functions and launches.
#pragma once

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/fuse/clustering.h"

namespace weir::passes {

class Outliner {
public:
  explicit Outliner(mlir::ModuleOp module);

  /// Replaces the ops of the block by launches in an order that lets variables be updated in place.
  /// Blocks nested in it must have been outlined before. `asSteps`: the block is part of a loop
  /// that becomes a kernel, so its ops stay and are numbered (ir/dialect/steps.h).
  void outline(Clustering &clustering, bool asSteps = false);
  /// The loop becomes a kernel when its block is outlined; its own blocks hold steps by then.
  void addLoopKernel(mlir::Operation *loop) { loopKernels.insert(loop); }

private:
  mlir::Value inMemory(mlir::Value value);
  void launch(const Cluster &cluster);
  void addStep(const Cluster &cluster);
  void launchLoop(mlir::Operation *loop);
  void moveControl(mlir::Operation *op);
  /// A kernel without ops.
  mlir::func::FuncOp createKernel(llvm::StringRef kind, llvm::ArrayRef<mlir::Value> args,
                                  llvm::ArrayRef<mlir::Value> results,
                                  llvm::ArrayRef<std::pair<int64_t, int64_t>> pairs,
                                  mlir::Location loc);
  void launchKernel(mlir::func::FuncOp kernel, llvm::ArrayRef<mlir::Value> args,
                    llvm::ArrayRef<mlir::Value> results);

  mlir::OpBuilder kernels; ///< at the end of the module
  mlir::SymbolTable table;
  int64_t nextKernel = 0, nextStep = 0;
  llvm::DenseSet<mlir::Operation *> loopKernels;
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
