// The function that a kernel is lowered into: flat memrefs for arguments and results, a range of
// tasks, scratch. A step of a loop that is a kernel is a frame inside of the loop's, at the
// builder, over memrefs that are there and with all of its tasks.
#pragma once

#include "codegen/cpu/target_info.h"
#include "codegen/lower/kernel_builder.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace weir::codegen {

class Emitter;

struct Frame {
  /// Creates `func.func @name(memrefs..., begin, end, scratch)` at the builder.
  Frame(mlir::func::FuncOp source, mlir::OpBuilder &into, const TargetInfo &target);
  /// `step`, to be run inside of `outer`.
  Frame(mlir::func::FuncOp step, Frame &outer, llvm::ArrayRef<mlir::Value> arguments,
        llvm::ArrayRef<mlir::Value> results);

  mlir::func::FuncOp source, function;
  const TargetInfo &target;
  KernelBuilder k;
  llvm::SmallVector<mlir::Value> arguments, results;
  mlir::Value begin, end, scratch;
  int64_t tasks = 1;
  int64_t scratchBytes = 0;
  /// Memrefs have room for a vector, and what stands behind their elements there does not matter.
  bool isPadded = false;

  /// The values that the source kernel returns.
  mlir::OperandRange returned() { return source.getBody().front().getTerminator()->getOperands(); }
  /// Gives the emitter the memref of each argument.
  void bindArguments(Emitter &emitter);
  /// Per-thread scratch for `count` elements.
  mlir::Value allocate(int64_t count, mlir::Type element);
  bool mayAlias(unsigned result) const;
  /// Whether a result is too large to be still in the caches when somebody reads it.
  bool exceedsCaches(unsigned result) const;
  /// Lanes of a full vector of the widest element type among these.
  int64_t lanesFor(llvm::ArrayRef<mlir::Type> elements) const;
  void finish();
  /// Ends a step: its tasks are known.
  void finishInside(Frame &outer);
};

int64_t elementsOf(mlir::Value value);

} // namespace weir::codegen
