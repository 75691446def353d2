// Fibers of our own: a switch is six registers and the stack pointer, where ucontext asks the
// kernel about signals twice. A warp goes on when all of its threads wait at one instruction.
#include "codegen/cuda/emulate/grid.h"

#include "runtime/base/dtype.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

/// Leaves the running stack, whose pointer goes to `*from`, for that of `to`.
extern "C" void weirSwitchFiber(void **from, void *to);
asm(R"(
  .text
  .globl weirSwitchFiber
  .type weirSwitchFiber, @function
weirSwitchFiber:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
)");

namespace weir::codegen::cuda {
namespace {

constexpr int kLanes = 32;
constexpr size_t kStackBytes = 128 << 10;

struct Fiber {
  std::unique_ptr<char[]> stack = std::make_unique_for_overwrite<char[]>(kStackBytes);
  void *top = nullptr; // Of the stack, while another one runs.
  enum { Ready, Waiting, Finished } state = Ready;
  int32_t site = 0;           // Where it waits,
  int32_t values[2] = {0, 0}; // what it brings, by the parity of its waits: others read it later.
  uint32_t words[2][kMatrixWords] = {}; // The same of a matrix product.
  int32_t waits = 0;
};

/// One warp of the running block.
class Warp {
public:
  std::string run(void (*entry)(void **), void **arguments, const Grid &grid, int64_t block,
                  int64_t number);
  int32_t special(Special which) const;
  /// Returns the bank of values that the warp's threads brought.
  int wait(int32_t site, int32_t value);
  std::array<Fiber, kLanes> fibers;
  Fiber *current = nullptr;

private:
  std::string resume();
  static void start();
  static void *freshStack(Fiber &fiber);
  void *scheduler = nullptr;
  void (*entry)(void **) = nullptr;
  void **arguments = nullptr;
  const Grid *grid = nullptr;
  int64_t block = 0, number = 0;
};

thread_local Warp *running = nullptr;

/// What a fiber begins with; it never returns, since nobody called it.
void Warp::start() {
  running->entry(running->arguments);
  running->current->state = Fiber::Finished;
  weirSwitchFiber(&running->current->top, running->scheduler);
}

/// A stack on which a switch finds six registers and the address of start.
void *Warp::freshStack(Fiber &fiber) {
  auto end = reinterpret_cast<uintptr_t>(fiber.stack.get() + kStackBytes) / 16 * 16;
  auto *top = reinterpret_cast<void **>(end) - 8;
  for (int i = 0; i < 8; ++i) top[i] = nullptr;
  top[6] = reinterpret_cast<void *>(&Warp::start);
  return top;
}

int Warp::wait(int32_t site, int32_t value) {
  Fiber &self = *current;
  int bank = self.waits++ & 1;
  self.state = Fiber::Waiting;
  self.site = site;
  self.values[bank] = value;
  weirSwitchFiber(&self.top, scheduler);
  return bank;
}

int32_t Warp::special(Special which) const {
  int64_t lane = current - fibers.data();
  switch (which) {
  case Special::Thread:
    return int32_t(number * kLanes + lane);
  case Special::BlockThreads:
    return int32_t(grid->threadsPerBlock);
  case Special::Block:
    return int32_t(block);
  case Special::Blocks:
    return int32_t(grid->blocks);
  case Special::Lane:
    return int32_t(lane);
  }
  return 0;
}

/// Lets every thread run to where it waits next.
std::string Warp::resume() {
  for (int i = 0; i < kLanes; ++i) {
    current = &fibers[grid->order == ThreadOrder::Ascending ? i : kLanes - 1 - i];
    current->state = Fiber::Ready;
    weirSwitchFiber(&scheduler, current->top);
  }
  for (Fiber &fiber : fibers) {
    if (fiber.state != fibers[0].state) return "threads of a warp end while others wait";
    if (fiber.site != fibers[0].site) return "threads of a warp wait at different instructions";
  }
  return "";
}

std::string Warp::run(void (*function)(void **), void **values, const Grid &shape,
                      int64_t blockNumber, int64_t warpNumber) {
  entry = function;
  arguments = values;
  grid = &shape;
  block = blockNumber;
  number = warpNumber;
  running = this;
  for (Fiber &fiber : fibers) {
    fiber.site = fiber.waits = 0;
    fiber.top = freshStack(fiber);
  }
  std::string wrong;
  do {
    wrong = resume();
  } while (wrong.empty() && fibers[0].state == Fiber::Waiting);
  running = nullptr;
  return wrong;
}

} // namespace

std::string runGrid(void (*entry)(void **), void **arguments, const Grid &grid) {
  auto warp = std::make_unique<Warp>();
  for (int64_t block = 0; block < grid.blocks; ++block)
    for (int64_t number = 0; number < grid.threadsPerBlock / kLanes; ++number)
      if (std::string wrong = warp->run(entry, arguments, grid, block, number); !wrong.empty())
        return wrong;
  return "";
}

static std::string problem;

void launchGrid(void (*entry)(void **), void **buffers, int64_t count, int64_t scratchBytes) {
  static int turn = 0;
  Grid grid{2, 2 * kLanes, ++turn % 2 ? ThreadOrder::Ascending : ThreadOrder::Descending};
  int64_t warps = grid.blocks * grid.threadsPerBlock / kLanes;
  constexpr size_t alignment = 64;
  std::vector<char> scratch(size_t(warps * scratchBytes) + alignment, char(0xa5));
  auto address = reinterpret_cast<uintptr_t>(scratch.data());
  std::vector<void *> arguments(buffers, buffers + count);
  arguments.push_back(scratch.data() + (alignment - address % alignment) % alignment);
  std::string wrong = runGrid(entry, arguments.data(), grid);
  if (problem.empty()) problem = wrong;
}

std::string takeProblem() {
  return std::exchange(problem, "");
}

int32_t emulateSpecial(int32_t special) {
  return running->special(Special(special));
}

int32_t emulateShuffle(int32_t site, int32_t, int32_t value, int32_t source, int32_t clamp) {
  int bank = running->wait(site, value);
  return running->fibers[size_t(source & clamp & (kLanes - 1))].values[bank];
}

int32_t emulateVoteAny(int32_t site, int32_t, int32_t vote) {
  int bank = running->wait(site, vote);
  bool any = false;
  for (const Fiber &fiber : running->fibers) any |= fiber.values[bank] != 0;
  return any;
}

void emulateWarpBarrier(int32_t site, int32_t) {
  running->wait(site, 0);
}

static float halfOf(uint32_t word, int64_t which, bool isBf16) {
  auto bits = uint16_t(word >> (16 * which));
  return isBf16 ? float(runtime::BFloat16::fromBits(bits)) : float(runtime::Half::fromBits(bits));
}

void emulateMatrixMultiply(int32_t site, int32_t isBf16, const uint32_t *words, float *sums) {
  constexpr int64_t steps = 16, half = 8, places = 4, sumsAt = 6;
  Fiber &self = *running->current;
  std::copy_n(words, kMatrixWords, self.words[self.waits & 1]);
  const int bank = running->wait(site, 0);
  const int64_t lane = &self - running->fibers.data();
  // The lane of a group that has step k, and the word and half that it has it in.
  auto element = [&](int64_t group, int64_t firstWord, int64_t k) {
    const Fiber &owner = running->fibers[size_t(group * places + k % half / 2)];
    return halfOf(owner.words[bank][firstWord], k % 2, isBf16);
  };
  for (int64_t i = 0; i < 4; ++i) {
    const int64_t row = lane / places + half * (i / 2), column = 2 * (lane % places) + i % 2;
    float sum = std::bit_cast<float>(self.words[bank][sumsAt + i]);
    for (int64_t k = 0; k < steps; ++k)
      sum = std::fma(element(row % half, (row >= half) + 2 * (k >= half), k),
                     element(column, 4 + (k >= half), k), sum);
    sums[i] = sum;
  }
}

} // namespace weir::codegen::cuda
