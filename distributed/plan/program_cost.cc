// The instruction tree, collectives priced once for equal ones.
#include "distributed/plan/program_cost.h"

#include <map>

namespace weir::distributed {
namespace {

using runtime::CollectiveKind;
using runtime::Executable;
using runtime::Instruction;

class Coster {
public:
  Coster(const Executable &executable, const Cluster &cluster)
      : executable(executable), cluster(cluster) {}

  ProgramCost of(const std::vector<Instruction> &list) {
    ProgramCost sum;
    for (const Instruction &instruction : list) {
      switch (instruction.kind) {
      case Instruction::Kind::Collective:
        add(sum, of(instruction), 1);
        break;
      case Instruction::Kind::Loop:
        add(sum, of(instruction.body), instruction.trips);
        break;
      case Instruction::Kind::While:
        add(sum, of(instruction.condition), 1);
        add(sum, of(instruction.body), 1);
        sum.isExact &= !sum.collectives;
        break;
      case Instruction::Kind::If: {
        ProgramCost then = of(instruction.body), other = of(instruction.otherwise);
        add(sum, then.cost.seconds < other.cost.seconds ? other : then, 1);
        sum.isExact &= !then.collectives && !other.collectives;
        break;
      }
      default:
        break;
      }
    }
    return sum;
  }

private:
  static void add(ProgramCost &sum, const ProgramCost &part, int64_t times) {
    sum.collectives += times * part.collectives;
    sum.cost.seconds += static_cast<double>(times) * part.cost.seconds;
    sum.cost.intraBytes += times * part.cost.intraBytes;
    sum.cost.interBytes += times * part.cost.interBytes;
    sum.cost.mostSent += times * part.cost.mostSent;
    sum.isExact &= part.isExact;
  }

  ProgramCost of(const Instruction &instruction) {
    const bool isPermute = instruction.collective == CollectiveKind::Permute;
    runtime::CollectiveSpec spec = runtime::collectiveSpec(executable, instruction, 0);
    spec.name = spec.source = "";
    Key key{spec.kind, spec.dtype, instruction.axes, spec.counts, spec.pairs};
    auto [known, isNew] = prices.try_emplace(key);
    if (isNew)
      known->second =
          choose(spec, groups(instruction, isPermute ? spec.group.size() : 0), cluster).cost;
    return {1, known->second, true};
  }

  /// The groups that run it at the same time; one of all where `devices` says how many.
  std::vector<std::vector<int>> groups(const Instruction &instruction, int devices) const {
    if (devices) return {runtime::worldGroup(devices).ranks};
    std::vector<int64_t> sizes;
    for (const runtime::MeshAxis &axis : executable.mesh) sizes.push_back(axis.size);
    std::vector<std::vector<int>> all;
    for (int rank = 0; rank < runtime::meshDevices(executable.mesh); ++rank) {
      runtime::Group group = runtime::meshGroup(sizes, instruction.axes, rank);
      if (group.ranks.front() == rank) all.push_back(group.ranks);
    }
    return all;
  }

  const Executable &executable;
  const Cluster &cluster;
  using Key = std::tuple<CollectiveKind, runtime::DType, std::vector<int32_t>, std::vector<int64_t>,
                         std::vector<std::pair<int, int>>>;
  std::map<Key, Cost> prices;
};

} // namespace

ProgramCost costOf(const Executable &executable, const Cluster &cluster) {
  return Coster(executable, cluster).of(executable.instructions);
}

} // namespace weir::distributed
