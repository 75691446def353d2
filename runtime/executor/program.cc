//===- program.cc - an executable made ready to run -----------------------===//
// Flattening, and the choice of how many threads a launch is worth.
//===----------------------------------------------------------------------===//
#include "runtime/executor/program.h"

#include <algorithm>
#include <cstring>

namespace weir::runtime {

namespace {

// What one core does in a nanosecond, roughly: only the decision how far to split a launch hangs on
// these, never a bit of the result.
constexpr double kFlopsPerNano = 40;
constexpr double kBytesPerNano = 20;
constexpr double kNanosWorthAThread = 2500; // two threads from 5 us of work on
constexpr double kNanosPerGrain = 10000;

/// One thread for each 2.5 us of estimated work; pieces small enough to even out threads that
/// started late.
Split splitFor(double flops, double bytesMoved, int64_t tasks, int threads) {
  double nanos = std::max(flops / kFlopsPerNano, bytesMoved / kBytesPerNano);
  double width = std::min({double(threads), nanos / kNanosWorthAThread, double(tasks)});
  if (width < 2) return {};
  double pieces = std::clamp(nanos / kNanosPerGrain, width, width * 8);
  return {static_cast<int32_t>(width), std::max<int64_t>(1, static_cast<int64_t>(tasks / pieces))};
}

constexpr int64_t kCopyTaskBytes = 64 << 10;

/// A copy as a kernel: buffers are source, target and the number of bytes; a task is one chunk.
void copyKernel(void **buffers, int64_t begin, int64_t end, void *) {
  if (buffers[0] == buffers[1]) return;
  int64_t bytes = static_cast<int64_t>(reinterpret_cast<intptr_t>(buffers[2]));
  int64_t first = begin * kCopyTaskBytes, last = std::min(end * kCopyTaskBytes, bytes);
  std::memcpy(static_cast<std::byte *>(buffers[1]) + first,
              static_cast<std::byte *>(buffers[0]) + first, last - first);
}

/// An axis index as a kernel: buffers are the target and the number.
void storeKernel(void **buffers, int64_t, int64_t, void *) {
  const auto value = static_cast<int32_t>(reinterpret_cast<intptr_t>(buffers[1]));
  std::memcpy(buffers[0], &value, sizeof value);
}

/// May the two have bytes in common? Slices of loops may be anywhere in what they are slices of.
bool overlap(const Buffer &a, const Buffer &b) {
  if (a.space != b.space || a.index != b.index) return false;
  if (!a.strides.empty() || !b.strides.empty()) return true;
  return a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
}

size_t countSlots(const std::vector<Instruction> &list) {
  size_t count = 0;
  for (const Instruction &instruction : list)
    count += instruction.buffers.size() + 1 + // and a number
             countSlots(instruction.body) + countSlots(instruction.otherwise) +
             countSlots(instruction.condition);
  return count;
}

} // namespace

Program::Program(const Executable &executable, const Bases &bases, int threads)
    : executable(executable), threads(threads), loops(executable.numLoops),
      inputSlots(executable.inputs.size()), outputSlots(executable.outputs.size()) {
  size_t count = countSlots(executable.instructions);
  slots.reserve(count);
  slotBuffers.reserve(count);
  flatten(executable.instructions, bases);
  orderCollectives();
  rebind(bases);
}

Step &Program::add(Step::Kind kind) {
  Step step;
  step.kind = kind;
  return code.emplace_back(step);
}

void **Program::addSlots(const std::vector<int32_t> &buffers, size_t extra) {
  void **first = slots.data() + slots.size();
  for (int32_t index : buffers) {
    void **slot = slots.data() + slots.size();
    slots.push_back(nullptr);
    slotBuffers.push_back(index);
    const Buffer &buffer = executable.buffers[index];
    if (buffer.space == Space::Input) inputSlots[buffer.index].push_back({slot, buffer.offset});
    if (buffer.space == Space::Output) outputSlots[buffer.index].push_back({slot, buffer.offset});
    for (const LoopStride &stride : buffer.strides)
      loops[stride.loop].moves.push_back({slot, stride.strideBytes});
  }
  slots.resize(slots.size() + extra);
  slotBuffers.resize(slots.size(), -1);
  return first;
}

void Program::flatten(const std::vector<Instruction> &list, const Bases &bases) {
  for (const Instruction &instruction : list) {
    switch (instruction.kind) {
    case Instruction::Kind::Launch:
      launch(instruction, bases);
      break;
    case Instruction::Kind::Copy:
      copy(instruction);
      break;
    case Instruction::Kind::If:
      branch(instruction, bases);
      break;
    case Instruction::Kind::Loop:
      repeat(instruction, bases);
      break;
    case Instruction::Kind::While:
      repeatWhile(instruction, bases);
      break;
    case Instruction::Kind::Collective:
      collective(instruction, bases.rank);
      break;
    case Instruction::Kind::AxisIndex:
      index(instruction, bases.rank);
      break;
    }
  }
}

void Program::launch(const Instruction &instruction, const Bases &bases) {
  const Kernel &kernel = executable.kernels[instruction.kernel];
  if (kernel.tasks == 0) return;
  Step &step = add(Step::Kind::Launch);
  step.counted = true;
  step.function = kernel.function ? kernel.function
                                  : reinterpret_cast<KernelFunction>(
                                        const_cast<std::byte *>(bases.code + kernel.codeOffset));
  step.tasks = kernel.tasks;
  step.split = splitFor(kernel.flops, kernel.bytesMoved, kernel.tasks, threads);
  step.slots = addSlots(instruction.buffers);
  step.source = &instruction;
  parallel |= step.split.width > 1;
}

void Program::copy(const Instruction &instruction) {
  int64_t bytes = executable.buffers[instruction.buffers[0]].bytes;
  if (bytes == 0) return;
  Step &step = add(Step::Kind::Launch);
  step.function = copyKernel;
  step.tasks = (bytes + kCopyTaskBytes - 1) / kCopyTaskBytes;
  step.split = splitFor(0, 2.0 * bytes, step.tasks, threads);
  step.slots = addSlots(instruction.buffers, 1);
  step.slots[2] = reinterpret_cast<void *>(static_cast<intptr_t>(bytes));
  if (!instruction.reason.empty()) step.source = &instruction; // between devices: traced
  parallel |= step.split.width > 1;
}

void Program::collective(const Instruction &instruction, int rank) {
  Step &step = add(Step::Kind::Collective);
  step.target = static_cast<int32_t>(specs.size());
  step.slots = addSlots(instruction.buffers);
  step.source = &instruction;
  specs.push_back(collectiveSpec(executable, instruction, rank));
}

void Program::index(const Instruction &instruction, int rank) {
  Step &step = add(Step::Kind::Launch);
  step.function = storeKernel;
  step.tasks = 1;
  step.slots = addSlots(instruction.buffers, 1);
  const int32_t value = axisIndex(executable, instruction.axes, rank);
  step.slots[1] = reinterpret_cast<void *>(static_cast<intptr_t>(value));
}

void Program::branch(const Instruction &instruction, const Bases &bases) {
  add(Step::Kind::BranchIfNot).slots = addSlots(instruction.buffers);
  size_t test = code.size() - 1;
  flatten(instruction.body, bases);
  if (!instruction.otherwise.empty()) {
    add(Step::Kind::Jump);
    size_t jump = code.size() - 1;
    code[test].target = static_cast<int32_t>(code.size());
    flatten(instruction.otherwise, bases);
    code[jump].target = static_cast<int32_t>(code.size());
  } else {
    code[test].target = static_cast<int32_t>(code.size());
  }
}

void Program::repeat(const Instruction &instruction, const Bases &bases) {
  LoopState &state = loops[instruction.loop];
  state.trips = instruction.trips;
  if (instruction.reverse) {
    state.first = std::max<int64_t>(0, instruction.trips - 1);
    state.direction = -1;
  }
  add(Step::Kind::LoopBegin).loop = instruction.loop;
  size_t begin = code.size() - 1;
  flatten(instruction.body, bases);
  Step &end = add(Step::Kind::LoopEnd);
  end.loop = instruction.loop;
  end.target = static_cast<int32_t>(begin + 1);
  code[begin].target = static_cast<int32_t>(code.size());
}

void Program::repeatWhile(const Instruction &instruction, const Bases &bases) {
  int32_t begin = static_cast<int32_t>(code.size());
  flatten(instruction.condition, bases);
  add(Step::Kind::BranchIfNot).slots = addSlots(instruction.buffers);
  size_t test = code.size() - 1;
  flatten(instruction.body, bases);
  add(Step::Kind::Jump).target = begin;
  code[test].target = static_cast<int32_t>(code.size());
}

/// A collective goes on beside the steps after it until one touches what it reads or writes, or the
/// straight line ends. Kernels do not say what they write, so reading is touching.
void Program::orderCollectives() {
  // Slots of a step end where those of the next begin.
  std::vector<size_t> ends(code.size());
  size_t next = slots.size();
  for (size_t at = code.size(); at-- > 0;) {
    ends[at] = next;
    if (code[at].slots) next = static_cast<size_t>(code[at].slots - slots.data());
  }
  std::vector<int32_t> open;
  std::vector<std::pair<const Buffer *, const Buffer *>> buffers; // of each collective
  for (size_t at = 0; at < code.size(); ++at) {
    Step &step = code[at];
    const bool isCollective = step.kind == Step::Kind::Collective;
    if (!isCollective && step.kind != Step::Kind::Launch) {
      step.awaits = static_cast<int32_t>(specs.size());
      open.clear();
      continue;
    }
    const size_t first = static_cast<size_t>(step.slots - slots.data());
    for (size_t slot = first; slot < ends[at]; ++slot) {
      if (slotBuffers[slot] < 0) continue;
      const Buffer &mine = executable.buffers[size_t(slotBuffers[slot])];
      const bool onlyReads = isCollective && slot == first;
      for (int32_t other : open) {
        const auto &[in, out] = buffers[size_t(other)];
        if (overlap(mine, *out) || (!onlyReads && overlap(mine, *in)))
          step.awaits = std::max(step.awaits, other + 1);
      }
    }
    std::erase_if(open, [&](int32_t other) { return other < step.awaits; });
    if (!isCollective) continue;
    buffers.emplace_back(&executable.buffers[size_t(slotBuffers[first])],
                         &executable.buffers[size_t(slotBuffers[first + 1])]);
    open.push_back(step.target);
  }
}

std::byte *Program::baseOf(const Buffer &buffer, const Bases &bases) {
  switch (buffer.space) {
  case Space::Arena:
    return bases.arena;
  case Space::Constant:
    return bases.constants;
  case Space::Input:
    return bases.inputs[buffer.index];
  case Space::Output:
    return bases.outputs[buffer.index];
  case Space::Variable:
    return bases.variables[buffer.index];
  }
  __builtin_unreachable();
}

void Program::rebind(const Bases &bases) {
  for (size_t i = 0; i < slots.size(); ++i) {
    if (slotBuffers[i] < 0) continue;
    const Buffer &buffer = executable.buffers[slotBuffers[i]];
    // Feeds have no address yet: as numbers, since there is no arithmetic on null pointers.
    slots[i] = reinterpret_cast<void *>(reinterpret_cast<uintptr_t>(baseOf(buffer, bases)) +
                                        buffer.offset);
  }
}

} // namespace weir::runtime
