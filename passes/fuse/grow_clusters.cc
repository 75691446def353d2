// Growing clusters: ops are visited from last to first and join the clusters of their users.
//
// A value wanted by one cluster joins it if its place there allows. A value wanted by several is
// computed again in each if that is cheap and reads no more than it saves (one large source); else
// it is written to memory by a cluster of its own, which merging may later unite with a reader.
#include "passes/fuse/clustering.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace weir::passes {
namespace {

constexpr int kMaxRecomputeCost = 32; ///< about what a trip to memory costs for one vector
constexpr int kMaxSpreadCost = 8;     ///< in one cluster
constexpr size_t kMaxOps = 200;
constexpr size_t kMaxScalarOps =
    8; ///< after a full reduction in its kernel; sums of sums stay apart
constexpr int64_t kMinRowForLead = 32; ///< elements a row that make once-a-row work cheap

} // namespace

bool fitsDotEpilogue(Operation *op) {
  OpClass c = classOf(op);
  return c == OpClass::Elementwise || c == OpClass::View || c == OpClass::Splat ||
         isa<ir::BroadcastOp, ir::IotaOp>(op);
}

Clustering::Clustering(Block &block) : block(block) {
  for (Operation &op : block) {
    index[&op] = order.size();
    order.push_back(&op);
  }
  analyse();
}

/// Which values must lie in memory, and what it takes to compute the others again from those.
void Clustering::analyse() {
  for (Operation *op : llvm::reverse(order))
    for (Value v : op->getResults())
      for (OpOperand &use : v.getUses()) {
        bool nested = use.getOwner()->getBlock() != &block;
        bool view = !nested && classOf(use.getOwner()) == OpClass::View;
        if (nested || use.getOwner()->hasTrait<OpTrait::IsTerminator>() || needsMemory(use) ||
            (view && facts[use.getOwner()->getResult(0)].inMemory))
          facts[v].inMemory = true;
      }
  for (Operation *op : order) {
    if (op->getNumResults() != 1) continue;
    Value v = op->getResult(0);
    Facts fact = facts[v];
    OpClass c = classOf(op);
    if (fact.inMemory || c == OpClass::RowReduce || c == OpClass::ColumnReduce ||
        c == OpClass::Constant || c == OpClass::Own || c == OpClass::Control) {
      fact.sources = {v};
    } else if (c == OpClass::Splat) {
      fact.cheap = true;
    } else if (c != OpClass::Dot && !isa<ir::GatherOp>(op)) {
      fact.cost = costOf(op);
      llvm::SmallSetVector<Value, 4> sources;
      for (Value operand : op->getOperands()) {
        auto it = facts.find(operand);
        bool outer = !operand.getDefiningOp() || !index.contains(operand.getDefiningOp());
        if (outer)
          sources.insert(operand);
        else if (it != facts.end()) {
          fact.cost += it->second.cost;
          sources.insert(it->second.sources.begin(), it->second.sources.end());
        }
      }
      int large = llvm::count_if(sources, [&](Value s) { return 2 * bytesOf(s) >= bytesOf(v); });
      fact.sources = SmallVector<Value, 2>(sources.begin(), sources.end());
      fact.cheap = fact.cost <= kMaxRecomputeCost && (large <= 1 || bytesOf(v) <= 1024) &&
                   sources.size() <= 8;
    }
    // What is not cheap and has several users will be written to memory.
    if (!fact.cheap && (c == OpClass::Dot || fact.sources.size() != 1 || fact.sources[0] != v)) {
      fact.cost = v.hasOneUse() ? kMaxRecomputeCost + 1 : 0;
      fact.sources = {v};
    }
    facts[v] = fact;
  }
}

void Clustering::grow() {
  for (Operation *op : llvm::reverse(order)) {
    if (op->hasTrait<OpTrait::IsTerminator>()) continue;
    switch (classOf(op)) {
    case OpClass::Splat:
    case OpClass::Constant:
      break; // handled where they are read
    case OpClass::View:
      placeView(op);
      break;
    default:
      place(op);
    }
  }
}

