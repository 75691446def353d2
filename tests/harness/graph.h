// Building small modules in tests: a function of given argument types whose body a lambda writes.
#pragma once

#include "ir/dialect/weir.h"
#include "tests/harness/random.h"

#include "mlir/IR/BuiltinOps.h"

#include <functional>
#include <memory>

namespace weir::testing {

/// Writes the body of a function: from its arguments to what it returns.
using Body = std::function<llvm::SmallVector<mlir::Value>(mlir::OpBuilder &, mlir::Location,
                                                          mlir::ValueRange)>;

/// A context with what test modules use, quiet: diagnostics are collected instead of printed.
class TestContext {
public:
  TestContext();
  mlir::MLIRContext *get() { return context.get(); }
  /// What was diagnosed since the last call.
  std::string takeMessages();

private:
  std::unique_ptr<mlir::MLIRContext> context;
  std::string messages;
};

mlir::RankedTensorType tensorType(mlir::MLIRContext *context, const Arg &arg);
/// The dtype of a tensor type that the dialect knows.
runtime::DType dtypeOf(mlir::Type tensorType);
/// Random inputs for a function: `range` for floats, small integers.
std::vector<Arg> argsOf(mlir::FunctionType type, Range range);

/// A module with one function @main.
mlir::OwningOpRef<mlir::ModuleOp> buildModule(mlir::MLIRContext *context,
                                              const std::vector<Arg> &args, const Body &body);
/// Adds a function to a module.
void addFunction(mlir::ModuleOp module, llvm::StringRef name, mlir::TypeRange args,
                 const Body &body);
std::string print(mlir::ModuleOp module);

} // namespace weir::testing
