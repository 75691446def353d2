// Candidates: the results' shardings first, each operand's first, nothing split. Each is completed
// from the other values where these agree with it.
#include "distributed/partition/assignment.h"

#include "ir/cost/cost.h"

using namespace mlir;

namespace weir::distributed {
namespace {

/// A byte from another device is worth this many bytes of memory, a FLOP this part of one.
constexpr double kRemoteByte = 20, kFlop = 0.05;

class Assigner {
public:
  explicit Assigner(const Situation &s) : s(s) {}

  FactorAxes cheapest() {
    size_t operands = s.operands.size();
    FactorAxes best(s.rule.factors.size());
    double bestCost = cost(best);
    auto consider = [&](const FactorAxes &candidate) {
      double c = cost(candidate);
      if (c < bestCost) best = candidate, bestCost = c;
    };
    for (size_t first = 0; first <= operands; ++first) {
      FactorAxes axes(s.rule.factors.size());
      if (first == operands) suggestResults(axes);
      if (first < operands) suggest(axes, s.rule.operands[first], s.operands[first]);
      if (first < operands) suggestResults(axes);
      consider(axes);
      for (size_t i = 0; i < operands; ++i) suggest(axes, s.rule.operands[i], s.operands[i]);
      consider(axes);
    }
    return best;
  }

private:
  bool isTaken(const FactorAxes &axes, int axis) const {
    return llvm::any_of(axes, [&](const auto &list) { return llvm::is_contained(list, axis); });
  }

  void suggestResults(FactorAxes &axes) const {
    for (auto [dims, sharding] : llvm::zip(s.rule.results, s.results))
      suggest(axes, dims, sharding);
  }

  /// Takes over the splits of a value that go together with `axes`.
  void suggest(FactorAxes &axes, const DimFactors &dims, const Sharding &sharding) const {
    for (auto [dim, factor] : llvm::enumerate(dims)) {
      if (factor < 0 || !s.rule.factors[factor].isSplittable) continue;
      std::vector<int> &have = axes[factor];
      const std::vector<int> &want = sharding.dims[dim];
      if (want.size() <= have.size() || !std::equal(have.begin(), have.end(), want.begin()))
        continue;
      std::vector<int> longer = have;
      for (size_t i = have.size(); i < want.size() && !isTaken(axes, want[i]); ++i)
        longer.push_back(want[i]);
      if (s.rule.factors[factor].takes(longer, s.mesh)) have = longer;
    }
  }

  double cost(const FactorAxes &axes) const {
    double remote = 0, memory = 0, parts = 1;
    auto add = [&](Value value, const Sharding &from, const Sharding &to) {
      remote += s.ways.bytes(shapeOf(value), dtypeOf(value), from, to);
    };
    auto local = [&](Value value, const Sharding &sharding) {
      memory += pieceBytes(shapeOf(value), elementBytes(value), sharding, s.mesh);
    };
    for (auto [value, dims, sharding] :
         llvm::zip(s.op->getOperands(), s.rule.operands, s.operands)) {
      Sharding taken = shardingOf(dims, axes);
      add(value, sharding, taken);
      local(value, taken);
    }
    for (auto [factor, list] : llvm::zip(s.rule.factors, axes))
      for (const Halo &halo : factor.halos)
        if (auto here = list.empty() ? std::nullopt : halo.local(list, s.mesh)) {
          const Value value = s.op->getOperand(halo.operand);
          remote += pieceBytes(shapeOf(value), elementBytes(value),
                               shardingOf(s.rule.operands[halo.operand], axes), s.mesh) *
                    static_cast<double>(here->left + here->right) / static_cast<double>(here->held);
        }
    std::vector<int> reduced;
    std::optional<Combiner> combiner;
    for (auto [factor, list] : llvm::zip(s.rule.factors, axes)) {
      parts *= s.mesh.size(list);
      if (factor.kind == ir::LoopKind::Parallel || list.empty()) continue;
      if (combiner && combiner != combinerOf(factor.kind)) return 1e300;
      combiner = combinerOf(factor.kind);
      reduced.insert(reduced.end(), list.begin(), list.end());
    }
    llvm::sort(reduced);
    for (auto [value, dims, sharding] : llvm::zip(s.op->getResults(), s.rule.results, s.results)) {
      Sharding given = shardingOf(dims, axes);
      given.partial = reduced;
      if (combiner) given.combiner = *combiner;
      add(value, given, sharding);
      local(value, given);
    }
    return kRemoteByte * remote + memory + kFlop * static_cast<double>(ir::flopsOf(s.op)) / parts;
  }

  const Situation &s;
};

} // namespace

FactorAxes assignFactors(const Situation &situation) {
  return Assigner(situation).cheapest();
}

} // namespace weir::distributed
