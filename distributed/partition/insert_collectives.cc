// Goes through the ops in order, knowing how each value lies on the devices so far. A value is
// redistributed right behind its definition, once for each sharding that its users take; splat
// constants and iotas are made anew instead. Partial sums travel on through linear ops where nobody
// needs the whole value before, so that they are reduced late, and once.
#include "distributed/partition/assignment.h"
#include "distributed/partition/emit_steps.h"
#include "distributed/partition/gather_again.h"
#include "distributed/partition/partition.h"

#include "ir/collective/spmd.h"
#include "ir/dialect/weir.h"

#include "llvm/ADT/TypeSwitch.h"

#include <map>

using namespace mlir;
using namespace weir::ir;

namespace weir::distributed {

std::vector<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape().vec();
}

runtime::DType dtypeOf(Value value) {
  return ir::dtypeOf(value.getType()).value_or(runtime::DType::I8);
}

int64_t elementBytes(Value value) {
  return static_cast<int64_t>(runtime::dtypeBytes(dtypeOf(value)));
}

namespace {

Sharding behindLoop(const Sharding &slice) {
  Sharding stacked = slice;
  stacked.dims.insert(stacked.dims.begin(), std::vector<int>{});
  return stacked;
}

Sharding sliceOf(const Sharding &stacked) {
  Sharding slice = stacked;
  slice.dims.erase(slice.dims.begin());
  return slice;
}

class Inserter {
public:
  Inserter(func::FuncOp function, const Propagation &plan, Redistributor &ways,
           const InsertOptions &options)
      : function(function), plan(plan), ways(ways), options(options),
        builder(function.getContext()) {}

  LogicalResult run() {
    for (BlockArgument argument : function.getArguments()) {
      current[argument] = target(argument);
      function.setArgAttr(argument.getArgNumber(), spmd::kShardingAttr, text(target(argument)));
    }
    if (failed(visit(function.front()))) return failure();
    function.walk([](spmd::ShardOp shard) {
      shard.replaceAllUsesWith(shard.getOperand());
      shard.erase();
    });
    eraseUnused();
    shortenChains();
    return success();
  }

private:
  /// Constants that were made anew, and redistributions for words on values that nobody uses.
  void eraseUnused() {
    std::vector<Operation *> ours;
    function.walk([&](Operation *op) {
      if (isa<ConstantOp, IotaOp>(op) || isa<spmd::SpmdDialect>(op->getDialect()))
        ours.push_back(op);
    });
    for (Operation *op : llvm::reverse(ours))
      if (op->use_empty()) op->erase();
  }

  /// A redistribution of which only another one is made: at once where that is cheaper, as an
  /// all_reduce and a split are a reduce_scatter.
  void shortenChains() {
    std::vector<Operation *> tails;
    function.walk([&](Operation *op) {
      if (isa<spmd::SpmdDialect>(op->getDialect()) && !isLink(op)) tails.push_back(op);
    });
    for (Operation *tail : tails) {
      SmallVector<Operation *> chain{tail};
      while (Operation *before = chain.back()->getOperand(0).getDefiningOp()) {
        if (!isLink(before)) break;
        chain.push_back(before);
      }
      if (chain.size() > 1) shorten(chain);
    }
  }

  /// Is it a redistribution whose only user is the next one?
  static bool isLink(Operation *op) {
    if (!isa<spmd::SpmdDialect>(op->getDialect()) || !op->hasOneUse()) return false;
    Operation *user = *op->user_begin();
    return isa<spmd::SpmdDialect>(user->getDialect()) && user->getBlock() == op->getBlock();
  }

