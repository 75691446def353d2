// Time as the plan sees it: a number for each op of @main in program order, regions included, and
// the last moment each value is read. A value read inside a scan that it was made outside of is
// needed until the scan ends.
#pragma once

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"

namespace weir::passes {

class Positions {
public:
  explicit Positions(mlir::func::FuncOp main);

  /// When `op` starts, and ends (later than everything inside it).
  int64_t start(mlir::Operation *op) const { return starts.lookup(op); }
  int64_t end(mlir::Operation *op) const { return ends.lookup(op); }
  /// The last moment `value` itself is read (not its views); its definition when it never is.
  int64_t lastUse(mlir::Value value) const;
  int64_t count() const { return next; }

private:
  void number(mlir::Block &block);
  /// When `use` needs its operand for the last time.
  int64_t useEnd(mlir::OpOperand &use) const;

  llvm::DenseMap<mlir::Operation *, int64_t> starts, ends;
  int64_t next = 0;
};

} // namespace weir::passes
