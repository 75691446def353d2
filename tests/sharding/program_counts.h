// What tests count in the program of one device: collectives, bytes and elements of buffers.
#pragma once

#include "frontend/weir.h"

#include "distributed/plan/program_cost.h"
#include "distributed/session/mesh_session.h"

#include <functional>
#include <map>

namespace weir::testing {

inline const runtime::Executable &executableOf(const Program &program) {
  return program.meshSession()->executable();
}

/// Calls visit(instruction, times) for every collective of a run; bodies of whiles count once.
inline void
forEachCollective(const std::vector<runtime::Instruction> &list,
                  const std::function<void(const runtime::Instruction &, int64_t times)> &visit,
                  int64_t times = 1) {
  for (const runtime::Instruction &instruction : list) {
    const bool isLoop = instruction.kind == runtime::Instruction::Kind::Loop;
    if (instruction.kind == runtime::Instruction::Kind::Collective) visit(instruction, times);
    for (const auto *inner : {&instruction.body, &instruction.otherwise, &instruction.condition})
      forEachCollective(*inner, visit, isLoop ? times * instruction.trips : times);
  }
}

/// How often each kind of collective runs, of those of more than `leastBytes`.
inline std::map<runtime::CollectiveKind, int64_t> countCollectives(const Program &program,
                                                                   int64_t leastBytes = 0) {
  const runtime::Executable &executable = executableOf(program);
  std::map<runtime::CollectiveKind, int64_t> counts;
  forEachCollective(executable.instructions, [&](const runtime::Instruction &i, int64_t times) {
    int64_t most = 0;
    for (int32_t buffer : i.buffers)
      most = std::max(most, executable.buffers[static_cast<size_t>(buffer)].bytes);
    if (most > leastBytes) counts[i.collective] += times;
  });
  return counts;
}

/// Elements of the largest value that has memory of its own and is no variable, feed or fetch.
inline int64_t largestElements(const Program &program) {
  int64_t most = 0;
  for (const runtime::Buffer &buffer : executableOf(program).buffers) {
    int64_t count = 1;
    for (int64_t n : buffer.dims) count *= n;
    if (buffer.space == runtime::Space::Arena) most = std::max(most, count);
  }
  return most;
}

/// Bytes of the largest such value.
inline int64_t largestBytes(const Program &program) {
  int64_t most = 0;
  for (const runtime::Buffer &buffer : executableOf(program).buffers)
    if (buffer.space == runtime::Space::Arena) most = std::max(most, buffer.bytes);
  return most;
}

/// Bytes that all devices send in one run, as planned for links on which only bytes take time:
/// short vectors are otherwise sent in fewer steps and more bytes.
inline int64_t plannedBytes(const Program &program) {
  const runtime::Executable &executable = executableOf(program);
  auto cluster = distributed::oneNode(static_cast<int>(runtime::meshDevices(executable.mesh)));
  for (auto &link : cluster.links) link.latency = 0;
  return distributed::costOf(executable, cluster).cost.intraBytes;
}

/// Bytes of the variables of one device.
inline int64_t variableBytes(const Program &program) {
  return program.meshSession()->session(0).memory().variableBytes;
}

} // namespace weir::testing