  /// `chain` from its end.
  void shorten(ArrayRef<Operation *> chain) {
    Operation *tail = chain.front();
    Value start = chain.back()->getOperand(0), end = tail->getResult(0);
    double before = 0;
    for (Operation *op : chain) {
      Value in = op->getOperand(0);
      before += ways.bytes(shapeOf(in), dtypeOf(in), current.find(in)->second,
                           current.find(op->getResult(0))->second);
    }
    const std::vector<Step> &steps = ways.steps(
        shapeOf(start), dtypeOf(start), current.find(start)->second, current.find(end)->second);
    double after = 0;
    for (const Step &step : steps) after += step.bytes;
    if (after >= before) return;
    builder.setInsertionPoint(tail);
    Value result = start;
    for (const Step &step : steps) {
      result = emitStep(builder, tail->getLoc(), result, step, plan.mesh);
      result.getDefiningOp()->setAttr(spmd::kReasonAttr, tail->getAttr(spmd::kReasonAttr));
      current[result] = step.after;
    }
    end.replaceAllUsesWith(result);
    for (Operation *op : chain) op->erase();
  }

  Sharding target(Value value) const { return plan.shardings.find(value)->second; }
  StringAttr text(const Sharding &sharding) {
    return builder.getStringAttr(sharding.str(plan.mesh));
  }
  void declare(Operation *op, ArrayRef<Sharding> results) {
    for (auto [value, sharding] : llvm::zip(op->getResults(), results)) current[value] = sharding;
    op->setAttr(spmd::kShardingsAttr, shardingTexts(builder, results, plan.mesh));
  }

  LogicalResult visit(Block &block) {
    for (Operation &op : llvm::make_early_inc_range(block)) {
      if (op.hasAttr(spmd::kShardingsAttr)) continue; // a redistribution of ours
      if (op.hasTrait<OpTrait::IsTerminator>()) {
        if (isa<func::ReturnOp>(op)) visitReturn(&op);
        continue;
      }
      LogicalResult done = llvm::TypeSwitch<Operation *, LogicalResult>(&op)
                               .Case([&](ScanOp scan) { return visitScan(scan); })
                               .Case([&](WhileOp loop) { return visitWhile(loop); })
                               .Case([&](IfOp branch) { return visitIf(branch); })
                               .Case([&](spmd::ShardOp shard) { return visitShard(shard); })
                               .Default([&](Operation *op) { return visitOp(op); });
      if (failed(done)) return failure();
    }
    return success();
  }

  /// Is `value` made of nothing, as `to` as well as in any other way?
  static bool canBeMade(Value value, const Sharding &to) {
    if (isSplat(value)) return !to.isPartial() || isZero(value);
    bool canSplit = true;
    for (auto [size, axes] : llvm::zip(shapeOf(value), to.dims))
      canSplit &= size > 1 || axes.empty();
    return isMadeAnywhere(value) && canSplit && !to.isPartial();
  }

  /// `value` as `to`, by ops behind its definition; `user` takes it so.
  Value redistributed(Value value, const Sharding &to, Operation *user) {
    const Sharding from = current.find(value)->second;
    if (from == to) return value;
    auto key = std::make_pair(value.getAsOpaquePointer(), to.str(plan.mesh));
    if (auto known = made.find(key); known != made.end()) return known->second;
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointAfterValue(value);
    Value result = value;
    if (canBeMade(value, to)) {
      Operation *copy = builder.clone(*value.getDefiningOp());
      declare(copy, to);
      result = copy->getResult(0);
    } else if (from.isPartial() && !to.isPartial() && target(value) != to) {
      // Reduced once, to what most users take; the others go on from there.
      result = redistributed(redistributed(value, target(value), user), to, user);
    } else {
      for (const Step &step : ways.steps(shapeOf(value), dtypeOf(value), from, to)) {
        result = emitStep(builder, value.getLoc(), result, step, plan.mesh);
        result.getDefiningOp()->setAttr(spmd::kReasonAttr, reasonOf(user, to));
        builder.setInsertionPointAfterValue(result);
        current[result] = step.after;
      }
    }
    made[key] = result;
    return result;
  }

  void require(OpOperand &operand, const Sharding &to) {
    operand.set(redistributed(operand.get(), to, operand.getOwner()));
  }

