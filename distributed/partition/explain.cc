// Bytes follow from shapes and shardings alone; the reason is what insertion wrote down.
#include "distributed/partition/explain.h"

#include "distributed/partition/redistribute.h"
#include "ir/collective/spmd.h"
#include "ir/dialect/argument_name.h"

#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::distributed {

static std::optional<Step::Kind> kindOf(Operation *op) {
  return llvm::TypeSwitch<Operation *, std::optional<Step::Kind>>(op)
      .Case([](spmd::AllGatherOp) { return Step::AllGather; })
      .Case([](spmd::AllReduceOp) { return Step::AllReduce; })
      .Case([](spmd::ReduceScatterOp) { return Step::ReduceScatter; })
      .Case([](spmd::AllToAllOp) { return Step::AllToAll; })
      .Case([](spmd::PermuteOp) { return Step::Permute; })
      .Default([](Operation *) { return std::nullopt; });
}

FailureOr<std::vector<CollectiveUse>> collectivesOf(func::FuncOp function) {
  FailureOr<Mesh> mesh = meshOf(function);
  if (failed(mesh)) return failure();
  auto shardings = readShardings(function, *mesh);
  if (failed(shardings)) return failure();
  std::vector<CollectiveUse> uses;
  function.getBody().walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (!isa<spmd::SpmdDialect>(op->getDialect()) || op->getNumOperands() != 1) return;
    Value value = op->getOperand(0);
    CollectiveUse use{op, (*shardings)[value], (*shardings)[op->getResult(0)], 0, 1, false, ""};
    auto bytes = [&](const Sharding &sharding) {
      return pieceBytes(shapeOf(value), elementBytes(value), sharding, *mesh);
    };
    auto kind = kindOf(op);
    auto parts = op->getAttrOfType<IntegerAttr>("parts");
    if (!kind) return;
    use.bytes =
        bytesReceived(*kind, bytes(use.from), bytes(use.to), parts ? double(parts.getInt()) : 1);
    if (use.bytes == 0) return;
    for (Operation *around = op->getParentOp(); around; around = around->getParentOp()) {
      if (auto scan = dyn_cast<ScanOp>(around)) use.times *= scan.getTrips();
      use.isInWhile |= isa<WhileOp>(around);
    }
    if (auto reason = op->getAttrOfType<StringAttr>(spmd::kReasonAttr)) use.reason = reason.str();
    uses.push_back(std::move(use));
  });
  return uses;
}

FailureOr<std::vector<ValueUse>> shardingsOf(func::FuncOp function) {
  FailureOr<Propagation> plan = propagate(function);
  if (failed(plan)) return failure();
  std::vector<ValueUse> uses;
  auto add = [&](Value value, StringRef name) {
    uses.push_back({value, name.str(), plan->shardings.find(value)->second,
                    plan->fixed.contains(value), plan->via.lookup(value)});
  };
  for (BlockArgument argument : function.getArguments()) {
    const StringAttr name = argumentName(function, argument.getArgNumber());
    add(argument, name ? name.getValue() : "");
  }
  function.getBody().walk([&](Operation *op) {
    for (Value result : op->getResults()) add(result, "");
  });
  return uses;
}

FailureOr<std::vector<UseCost>>
costsOf(func::FuncOp function, const std::vector<CollectiveUse> &uses, const Cluster &cluster) {
  FailureOr<Mesh> mesh = meshOf(function);
  if (failed(mesh)) return failure();
  auto planner = RedistributionPlanner::create(*mesh, cluster);
  if (!planner.ok()) return function.emitError() << std::string(planner.status().message());
  std::vector<UseCost> costs;
  for (const CollectiveUse &use : uses) {
    Value value = use.op->getOperand(0);
    auto plan = planner->plan(shapeOf(value), dtypeOf(value), use.from, use.to);
    if (!plan.ok()) return function.emitError() << std::string(plan.status().message());
    UseCost &cost = costs.emplace_back(UseCost{"", plan->seconds, plan->bytes});
    for (const Move &move : plan->moves)
      if (!move.isFree()) cost.algorithm = algorithmName(move.choice.algorithm);
  }
  return costs;
}

/// "train.cc:42", the innermost line that is known.
static std::string placeOf(Location at) {
  std::string place = "?";
  at->walk([&](Location inner) {
    auto line = dyn_cast<FileLineColLoc>(inner);
    if (!line) return WalkResult::advance();
    place = line.getFilename().str() + ":" + std::to_string(line.getLine());
    return WalkResult::interrupt();
  });
  return place;
}

FailureOr<std::string> describeCollectives(func::FuncOp function) {
  FailureOr<Mesh> mesh = meshOf(function);
  auto uses = collectivesOf(function);
  if (failed(mesh) || failed(uses)) return failure();
  std::string text;
  llvm::raw_string_ostream os(text);
  double total = 0;
  for (const CollectiveUse &use : *uses) {
    total += use.bytes * use.times;
    os << placeOf(use.op->getLoc()) << ": " << use.op->getName().stripDialect() << " of "
       << typeString(use.op->getOperand(0).getType()) << " from " << use.from.str(*mesh) << " to "
       << use.to.str(*mesh) << ", " << static_cast<int64_t>(use.bytes) << " bytes";
    if (use.times != 1) os << " " << use.times << " times";
    if (use.isInWhile) os << " an iteration";
    os << ": " << use.reason << "\n";
  }
  os << uses->size() << " collectives, " << static_cast<int64_t>(total) << " bytes a device\n";
  return text;
}

LogicalResult limitBytes(func::FuncOp function, double limit) {
  FailureOr<Mesh> mesh = meshOf(function);
  auto uses = collectivesOf(function);
  if (failed(mesh) || failed(uses)) return failure();
  bool isGood = true;
  for (const CollectiveUse &use : *uses) {
    if (use.bytes <= limit) continue;
    isGood = false;
    use.op->emitError() << use.op->getName().stripDialect() << ": moves "
                        << static_cast<int64_t>(use.bytes) << " bytes to each device, more than "
                        << static_cast<int64_t>(limit) << " that are allowed; "
                        << typeString(use.op->getOperand(0).getType()) << " is "
                        << use.from.str(*mesh) << ", " << use.reason;
  }
  return success(isGood);
}

} // namespace weir::distributed
