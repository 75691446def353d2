// Factors from loops. A dim along a loop is split as the loop is; of an ordered product only the
// outermost loop is, evenly. A dim of which indices pick is split by a factor of its own: each
// device looks at the indices of its piece only, so what it picks is a partial sum, and what it
// writes is its piece. A window is split by where it is, and reads into neighbouring pieces.
// Other data-dependent and whole dims are not split.
#include "distributed/propagate/rule.h"

#include "ir/collective/spmd.h"
#include "ir/dialect/permutation.h"
#include "ir/dialect/weir.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::distributed {

static int64_t rankOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getRank();
}

/// Does the value of an element depend on where it is? Then a piece is not made by the same op.
static bool isPositional(Operation *op) {
  if (op->getNumOperands() > 0 || isa<UndefOp, IotaOp>(op)) return false;
  return op->getNumResults() != 1 || !isSplat(op->getResult(0));
}

/// All operands and results have the shape of operand `i` pairwise: barrier, and what says a
/// sharding.
static OpRule pairwise(Operation *op) {
  OpRule rule;
  for (Value operand : op->getOperands()) {
    DimFactors dims;
    for (int64_t size : cast<RankedTensorType>(operand.getType()).getShape()) {
      dims.push_back(rule.factors.size());
      rule.factors.push_back({size});
    }
    rule.operands.push_back(dims);
    rule.results.push_back(dims);
  }
  return rule;
}

static OpRule replicated(Operation *op) {
  OpRule rule;
  rule.isDerived = false;
  for (Value value : op->getOperands()) rule.operands.emplace_back(rankOf(value), -1);
  for (Value value : op->getResults()) rule.results.emplace_back(rankOf(value), -1);
  return rule;
}

namespace {
class Deriver {
public:
  Deriver(Operation *op, const IterationSpace &space) : op(op), space(space) {
    for (const Loop &loop : space.loops) rule.factors.push_back({loop.size, loop.kind});
  }

  OpRule derive() {
    for (unsigned i = 0; i < space.operands.size(); ++i)
      rule.operands.push_back(tensor(space.operands[i], i));
    for (const TensorMap &dims : space.results) rule.results.push_back(tensor(dims, std::nullopt));
    if (indicesOperand(op)) addIndexed();
    if (isa<RandomBitsOp>(op))
      for (Factor &factor : rule.factors) factor.isPositional = true;
    if (auto iota = dyn_cast<IotaOp>(op))
      rule.factors[rule.results[0][iota.getDim()]].isPositional = true;
    for (int i = 0, n = rule.factors.size(); i < n; ++i)
      rule.factors[i].isSplittable &= canSplit(i);
    // Where the update goes depends on the position in the operand.
    if (auto update = dyn_cast<DynamicUpdateSliceOp>(op))
      for (auto [dim, factor] : llvm::enumerate(rule.operands[0]))
        if (factor >= 0 && rule.operands[1][dim] < 0) refuse(factor);
    if (isPositional(op))
      for (Factor &factor : rule.factors) factor.isSplittable = false;
    for (Factor &factor : rule.factors) factor.isPositional |= !factor.halos.empty();
    forgetUnsplittable(rule.operands);
    forgetUnsplittable(rule.results);
    return std::move(rule);
  }

private:
  void refuse(ArrayRef<int> loops) {
    for (int loop : loops) rule.factors[loop].isSplittable = false;
  }

  /// The loop along which windows over an operand's dim move; none where they are no windows, or
  /// nothing is read. Of a convolution the longest: in the derivative by the filter positions and
  /// window change places.
  const AffineTerm *movesAlong(const DimMap &dim) const {
    if (!isa<ConvolutionOp, UnfoldOp, FoldOp, SliceOp>(op) || dim.terms.empty()) return nullptr;
    for (const AffineTerm &term : dim.terms)
      if (space.loops[term.loop].size == 0) return nullptr;
    const AffineTerm *along = &dim.terms[0];
    for (const AffineTerm &term : dim.terms)
      if (isa<ConvolutionOp>(op) && space.loops[term.loop].size > space.loops[along->loop].size)
        along = &term;
    return along->stride > 0 ? along : nullptr;
  }

