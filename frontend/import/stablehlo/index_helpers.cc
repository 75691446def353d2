#include "frontend/import/stablehlo/index_helpers.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace weir::stablehlo {

static bool isIndexHelper(func::FuncOp function) {
  constexpr int64_t kMostOps = 16;
  if (!function || !function.getBody().hasOneBlock()) return false;
  Block &body = function.getBody().front();
  if (std::distance(body.begin(), body.end()) > kMostOps) return false;
  bool readsOrWrites = false;
  for (Operation &op : body) {
    StringRef name = op.getName().getStringRef();
    const bool slices =
        name == "stablehlo.dynamic_slice" || name == "stablehlo.dynamic_update_slice";
    readsOrWrites |= slices;
    if (!slices && !isa<func::ReturnOp>(op) &&
        !llvm::is_contained({"stablehlo.reshape", "stablehlo.broadcast_in_dim",
                             "stablehlo.constant", "stablehlo.compare", "stablehlo.add",
                             "stablehlo.subtract", "stablehlo.select", "stablehlo.convert"},
                            name))
      return false;
  }
  return readsOrWrites;
}

static void inlineCall(func::CallOp call, func::FuncOp callee) {
  OpBuilder b(call);
  IRMapping mapping;
  mapping.map(callee.getArguments(), call.getOperands());
  for (Operation &op : callee.getBody().front().without_terminator()) b.clone(op, mapping);
  SmallVector<Value> results;
  for (Value value : callee.getBody().front().getTerminator()->getOperands())
    results.push_back(mapping.lookup(value));
  call.replaceAllUsesWith(results);
  call.erase();
}

void inlineIndexHelpers(ModuleOp module) {
  SmallVector<func::CallOp> calls;
  module.walk([&](func::CallOp call) {
    for (Operation *parent = call->getParentOp(); parent; parent = parent->getParentOp())
      if (parent->getName().getStringRef() == "stablehlo.while") {
        calls.push_back(call);
        return;
      }
  });
  for (func::CallOp call : calls)
    if (auto callee = module.lookupSymbol<func::FuncOp>(call.getCallee()); isIndexHelper(callee))
      inlineCall(call, callee);
}

} // namespace weir::stablehlo
