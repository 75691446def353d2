// A line of the user's program often makes many values (one for each layer); an annotation there is
// one word for all of them, so candidates are sites: all values of one op, type and location.
#include "distributed/partition/advise.h"

#include "ir/collective/spmd.h"
#include "ir/dialect/argument_name.h"
#include "ir/locations/locations.h"

#include "mlir/IR/Diagnostics.h"

#include <deque>

using namespace mlir;
using namespace weir::ir;

namespace weir::distributed {

namespace {

constexpr unsigned kNearestSites = 8, kValuesSearched = 400;

func::FuncOp mainOf(ModuleOp module) {
  return module.lookupSymbol<func::FuncOp>("main");
}

/// Values that one line makes alike.
struct Site {
  Value first;
  bool holds(Value value) const {
    if (value.getType() != first.getType() || value.getLoc() != first.getLoc()) return false;
    Operation *op = value.getDefiningOp(), *mine = first.getDefiningOp();
    return op && mine ? op->getName() == mine->getName() : !op && !mine;
  }
};

/// A site and what is said there.
struct Candidate {
  Site site;
  Sharding sharding;
};

/// All values of a function that can be annotated: its arguments and what its ops make.
template <typename Visit> void forEachValue(func::FuncOp function, Visit visit) {
  for (Value argument : function.getArguments()) visit(argument);
  function.getBody().walk([&](Operation *op) {
    for (Value result : op->getResults()) visit(result);
  });
}

void annotate(func::FuncOp function, const Candidate &candidate, const Mesh &mesh) {
  std::vector<Value> values;
  forEachValue(function, [&](Value value) {
    if (candidate.site.holds(value)) values.push_back(value);
  });
  OpBuilder builder(function.getContext());
  auto text = builder.getStringAttr(candidate.sharding.str(mesh));
  for (Value value : values) {
    if (auto argument = dyn_cast<BlockArgument>(value)) {
      function.setArgAttr(argument.getArgNumber(), spmd::kShardingAttr, text);
      continue;
    }
    if (auto said = value.getDefiningOp<spmd::ShardOp>()) {
      said.setShardingAttr(text);
      continue;
    }
    builder.setInsertionPointAfterValue(value);
    auto shard = spmd::ShardOp::create(builder, value.getLoc(), value.getType(), value, text);
    value.replaceAllUsesExcept(shard.getResult(), shard);
  }
}

/// The candidates for one group.
class Candidates {
public:
  Candidates(func::FuncOp function, const Propagation &plan, const CollectiveGroup &group,
             const Sharding &from, const Sharding &to)
      : function(function), plan(plan), group(group), to(to) {
    const bool isMoved = from != to; // else pieces read of others: whole they would not
    for (int axis = 0, n = plan.mesh.axes.size(); axis < n; ++axis)
      if (isMoved ? dimOf(from, axis) != dimOf(to, axis) : dimOf(from, axis) >= 0)
        moved.push_back(axis);
    if (!isMoved) this->to = without(to);
  }

  std::vector<Candidate> all() {
    Value value = source();
    if (!value) return {};
    if (!to.isPartial()) add(value, to);
    for (Operation *user : value.getUsers())
      for (Value result : user->getResults()) add(result, without(target(result)));
    for (Value argument : nearestArguments(value)) {
      add(argument, without(target(argument)));
      for (int axis : moved) addSplits(argument, axis);
    }
    return std::move(candidates);
  }

private:
  /// The dim that `axis` splits; -1: none, -2: it adds up along the axis.
  static int dimOf(const Sharding &sharding, int axis) {
    if (llvm::is_contained(sharding.partial, axis)) return -2;
    for (size_t d = 0; d < sharding.dims.size(); ++d)
      if (llvm::is_contained(sharding.dims[d], axis)) return static_cast<int>(d);
    return -1;
  }

  Sharding target(Value value) const { return plan.shardings.find(value)->second; }

  Sharding without(Sharding sharding) const {
    for (std::vector<int> &axes : sharding.dims)
      llvm::erase_if(axes, [&](int axis) { return llvm::is_contained(moved, axis); });
    return sharding;
  }

  Value source() const {
    Value found;
    forEachValue(function, [&](Value value) {
      if (!found && value.getLoc() == group.at && value.getType() == group.type) found = value;
    });
    if (found) return found;
    func::FuncOp(function).walk([&](Operation *op) { // it reads of other pieces itself
      for (Value operand : op->getOperands())
        if (!found && op->getLoc() == group.at && operand.getType() == group.type) found = operand;
    });
    return found;
  }

  void add(Value value, const Sharding &sharding) {
    if (!isa<RankedTensorType>(value.getType()) ||
        sharding.dims.size() != target(value).dims.size())
      return;
    for (const Candidate &known : candidates)
      if (known.site.holds(value) && known.sharding == sharding) return;
    const bool isAsItIs = plan.fixed.contains(value) && sharding == target(value);
    if (!isAsItIs) candidates.push_back({{value}, sharding});
  }

  void addSplits(Value argument, int axis) {
    const Sharding base = without(target(argument));
    ArrayRef<int64_t> shape = cast<RankedTensorType>(argument.getType()).getShape();
    for (size_t d = 0; d < base.dims.size(); ++d) {
      if (!base.dims[d].empty() || shape[d] % plan.mesh.axes[axis].size != 0) continue;
      Sharding split = base;
      split.dims[d].push_back(axis);
      add(argument, split);
    }
  }

