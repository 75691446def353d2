// Contexts, types and functions for test modules.
#include "tests/harness/graph.h"

#include "passes/pipelines/pipelines.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace weir::testing {

using runtime::DType;

TestContext::TestContext()
    : context(std::make_unique<mlir::MLIRContext>(mlir::MLIRContext::Threading::DISABLED)) {
  mlir::DialectRegistry registry;
  passes::registerDialects(registry);
  context->appendDialectRegistry(registry);
  context->loadAllAvailableDialects();
  context->getDiagEngine().registerHandler(
      [this](mlir::Diagnostic &d) { messages += d.str() + "\n"; });
}

std::string TestContext::takeMessages() {
  return std::exchange(messages, {});
}

mlir::RankedTensorType tensorType(mlir::MLIRContext *context, const Arg &arg) {
  return mlir::RankedTensorType::get(arg.dims, ir::elementTypeOf(context, arg.dtype));
}

DType dtypeOf(mlir::Type tensorType) {
  return *ir::dtypeOf(tensorType);
}

std::vector<Arg> argsOf(mlir::FunctionType type, Range range) {
  std::vector<Arg> args;
  for (mlir::Type input : type.getInputs()) {
    auto tensor = mlir::cast<mlir::RankedTensorType>(input);
    args.push_back({dtypeOf(input), tensor.getShape().vec(), range});
  }
  return args;
}

mlir::OwningOpRef<mlir::ModuleOp> buildModule(mlir::MLIRContext *context,
                                              const std::vector<Arg> &args, const Body &body) {
  mlir::OwningOpRef<mlir::ModuleOp> module = mlir::ModuleOp::create(mlir::UnknownLoc::get(context));
  llvm::SmallVector<mlir::Type> types;
  for (const Arg &arg : args) types.push_back(tensorType(context, arg));
  addFunction(*module, "main", types, body);
  return module;
}

void addFunction(mlir::ModuleOp module, llvm::StringRef name, mlir::TypeRange args,
                 const Body &body) {
  mlir::OpBuilder b = mlir::OpBuilder::atBlockEnd(module.getBody());
  mlir::Location loc = b.getUnknownLoc();
  auto function = mlir::func::FuncOp::create(b, loc, name, b.getFunctionType(args, {}));
  b.setInsertionPointToEnd(function.addEntryBlock());
  llvm::SmallVector<mlir::Value> results = body(b, loc, function.getArguments());
  mlir::func::ReturnOp::create(b, loc, results);
  function.setFunctionType(b.getFunctionType(args, mlir::ValueRange(results).getTypes()));
}

std::string print(mlir::ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream);
  return text;
}

} // namespace weir::testing