  /// "dot takes [{},{model}]": of the first user that asked.
  StringAttr reasonOf(Operation *user, const Sharding &to) {
    StringRef name = user->getName().stripDialect();
    return builder.getStringAttr(name + (to.isPartial() ? " adds " : " takes ") +
                                 to.str(plan.mesh));
  }

  // ---- Ops ----

  /// A value as its users see it who take no partial sums.
  Sharding reduced(Value value) const {
    if (isMadeAnywhere(value)) return Sharding::replicated(shapeOf(value).size());
    const Sharding &sharding = current.find(value)->second;
    return sharding.isPartial() ? target(value) : sharding;
  }

  /// Do all users take the partial value as it is? Each is in the block where it is made.
  bool isTakenPartial(Value value) const {
    const Sharding &sharding = current.find(value)->second;
    for (int axis : sharding.partial)
      if (target(value).uses(axis)) return false; // it is to be scattered
    return llvm::all_of(value.getUses(), [&](OpOperand &use) {
      Operation *user = use.getOwner();
      if (user->getBlock() != value.getParentBlock()) return false;
      unsigned i = use.getOperandNumber();
      if (onlyMoves(user, i)) return true;
      if (!isJointlyLinear(user) && llvm::count(user->getOperands(), value) > 1) return false;
      return sharding.combiner == Combiner::Sum && isLinearIn(user, i) &&
             (user->getNumOperands() == 1 || !isJointlyLinear(user) || arePartialAlike(user));
    });
  }

  /// Are all linear operands of a sum partial over the same axes? Those not yet visited are not.
  bool arePartialAlike(Operation *op) const {
    const Sharding *first = nullptr;
    for (auto [i, operand] : llvm::enumerate(op->getOperands())) {
      if (!isLinearIn(op, i) || isZero(operand)) continue;
      auto known = current.find(operand);
      if (known == current.end() || !known->second.isPartial()) return false;
      if (!first) first = &known->second;
      if (known->second.partial != first->partial || known->second.combiner != first->combiner)
        return false;
    }
    return first != nullptr;
  }

  /// The operands that go into `op` partial; none where it does not pay or is not allowed.
  SmallVector<bool> partialOperands(Operation *op, const OpRule &rule,
                                    const FactorAxes &axes) const {
    SmallVector<bool> none(op->getNumOperands(), false), taken = none;
    const Sharding *partial = nullptr;
    for (auto [i, operand] : llvm::enumerate(op->getOperands())) {
      const Sharding &sharding = current.find(operand)->second;
      if (!sharding.isPartial() || !isTakenPartial(operand)) continue;
      if (partial && !isJointlyLinear(op)) continue; // a product: one at a time
      bool fits = isLinearIn(op, i) || onlyMoves(op, i);
      for (int axis : sharding.partial)
        fits &=
            llvm::none_of(axes, [&](const auto &list) { return llvm::is_contained(list, axis); });
      for (auto [factor, list] : llvm::zip(rule.factors, axes))
        fits &= list.empty() || factor.kind == LoopKind::Parallel ||
                combinerOf(factor.kind) == sharding.combiner;
      fits &= bytesOf(op->getResult(0)) <= bytesOf(operand);
      if (!fits) return none;
      taken[i] = true;
      partial = &sharding;
    }
    if (!partial) return none;
    if (isJointlyLinear(op) && !onlyMoves(op, 0)) {
      if (!arePartialAlike(op)) return none;
      for (unsigned i = 0; i < taken.size(); ++i) taken[i] = isLinearIn(op, i);
    }
    return taken;
  }

  static int64_t bytesOf(Value value) {
    return cast<RankedTensorType>(value.getType()).getNumElements() * elementBytes(value);
  }

  /// The user's word: as said, whatever it costs.
  LogicalResult visitShard(spmd::ShardOp shard) {
    require(shard->getOpOperand(0), target(shard.getResult()));
    declare(shard, target(shard.getResult()));
    return success();
  }

