// The order of launches within a block.
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/fuse/outline_kernels.h"

#include <queue>

using namespace mlir;

namespace weir::passes {
namespace {

class Schedule {
public:
  explicit Schedule(const Clustering &c)
      : c(c), successors(c.clusters.size()), waits(c.clusters.size(), 0) {
    for (auto [i, cluster] : llvm::enumerate(c.clusters))
      for (Value root : cluster.roots) writers[root] = i;
    for (auto [i, cluster] : llvm::enumerate(c.clusters))
      for (auto &[op, place] : cluster.ops) addReads(i, op);
  }

  /// Readers of a variable's old value go before its update unless that would close a circle.
  void orderVariableUpdates(func::FuncOp func) {
    for (OpOperand &result : c.block.getTerminator()->getOpOperands()) {
      auto updates =
          func.getResultAttrOfType<IntegerAttr>(result.getOperandNumber(), ir::kUpdatesAttr);
      auto writer = writers.find(root(result.get()));
      if (!updates || writer == writers.end()) continue;
      llvm::SmallSetVector<int, 8> readers;
      collectReaders(func.getArgument(updates.getInt()), readers);
      for (int reader : readers)
        if (reader != writer->second && !reaches(writer->second, reader))
          addEdge(reader, writer->second);
    }
  }

  SmallVector<int> run() {
    auto later = [](std::pair<int, int> a, std::pair<int, int> b) { return a > b; };
    std::priority_queue<std::pair<int, int>, std::vector<std::pair<int, int>>, decltype(later)>
        ready(later);
    auto push = [&](int i) {
      int first = c.order.size();
      for (auto &[op, place] : c.clusters[i].ops)
        if (llvm::any_of(op->getResults(),
                         [&](Value v) { return c.clusters[i].roots.contains(v); }) ||
            op->getNumResults() == 0)
          first = std::min(first, c.index.lookup(op));
      ready.push({first, i});
    };
    for (auto [i, cluster] : llvm::enumerate(c.clusters))
      if (!cluster.ops.empty() && waits[i] == 0) push(i);
    SmallVector<int> order;
    while (!ready.empty()) {
      int i = ready.top().second;
      ready.pop();
      order.push_back(i);
      for (int s : successors[i])
        if (--waits[s] == 0) push(s);
    }
    return order;
  }

private:
  /// The value that a view outside kernels shows.
  Value root(Value v) const {
    while (v.getDefiningOp() && c.views.contains(v.getDefiningOp()))
      v = v.getDefiningOp()->getOperand(0);
    return v;
  }

  void addReads(int i, Operation *op) {
    op->walk([&](Operation *inner) {
      for (Value operand : inner->getOperands()) {
        if (c.clusters[i].contains(operand.getDefiningOp()) &&
            !c.views.contains(operand.getDefiningOp()))
          continue;
        auto writer = writers.find(viewedRoot(operand));
        if (writer != writers.end() && int(writer->second) != i) addEdge(writer->second, i);
      }
    });
  }

  /// Also sees through views inside the reader, which are taken outside when kernels are outlined.
  Value viewedRoot(Value v) const {
    while (!writers.contains(v) && isa_and_present<ir::ReshapeOp>(v.getDefiningOp()))
      v = v.getDefiningOp()->getOperand(0);
    return v;
  }

  void addEdge(int from, int to) {
    if (successors[from].insert(to)) ++waits[to];
  }

  void collectReaders(Value v, llvm::SmallSetVector<int, 8> &readers) const {
    for (Operation *user : v.getUsers()) {
      Operation *here = c.ancestorOf(user);
      auto it = c.memberships.find(here);
      if (it != c.memberships.end()) readers.insert(it->second.begin(), it->second.end());
      if (c.views.contains(here)) collectReaders(here->getResult(0), readers);
    }
  }

  bool reaches(int from, int to) const {
    llvm::DenseSet<int> seen{from};
    SmallVector<int> worklist{from};
    while (!worklist.empty())
      for (int s : successors[worklist.pop_back_val()]) {
        if (s == to) return true;
        if (seen.insert(s).second) worklist.push_back(s);
      }
    return false;
  }

  const Clustering &c;
  llvm::DenseMap<Value, int> writers;
  std::vector<llvm::SmallSetVector<int, 4>> successors;
  SmallVector<int> waits;
};

} // namespace

SmallVector<int> scheduleClusters(const Clustering &clustering) {
  Schedule schedule(clustering);
  if (auto func = dyn_cast<func::FuncOp>(clustering.block.getParentOp()))
    schedule.orderVariableUpdates(func);
  return schedule.run();
}

} // namespace weir::passes
