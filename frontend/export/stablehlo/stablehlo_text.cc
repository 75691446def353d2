// The walk over functions, and the text.
#include "frontend/export/stablehlo/stablehlo_text.h"

#include "frontend/export/stablehlo/emitter.h"
#include "ir/dialect/weir.h"
#include "ir/locations/locations.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/OwningOpRef.h"

using namespace mlir;

namespace weir::stablehlo {

static const Rules &allRules() {
  static const Rules rules = [] {
    Rules all;
    for (auto add : {addElementwiseRules, addLayoutRules, addWindowRules, addReductionRules,
                     addIndexingRules, addControlRules})
      add(all);
    return all;
  }();
  return rules;
}

/// The user's frame; an empty file when there is none.
static Place placeOf(Operation *op) {
  auto frame = ir::userFrame(op->getLoc());
  return frame ? Place(frame->getFilename().str(), frame->getLine()) : Place("", 0);
}

Values Emitter::block(Block &from) {
  for (Operation &op : from.without_terminator()) {
    loc = op.getLoc();
    auto rule = op.getName().getDialectNamespace() == "weir"
                    ? allRules().find(op.getName().stripDialect())
                    : allRules().end();
    Values results;
    if (rule != allRules().end()) {
      results = rule->second(*this, &op);
    } else {
      problems.push_back(
          {placeOf(&op), op.getName().getStringRef().str() + " has no form in StableHLO"});
      for (Type type : op.getResultTypes()) results.push_back(splat(type, 0));
    }
    for (auto [old, value] : llvm::zip(op.getResults(), results)) map.map(old, value);
  }
  loc = from.getTerminator()->getLoc();
  return operands(from.getTerminator());
}

/// The result that replaces a variable's argument, as JAX says it.
static void addAliases(func::FuncOp from, func::FuncOp to) {
  Builder b(from.getContext());
  for (unsigned i = 0; i < from.getNumResults(); ++i) {
    auto updates = from.getResultAttrOfType<IntegerAttr>(i, ir::kUpdatesAttr);
    if (updates && updates.getInt() >= 0 && updates.getInt() < from.getNumArguments())
      to.setArgAttr(static_cast<unsigned>(updates.getInt()), "tf.aliasing_output",
                    b.getI32IntegerAttr(static_cast<int32_t>(i)));
  }
}

static void exportFunction(Emitter &e, func::FuncOp from) {
  e.loc = from.getLoc();
  auto to = func::FuncOp::create(e.b, from.getLoc(), from.getSymName(), from.getFunctionType());
  to.setVisibility(from.getVisibility());
  addAliases(from, to);
  OpBuilder::InsertionGuard guard(e.b);
  Block *entry = to.addEntryBlock();
  for (auto [old, argument] : llvm::zip(from.getArguments(), entry->getArguments()))
    e.map.map(old, argument);
  e.b.setInsertionPointToEnd(entry);
  const Values results = e.block(from.getBody().front());
  func::ReturnOp::create(e.b, e.loc, results);
}

std::string exportText(ModuleOp module, Location at) {
  MLIRContext *context = module.getContext();
  const bool unregistered = context->allowsUnregisteredDialects();
  context->allowUnregisteredDialects();
  OwningOpRef<ModuleOp> target(ModuleOp::create(module.getLoc()));
  Emitter e(context);
  for (auto function : module.getOps<func::FuncOp>()) {
    e.b.setInsertionPointToEnd(target->getBody());
    exportFunction(e, function);
  }
  context->allowUnregisteredDialects(unregistered);
  if (!e.problems.empty()) {
    const Note first = e.problems.front();
    const std::vector<Note> rest(e.problems.begin() + 1, e.problems.end());
    if (first.at.file.empty()) throw Error(first.message, at, rest, "");
    throw Error(first.message, first.at, rest, "");
  }
  std::string text;
  llvm::raw_string_ostream stream(text);
  target->print(stream, OpPrintingFlags().printGenericOpForm().enableDebugInfo());
  return text + "\n";
}

} // namespace weir::stablehlo
