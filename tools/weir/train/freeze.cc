#include "tools/weir/train/freeze.h"

#include "frontend/proto/graph_file.h"
#include "ir/dialect/weir.h"
#include "passes/pipelines/pipelines.h"
#include "tools/weir/status.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

using namespace mlir;

namespace weir::tools {

namespace {

Attribute elementsFrom(const Array &value, RankedTensorType type) {
  return DenseElementsAttr::getFromRawBuffer(
      type, ArrayRef(static_cast<const char *>(value.raw()), value.bytes()));
}

void dropUpdates(func::FuncOp main) {
  llvm::BitVector updates(main.getNumResults());
  for (unsigned i = 0; i < main.getNumResults(); ++i)
    if (main.getResultAttr(i, ir::kUpdatesAttr)) updates.set(i);
  Operation *terminator = main.getBody().front().getTerminator();
  terminator->eraseOperands(updates);
  (void)main.eraseResults(updates);
}

void bindVariables(func::FuncOp main, const Program &trained) {
  OpBuilder b = OpBuilder::atBlockBegin(&main.getBody().front());
  llvm::BitVector bound(main.getNumArguments());
  for (BlockArgument argument : main.getArguments()) {
    auto name = main.getArgAttrOfType<StringAttr>(argument.getArgNumber(), ir::kVariableAttr);
    if (!name) continue;
    auto type = cast<RankedTensorType>(argument.getType());
    Attribute value = elementsFrom(trained.variable(name.str()), type);
    argument.replaceAllUsesWith(
        ir::ConstantOp::create(b, argument.getLoc(), type, cast<ElementsAttr>(value)));
    bound.set(argument.getArgNumber());
  }
  (void)main.eraseArguments(bound);
}

} // namespace

void writeFrozen(const std::string &path, const Graph &graph, const Program &trained,
                 const std::string &weights) {
  DialectRegistry registry;
  passes::registerDialects(registry);
  MLIRContext context(registry);
  context.loadAllAvailableDialects();
  auto module = parseSourceString<ModuleOp>(graph.toMlir(/*locations=*/true), &context);
  if (!module) fail("cannot read back the trained graph");
  auto main = module->lookupSymbol<func::FuncOp>("main");
  dropUpdates(main);
  bindVariables(main, trained);
  graph_file::write(path, *module, weights);
}

} // namespace weir::tools
