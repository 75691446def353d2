//===- executable.cc - what follows from an executable's data -------------===//
// The memory statement and the launch count.
//===----------------------------------------------------------------------===//
#include "runtime/artifact/executable.h"

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

int64_t maxLaunches(const std::vector<Instruction> &instructions) {
  int64_t launches = 0;
  for (const Instruction &instruction : instructions) {
    int64_t body = maxLaunches(instruction.body);
    switch (instruction.kind) {
    case Instruction::Kind::Launch:
      ++launches;
      break;
    case Instruction::Kind::Copy:
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
