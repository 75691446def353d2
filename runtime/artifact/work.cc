// Sums over the instruction tree.
#include "runtime/artifact/work.h"

#include <algorithm>

namespace weir::runtime {

namespace {

// Of one core. Bytes of several kernels are mostly in the caches.
constexpr double kFlopsPerSecond = 40e9, kBytesPerSecond = 20e9, kSecondsPerLaunch = 0.3e-6;

Work workOf(const Executable &executable, const std::vector<Instruction> &instructions) {
  using Kind = Instruction::Kind;
  Work work;
  for (const Instruction &instruction : instructions) {
    const Work body = workOf(executable, instruction.body);
    if (instruction.kind == Kind::Launch) {
      const Kernel &kernel = executable.kernels[static_cast<size_t>(instruction.kernel)];
      work.add({double(kernel.flops), double(kernel.bytesMoved), 1}, 1);
    } else if (instruction.kind == Kind::Loop) {
      work.add(body, double(instruction.trips));
    } else if (instruction.kind == Kind::While) {
      work.add(body, 1);
      work.add(workOf(executable, instruction.condition), 1);
      work.hasWhile = true;
    } else if (instruction.kind == Kind::If) {
      const Work other = workOf(executable, instruction.otherwise);
      work.add(body.flops < other.flops ? other : body, 1);
    }
  }
  return work;
}

} // namespace

void Work::add(const Work &other, double times) {
  flops += times * other.flops;
  bytes += times * other.bytes;
  launches += static_cast<int64_t>(times) * other.launches;
  hasWhile |= other.hasWhile;
}

Work workOf(const Executable &executable) {
  return workOf(executable, executable.instructions);
}

double estimateSeconds(const Executable &executable) {
  const Work work = workOf(executable);
  return std::max(work.flops / kFlopsPerSecond, work.bytes / kBytesPerSecond) +
         kSecondsPerLaunch * double(work.launches);
}

} // namespace weir::runtime
