// Halves the results of @main while that still fails, then drops them one by one.
#include "tests/fuzz/reduce.h"

#include "tests/harness/graph.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace weir::testing {

using Module = mlir::OwningOpRef<mlir::ModuleOp>;

static void eraseUnused(mlir::ModuleOp module) {
  for (bool changed = true; changed;) {
    llvm::SmallVector<mlir::Operation *> dead;
    module.walk([&](mlir::Operation *op) {
      if (mlir::isOpTriviallyDead(op) && !mlir::isa<mlir::func::FuncOp, mlir::ModuleOp>(op))
        dead.push_back(op);
      if (auto f = mlir::dyn_cast<mlir::func::FuncOp>(op))
        if (f.isPrivate() && mlir::SymbolTable::symbolKnownUseEmpty(f, module)) dead.push_back(op);
    });
    changed = !dead.empty();
    for (mlir::Operation *op : llvm::reverse(dead)) {
      op->dropAllUses();
      op->erase();
      break; // what is inside of it may be in the list as well
    }
  }
}

/// `module` with results [begin, end) of @main dropped.
static Module without(mlir::ModuleOp module, unsigned begin, unsigned end) {
  Module smaller = module.clone();
  auto main = smaller->lookupSymbol<mlir::func::FuncOp>("main");
  mlir::Operation *ret = main.front().getTerminator();
  ret->eraseOperands(begin, end - begin);
  main.setFunctionType(mlir::FunctionType::get(module.getContext(), main.getArgumentTypes(),
                                               ret->getOperandTypes()));
  eraseUnused(*smaller);
  return smaller;
}

std::string reduced(mlir::ModuleOp module, const std::function<bool(mlir::ModuleOp)> &fails) {
  Module smallest = module.clone();
  auto results = [&] { return smallest->lookupSymbol<mlir::func::FuncOp>("main").getNumResults(); };
  for (unsigned step = (results() + 1) / 2; step > 0; step = step == 1 ? 0 : (step + 1) / 2)
    for (unsigned begin = 0; results() > 1 && begin < results();) {
      Module smaller = without(*smallest, begin, std::min(begin + step, results()));
      Module copy = smaller->clone();
      if (smaller->lookupSymbol<mlir::func::FuncOp>("main").getNumResults() > 0 && fails(*copy))
        smallest = std::move(smaller);
      else
        begin += step;
    }
  return print(*smallest);
}

} // namespace weir::testing
