//===- program.h - an executable made ready to run --------------*- C++ -*-===//
// The instruction tree as one flat list of steps with jumps, every kernel as a function pointer,
// and every buffer as an address in one table ("slots") that launches point into. Addresses that a
// loop moves are advanced in place as the loop goes, so a launch costs the same everywhere. Built
// once, at load.
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/artifact/executable.h"
#include "runtime/device/cpu/thread_pool.h"

#include <cstdint>
#include <string>
#include <vector>

namespace weir::runtime {

/// Where the spaces of an executable are in this process.
struct Bases {
  std::byte *arena = nullptr;
  std::byte *constants = nullptr;
  const std::byte *code = nullptr;
  std::vector<std::byte *> inputs, outputs, variables;
  int rank = 0; // of this device on the executable's mesh
};

/// One cache line.
struct alignas(64) Step {
  enum class Kind : uint8_t {
    Launch,      // kernels and copies
    BranchIfNot, // to `target` when *slots[0] is 0
    Jump,        // to `target`
    LoopBegin,   // to `target`, past the LoopEnd, when there are no trips
    LoopEnd,     // to `target`, the first step of the body, until the trips are over
    Collective,  // number `target` of collectives()
  };
  Kind kind = Kind::Launch;
  bool counted = false; // a kernel: in the launch count and in traces
  int32_t target = 0;
  int32_t loop = 0;
  int32_t awaits = 0; // collectives with lower numbers must have ended before it
  Split split;
  KernelFunction function = nullptr;
  void **slots = nullptr;
  int64_t tasks = 0;
  const Instruction *source = nullptr; // of a kernel, a collective or a copy between devices
};

class Program {
public:
  /// `executable` must outlive the program and must have passed `verify`.
  Program(const Executable &executable, const Bases &bases, int threads);
  Program(const Program &) = delete;
  Program &operator=(const Program &) = delete;

  const std::vector<Step> &steps() const { return code; }
  /// As this device takes part in them.
  const std::vector<CollectiveSpec> &collectives() const { return specs; }
  /// Points every slot at the first slice of its buffer again, after a run that stopped halfway.
  void rebind(const Bases &bases);
  /// Moves the slots of one feed or fetch.
  void bindInput(int index, std::byte *base) { bind(inputSlots[index], base); }
  void bindOutput(int index, std::byte *base) { bind(outputSlots[index], base); }
  /// True when some step uses more than one thread.
  bool isParallel() const { return parallel; }

  /// Trips that the loop has finished since it was entered.
  int64_t tripsDone(int loop) const { return loops[loop].step; }
  /// Both return whether the body is to run (again), with its slices in place.
  bool enterLoop(int loop) {
    LoopState &state = loops[loop];
    state.step = 0;
    if (state.trips == 0) return false;
    if (state.first)
      for (const Move &move : state.moves) advance(move, move.strideBytes * state.first);
    return true;
  }
  bool nextTrip(int loop) {
    LoopState &state = loops[loop];
    if (++state.step < state.trips) {
      for (const Move &move : state.moves) advance(move, move.strideBytes * state.direction);
      return true;
    }
    int64_t last = state.first ? 0 : state.trips - 1;
    for (const Move &move : state.moves) advance(move, -move.strideBytes * last);
    return false;
  }

private:
  struct Move {
    void **slot;
    int64_t strideBytes;
  };
  struct LoopState {
    int64_t trips = 0, step = 0;
    int64_t first = 0;     // slice of the first trip
    int64_t direction = 1; // of the slices
    std::vector<Move> moves;
  };
  struct Bound {
    void **slot;
    int64_t offset;
  };

  static void advance(const Move &move, int64_t bytes) {
    *move.slot = static_cast<std::byte *>(*move.slot) + bytes;
  }
  static void bind(const std::vector<Bound> &slots, std::byte *base) {
    for (const Bound &bound : slots) *bound.slot = base + bound.offset;
  }
  void flatten(const std::vector<Instruction> &list, const Bases &bases);
  void launch(const Instruction &instruction, const Bases &bases);
  void copy(const Instruction &instruction);
  void collective(const Instruction &instruction, int rank);
  void index(const Instruction &instruction, int rank);
  void branch(const Instruction &instruction, const Bases &bases);
  void repeat(const Instruction &instruction, const Bases &bases);
  void repeatWhile(const Instruction &instruction, const Bases &bases);
  void **addSlots(const std::vector<int32_t> &buffers, size_t extra = 0);
  Step &add(Step::Kind kind);
  void orderCollectives();
  static std::byte *baseOf(const Buffer &buffer, const Bases &bases);

  const Executable &executable;
  int threads;
  bool parallel = false;
  std::vector<Step> code;
  std::vector<CollectiveSpec> specs;
  std::vector<void *> slots;        // sized once, never reallocated
  std::vector<int32_t> slotBuffers; // buffer of each slot, -1: a number
  std::vector<LoopState> loops;
  std::vector<std::vector<Bound>> inputSlots, outputSlots;
};

} // namespace weir::runtime