/// Views join every cluster that can take them; for the rest they stay outside, reading memory.
void Clustering::placeView(Operation *op) {
  Value v = op->getResult(0);
  bool outside = facts[v].inMemory;
  for (int c : readersOf(v)) {
    Place place;
    if (canJoin(clusters[c], op, place))
      join(c, op, place);
    else
      outside = true;
  }
  if (!outside) return;
  views.insert(op);
  facts[op->getOperand(0)].inMemory = true;
}

void Clustering::place(Operation *op) {
  bool inMemory = llvm::any_of(op->getResults(), [&](Value v) { return facts[v].inMemory; });
  if (inMemory || op->getNumResults() != 1) return startCluster(op);
  Value v = op->getResult(0);
  SmallVector<int> readers = readersOf(v);
  if (readers.empty()) return; // dead
  if (readers.size() > 1 && !facts[v].cheap) return startCluster(op);
  SmallVector<Place> places(readers.size());
  for (auto [c, place] : llvm::zip(readers, places))
    if (!canJoin(clusters[c], op, place)) return startCluster(op);
  for (auto [c, place] : llvm::zip(readers, places)) join(c, op, place);
}

void Clustering::startCluster(Operation *op) {
  Cluster cluster;
  Place place{Place::Full, 0};
  cluster.points = op->getNumResults() ? countOf(op->getResult(0)) : 0;
  switch (classOf(op)) {
  case OpClass::RowReduce:
    cluster.kind = KernelKind::Row;
    place = {Place::Lead, std::max<int64_t>(cluster.points, 0)};
    cluster.points = countOf(op->getOperand(0));
    cluster.cols = place.lead ? cluster.points / place.lead : 0;
    break;
  case OpClass::ColumnReduce:
    cluster.kind = KernelKind::Column;
    cluster.cols = cluster.points;
    cluster.points = reductionPoints(op);
    break;
  case OpClass::Dot:
    cluster.kind = KernelKind::Dot;
    break;
  case OpClass::Own:
    cluster.kind = KernelKind::Own;
    break;
  case OpClass::Control:
    cluster.kind = KernelKind::Control;
    break;
  default:
    cluster.kind = KernelKind::Loop;
  }
  for (Value v : op->getResults()) cluster.roots.insert(v);
  clusters.push_back(std::move(cluster));
  join(clusters.size() - 1, op, place);
}

Value Clustering::variableUpdatedBy(Value value) const {
  auto func = dyn_cast<func::FuncOp>(block.getParentOp());
  auto scan = dyn_cast<ir::ScanOp>(block.getParentOp());
  auto loop = dyn_cast<ir::WhileOp>(block.getParentOp());
  for (OpOperand &use : value.getUses()) {
    if (use.getOwner() != block.getTerminator()) continue;
    int64_t i = use.getOperandNumber();
    if (scan && i < scan.numCarries()) return block.getArgument(i);
    if (loop && block.getParent() == &loop.getBody()) return block.getArgument(i);
    auto updates =
        func ? func.getResultAttrOfType<IntegerAttr>(i, ir::kUpdatesAttr) : IntegerAttr();
    if (updates) return func.getArgument(updates.getInt());
  }
  return nullptr;
}

bool Clustering::canJoinElementwise(const Cluster &cluster, Operation *op, Place place) const {
  int cost = costOf(op);
  bool once = !(place.bits & Place::Spread);
  if (place.bits & Place::Lead) {
    bool hoisted =
        cluster.kind == KernelKind::Row
            ? place.lead == cluster.rows()
            : cluster.kind == KernelKind::Loop && place.lead * kMinRowForLead <= cluster.points;
    once &= hoisted;
  }
  if (!once && (cost > 4 || cluster.spreadCost + cost > kMaxSpreadCost)) return false;
  return llvm::popcount(place.bits) == 1 || cost <= 4;
}

/// Whether the op's value is read by the cluster's dot itself, not by what follows it.
static bool feedsDot(const Cluster &cluster, Operation *op) {
  return cluster.kind == KernelKind::Dot && llvm::any_of(op->getUsers(), [&](Operation *user) {
           return cluster.contains(user) && isa<ir::DotOp, ir::UnfoldOp>(user);
         });
}

