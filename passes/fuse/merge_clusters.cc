// Merging clusters over one domain: a producer with its reader (which then finds the value in
// registers), and readers of one large value (which then is read once). Never so that the launches
// would need one another in a circle.
#include "passes/fuse/clustering.h"

using namespace mlir;

namespace weir::passes {
namespace {

constexpr size_t kMaxOps = 200;
constexpr size_t kMaxOneRowOps = 16; ///< sums over all variables would grow with their number
constexpr size_t kMaxRoots = 8;
constexpr int kMaxSiblingDistance = 100; ///< ops between two readers, so that lifetimes stay short
constexpr int kMaxSearch = 300;          ///< clusters visited when looking for a circle

/// Equal but for unit dims: one loop nest serves both.
bool sameDomainShape(Value a, Value b) {
  auto strip = [](Value v) {
    SmallVector<int64_t> shape;
    for (int64_t size : shapeOf(v))
      if (size != 1) shape.push_back(size);
    return shape;
  };
  return strip(a) == strip(b);
}

} // namespace

SmallVector<int> Clustering::successorsOf(int c) const {
  llvm::SmallSetVector<int, 8> successors;
  for (Value root : clusters[c].roots) {
    SmallVector<Value> worklist{root};
    while (!worklist.empty()) {
      Value v = worklist.pop_back_val();
      for (Operation *user : v.getUsers()) {
        Operation *here = ancestorOf(user);
        if (views.contains(here)) worklist.push_back(here->getResult(0));
        auto it = memberships.find(here);
        if (it == memberships.end()) continue;
        for (int s : it->second)
          if (s != c && !clusters[s].contains(root.getDefiningOp())) successors.insert(s);
      }
    }
  }
  return successors.takeVector();
}

/// Whether `consumer` reads a root of `producer` by a view outside kernels, which stands between
/// the two.
bool Clustering::readsThroughView(const Cluster &producer, int consumer) const {
  SmallVector<Value> worklist(producer.roots.begin(), producer.roots.end());
  while (!worklist.empty()) {
    for (Operation *user : worklist.pop_back_val().getUsers()) {
      if (!views.contains(user)) continue;
      Value view = user->getResult(0);
      if (llvm::is_contained(readersOf(view), consumer)) return true;
      worklist.push_back(view);
    }
  }
  return false;
}

/// The clusters that need `from` and come before `to` in the order; nothing if one of them feeds
/// `to`, for then the two cannot become one. The edge between the two themselves does not count.
std::optional<llvm::DenseSet<int>> Clustering::descendantsBetween(int from, int to) const {
  llvm::DenseSet<int> seen;
  SmallVector<int> worklist{from};
  while (!worklist.empty()) {
    int c = worklist.pop_back_val();
    for (int s : successorsOf(c)) {
      if (s == to && c != from) return std::nullopt;
      if (position[s] < position[to] && seen.insert(s).second) worklist.push_back(s);
    }
    if (seen.size() > kMaxSearch) return std::nullopt;
  }
  return seen;
}

/// Makes `first` and the later `second` one cluster: between them, what needs `first` moves behind
/// the new one.
void Clustering::unite(int first, int second, const llvm::DenseSet<int> &descendants) {
  int low = position[first], high = position[second];
  SmallVector<int> before, after;
  for (int i = low + 1; i < high; ++i)
    (descendants.contains(atPosition[i]) ? after : before).push_back(atPosition[i]);
  int next = low;
  auto put = [&](int c) {
    atPosition[next] = c;
    position[c] = next++;
  };
  for (int c : before) put(c);
  put(second); // empty from now on
  put(first);
  for (int c : after) put(c);
  absorb(first, second);
}

/// Whether the domains fit, and `consumer` wants every root of `producer` just where it is
/// computed.
bool Clustering::isCompatible(const Cluster &p, const Cluster &c) const {
  bool loopOrRow = c.kind == KernelKind::Loop || c.kind == KernelKind::Row;
  if (!loopOrRow || p.ops.size() + c.ops.size() > kMaxOps ||
      p.roots.size() + c.roots.size() > kMaxRoots || p.repeatCost + c.repeatCost > kMaxRepeatCost)
    return false;
  bool sameDomain = p.points == c.points;
  bool rowsOfConsumer =
      p.kind == KernelKind::Loop && c.kind == KernelKind::Row && p.points == c.rows();
  bool rowsOfProducer =
      p.kind == KernelKind::Row && c.kind == KernelKind::Loop && c.points == p.rows();
  switch (p.kind) {
  case KernelKind::Dot:
    if (c.kind != KernelKind::Loop || !sameDomain) return false;
    if (!llvm::all_of(c.ops, [](auto &entry) { return fitsDotEpilogue(entry.first); }))
      return false;
    break;
  case KernelKind::Row:
    if (c.kind == KernelKind::Row && (!sameDomain || p.cols != c.cols)) return false;
    if (c.kind == KernelKind::Row && c.rows() == 1 && p.ops.size() + c.ops.size() > kMaxOneRowOps)
      return false;
    break;
  case KernelKind::Loop:
    break;
  default:
    return false;
  }
  if (!sameDomain && !rowsOfConsumer && !rowsOfProducer) return false;
  if (sameDomain && p.kind == KernelKind::Loop && c.kind == KernelKind::Loop &&
      !sameDomainShape(p.roots.front(), c.roots.front()))
    return false;
  for (Value root : p.roots) {
    Place wanted = placeIn(c, root);
    if (!wanted.bits) continue;
    Place computed = p.ops.find(root.getDefiningOp())->second;
    bool fits = sameDomain ? wanted == computed
                : rowsOfConsumer
                    ? wanted.is(Place::Lead) && wanted.lead == c.rows() && computed.is(Place::Full)
                    : wanted.is(Place::Full) && computed.is(Place::Lead);
    if (!fits) return false;
  }
  return true;
}

/// Moves everything of `from` into `into`; places of the smaller domain are lifted to rows.
void Clustering::absorb(int into, int from) {
  Cluster &a = clusters[into], &b = clusters[from];
  if (a.kind == KernelKind::Loop && b.kind == KernelKind::Row && a.points == b.rows() &&
      a.points != b.points)
    liftToRows(a, b.points, b.cols);
  else if (b.kind == KernelKind::Loop && a.kind == KernelKind::Row && b.points == a.rows() &&
           a.points != b.points)
    liftToRows(b, a.points, a.cols);
  if (b.kind == KernelKind::Row) {
    a.kind = KernelKind::Row;
    a.cols = b.cols;
  }
  a.spreadCost += b.spreadCost;
  for (auto &[op, place] : b.ops) {
    auto [it, isNew] = a.ops.insert({op, place});
    if (!isNew) it->second = it->second.with(place);
    IndexSet &indices = a.indices[op];
    a.repeatCost -= repeatCostOf(op, indices);
    indices = unionOf(indices, b.indices[op]);
    a.repeatCost += repeatCostOf(op, indices);
    auto &members = memberships[op];
    llvm::erase(members, from);
    if (!llvm::is_contained(members, into)) members.push_back(into);
  }
  a.roots.insert(b.roots.begin(), b.roots.end());
  b.ops.clear();
  b.indices.clear();
  b.roots.clear();
  // A root that nobody outside reads any more stays in registers.
  a.roots.remove_if(
      [&](Value root) { return !facts.lookup(root).inMemory && readersOf(root).empty(); });
}

bool Clustering::tryMerge(int p, int c) {
  if (!isCompatible(clusters[p], clusters[c]) || readsThroughView(clusters[p], c)) return false;
  auto descendants = descendantsBetween(p, c);
  if (!descendants) return false;
  unite(p, c, *descendants);
  return true;
}

bool Clustering::trySiblings(int x, int y) {
  Cluster &a = clusters[x], &b = clusters[y];
  if (a.kind == KernelKind::Column) {
    if (b.kind != KernelKind::Column || a.points != b.points || a.cols != b.cols ||
        a.roots.size() + b.roots.size() > kMaxRoots || a.ops.size() + b.ops.size() > kMaxOps)
      return false;
  } else if (a.kind == KernelKind::Dot || a.points != b.points || !isCompatible(a, b)) {
    return false;
  }
  auto descendants = descendantsBetween(x, y);
  if (!descendants || llvm::is_contained(successorsOf(x), y)) return false;
  unite(x, y, *descendants);
  return true;
}

void Clustering::mergeNeighbours(int p) {
  bool changed = true;
  while (changed && !clusters[p].ops.empty()) {
    changed = false;
    SmallVector<int> readers = successorsOf(p);
    llvm::sort(readers, [&](int a, int b) { return position[a] < position[b]; });
    for (int c : readers) {
      bool direct = llvm::any_of(clusters[p].roots,
                                 [&](Value root) { return placeIn(clusters[c], root).bits != 0; });
      if (!direct || clusters[c].ops.empty() || !tryMerge(p, c)) continue;
      changed = true;
      break;
    }
  }
}

void Clustering::mergeSiblings(Value value) {
  SmallVector<int> readers = readersOf(value);
  llvm::sort(readers, [&](int a, int b) { return position[a] < position[b]; });
  for (size_t i = 0; i + 1 < readers.size(); ++i) {
    int x = readers[i], y = readers[i + 1];
    if (clusters[x].roots.empty() || clusters[y].roots.empty()) continue;
    if (2 * countOf(value) < clusters[x].points) continue;
    int distance = index.lookup(clusters[y].roots.front().getDefiningOp()) -
                   index.lookup(clusters[x].roots.front().getDefiningOp());
    if (std::abs(distance) > kMaxSiblingDistance) continue;
    if (position[x] < position[y] && trySiblings(x, y)) readers[i + 1] = x;
  }
}

void Clustering::merge() {
  // Clusters were made from last to first.
  for (int i = 0, n = clusters.size(); i < n; ++i) {
    position.push_back(n - 1 - i);
    atPosition.push_back(n - 1 - i);
  }
  for (int c = int(clusters.size()) - 1; c >= 0; --c) mergeNeighbours(c);
  for (BlockArgument arg : block.getArguments()) mergeSiblings(arg);
  for (Operation *op : order)
    if (classOf(op) != OpClass::Splat)
      for (Value v : op->getResults()) mergeSiblings(v);
}

} // namespace weir::passes
