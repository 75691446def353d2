// Moves of the planner as steps.
#include "distributed/partition/redistribute.h"

namespace weir::distributed {

double bytesReceived(Step::Kind kind, double in, double out, double parts) {
  switch (kind) {
  case Step::AllGather:
    return in * (parts - 1);
  case Step::AllReduce:
    return 2 * in * (parts - 1) / parts;
  case Step::ReduceScatter:
    return out * (parts - 1);
  case Step::AllToAll:
    return in * (parts - 1) / parts;
  case Step::Permute:
    return out;
  case Step::Split:
  case Step::AsPartial:
    break;
  }
  return 0;
}

double pieceBytes(const std::vector<int64_t> &shape, int64_t elementBytes, const Sharding &sharding,
                  const Mesh &mesh) {
  double bytes = static_cast<double>(elementBytes);
  for (int64_t size : localShape(shape, sharding, mesh)) bytes *= static_cast<double>(size);
  return bytes;
}

namespace {

constexpr double kMemory = 5e9; ///< bytes a second that a core writes, roughly

Step::Kind kindOf(Move::Kind kind) {
  switch (kind) {
  case Move::Slice:
    return Step::Split;
  case Move::Mask:
    return Step::AsPartial;
  case Move::AllGather:
    return Step::AllGather;
  case Move::AllReduce:
    return Step::AllReduce;
  case Move::ReduceScatter:
    return Step::ReduceScatter;
  case Move::AllToAll:
    return Step::AllToAll;
  case Move::Permute:
    break;
  }
  return Step::Permute;
}

} // namespace

/// On one long axis the way is that on a shorter one, and found sooner.
static Mesh meshToPlanOn(Mesh mesh) {
  constexpr int64_t most = 64, enough = 16;
  if (mesh.axes.size() == 1 && mesh.axes[0].size > most) mesh.axes[0].size = enough;
  return mesh;
}

absl::StatusOr<Redistributor> Redistributor::create(const Mesh &mesh, const Cluster &cluster) {
  if (cluster.devices() < mesh.devices())
    return absl::InvalidArgumentError("the cluster has fewer devices than the mesh");
  auto planner = RedistributionPlanner::create(meshToPlanOn(mesh), cluster, kMemory);
  if (!planner.ok()) return planner.status();
  return Redistributor(mesh, *std::move(planner));
}

std::vector<Step> Redistributor::find(const std::vector<int64_t> &shape, runtime::DType dtype,
                                      const Sharding &from, const Sharding &to) {
  if (from.isPartial() && to.isPartial() && from.combiner != to.combiner) {
    std::vector<Step> first = find(shape, dtype, from, from.whole());
    for (Step &step : find(shape, dtype, from.whole(), to)) first.push_back(std::move(step));
    return first;
  }
  std::vector<Step> steps;
  auto plan = planner.plan(shape, dtype, from, to);
  if (!plan.ok()) return steps; // of another rank; verifySharding refuses what follows
  double in = pieceBytes(shape, int64_t(runtime::dtypeBytes(dtype)), from, mesh);
  Combiner combiner = from.combiner;
  for (Move &move : plan->moves) {
    Step step{kindOf(move.kind), move.axes};
    step.dim = move.kind == Move::AllGather ? move.from : move.to;
    step.concat = move.kind == Move::AllToAll ? move.from : -1;
    step.combiner = combiner;
    step.sources.resize(move.spec.pairs.size());
    for (auto [source, target] : move.spec.pairs) step.sources[size_t(target)] = source;
    double out = pieceBytes(shape, int64_t(runtime::dtypeBytes(dtype)), move.after, mesh);
    step.bytes = bytesReceived(step.kind, in, out, double(mesh.size(move.axes)));
    in = out;
    combiner = move.after.combiner;
    step.after = std::move(move.after);
    steps.push_back(std::move(step));
  }
  return steps;
}

const std::vector<Step> &Redistributor::steps(const std::vector<int64_t> &shape,
                                              runtime::DType dtype, const Sharding &from,
                                              const Sharding &to) {
  static const std::vector<Step> none;
  if (from == to) return none;
  auto [at, isNew] = known.try_emplace({shape, dtype, from.str(mesh), to.str(mesh)});
  if (isNew) at->second = find(shape, dtype, from, to);
  return at->second;
}

double Redistributor::bytes(const std::vector<int64_t> &shape, runtime::DType dtype,
                            const Sharding &from, const Sharding &to) {
  double bytes = 0;
  for (const Step &step : steps(shape, dtype, from, to)) bytes += step.bytes;
  return bytes;
}

} // namespace weir::distributed