  int windowOf(const DimMap &dim, unsigned operand, int64_t number) {
    const AffineTerm *along = movesAlong(dim);
    for (const AffineTerm &term : dim.terms)
      if (!along || term.loop != along->loop) refuse(term.loop);
    if (!along) return -1;
    Halo halo{operand, number, dim.size,   space.loops[along->loop].size, along->stride, dim.offset,
              0,       0,      dim.divisor};
    for (const AffineTerm &term : dim.terms) {
      if (term.loop == along->loop) continue;
      const int64_t most = term.stride * (space.loops[term.loop].size - 1);
      (most < 0 ? halo.low : halo.high) += most;
    }
    rule.factors[along->loop].halos.push_back(halo);
    return along->loop;
  }

  /// `operand`: of which the dim is number `number`; none of a result.
  int factorOf(const DimMap &dim, std::optional<unsigned> operand, int64_t number) {
    switch (dim.kind) {
    case DimMap::Along:
      return dim.loops[0];
    case DimMap::Affine: {
      bool isAlong = dim.terms.size() == 1 && dim.terms[0].stride == 1 && dim.offset == 0 &&
                     dim.divisor == 1 && space.loops[dim.terms[0].loop].size == dim.size;
      if (isAlong) return dim.terms[0].loop;
      if (operand) return windowOf(dim, *operand, number);
      for (const AffineTerm &term : dim.terms) refuse(term.loop);
      return -1;
    }
    case DimMap::Product:
      if (dim.loops.empty()) return -1;
      if (dim.loops.size() > 1) rule.factors[dim.loops[0]].mustDivide = true;
      refuse(ArrayRef(dim.loops).drop_front());
      return dim.loops[0];
    case DimMap::Indexed:
    case DimMap::Whole:
      return -1;
    }
    return -1;
  }

  DimFactors tensor(const TensorMap &dims, std::optional<unsigned> operand) {
    DimFactors factors;
    for (auto [number, dim] : llvm::enumerate(dims))
      factors.push_back(factorOf(dim, operand, number));
    return factors;
  }

  /// The dim that is picked from, or written to.
  void addIndexed() {
    auto isIndexed = [](const DimMap &dim) { return dim.kind == DimMap::Indexed; };
    const int factor = rule.factors.size();
    const auto *from = llvm::find_if(space.operands[0], isIndexed),
               *to = llvm::find_if(space.results[0], isIndexed);
    const bool isWritten = to != space.results[0].end();
    if (from == space.operands[0].end()) return;
    const bool isRoll = permutationOf(op).has_value();
    if (!isWritten && !isRoll && elementOf(op->getResult(0)).isInteger(1)) return; // has no sum
    rule.factors.push_back({from->size, isWritten || isRoll ? LoopKind::Parallel : LoopKind::Sum});
    rule.factors.back().isPositional = true;
    rule.factors.back().isUnits = isRoll;
    if (isRoll) {
      rule.operands[1].assign(1, -1);
      rule.results[0][from - space.operands[0].begin()] = factor;
    }
    rule.operands[0][from - space.operands[0].begin()] = factor;
    if (isWritten) rule.results[0][to - space.results[0].begin()] = factor;
  }

  /// A reducing loop that some operand does not run along: that operand must be partial with the
  /// others (a sum), or may be combined once more (an extreme).
  bool canSplit(int loop) {
    LoopKind kind = rule.factors[loop].kind;
    if (rule.factors[loop].size < 2) return false;
    if (rule.factors[loop].isPositional) return true;
    if (kind == LoopKind::Parallel) return !isWindow(loop);
    if (!combinerOf(kind)) return false;
    for (auto [i, dims] : llvm::enumerate(rule.operands)) {
      if (llvm::is_contained(dims, loop)) continue;
      bool isFine = kind == LoopKind::Max || kind == LoopKind::Min ||
                    (kind == LoopKind::Sum && isJointlyLinear(op) && isLinearIn(op, i));
      if (!isFine) return false;
    }
    return true;
  }

  /// A loop that no operand runs along counts from where data says (dynamic_slice), if any is so
  /// positioned.
  bool isWindow(int loop) const {
    auto isIndexed = [](const DimMap &dim) { return dim.kind == DimMap::Indexed; };
    auto hasIndexed = [&](const TensorMap &dims) { return llvm::any_of(dims, isIndexed); };
    auto runsAlong = [&](const DimFactors &dims) { return llvm::is_contained(dims, loop); };
    return llvm::any_of(space.operands, hasIndexed) && llvm::none_of(rule.operands, runsAlong);
  }

