// Shardings as types. It reads attributes and rules only and knows nothing of how collectives came
// to be where they are.
#include "distributed/partition/partition.h"
#include "distributed/propagate/rule.h"

#include "ir/collective/spmd.h"
#include "ir/dialect/weir.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::distributed {

FailureOr<llvm::DenseMap<Value, Sharding>> readShardings(func::FuncOp function, const Mesh &mesh) {
  llvm::DenseMap<Value, Sharding> shardings;
  auto read = [&](Attribute text, Value value, Location at) -> LogicalResult {
    auto string = dyn_cast_or_null<StringAttr>(text);
    if (!string) return emitError(at) << "has a value without a sharding";
    auto sharding = readSharding(string.getValue(), mesh, shapeOf(value).size(), at);
    if (failed(sharding)) return failure();
    shardings[value] = *std::move(sharding);
    return success();
  };
  auto readAll = [&](Attribute list, ValueRange values, Location at) -> LogicalResult {
    auto texts = dyn_cast_or_null<ArrayAttr>(list);
    if (values.empty()) return success();
    if (!texts || texts.size() != values.size())
      return emitError(at) << "has values without shardings";
    for (auto [text, value] : llvm::zip(texts, values))
      if (failed(read(text, value, at))) return failure();
    return success();
  };
  for (auto [i, argument] : llvm::enumerate(function.getArguments()))
    if (failed(read(function.getArgAttr(i, spmd::kShardingAttr), argument, function.getLoc())))
      return failure();
  auto walked = function.getBody().walk([&](Operation *op) {
    if (failed(readAll(op->getAttr(spmd::kShardingsAttr), op->getResults(), op->getLoc())))
      return WalkResult::interrupt();
    auto regions = op->getAttrOfType<ArrayAttr>(spmd::kRegionShardingsAttr);
    for (auto [i, region] : llvm::enumerate(op->getRegions())) {
      Attribute list = regions && i < regions.size() ? regions[i] : Attribute();
      if (failed(readAll(list, region.getArguments(), op->getLoc())))
        return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  if (walked.wasInterrupted()) return failure();
  return shardings;
}

namespace {

using Axes = std::vector<int>;

class Checker {
public:
  Checker(func::FuncOp function, const Mesh &mesh, const llvm::DenseMap<Value, Sharding> &shardings)
      : function(function), mesh(mesh), shardings(shardings) {}

  LogicalResult check(Operation *op) {
    return llvm::TypeSwitch<Operation *, LogicalResult>(op)
        .Case<spmd::AllGatherOp, spmd::AllReduceOp, spmd::ReduceScatterOp, spmd::AllToAllOp,
              spmd::SplitOp, spmd::AsPartialOp>([&](auto c) { return checkCollective(c); })
        .Case([&](spmd::PermuteOp permute) { return checkPermute(permute); })
        .Case([&](spmd::AxisIndexOp index) {
          return error(index) << "is of one device, among values of all";
        })
        .Case([&](ScanOp scan) { return checkScan(scan); })
        .Case([&](WhileOp loop) { return checkWhile(loop); })
        .Case([&](IfOp branch) { return checkIf(branch); })
        .Case([&](func::ReturnOp end) { return checkReturn(end); })
        .Case([&](YieldOp) { return success(); }) // its op looks at it
        .Default([&](Operation *op) { return checkByRule(op); });
  }

private:
  const Sharding &of(Value value) const { return shardings.find(value)->second; }
  InFlightDiagnostic error(Operation *op) const {
    return opError(op->getLoc(), op->getName().getStringRef());
  }

  LogicalResult expect(Operation *op, const Twine &what, const Sharding &actual,
                       const Sharding &expected) const {
    if (actual == expected) return success();
    return error(op) << what << " is " << actual.str(mesh) << ", but must be "
                     << expected.str(mesh);
  }

  // ---- Collectives ----

  Axes axesOf(ArrayAttr names) const {
    Axes axes;
    for (auto name : names.getAsRange<StringAttr>())
      axes.push_back(mesh.find(std::string_view(name.getValue())).value_or(-1));
    return axes;
  }

  /// Takes `axes` off the end of `list`.
  static bool takeOff(Axes &list, const Axes &axes) {
    if (list.size() < axes.size() || !std::equal(axes.rbegin(), axes.rend(), list.rbegin()))
      return false;
    list.resize(list.size() - axes.size());
    return true;
  }

  static bool takePartial(Sharding &sharding, const Axes &axes, StringRef combiner) {
    for (int axis : axes)
      if (!std::erase(sharding.partial, axis)) return false;
    if (StringRef(combinerName(sharding.combiner)) != combiner) return false;
    if (sharding.partial.empty()) sharding.combiner = Combiner::Sum;
    return true;
  }

  static bool putOn(Sharding &sharding, int64_t dim, const Axes &axes) {
    for (int axis : axes)
      if (sharding.uses(axis)) return false;
    sharding.dims[dim].insert(sharding.dims[dim].end(), axes.begin(), axes.end());
    return true;
  }

  bool apply(spmd::AllGatherOp op, Sharding &s, const Axes &axes) {
    return takeOff(s.dims[op.getDim()], axes);
  }
  bool apply(spmd::AllReduceOp op, Sharding &s, const Axes &axes) {
    return takePartial(s, axes, op.getCombiner());
  }
  bool apply(spmd::ReduceScatterOp op, Sharding &s, const Axes &axes) {
    return takePartial(s, axes, op.getCombiner()) && putOn(s, op.getDim(), axes);
  }
  bool apply(spmd::AllToAllOp op, Sharding &s, const Axes &axes) {
    return takeOff(s.dims[op.getConcatDim()], axes) && putOn(s, op.getSplitDim(), axes);
  }
  bool apply(spmd::SplitOp op, Sharding &s, const Axes &axes) {
    return putOn(s, op.getDim(), axes);
  }
  bool apply(spmd::AsPartialOp, Sharding &s, const Axes &axes) {
    if (s.isPartial() && s.combiner != Combiner::Sum) return false;
    for (int axis : axes) {
      if (s.uses(axis)) return false;
      s.partial.push_back(axis);
    }
    llvm::sort(s.partial);
    return true;
  }

  template <typename Op> LogicalResult checkCollective(Op op) {
    Axes axes = axesOf(op.getAxes());
    if (op.getLocal()) return error(op) << "is of one device, among values of all";
    if (llvm::is_contained(axes, -1)) return error(op) << "names an axis that the mesh lacks";
    if (static_cast<int64_t>(op.getParts()) != mesh.size(axes))
      return error(op) << "groups have " << mesh.size(axes) << " devices, not " << op.getParts();
    Sharding after = of(op.getOperand());
    if (!apply(op, after, axes))
      return error(op) << "does not go on a value that is " << of(op.getOperand()).str(mesh);
    return expect(op, "result", of(op.getResult()), after);
  }

  /// What a device gets must be what it is to hold.
  LogicalResult checkPermute(spmd::PermuteOp op) {
    const Sharding &from = of(op.getOperand()), &to = of(op.getResult());
    if (static_cast<int64_t>(op.getSources().size()) != mesh.devices())
      return error(op) << "has " << op.getSources().size() << " sources for " << mesh.devices()
                       << " devices";
    std::vector<int64_t> shape = shapeOf(op.getOperand());
    for (auto [device, source] : llvm::enumerate(op.getSources())) {
      bool fits = from.combiner == to.combiner &&
                  mesh.size(from.partial) == mesh.size(to.partial) &&
                  mesh.position(source, from.partial) == mesh.position(device, to.partial);
      for (size_t dim = 0; dim < shape.size(); ++dim)
        fits &= pieceOf(shape[dim], from.dims[dim], mesh, source) ==
                    pieceOf(shape[dim], to.dims[dim], mesh, device) &&
                localSize(shape[dim], from.dims[dim], mesh) ==
                    localSize(shape[dim], to.dims[dim], mesh);
      if (!fits)
        return error(op) << "gives device " << device << " what device " << source << " has of "
                         << from.str(mesh) << ", but it is to have its part of " << to.str(mesh);
    }
    return success();
  }

  // ---- Ops by their rule ----

  LogicalResult checkByRule(Operation *op) {
    if (op->getNumRegions() > 0) return error(op) << "has no sharding rule";
    if (op->getNumOperands() == 0 && isSplat(op->getResult(0))) return checkSplat(op);
    OpRule rule = ruleOf(op);
    FactorAxes axes(rule.factors.size());
    SmallVector<bool> seen(rule.factors.size(), false);
    for (auto [i, dims] : llvm::enumerate(rule.operands))
      if (failed(collect(op, "operand " + Twine(i), dims, of(op->getOperand(i)), rule, axes, seen)))
        return failure();
    for (auto [i, dims] : llvm::enumerate(rule.results))
      if (failed(collect(op, "result", dims, of(op->getResult(i)), rule, axes, seen)))
        return failure();
    if (failed(checkDistinct(op, rule, axes))) return failure();
    Sharding given;
    if (failed(passPartial(op, rule, axes, given)) || failed(reduce(op, rule, axes, given)))
      return failure();
    llvm::sort(given.partial);
    for (Value result : op->getResults()) {
      Sharding expected = of(result);
      expected.partial = given.partial;
      expected.combiner = given.combiner;
      if (failed(expect(op, "result", of(result), expected))) return failure();
    }
    return success();
  }

  /// Each device makes its piece by itself; zeros are a partial sum, too.
  LogicalResult checkSplat(Operation *op) {
    const Sharding &s = of(op->getResult(0));
    if (!s.isPartial() || (s.combiner == Combiner::Sum && isZero(op->getResult(0))))
      return success();
    return error(op) << "result is " << s.str(mesh) << ", but is known as a whole";
  }

  LogicalResult collect(Operation *op, const Twine &what, const DimFactors &dims,
                        const Sharding &sharding, const OpRule &rule, FactorAxes &axes,
                        SmallVectorImpl<bool> &seen) {
    for (auto [dim, factor] : llvm::enumerate(dims)) {
      const Axes &split = sharding.dims[dim];
      if (factor < 0) {
        if (split.empty()) continue;
        return error(op) << what << " is split along dim " << dim
                         << ", of which all is needed: " << sharding.str(mesh);
      }
      if (!seen[factor]) axes[factor] = split;
      seen[factor] = true;
      if (axes[factor] != split)
        return error(op) << what << " is " << sharding.str(mesh)
                         << ", which is not split along dim " << dim << " as the others are";
    }
    return success();
  }

  LogicalResult checkDistinct(Operation *op, const OpRule &rule, const FactorAxes &axes) {
    Axes all;
    for (auto [factor, list] : llvm::zip(rule.factors, axes)) {
      for (int axis : list) {
        if (llvm::is_contained(all, axis))
          return error(op) << "axis " << mesh.axes[axis].name << " splits two loops";
        all.push_back(axis);
      }
      if (!factor.takes(list, mesh))
        return error(op) << (factor.isUnits      ? "slices change places only if each has a device"
                             : factor.mustDivide ? "pieces of a dim that is reshaped must be equal"
                                                 : "windows reach beyond the neighbouring pieces");
    }
    return success();
  }

  /// Partial operands that the op takes to partial results.
  LogicalResult passPartial(Operation *op, const OpRule &rule, const FactorAxes &axes,
                            Sharding &given) {
    for (auto [i, operand] : llvm::enumerate(op->getOperands())) {
      const Sharding &s = of(operand);
      if (!s.isPartial()) continue;
      bool passes = onlyMoves(op, i) || (s.combiner == Combiner::Sum && isLinearIn(op, i));
      if (!passes)
        return error(op) << "operand " << i << " is " << s.str(mesh)
                         << ", but the op needs the whole value";
      for (int axis : s.partial) {
        if (failed(passAxis(op, rule, axes, i, axis))) return failure();
        if (!llvm::is_contained(given.partial, axis)) given.partial.push_back(axis);
      }
      given.combiner = s.combiner;
    }
    return success();
  }

  LogicalResult passAxis(Operation *op, const OpRule &rule, const FactorAxes &axes, unsigned i,
                         int axis) {
    for (auto [j, other] : llvm::enumerate(op->getOperands())) {
      if (i == j || onlyMoves(op, i)) continue;
      bool isPartialToo = llvm::is_contained(of(other).partial, axis);
      bool isSummed = false; // along a loop that the axis splits
      for (int f : rule.operands[j])
        isSummed |=
            f >= 0 && rule.factors[f].kind == LoopKind::Sum && llvm::is_contained(axes[f], axis);
      bool isAlike = !isLinearIn(op, j) || isPartialToo || isSummed;
      if (isJointlyLinear(op) ? !isAlike : isPartialToo)
        return error(op) << "operand " << i << " is " << of(op->getOperand(i)).str(mesh)
                         << ", operand " << j << " is " << of(other).str(mesh)
                         << ": they do not go together";
    }
    for (auto [factor, list] : llvm::zip(rule.factors, axes))
      if (factor.kind == LoopKind::Parallel && llvm::is_contained(list, axis))
        return error(op) << "axis " << mesh.axes[axis].name << " is partial and splits a loop";
    return success();
  }

  /// Reducing loops that are split make the results partial.
  LogicalResult reduce(Operation *op, const OpRule &rule, const FactorAxes &axes, Sharding &given) {
    for (int f = 0, n = axes.size(); f < n; ++f) {
      if (rule.factors[f].kind == LoopKind::Parallel || axes[f].empty()) continue;
      Combiner combiner = *combinerOf(rule.factors[f].kind);
      if (!given.partial.empty() && given.combiner != combiner)
        return error(op) << "results would be partial in two ways";
      given.combiner = combiner;
      for (int axis : axes[f])
        if (!llvm::is_contained(given.partial, axis)) given.partial.push_back(axis);
      if (combiner != Combiner::Sum) continue;
      for (unsigned i = 0; i < op->getNumOperands(); ++i)
        for (int axis : axes[f])
          if (!llvm::is_contained(rule.operands[i], f) && isLinearIn(op, i) &&
              !llvm::is_contained(of(op->getOperand(i)).partial, axis))
            return error(op) << "operand " << i << " would be added once for each device";
    }
    return success();
  }

  // ---- Control flow ----

  LogicalResult checkEdge(Operation *op, const Twine &what, Value from, const Sharding &to) {
    if (to.isPartial()) return error(op) << what << " is partial: " << to.str(mesh);
    return expect(op, what, of(from), to);
  }

  static Sharding behindLoop(Sharding slice) {
    slice.dims.insert(slice.dims.begin(), Axes{});
    return slice;
  }

  LogicalResult checkScan(ScanOp scan) {
    Block &body = scan.getBody().front();
    int64_t carries = scan.numCarries();
    for (auto [i, operand] : llvm::enumerate(scan->getOperands())) {
      Sharding taken = of(body.getArgument(i));
      if (static_cast<int64_t>(i) >= carries) taken = behindLoop(taken);
      if (failed(checkEdge(scan, "operand " + Twine(i), operand, taken))) return failure();
    }
    for (auto [i, pair] :
         llvm::enumerate(llvm::zip(body.getTerminator()->getOperands(), scan.getOutputs()))) {
      auto [yielded, result] = pair;
      bool isCarry = static_cast<int64_t>(i) < carries;
      Sharding given = isCarry ? of(body.getArgument(i)) : of(yielded);
      if (failed(checkEdge(scan, "yielded value " + Twine(i), yielded, given)) ||
          failed(expect(scan, "result", of(result), isCarry ? given : behindLoop(given))))
        return failure();
    }
    return success();
  }

  LogicalResult checkWhile(WhileOp loop) {
    Block &condition = loop.getCondition().front(), &body = loop.getBody().front();
    for (auto [i, argument] : llvm::enumerate(body.getArguments())) {
      const Sharding &carry = of(argument);
      if (failed(checkEdge(loop, "operand " + Twine(i), loop->getOperand(i), carry)) ||
          failed(checkEdge(loop, "argument", condition.getArgument(i), carry)) ||
          failed(checkEdge(loop, "yielded value", body.getTerminator()->getOperand(i), carry)) ||
          failed(checkEdge(loop, "result", loop->getResult(i), carry)))
        return failure();
    }
    return checkEdge(loop, "condition", condition.getTerminator()->getOperand(0),
                     Sharding::replicated(0));
  }

  LogicalResult checkIf(IfOp branch) {
    if (failed(checkEdge(branch, "predicate", branch.getPred(), Sharding::replicated(0))))
      return failure();
    for (Region &region : branch->getRegions())
      for (auto [yielded, result] :
           llvm::zip(region.front().getTerminator()->getOperands(), branch.getOutputs()))
        if (failed(checkEdge(branch, "yielded value", yielded, of(result)))) return failure();
    return success();
  }

  LogicalResult checkReturn(func::ReturnOp end) {
    for (auto [i, value] : llvm::enumerate(end.getOperands())) {
      auto text = function.getResultAttrOfType<StringAttr>(i, spmd::kShardingAttr);
      if (!text) return error(end) << "result " << i << " has no sharding";
      auto said = readSharding(text.getValue(), mesh, of(value).dims.size(), end.getLoc());
      if (failed(said) || failed(checkEdge(end, "result " + Twine(i), value, *said)))
        return failure();
      auto updates = function.getResultAttrOfType<IntegerAttr>(i, kUpdatesAttr);
      if (updates &&
          failed(checkEdge(end, "update", value, of(function.getArgument(updates.getInt())))))
        return failure();
    }
    return success();
  }

  func::FuncOp function;
  const Mesh &mesh;
  const llvm::DenseMap<Value, Sharding> &shardings;
};

} // namespace

LogicalResult verifySharding(func::FuncOp function) {
  FailureOr<Mesh> mesh = meshOf(function);
  if (failed(mesh)) return failure();
  auto shardings = readShardings(function, *mesh);
  if (failed(shardings)) return failure();
  Checker checker(function, *mesh, *shardings);
  auto walked = function.getBody().walk([&](Operation *op) {
    return failed(checker.check(op)) ? WalkResult::interrupt() : WalkResult::advance();
  });
  return failure(walked.wasInterrupted());
}

} // namespace weir::distributed
