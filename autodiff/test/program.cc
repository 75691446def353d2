// Parsing, requests for derivatives, and interpretation.
#include "autodiff/test/program.h"

#include "autodiff/models/expr.h"
#include "autodiff/transforms/passes.h"
#include "ir/cost/cost.h"
#include "ir/dialect/weir.h"
#include "ir/reference/interpreter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"

#include <gtest/gtest.h>

using namespace mlir;
using weir::runtime::HostTensor;

namespace weir::autodiff {

static func::FuncOp find(ModuleOp module, const std::string &name) {
  return module.lookupSymbol<func::FuncOp>(name);
}

Program::Program(const std::string &text) : context(MLIRContext::Threading::DISABLED) {
  context.loadDialect<ir::WeirDialect, func::FuncDialect>();
  context.getDiagEngine().registerHandler([this](Diagnostic &diagnostic) {
    if (message.empty()) message = diagnostic.str();
  });
  owned = parseSourceString<ModuleOp>(text, &context);
  EXPECT_TRUE(owned) << message << "\n" << text;
  if (!owned) owned = ModuleOp::create(UnknownLoc::get(&context));
}

std::string Program::addRequest(const std::string &of, std::vector<int64_t> wrt, bool reverse) {
  auto f = find(*owned, of);
  SmallVector<Type> inputs(f.getFunctionType().getInputs()),
      outputs(f.getFunctionType().getResults());
  if (wrt.empty())
    for (auto [i, type] : llvm::enumerate(f.getFunctionType().getInputs()))
      if (isFloat(type)) wrt.push_back(i);
  SmallVector<Type> &atArguments = reverse ? outputs : inputs,
                    &atResults = reverse ? inputs : outputs;
  for (int64_t i : wrt) atArguments.push_back(f.getFunctionType().getInput(i));
  for (Type type : f.getFunctionType().getResults())
    if (isFloat(type)) atResults.push_back(type);

  std::string name = of + (reverse ? "_vjp" : "_jvp");
  RuleBuilder b(f.getLoc(), owned->getBodyRegion());
  b.setInsertionPointToEnd(owned->getBody());
  auto g = func::FuncOp::create(b, name, b.getFunctionType(inputs, outputs));
  b.setInsertionPointToEnd(g.addEntryBlock());
  Operation *request;
  if (reverse)
    request = ir::VjpOp::create(b, outputs, of, g.getArguments(), wrt);
  else
    request = ir::JvpOp::create(b, outputs, of, g.getArguments(), wrt);
  func::ReturnOp::create(b, request->getResults());
  return name;
}

std::string Program::addJvp(const std::string &of, std::vector<int64_t> wrt) {
  return addRequest(of, std::move(wrt), false);
}
std::string Program::addVjp(const std::string &of, std::vector<int64_t> wrt) {
  return addRequest(of, std::move(wrt), true);
}

bool Program::resolve() {
  PassManager passes(&context);
  passes.addPass(createResolveAutodiffPass());
  return succeeded(verify(*owned)) && succeeded(passes.run(*owned));
}

Tensors Program::run(const std::string &function, const Tensors &arguments) {
  auto f = find(*owned, function);
  std::vector<HostTensor> inputs;
  for (auto [i, values] : llvm::enumerate(arguments)) {
    auto type = cast<RankedTensorType>(f.getFunctionType().getInput(i));
    HostTensor tensor = HostTensor::from<double>(type.getShape().vec(), values);
    if (auto integer = dyn_cast<IntegerType>(type.getElementType())) {
      using runtime::DType;
      tensor = tensor.cast(integer.getWidth() == 1    ? DType::I1
                           : integer.getWidth() == 32 ? DType::I32
                                                      : DType::I64);
    }
    inputs.push_back(tensor);
  }
  ir::InterpretOptions options;
  options.widen = true;
  auto results = ir::interpret(*owned, function, inputs, options);
  EXPECT_TRUE(succeeded(results)) << function << ": " << message;
  if (failed(results)) return Tensors(f.getNumResults());
  Tensors values;
  for (const HostTensor &result : *results) values.push_back(result.toDoubles());
  return values;
}

static std::vector<bool> whichFloat(TypeRange types) {
  std::vector<bool> result;
  for (Type type : types) result.push_back(isFloat(type));
  return result;
}
std::vector<bool> Program::floatArguments(const std::string &function) {
  return whichFloat(find(*owned, function).getFunctionType().getInputs());
}
std::vector<bool> Program::floatResults(const std::string &function) {
  return whichFloat(find(*owned, function).getFunctionType().getResults());
}

size_t Program::elementsOfArgument(const std::string &function, unsigned argument) {
  Type type = find(*owned, function).getFunctionType().getInput(argument);
  return cast<RankedTensorType>(type).getNumElements();
}

int64_t Program::flops(const std::string &function) {
  return ir::flopsOfBody(find(*owned, function).getBody());
}

int64_t Program::countOps(const std::string &function, const std::string &op) {
  int64_t count = 0;
  find(*owned, function).walk([&](Operation *inner) {
    count += inner->getName().getStringRef() == op;
  });
  return count;
}

int64_t Program::countFunctions(const std::string &prefix) {
  return llvm::count_if(owned->getOps<func::FuncOp>(),
                        [&](func::FuncOp f) { return f.getSymName().starts_with(prefix); });
}

} // namespace weir::autodiff