  void forgetUnsplittable(MutableArrayRef<DimFactors> tensors) {
    for (DimFactors &dims : tensors)
      for (int &factor : dims)
        if (factor >= 0 && !rule.factors[factor].isSplittable) factor = -1;
  }

  Operation *op;
  const IterationSpace &space;
  OpRule rule;
};
} // namespace

OpRule ruleOf(Operation *op) {
  if (isa<BarrierOp, spmd::ShardOp>(op)) return pairwise(op);
  auto spaceOp = dyn_cast<IterationSpaceOp>(op);
  if (!spaceOp) return replicated(op);
  FailureOr<IterationSpace> space = spaceOp.iterationSpace();
  if (failed(space) || space->operands.size() != op->getNumOperands() ||
      space->results.size() != op->getNumResults())
    return replicated(op);
  return Deriver(op, *space).derive();
}

bool Factor::takes(const std::vector<int> &axes, const Mesh &mesh) const {
  if (axes.empty()) return true;
  if (isUnits && size != mesh.size(axes)) return false;
  if (mustDivide && size % mesh.size(axes)) return false;
  return llvm::all_of(halos, [&](const Halo &halo) { return halo.local(axes, mesh).has_value(); });
}

Sharding shardingOf(const DimFactors &factors, const FactorAxes &axes) {
  Sharding sharding = Sharding::replicated(factors.size());
  for (auto [dim, factor] : llvm::enumerate(factors))
    if (factor >= 0) sharding.dims[dim] = axes[factor];
  return sharding;
}

std::optional<Combiner> combinerOf(LoopKind kind) {
  switch (kind) {
  case LoopKind::Sum:
    return Combiner::Sum;
  case LoopKind::Max:
    return Combiner::Max;
  case LoopKind::Min:
    return Combiner::Min;
  case LoopKind::Prod:
    return Combiner::Prod;
  default:
    return std::nullopt;
  }
}

bool isLinearIn(Operation *op, unsigned operand) {
  if (isa<spmd::ShardOp>(op)) return false; // what the user wants there is the whole value
  auto weirOp = dyn_cast<WeirOp>(op);
  if (!weirOp || !weirOp.derivativeClass().isLinearIn(operand)) return false;
  if (!isa<ConvertOp>(op)) return true;
  auto from = dyn_cast<FloatType>(elementOf(op->getOperand(0))),
       to = dyn_cast<FloatType>(elementOf(op->getResult(0)));
  return from && to && (from == to || from.getWidth() < to.getWidth());
}

bool isJointlyLinear(Operation *op) {
  auto weirOp = dyn_cast<WeirOp>(op);
  return weirOp && weirOp.derivativeClass().kind == Derivative::Linear;
}

bool onlyMoves(Operation *op, unsigned operand) {
  return operand == 0 && isa<BroadcastOp, ReshapeOp, TransposeOp, SliceOp, ReverseOp, GatherOp>(op);
}

std::optional<unsigned> indicesOperand(Operation *op) {
  if (isa<GatherOp, ScatterAddOp, ScatterMulOp, ScatterMaxOp, ScatterMinOp, ScatterSetOp>(op))
    return 1;
  return std::nullopt;
}

std::optional<SmallVector<int64_t>> permutationOf(Operation *op) {
  auto gather = dyn_cast<GatherOp>(op);
  if (!gather || gather.getBatchDims() != 0) return std::nullopt;
  auto type = cast<RankedTensorType>(gather.getOperand().getType());
  return constantPermutation(gather.getIndices(), type.getDimSize(gather.getDim()));
}

bool isMadeAnywhere(Value value) {
  return isSplat(value) || value.getDefiningOp<IotaOp>();
}

bool isSplat(Value value) {
  DenseElementsAttr constant;
  return matchPattern(value, m_Constant(&constant)) && constant.isSplat();
}

bool isZero(Value value) {
  DenseElementsAttr constant;
  if (!matchPattern(value, m_Constant(&constant)) || !constant.isSplat()) return false;
  Attribute element = constant.getSplatValue<Attribute>();
  if (auto number = dyn_cast<FloatAttr>(element)) return number.getValue().isPosZero();
  auto number = dyn_cast<IntegerAttr>(element);
  return number && number.getValue().isZero();
}

} // namespace weir::distributed
