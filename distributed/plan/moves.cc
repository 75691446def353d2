// The steps that lead from one sharding to others.
#include "distributed/plan/redistribute.h"

#include <algorithm>
#include <functional>
#include <numeric>

namespace weir::distributed {

using runtime::CollectiveKind;
using runtime::DType;
using runtime::ReduceOp;

namespace {

int64_t product(const std::vector<int64_t> &sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), int64_t(1), std::multiplies<>());
}

class Finder {
public:
  Finder(const Sharding &from, const std::vector<int64_t> &shape, DType dtype, const Mesh &mesh)
      : from(from), shape(shape), dtype(dtype), mesh(mesh) {}

  std::vector<Move> find() {
    int rank = static_cast<int>(shape.size());
    std::vector<int> unused;
    for (int axis = 0; axis < static_cast<int>(mesh.axes.size()); ++axis)
      if (!from.uses(axis)) unused.push_back(axis);
    for (const std::vector<int> &axes : orders(unused)) {
      for (int dim = 0; dim < rank; ++dim) slice(axes, dim);
      if (std::is_sorted(axes.begin(), axes.end())) mask(axes);
    }
    for (const std::vector<int> &axes : orders(from.partial)) {
      for (int dim = 0; dim < rank; ++dim) reduceScatter(axes, dim);
      if (std::is_sorted(axes.begin(), axes.end())) allReduce(axes);
    }
    for (int dim = 0; dim < rank; ++dim)
      for (size_t n = 1; n <= from.dims[size_t(dim)].size(); ++n) {
        allGather(dim, n);
        for (int to = 0; to < rank; ++to)
          if (to != dim) allToAll(dim, to, n);
      }
    permutes();
    return std::move(moves);
  }

private:
  /// Every choice of some of `axes`, in every order.
  static std::vector<std::vector<int>> orders(std::vector<int> axes) {
    std::vector<std::vector<int>> result;
    size_t n = axes.size();
    for (unsigned mask = 1; mask < 1u << n; ++mask) {
      std::vector<int> chosen;
      for (size_t i = 0; i < n; ++i)
        if (mask >> i & 1) chosen.push_back(axes[i]);
      std::sort(chosen.begin(), chosen.end());
      do result.push_back(chosen);
      while (std::next_permutation(chosen.begin(), chosen.end()));
    }
    return result;
  }

  /// May `axes` split a dim together, which `before` split already? The pieces of one collective
  /// must lie one after the other, each in its stored size; a dim that does not divide may leave
  /// gaps.
  bool together(int dim, const std::vector<int> &before, const std::vector<int> &axes) const {
    if (axes.size() == 1) return true;
    int64_t size = shape[size_t(dim)];
    std::vector<int> all = before;
    append(all, axes);
    int64_t stored = localSize(size, all, mesh);
    for (int64_t device = 0; device < mesh.devices(); ++device) {
      Piece whole = pieceOf(size, before, mesh, device), part = pieceOf(size, all, mesh, device);
      int64_t end = whole.offset + whole.count;
      int64_t begin = std::min(whole.offset + mesh.position(device, axes) * stored, end);
      int64_t count = std::min(stored, end - begin);
      if (part.count != count || (count > 0 && part.offset != begin)) return false;
    }
    return true;
  }

  int64_t elements(const Sharding &sharding) const {
    return product(localShape(shape, sharding, mesh));
  }

  void add(Move::Kind kind, const std::vector<int> &axes, int fromDim, int toDim, Sharding after,
           CollectiveKind collective, std::vector<int64_t> counts,
           std::vector<int64_t> receiveCounts = {}) {
    Move move{kind, axes, fromDim, toDim, std::move(after), {}, {}};
    if (!move.isFree()) {
      move.spec.kind = collective;
      move.spec.dtype = dtype;
      move.spec.op = static_cast<ReduceOp>(from.combiner);
      move.spec.counts = std::move(counts);
      move.spec.receiveCounts = std::move(receiveCounts);
    }
    moves.push_back(std::move(move));
  }

  size_t members(const std::vector<int> &axes) const { return size_t(mesh.size(axes)); }

  Sharding withoutPartial(const std::vector<int> &axes) const {
    Sharding after = from;
    std::erase_if(after.partial, [&](int axis) {
      return std::find(axes.begin(), axes.end(), axis) != axes.end();
    });
    if (after.partial.empty()) after.combiner = Combiner::Sum;
    return after;
  }

  static void append(std::vector<int> &split, const std::vector<int> &axes) {
    split.insert(split.end(), axes.begin(), axes.end());
  }

  void slice(const std::vector<int> &axes, int dim) {
    Sharding after = from;
    append(after.dims[size_t(dim)], axes);
    add(Move::Slice, axes, -1, dim, after, CollectiveKind::Barrier, {});
  }

  /// To every combiner, unless there is one already.
  void mask(const std::vector<int> &axes) {
    for (Combiner combiner : {Combiner::Sum, Combiner::Max, Combiner::Min, Combiner::Prod}) {
      if (from.isPartial() && combiner != from.combiner) continue;
      Sharding after = from;
      after.combiner = combiner;
      append(after.partial, axes);
      std::sort(after.partial.begin(), after.partial.end());
      add(Move::Mask, axes, -1, -1, after, CollectiveKind::Barrier, {});
    }
  }

  void allReduce(const std::vector<int> &axes) {
    add(Move::AllReduce, axes, -1, -1, withoutPartial(axes), CollectiveKind::AllReduce,
        {elements(from)});
  }

