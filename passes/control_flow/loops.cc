// Regions of while loops, filled by the caller's functions.
#include "passes/control_flow/loops.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::passes {

Values inlineBody(Region &from, ValueRange arguments, OpBuilder &b) {
  IRMapping map;
  map.map(from.getArguments(), arguments);
  for (Operation &op : from.front().without_terminator()) b.clone(op, map);
  return llvm::map_to_vector(from.front().getTerminator()->getOperands(),
                             [&](Value v) { return map.lookupOrDefault(v); });
}

Values loop(Scalars &at, ArrayRef<Value> inits, Condition condition, Body body) {
  auto made = WhileOp::create(at.b, ValueRange(inits).getTypes(), inits, /*snapshots=*/1);
  auto fill = [&](Region &region, auto emit) {
    Block &block = region.emplaceBlock();
    for (Value init : inits) block.addArgument(init.getType(), at.b.getLoc());
    Scalars inner(at.b.getLoc(), block);
    Values values = emit(inner, ValueRange(block.getArguments()));
    YieldOp::create(inner.b, values);
  };
  fill(made.getCondition(),
       [&](Scalars &inner, ValueRange carries) { return Values{condition(inner, carries)}; });
  fill(made.getBody(), body);
  return Values(made.getResults());
}

} // namespace weir::passes