  /// By steps between operands and results; a site once.
  std::vector<Value> nearestArguments(Value from) {
    std::vector<Value> found;
    std::deque<Value> open{from};
    llvm::DenseSet<Value> seen{from};
    auto reach = [&](Value value) {
      if (isa<RankedTensorType>(value.getType()) && seen.insert(value).second)
        open.push_back(value);
    };
    while (!open.empty() && found.size() < kNearestSites && seen.size() < kValuesSearched) {
      Value value = open.front();
      open.pop_front();
      auto argument = dyn_cast<BlockArgument>(value);
      if (argument && argument.getOwner() == &function.front()) {
        if (llvm::none_of(found, [&](Value known) { return Site{known}.holds(value); }))
          found.push_back(value);
      } else if (Operation *op = value.getDefiningOp()) {
        for (Value operand : op->getOperands()) reach(operand);
      }
      for (Operation *user : value.getUsers())
        for (Value near : llvm::concat<Value>(llvm::to_vector(user->getOperands()),
                                              llvm::to_vector(user->getResults())))
          reach(near);
    }
    return found;
  }

  func::FuncOp function;
  const Propagation &plan;
  const CollectiveGroup &group;
  Sharding to; ///< as which the value would not be moved
  std::vector<int> moved;
  std::vector<Candidate> candidates;
};

std::string describe(func::FuncOp function, const Candidate &candidate, const Mesh &mesh) {
  Value value = candidate.site.first;
  std::string text;
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    const unsigned number = argument.getArgNumber();
    const StringAttr name = argumentName(function, number);
    text = name ? name.str() : "argument " + std::to_string(number);
    int64_t alike = 0;
    for (Value other : function.getArguments()) alike += candidate.site.holds(other);
    if (alike > 1) text += " and " + std::to_string(alike - 1) + " more";
  } else {
    text = value.getDefiningOp()->getName().stripDialect().str() + " at " +
           ir::userPlace(value.getLoc());
  }
  return text + " as " + candidate.sharding.str(mesh);
}

/// What all collectives of a graph cost together; none where `group` is still among them.
FailureOr<std::optional<double>> secondsWithout(const CollectiveGroup &group, func::FuncOp function,
                                                const Cluster &cluster) {
  auto uses = collectivesOf(function);
  if (failed(uses)) return failure();
  if (llvm::any_of(*uses, [&](const CollectiveUse &use) { return group.holds(use); }))
    return std::optional<double>();
  auto costs = costsOf(function, *uses, cluster);
  if (failed(costs)) return failure();
  double seconds = 0;
  for (auto [use, cost] : llvm::zip(*uses, *costs))
    seconds += cost.seconds * static_cast<double>(use.times);
  return std::optional(seconds);
}

} // namespace

bool CollectiveGroup::holds(const CollectiveUse &use) const {
  return use.op->getLoc() == at && use.value.getType() == type;
}

std::vector<CollectiveGroup> groupsOf(const std::vector<CollectiveUse> &uses,
                                      const std::vector<UseCost> &costs, const Mesh &mesh) {
  std::vector<CollectiveGroup> groups;
  for (auto [use, cost] : llvm::zip(uses, costs)) {
    CollectiveGroup group{use.op->getLoc(),   use.value.getType(), use.kind,
                          use.from.str(mesh), use.to.str(mesh),    use.reason};
    auto known = llvm::find_if(groups, [&](const CollectiveGroup &other) {
      return other.holds(use) && other.kind == group.kind && other.from == group.from &&
             other.to == group.to && other.reason == group.reason;
    });
    if (known == groups.end()) known = groups.insert(groups.end(), group);
    known->count += use.times;
    known->seconds += cost.seconds * static_cast<double>(use.times);
  }
  llvm::stable_sort(groups, [](const auto &a, const auto &b) { return a.seconds > b.seconds; });
  return groups;
}

FailureOr<std::optional<Removal>> cheapestRemoval(ModuleOp module, const CollectiveGroup &group,
                                                  const Cluster &cluster) {
  func::FuncOp function = mainOf(module);
  FailureOr<Propagation> plan = propagate(function);
  if (failed(plan)) return failure();
  auto from = parseSharding(group.from, plan->mesh), to = parseSharding(group.to, plan->mesh);
  if (!from.ok() || !to.ok()) return function.emitError("a sharding of its own is not understood");
  std::optional<Removal> best;
  for (const Candidate &candidate : Candidates(function, *plan, group, *from, *to).all()) {
    ScopedDiagnosticHandler quiet(module.getContext(), [](Diagnostic &) { return success(); });
    OwningOpRef<ModuleOp> copy = module.clone();
    annotate(mainOf(*copy), candidate, plan->mesh);
    if (failed(insertCollectives(mainOf(*copy), {.cluster = &cluster}))) continue;
    auto seconds = secondsWithout(group, mainOf(*copy), cluster);
    if (succeeded(seconds) && *seconds && (!best || **seconds < best->seconds))
      best = {describe(function, candidate, plan->mesh), **seconds};
  }
  return best;
}

} // namespace weir::distributed