  void reduceScatter(const std::vector<int> &axes, int dim) {
    if (!together(dim, from.dims[size_t(dim)], axes)) return;
    Sharding after = withoutPartial(axes);
    append(after.dims[size_t(dim)], axes);
    add(Move::ReduceScatter, axes, -1, dim, after, CollectiveKind::ReduceScatter,
        std::vector<int64_t>(members(axes), elements(after)));
  }

  /// The last `n` axes of a dim, and the sharding without them.
  std::pair<std::vector<int>, Sharding> lift(int dim, size_t n) const {
    Sharding after = from;
    std::vector<int> &split = after.dims[size_t(dim)];
    std::vector<int> axes(split.end() - std::ptrdiff_t(n), split.end());
    split.resize(split.size() - n);
    return {axes, after};
  }

  void allGather(int dim, size_t n) {
    auto [axes, after] = lift(dim, n);
    if (!together(dim, after.dims[size_t(dim)], axes)) return;
    add(Move::AllGather, axes, dim, -1, after, CollectiveKind::AllGather,
        std::vector<int64_t>(members(axes), elements(from)));
  }

  void allToAll(int dim, int to, size_t n) {
    auto [axes, after] = lift(dim, n);
    if (!together(dim, after.dims[size_t(dim)], axes) ||
        !together(to, after.dims[size_t(to)], axes))
      return;
    append(after.dims[size_t(to)], axes);
    Sharding both = from; // what one member has for another
    append(both.dims[size_t(to)], axes);
    std::vector<int64_t> counts(members(axes), elements(both));
    add(Move::AllToAll, axes, dim, to, after, CollectiveKind::AllToAll, counts, counts);
  }

  /// Other axes, or another order of them, that cut every dim into the same pieces.
  void permutes() {
    std::vector<int> free;
    for (int axis = 0; axis < static_cast<int>(mesh.axes.size()); ++axis)
      if (std::find(from.partial.begin(), from.partial.end(), axis) == from.partial.end())
        free.push_back(axis);
    Sharding after = from;
    for (auto &split : after.dims) split.clear();
    place(after, 0, free);
  }

  /// Gives dim `dim` each list of axes out of `free` with the sizes that it has now, and goes on.
  void place(Sharding &after, size_t dim, const std::vector<int> &free) {
    if (dim == shape.size()) {
      if (after != from) addPermute(after);
      return;
    }
    const std::vector<int> &now = from.dims[dim];
    std::vector<std::vector<int>> choices = orders(free);
    choices.push_back({});
    for (const std::vector<int> &choice : choices) {
      if (mesh.size(choice) != mesh.size(now) || !samePieces(dim, choice)) continue;
      std::vector<int> rest;
      for (int axis : free)
        if (std::find(choice.begin(), choice.end(), axis) == choice.end()) rest.push_back(axis);
      after.dims[dim] = choice;
      place(after, dim + 1, rest);
    }
    after.dims[dim].clear();
  }

  /// Piece by piece, in order of position.
  bool samePieces(size_t dim, const std::vector<int> &axes) const {
    auto sizes = [&](const std::vector<int> &list) {
      std::vector<int64_t> result;
      for (int axis : list)
        if (mesh.size({axis}) > 1) result.push_back(mesh.size({axis}));
      return result;
    };
    std::vector<int64_t> now = sizes(from.dims[dim]), then = sizes(axes);
    return now == then || shape[dim] % mesh.size(axes) == 0;
  }

  void addPermute(const Sharding &after);

  const Sharding &from;
  const std::vector<int64_t> &shape;
  DType dtype;
  const Mesh &mesh;
  std::vector<Move> moves;
};

/// Every device gets its new piece from one that has it: itself where it does, else of those that
/// have it the next one that has not been used as often.
void Finder::addPermute(const Sharding &after) {
  auto held = [&](const Sharding &sharding, int64_t device) {
    std::vector<int64_t> pieces;
    for (const std::vector<int> &split : sharding.dims)
      pieces.push_back(mesh.position(device, split));
    for (int axis : sharding.partial) pieces.push_back(mesh.position(device, {axis}));
    return pieces;
  };
  std::vector<std::vector<int64_t>> have, want;
  std::vector<std::pair<int, int>> pairs;
  for (int64_t device = 0; device < mesh.devices(); ++device) {
    have.push_back(held(from, device));
    want.push_back(held(after, device));
  }
  std::vector<bool> source(have.size()), target(have.size());
  for (bool own : {true, false})
    for (size_t t = 0; t < have.size(); ++t)
      for (size_t s = 0; s < have.size() && !target[t]; ++s)
        if (!source[s] && have[s] == want[t] && (!own || s == t)) {
          source[s] = target[t] = true;
          pairs.emplace_back(int(s), int(t));
        }
  if (std::find(target.begin(), target.end(), false) != target.end()) return;
  std::vector<int> axes;
  for (int axis = 0; axis < static_cast<int>(mesh.axes.size()); ++axis) axes.push_back(axis);
  add(Move::Permute, axes, -1, -1, after, CollectiveKind::Permute, {elements(from)});
  moves.back().spec.pairs = pairs;
}

} // namespace

std::vector<Move> movesFrom(const Sharding &from, const std::vector<int64_t> &shape, DType dtype,
                            const Mesh &mesh) {
  return Finder(from, shape, dtype, mesh).find();
}

const char *moveName(Move::Kind kind) {
  static constexpr const char *names[] = {
      "slice", "mask", "all_gather", "all_reduce", "reduce_scatter", "all_to_all", "permute"};
  return names[static_cast<size_t>(kind)];
}

} // namespace weir::distributed
