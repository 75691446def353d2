// Walks regions and callees from @main.
#include "tests/fuzz/forms.h"

#include "ir/checkpoint/policy.h"
#include "ir/dialect/weir.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <iomanip>

namespace weir::testing {

/// Whether the else region does nothing but choose on.
static bool isChoice(ir::IfOp op) {
  mlir::Block &block = op.getElseRegion().front();
  mlir::Operation *last = block.getTerminator();
  return last->getNumOperands() && llvm::all_of(last->getOperands(), [&](mlir::Value v) {
           auto inner = v.getDefiningOp<ir::IfOp>();
           return inner && inner->getBlock() == &block;
         });
}

static bool isCheckpoint(mlir::Operation &op) {
  return mlir::isa<ir::CallOp>(op) && op.hasAttr(ir::kCheckpointAttr);
}

/// A while with a bound yields what one branch gives, a scan by segments what a checkpoint does.
static std::string formOfScan(ir::ScanOp op) {
  mlir::Block &body = op.getBody().front();
  mlir::Operation *last = body.getTerminator();
  mlir::Operation *giver = last->getNumOperands() ? last->getOperand(0).getDefiningOp() : nullptr;
  bool isAll =
      giver && giver->getBlock() == &body &&
      llvm::all_of(last->getOperands(), [&](mlir::Value v) { return v.getDefiningOp() == giver; });
  if (isAll && mlir::isa<ir::IfOp>(giver)) return "bounded";
  return isAll && isCheckpoint(*giver) ? "segments" : "scan";
}

static std::string formOf(mlir::Operation &op) {
  if (auto scan = mlir::dyn_cast<ir::ScanOp>(op)) return formOfScan(scan);
  if (isCheckpoint(op)) return "checkpoint";
  if (auto branch = mlir::dyn_cast<ir::IfOp>(op)) return isChoice(branch) ? "choice" : "if";
  if (mlir::isa<ir::WhileOp, ir::SweepOp, ir::CallOp, ir::JvpOp, ir::VjpOp, ir::VmapOp,
                ir::CustomJvpOp, ir::CustomVjpOp>(op))
    return op.getName().stripDialect().str();
  return "";
}

static void count(mlir::ModuleOp module, mlir::Region &region, int depth, Forms &forms) {
  for (mlir::Operation &op : region.getOps()) {
    std::string form = formOf(op);
    if (!form.empty()) ++forms[form][depth];
    for (mlir::Region &inner : op.getRegions()) count(module, inner, depth + 1, forms);
    if (auto callee = op.getAttrOfType<mlir::FlatSymbolRefAttr>("callee"))
      if (auto function = module.lookupSymbol<mlir::func::FuncOp>(callee.getValue()))
        count(module, function.getBody(), depth, forms);
  }
}

void countForms(mlir::ModuleOp module, Forms &forms) {
  count(module, module.lookupSymbol<mlir::func::FuncOp>("main").getBody(), 1, forms);
}

void print(const Forms &forms, std::ostream &out) {
  int deepest = 0;
  for (const auto &[form, depths] : forms) deepest = std::max(deepest, depths.rbegin()->first);
  out << std::setw(10) << "depth";
  for (int depth = 1; depth <= deepest; ++depth) out << std::setw(8) << depth;
  for (const auto &[form, depths] : forms) {
    out << "\n" << std::setw(10) << form;
    for (int depth = 1; depth <= deepest; ++depth) {
      auto found = depths.find(depth);
      out << std::setw(8) << (found == depths.end() ? 0 : found->second);
    }
  }
  out << "\n";
}

} // namespace weir::testing
