// Which results of a kernel may be written over which arguments.
#include "passes/fuse/outline_kernels.h"

using namespace mlir;

namespace weir::passes {
namespace {

/// Reads of every argument happen at the index of the domain only.
bool isReadInPlace(const Cluster &cluster, Value arg) {
  for (OpOperand &use : arg.getUses()) {
    auto it = cluster.ops.find(use.getOwner());
    if (it == cluster.ops.end()) continue;
    if (needsMemory(use) || !Clustering::operandPlace(use, it->second).is(Place::Full))
      return false;
  }
  return true;
}

/// What `result` is computed from without a reduction in between, and how many reductions it
/// depends on.
struct Slice {
  llvm::DenseSet<Value> direct;
  llvm::DenseSet<Operation *> reductions;

  Slice(const Cluster &cluster, Value result) {
    llvm::DenseSet<Value> seen;
    SmallVector<std::pair<Value, bool>> worklist{{result, true}};
    while (!worklist.empty()) {
      auto [v, isDirect] = worklist.pop_back_val();
      if (isDirect ? !direct.insert(v).second : direct.contains(v) || !seen.insert(v).second)
        continue;
      Operation *op = v.getDefiningOp();
      if (!cluster.contains(op)) continue;
      bool reduces = classOf(op) == OpClass::RowReduce;
      if (reduces) reductions.insert(op);
      for (Value operand : op->getOperands()) worklist.push_back({operand, isDirect && !reduces});
    }
  }
};

} // namespace

SmallVector<std::pair<int64_t, int64_t>> inplacePairs(const Clustering &clustering,
                                                      const Cluster &cluster, ArrayRef<Value> args,
                                                      ArrayRef<Value> results) {
  SmallVector<std::pair<int64_t, int64_t>> pairs;
  if (cluster.kind == KernelKind::Own) {
    Operation *op = cluster.ops.front().first;
    const Value *arg = llvm::find(args, op->getOperand(0));
    // An operand that is also the update would be read after it was written.
    bool readOnce = llvm::count(op->getOperands(), op->getOperand(0)) == 1;
    if (isa<ir::ScatterAddOp, ir::ScatterMulOp, ir::ScatterMaxOp, ir::ScatterMinOp,
            ir::ScatterSetOp, ir::DynamicUpdateSliceOp>(op) &&
        arg != args.end() && readOnce)
      pairs.push_back({0, arg - args.begin()});
    return pairs;
  }
  if (cluster.kind == KernelKind::Column) return pairs;
  int64_t reductions =
      llvm::count_if(cluster.ops, [](auto &e) { return classOf(e.first) == OpClass::RowReduce; });
  for (auto [r, result] : llvm::enumerate(results)) {
    if (!cluster.ops.find(result.getDefiningOp())->second.is(Place::Full)) continue;
    Slice slice(cluster, result);
    // In the last walk over a row: nothing is read after this result was written.
    if (int64_t(slice.reductions.size()) != reductions) continue;
    // A dot keeps unfinished sums in a result that may share nothing; only updates of variables are
    // worth scratch for them.
    Value variable = clustering.variableUpdatedBy(result);
    for (auto [a, arg] : llvm::enumerate(args)) {
      if (cluster.kind == KernelKind::Dot && arg != variable) continue;
      if (countOf(arg) == countOf(result) &&
          elementBytes(arg.getType()) == elementBytes(result.getType()) &&
          slice.direct.contains(arg) && isReadInPlace(cluster, arg))
        pairs.push_back({r, a});
    }
  }
  return pairs;
}

} // namespace weir::passes
