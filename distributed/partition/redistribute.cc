// Greedy: cuts that cost nothing come first, as they make what follows smaller; then what reduces,
// then exchanges, and gathers last, innermost axis first. Every step takes the value nearer: an
// axis that is put where it belongs is never taken away again.
#include "distributed/partition/redistribute.h"

#include <algorithm>

namespace weir::distributed {
namespace {

class Way {
public:
  Way(const std::vector<int64_t> &shape, int64_t elementBytes, const Sharding &from,
      const Sharding &to, const Mesh &mesh)
      : shape(shape), elementBytes(elementBytes), now(from), to(to), mesh(mesh) {}

  std::vector<Step> find() {
    while (split() || reduceScatter() || allReduce() || allToAll() || gather()) {
    }
    asPartial();
    return std::move(steps);
  }

private:
  static bool contains(const std::vector<int> &axes, int axis) {
    return std::find(axes.begin(), axes.end(), axis) != axes.end();
  }

  double localBytes(const Sharding &sharding) const {
    double bytes = elementBytes;
    for (int64_t size : localShape(shape, sharding, mesh)) bytes *= size;
    return bytes;
  }

  /// The axis that splits `dim` next on the way to `to`; -1 where the dim is done, or split by an
  /// axis that must go first.
  int next(size_t dim) const {
    const std::vector<int> &have = now.dims[dim], &want = to.dims[dim];
    bool isPrefix = have.size() < want.size() && std::equal(have.begin(), have.end(), want.begin());
    return isPrefix ? want[have.size()] : -1;
  }

  /// Whether the innermost axis of `dim` must go.
  bool isSurplus(size_t dim) const {
    const std::vector<int> &have = now.dims[dim], &want = to.dims[dim];
    return !have.empty() &&
           !(have.size() <= want.size() && std::equal(have.begin(), have.end(), want.begin()));
  }

  bool add(Step step, Sharding after) {
    double p = mesh.size(step.axes), in = localBytes(now), out = localBytes(after);
    switch (step.kind) {
    case Step::AllGather:
      step.bytes = in * (p - 1);
      break;
    case Step::AllReduce:
      step.bytes = 2 * in * (p - 1) / p;
      break;
    case Step::ReduceScatter:
      step.bytes = out * (p - 1);
      break;
    case Step::AllToAll:
      step.bytes = in * (p - 1) / p;
      break;
    default:
      break;
    }
    now = after;
    step.after = std::move(after);
    steps.push_back(std::move(step));
    return true;
  }

  bool split() {
    for (size_t dim = 0; dim < shape.size(); ++dim) {
      int axis = next(dim);
      if (axis < 0 || now.uses(axis)) continue;
      Sharding after = now;
      after.dims[dim].push_back(axis);
      return add({Step::Split, {axis}, static_cast<int>(dim)}, std::move(after));
    }
    return false;
  }

  bool reduceScatter() {
    for (size_t dim = 0; dim < shape.size(); ++dim) {
      int axis = next(dim);
      if (axis < 0 || !contains(now.partial, axis)) continue;
      Sharding after = now;
      after.dims[dim].push_back(axis);
      std::erase(after.partial, axis);
      Combiner combiner = now.combiner;
      if (after.partial.empty()) after.combiner = Combiner::Sum;
      return add({Step::ReduceScatter, {axis}, static_cast<int>(dim), -1, combiner},
                 std::move(after));
    }
    return false;
  }

  bool allReduce() {
    std::vector<int> axes;
    for (int axis : now.partial) {
      bool stays = contains(to.partial, axis) && now.combiner == to.combiner;
      if (!stays && !isWanted(axis)) axes.push_back(axis);
    }
    if (axes.empty()) return false;
    Sharding after = now;
    for (int axis : axes) std::erase(after.partial, axis);
    Combiner combiner = now.combiner;
    if (after.partial.empty()) after.combiner = Combiner::Sum;
    return add({Step::AllReduce, axes, -1, -1, combiner}, std::move(after));
  }

  /// Does the axis split a dim of `to`, behind axes that a gather will make room for?
  bool isWanted(int axis) const {
    for (const std::vector<int> &axes : to.dims)
      if (contains(axes, axis)) return hasSurplus();
    return false;
  }
  bool hasSurplus() const {
    for (size_t dim = 0; dim < shape.size(); ++dim)
      if (isSurplus(dim)) return true;
    return false;
  }

  bool allToAll() {
    for (size_t from = 0; from < shape.size(); ++from) {
      if (!isSurplus(from)) continue;
      int axis = now.dims[from].back();
      for (size_t dim = 0; dim < shape.size(); ++dim) {
        if (dim == from || next(dim) != axis) continue;
        Sharding after = now;
        after.dims[from].pop_back();
        after.dims[dim].push_back(axis);
        return add({Step::AllToAll, {axis}, static_cast<int>(dim), static_cast<int>(from)},
                   std::move(after));
      }
    }
    return false;
  }

  bool gather() {
    for (size_t dim = 0; dim < shape.size(); ++dim) {
      if (!isSurplus(dim)) continue;
      int axis = now.dims[dim].back();
      Sharding after = now;
      after.dims[dim].pop_back();
      return add({Step::AllGather, {axis}, static_cast<int>(dim)}, std::move(after));
    }
    return false;
  }

  void asPartial() {
    std::vector<int> axes;
    for (int axis : to.partial)
      if (!contains(now.partial, axis)) axes.push_back(axis);
    if (axes.empty()) return;
    Sharding after = now;
    after.partial = to.partial;
    after.combiner = to.combiner;
    add({Step::AsPartial, axes}, std::move(after));
  }

  const std::vector<int64_t> &shape;
  int64_t elementBytes;
  Sharding now;
  const Sharding &to;
  const Mesh &mesh;
  std::vector<Step> steps;
};

} // namespace

std::vector<Step> redistribution(const std::vector<int64_t> &shape, int64_t elementBytes,
                                 const Sharding &from, const Sharding &to, const Mesh &mesh) {
  return Way(shape, elementBytes, from, to, mesh).find();
}

double redistributionBytes(const std::vector<int64_t> &shape, int64_t elementBytes,
                           const Sharding &from, const Sharding &to, const Mesh &mesh) {
  double bytes = 0;
  for (const Step &step : redistribution(shape, elementBytes, from, to, mesh)) bytes += step.bytes;
  return bytes;
}

} // namespace weir::distributed
