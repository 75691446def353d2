// Functions: the functions of one module, those that transformations make among them. What is made
// is private, named after its source, and erased at the end when nothing calls it.
#pragma once

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace weir::autodiff {

class Functions {
public:
  explicit Functions(mlir::ModuleOp module) : module(module), symbols(module) {}

  /// The defined function called `name`; diagnosed at `user` when there is none.
  llvm::FailureOr<mlir::func::FuncOp> lookup(mlir::Operation *user, llvm::StringRef name);

  /// A private function without arguments or results yet, in no module; called like `source`.
  static mlir::func::FuncOp create(mlir::func::FuncOp source);
  /// Ends `f`: it returns `values`, and has the type that its block says.
  static void finish(mlir::func::FuncOp f, mlir::ValueRange values, mlir::Location loc);
  /// Adds `f` to the module, called `name` or, where that is taken, something like it.
  mlir::func::FuncOp insert(mlir::func::FuncOp f, const llvm::Twine &name);

  /// Erases the functions made here that nothing calls.
  void eraseUnused();

private:
  mlir::ModuleOp module;
  mlir::SymbolTable symbols;
  llvm::SmallVector<mlir::func::FuncOp> made;
};

} // namespace weir::autodiff
