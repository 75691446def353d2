//===- executable.cc - what follows from an executable's data -------------===//
// The memory statement, the launch count, and what a collective is to one rank.
//===----------------------------------------------------------------------===//
#include "runtime/artifact/executable.h"

#include "runtime/base/library_file.h"

#include <algorithm>

namespace weir::runtime {

namespace {

template <typename Entry> int64_t totalBytes(const std::vector<Entry> &entries) {
  int64_t total = 0;
  for (const Entry &entry : entries)
    total +=
        roundUp(elementCount(entry.dims).value_or(0) * dtypeBytes(entry.dtype), kBufferAlignment);
  return total;
}

/// That a kernel's scratch is counted for here; 1 on a CPU.
int64_t warpsOf(const Kernel &kernel) {
  constexpr int64_t warp = 32;
  return std::max<int64_t>(1, int64_t(kernel.blocks) * kernel.threadsPerBlock / warp);
}

} // namespace

MemoryStatement memoryStatement(const Executable &executable, int threads) {
  int64_t scratch = 0;
  for (const Kernel &kernel : executable.kernels)
    scratch = std::max(scratch, kernel.scratchBytesPerThread * warpsOf(kernel));
  if (!executable.modules.empty()) threads = 1;
  MemoryStatement statement;
  statement.arenaBytes = roundUp(executable.arenaBytes, kBufferAlignment);
  statement.scratchBytes = roundUp(scratch, kBufferAlignment) * threads;
  statement.variableBytes = totalBytes(executable.variables);
  statement.constantBytes = static_cast<int64_t>(executable.constants.size());
  statement.imageBytes = static_cast<int64_t>(executable.image.size());
  statement.inputBytes = totalBytes(executable.inputs);
  statement.outputBytes = totalBytes(executable.outputs);
  return statement;
}

int64_t meshDevices(const std::vector<MeshAxis> &mesh) {
  int64_t devices = 1;
  for (const MeshAxis &axis : mesh) devices *= axis.size;
  return devices;
}

namespace {

Group groupOf(const Executable &executable, const std::vector<int32_t> &axes, int rank) {
  std::vector<int64_t> sizes;
  for (const MeshAxis &axis : executable.mesh) sizes.push_back(axis.size);
  return meshGroup(sizes, axes, rank);
}

} // namespace

int32_t axisIndex(const Executable &executable, const std::vector<int32_t> &axes, int rank) {
  return groupOf(executable, axes, rank).indexOf(rank);
}

CollectiveSpec collectiveSpec(const Executable &executable, const Instruction &instruction,
                              int rank) {
  const Buffer &from = executable.buffers[size_t(instruction.buffers[0])],
               &to = executable.buffers[size_t(instruction.buffers[1])];
  CollectiveSpec spec;
  spec.kind = instruction.collective;
  spec.op = instruction.combiner;
  spec.dtype = from.dtype;
  spec.name = instruction.reason;
  for (const Location &at : instruction.locations) {
    spec.source = at.file + ":" + std::to_string(at.line);
    if (!isLibraryFile(at.file)) break;
  }
  const int64_t count = *elementCount(from.dims);
  if (spec.kind == CollectiveKind::Permute) {
    spec.group = worldGroup(static_cast<int>(meshDevices(executable.mesh)));
    for (size_t target = 0; target < instruction.sources.size(); ++target)
      spec.pairs.emplace_back(instruction.sources[target], static_cast<int>(target));
    spec.counts = {count};
    return spec;
  }
  spec.group = groupOf(executable, instruction.axes, rank);
  const size_t members = spec.group.ranks.size();
  switch (spec.kind) {
  case CollectiveKind::AllGather:
    spec.counts.assign(members, count);
    break;
  case CollectiveKind::ReduceScatter:
    spec.counts.assign(members, *elementCount(to.dims));
    break;
  case CollectiveKind::AllToAll:
    spec.counts.assign(members, count / static_cast<int64_t>(members));
    spec.receiveCounts = spec.counts;
    break;
  default:
    spec.counts = {count};
  }
  return spec;
}

int64_t maxLaunches(const std::vector<Instruction> &instructions) {
  int64_t launches = 0;
  for (const Instruction &instruction : instructions) {
    int64_t body = maxLaunches(instruction.body);
    switch (instruction.kind) {
    case Instruction::Kind::Launch:
      ++launches;
      break;
    case Instruction::Kind::Copy:
    case Instruction::Kind::Collective:
    case Instruction::Kind::AxisIndex:
      break;
    case Instruction::Kind::If:
      launches += std::max(body, maxLaunches(instruction.otherwise));
      break;
    case Instruction::Kind::Loop:
      launches += instruction.trips * body;
      break;
    case Instruction::Kind::While:
      launches += body + 2 * maxLaunches(instruction.condition);
      break;
    }
  }
  return launches;
}

} // namespace weir::runtime