  LogicalResult visitOp(Operation *op) {
    if (op->getNumRegions() > 0)
      return op->emitError("has no sharding rule: ")
             << op->getName() << " must have been expanded before";
    OpRule rule = ruleOf(op);
    if (!rule.isDerived && options.remarks)
      op->emitRemark("sharding: this op has no rule, so every device computes all of it");
    SmallVector<Sharding> operands, results;
    for (Value operand : op->getOperands()) operands.push_back(reduced(operand));
    for (Value result : op->getResults()) results.push_back(target(result));
    FactorAxes axes = assignFactors({op, rule, plan.mesh, ways, operands, results});
    SmallVector<bool> partial = partialOperands(op, rule, axes);

    Sharding given; // the partial part of the results
    for (auto [i, use] : llvm::enumerate(op->getOpOperands())) {
      Sharding taken = shardingOf(rule.operands[i], axes);
      if (partial[i]) addPartial(taken, partialOf(op), given);
      addMissing(op, rule, axes, i, taken);
      require(use, taken);
    }
    for (auto [factor, list] : llvm::zip(rule.factors, axes))
      if (factor.kind != LoopKind::Parallel && !list.empty()) {
        given.combiner = *combinerOf(factor.kind);
        given.partial.insert(given.partial.end(), list.begin(), list.end());
      }
    llvm::sort(given.partial);
    for (auto [i, dims] : llvm::enumerate(rule.results)) {
      results[i] = shardingOf(dims, axes);
      results[i].partial = given.partial;
      results[i].combiner = given.combiner;
    }
    declare(op, results);
    return success();
  }

  /// The sharding of the partial operands of `op`, which are alike.
  const Sharding &partialOf(Operation *op) const {
    for (Value operand : op->getOperands())
      if (const Sharding &s = current.find(operand)->second; s.isPartial()) return s;
    llvm_unreachable("no operand is partial");
  }

  static void addPartial(Sharding &taken, const Sharding &from, Sharding &given) {
    taken.partial = given.partial = from.partial;
    taken.combiner = given.combiner = from.combiner;
  }

  /// A linear operand that a split sum does not run along is partial with the result.
  static void addMissing(Operation *op, const OpRule &rule, const FactorAxes &axes, unsigned i,
                         Sharding &taken) {
    for (int f = 0, n = axes.size(); f < n; ++f) {
      if (rule.factors[f].kind != LoopKind::Sum || axes[f].empty() || !isLinearIn(op, i) ||
          llvm::is_contained(rule.operands[i], f))
        continue;
      taken.combiner = Combiner::Sum;
      taken.partial.insert(taken.partial.end(), axes[f].begin(), axes[f].end());
    }
    llvm::sort(taken.partial);
  }

  // ---- Control flow ----

  void enter(ArrayRef<Region *> regions) {
    Operation *op = regions[0]->getParentOp();
    SmallVector<Attribute> lists;
    for (Region *region : regions) {
      SmallVector<Sharding> shardings;
      for (Value argument : region->getArguments())
        shardings.push_back(current[argument] = target(argument));
      lists.push_back(shardingTexts(builder, shardings, plan.mesh));
    }
    op->setAttr(spmd::kRegionShardingsAttr, builder.getArrayAttr(lists));
  }

  LogicalResult visitScan(ScanOp scan) {
    Operation *yield = scan.getBody().front().getTerminator();
    unsigned carries = scan.numCarries();
    for (auto [i, argument] : llvm::enumerate(scan.getBody().getArguments())) {
      Sharding taken = i < carries ? target(argument) : behindLoop(target(argument));
      require(scan->getOpOperand(i), taken);
    }
    enter(&scan.getBody());
    if (failed(visit(scan.getBody().front()))) return failure();
    SmallVector<Sharding> results;
    for (auto [i, result] : llvm::enumerate(scan.getOutputs())) {
      Sharding slice =
          i < carries ? target(scan.getBody().getArgument(i)) : sliceOf(target(result));
      require(yield->getOpOperand(i), slice);
      results.push_back(i < carries ? slice : behindLoop(slice));
    }
    declare(scan, results);
    return success();
  }