bool Clustering::canJoin(const Cluster &cluster, Operation *op, Place &place) const {
  if (cluster.kind == KernelKind::Own || cluster.kind == KernelKind::Control) return false;
  if (cluster.ops.size() >= kMaxOps) return false;
  place = placeIn(cluster, op->getResult(0));
  IndexSet indices = indicesIn(cluster, op->getResult(0), place);
  if (cluster.repeatCost + repeatCostOf(op, indices) > kMaxRepeatCost) return false;
  if (feedsDot(cluster, op))
    return isStrided(op) && llvm::all_of(op->getUses(), [&](OpOperand &use) {
             return !cluster.contains(use.getOwner()) || !needsMemory(use);
           });
  bool afterDot = cluster.kind == KernelKind::Dot;
  switch (classOf(op)) {
  case OpClass::Elementwise:
    return canJoinElementwise(cluster, op, place);
  case OpClass::View:
    return true;
  case OpClass::Layout:
    if (afterDot && !fitsDotEpilogue(op)) return false;
    return !isa<ir::RandomBitsOp>(op) || canJoinElementwise(cluster, op, place);
  case OpClass::RowReduce: {
    int64_t rows = countOf(op->getResult(0)), points = countOf(op->getOperand(0));
    if (rows == 0 || points == 0) return false;
    int64_t cols = points / rows;
    if (cluster.kind == KernelKind::Row)
      return rows > 1 && place.is(Place::Lead) && place.lead == rows && cluster.points == points &&
             cluster.cols == cols;
    if (cluster.kind != KernelKind::Loop) return false;
    if (place.is(Place::Lead) && place.lead == rows && cluster.points == points) return true;
    if (rows == 1 && cluster.ops.size() > kMaxScalarOps) return false;
    return place.is(Place::Full) && cluster.points == rows &&
           llvm::all_of(cluster.ops, [](auto &entry) { return fitsDotEpilogue(entry.first); });
  }
  case OpClass::Dot:
    return cluster.kind == KernelKind::Loop && place.is(Place::Full) &&
           cluster.points == countOf(op->getResult(0)) &&
           llvm::all_of(cluster.ops, [](auto &entry) { return fitsDotEpilogue(entry.first); });
  default:
    return false;
  }
}

/// The cluster ran over rows; from now on a row has `cols` points.
void Clustering::liftToRows(Cluster &cluster, int64_t points, int64_t cols) {
  int64_t rows = points / cols;
  for (auto &[op, place] : cluster.ops) {
    if (place.bits & Place::Lead) place = {uint8_t((place.bits & ~Place::Lead) | Place::Spread), 0};
    if (place.bits & Place::Full)
      place = {uint8_t((place.bits & ~Place::Full) | Place::Lead), rows};
  }
  liftIndices(cluster, rows);
  cluster.kind = KernelKind::Row;
  cluster.points = points;
  cluster.cols = cols;
}

void Clustering::join(int c, Operation *op, Place place) {
  Cluster &cluster = clusters[c];
  OpClass opClass = classOf(op);
  if (opClass == OpClass::Dot) cluster.kind = KernelKind::Dot;
  if (opClass == OpClass::RowReduce && cluster.kind == KernelKind::Loop) {
    int64_t rows = countOf(op->getResult(0)), points = countOf(op->getOperand(0));
    if (place.is(Place::Full)) {
      liftToRows(cluster, points, points / rows);
      place = {Place::Lead, rows};
    }
    cluster.kind = KernelKind::Row;
    cluster.cols = points / rows;
  }
  if ((place.bits & Place::Spread) && opClass == OpClass::Elementwise)
    cluster.spreadCost += costOf(op);
  IndexSet indices;
  if (op->getNumResults() == 1) indices = indicesIn(cluster, op->getResult(0), place);
  cluster.repeatCost += repeatCostOf(op, indices);
  cluster.indices[op] = std::move(indices);
  cluster.ops[op] = place;
  memberships[op].push_back(c);
}

} // namespace weir::passes
