// Bytes follow from shapes and shardings alone; the reason is what insertion wrote down.
#include "distributed/partition/explain.h"

#include "distributed/partition/local_permutes.h"
#include "distributed/partition/redistribute.h"
#include "distributed/plan/cost.h"
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

namespace {

using Shardings = llvm::DenseMap<Value, Sharding>;

/// How often `use` runs.
void countTimes(CollectiveUse &use) {
  for (Operation *around = use.op->getParentOp(); around; around = around->getParentOp()) {
    if (auto scan = dyn_cast<ScanOp>(around)) use.times *= scan.getTrips();
    use.isInWhile |= isa<WhileOp>(around);
  }
}

void addRedistribution(Operation *op, const Shardings &shardings, const Mesh &mesh,
                       std::vector<CollectiveUse> &uses) {
  auto kind = kindOf(op);
  if (!kind) return;
  const Value value = op->getOperand(0);
  const Sharding &from = shardings.find(value)->second,
                 &to = shardings.find(op->getResult(0))->second;
  auto bytes = [&](const Sharding &sharding) {
    return pieceBytes(shapeOf(value), elementBytes(value), sharding, mesh);
  };
  auto parts = op->getAttrOfType<IntegerAttr>("parts");
  CollectiveUse use{
      op,
      value,
      op->getName().stripDialect().str(),
      from,
      to,
      bytesReceived(*kind, bytes(from), bytes(to), parts ? double(parts.getInt()) : 1)};
  if (use.bytes == 0) return;
  if (auto reason = op->getAttrOfType<StringAttr>(spmd::kReasonAttr)) use.reason = reason.str();
  uses.push_back(std::move(use));
}

void addPermutes(Operation *op, const Shardings &shardings, const Mesh &mesh,
                 std::vector<CollectiveUse> &uses) {
  for (const LocalPermute &permute : localPermutesOf(op, shardings, mesh)) {
    const Sharding &sharding = shardings.find(permute.value)->second;
    runtime::CollectiveSpec spec{runtime::CollectiveKind::Permute,
                                 runtime::worldGroup(static_cast<int>(mesh.devices())),
                                 dtypeOf(permute.value)};
    spec.counts = {permute.elements};
    for (auto [target, source] : llvm::enumerate(permute.sources))
      spec.pairs.emplace_back(static_cast<int>(source), static_cast<int>(target));
    uses.push_back({op, permute.value, "permute", sharding, sharding,
                    static_cast<double>(permute.elements * elementBytes(permute.value))});
    uses.back().reason = permute.reason;
    uses.back().spec = std::move(spec);
  }
}

} // namespace

FailureOr<std::vector<CollectiveUse>> collectivesOf(func::FuncOp function) {
  FailureOr<Mesh> mesh = meshOf(function);
  if (failed(mesh)) return failure();
  auto shardings = readShardings(function, *mesh);
  if (failed(shardings)) return failure();
  std::vector<CollectiveUse> uses;
  function.getBody().walk<WalkOrder::PreOrder>([&](Operation *op) {
    const bool moves = isa<spmd::SpmdDialect>(op->getDialect());
    if (!moves) addPermutes(op, *shardings, *mesh, uses);
    if (moves && op->getNumOperands() == 1) addRedistribution(op, *shardings, *mesh, uses);
  });
  for (CollectiveUse &use : uses) countTimes(use);
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
    if (use.spec) {
      const Choice choice = choose(*use.spec, {use.spec->group.ranks}, cluster);
      costs.push_back({algorithmName(choice.algorithm), choice.cost.seconds,
                       choice.cost.intraBytes + choice.cost.interBytes});
      continue;
    }
    auto plan = planner->plan(shapeOf(use.value), dtypeOf(use.value), use.from, use.to);
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
    os << placeOf(use.op->getLoc()) << ": " << use.kind << " of " << typeString(use.value.getType())
       << " from " << use.from.str(*mesh) << " to " << use.to.str(*mesh) << ", "
       << static_cast<int64_t>(use.bytes) << " bytes";
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
    use.op->emitError() << use.kind << ": moves " << static_cast<int64_t>(use.bytes)
                        << " bytes to each device, more than " << static_cast<int64_t>(limit)
                        << " that are allowed; " << typeString(use.value.getType()) << " is "
                        << use.from.str(*mesh) << ", " << use.reason;
  }
  return success(isGood);
}

} // namespace weir::distributed