  LogicalResult visitWhile(WhileOp loop) {
    SmallVector<Sharding> carries;
    // The condition sees the carries as the body does.
    for (auto [i, argument] : llvm::enumerate(loop.getBody().getArguments())) {
      carries.push_back(target(argument));
      require(loop->getOpOperand(i), carries.back());
    }
    enter({&loop.getCondition(), &loop.getBody()});
    for (auto [argument, sharding] : llvm::zip(loop.getCondition().getArguments(), carries))
      current[argument] = sharding;
    Attribute texts = shardingTexts(builder, carries, plan.mesh);
    loop->setAttr(spmd::kRegionShardingsAttr, builder.getArrayAttr({texts, texts}));
    if (failed(visit(loop.getCondition().front())) || failed(visit(loop.getBody().front())))
      return failure();
    require(loop.getCondition().front().getTerminator()->getOpOperand(0), Sharding::replicated(0));
    Operation *yield = loop.getBody().front().getTerminator();
    for (auto [i, sharding] : llvm::enumerate(carries)) require(yield->getOpOperand(i), sharding);
    declare(loop, carries);
    return success();
  }

  LogicalResult visitIf(IfOp branch) {
    require(branch->getOpOperand(0), Sharding::replicated(0));
    SmallVector<Sharding> results;
    for (Value result : branch.getOutputs()) results.push_back(target(result));
    for (Region &region : branch->getRegions()) {
      if (failed(visit(region.front()))) return failure();
      for (auto [i, sharding] : llvm::enumerate(results))
        require(region.front().getTerminator()->getOpOperand(i), sharding);
    }
    declare(branch, results);
    return success();
  }

  void visitReturn(Operation *end) {
    for (OpOperand &use : end->getOpOperands()) {
      unsigned i = use.getOperandNumber();
      auto updates = function.getResultAttrOfType<IntegerAttr>(i, kUpdatesAttr);
      auto said = function.getResultAttrOfType<StringAttr>(i, spmd::kShardingAttr);
      Sharding to = target(use.get());
      if (updates) to = target(function.getArgument(updates.getInt()));
      if (said) {
        auto parsed = parseSharding(std::string_view(said.getValue()), plan.mesh);
        if (parsed.ok() && parsed->dims.size() == to.dims.size()) to = parsed->whole();
      }
      require(use, to);
      function.setResultAttr(i, spmd::kShardingAttr, text(to));
    }
  }

  func::FuncOp function;
  const Propagation &plan;
  Redistributor &ways;
  const InsertOptions &options;
  OpBuilder builder;
  llvm::DenseMap<Value, Sharding> current;
  std::map<std::pair<void *, std::string>, Value> made;
};

void remarkConflicts(const Propagation &plan) {
  for (const Conflict &conflict : plan.conflicts) {
    InFlightDiagnostic remark = conflict.op->emitRemark(
        "sharding: its values are split in ways that do not go together; some are redistributed");
    auto note = [&](Value value) {
      remark.attachNote(value.getLoc())
          << "this one is " << plan.shardings.find(value)->second.str(plan.mesh);
    };
    note(conflict.first);
    note(conflict.second);
  }
}

} // namespace

LogicalResult insertCollectives(func::FuncOp function, const InsertOptions &options) {
  FailureOr<Propagation> plan = propagate(function);
  if (failed(plan)) return failure();
  if (options.remarks) remarkConflicts(*plan);
  auto ways = Redistributor::create(
      plan->mesh,
      options.cluster ? *options.cluster : oneNode(static_cast<int>(plan->mesh.devices())));
  if (!ways.ok()) return function.emitError() << std::string(ways.status().message());
  if (failed(Inserter(function, *plan, *ways, options).run())) return failure();
  gatherAgain(function);
  return success();
}

} // namespace weir::distributed
