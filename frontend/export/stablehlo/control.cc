// Branches, loops and calls. A scan is a while with a counter.
#include "frontend/export/stablehlo/emitter.h"

#include "ir/dialect/weir.h"

using namespace mlir;

namespace weir::stablehlo {
namespace {

/// A region as the body of another.
auto copyOf(Emitter &e, Region &region) {
  return [&e, &region](ValueRange args) {
    Block &block = region.front();
    for (auto [from, to] : llvm::zip(block.getArguments(), args)) e.map.map(from, to);
    return e.block(block);
  };
}

Values ifRule(Emitter &e, Operation *op) {
  auto branch = cast<ir::IfOp>(op);
  auto yes = copyOf(e, branch.getThenRegion()), no = copyOf(e, branch.getElseRegion());
  return e.withRegions("stablehlo.if", e.operands(op), op->getResultTypes(), {{{}, yes}, {{}, no}});
}

Values whileRule(Emitter &e, Operation *op) {
  auto loop = cast<ir::WhileOp>(op);
  auto condition = copyOf(e, loop.getCondition()), body = copyOf(e, loop.getBody());
  SmallVector<Type> types(op->getOperandTypes());
  return e.withRegions("stablehlo.while", e.operands(op), op->getResultTypes(),
                       {{types, condition}, {types, body}});
}

Values scanRule(Emitter &e, Operation *op) {
  auto scan = cast<ir::ScanOp>(op);
  const Values in = e.operands(op);
  const ValueRange all(in);
  auto body = copyOf(e, scan.getBody());
  auto step = [&](ValueRange carries, ValueRange slices) {
    Values args(carries);
    args.append(slices.begin(), slices.end());
    return body(args);
  };
  return e.loop(static_cast<int64_t>(scan.getTrips()), scan.getReverse(), 0,
                all.take_front(scan.numCarries()), all.drop_front(scan.numCarries()),
                scan.stackedOutputs().getTypes(), step);
}

Values callRule(Emitter &e, Operation *op) {
  return e.ops("func.call", e.operands(op), op->getResultTypes(),
               Named{"callee", cast<ir::CallOp>(op).getCalleeAttr()});
}

} // namespace

void addControlRules(Rules &rules) {
  rules["if"] = ifRule;
  rules["while"] = whileRule;
  rules["scan"] = scanRule;
  rules["call"] = callRule;
}

} // namespace weir::stablehlo
