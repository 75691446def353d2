// The emulator itself: what it must give, and that it finds what it is for.
#include "codegen/cuda/emulate/grid.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <vector>

namespace {

using namespace weir::codegen::cuda;

int32_t place() {
  return emulateSpecial(int32_t(Special::Block)) * emulateSpecial(int32_t(Special::BlockThreads)) +
         emulateSpecial(int32_t(Special::Thread));
}
int32_t lane() {
  return emulateSpecial(int32_t(Special::Lane));
}

std::string run(void (*entry)(void **), std::vector<int32_t> &memory, Grid grid) {
  void *arguments[] = {memory.data()};
  return runGrid(entry, arguments, grid);
}

TEST(EmulatedGrid, EveryThreadKnowsItsPlace) {
  std::vector<int32_t> memory(3 * 64, -1);
  auto write = [](void **arguments) { static_cast<int32_t *>(arguments[0])[place()] = lane(); };
  EXPECT_EQ(run(write, memory, {.blocks = 3, .threadsPerBlock = 64}), "");
  for (size_t i = 0; i < memory.size(); ++i) EXPECT_EQ(memory[i], int32_t(i % 32));
}

TEST(EmulatedGrid, ShufflesAndVotesExchangeWhatThreadsBring) {
  auto rotateTwice = [](void **arguments) {
    int32_t value = lane() * lane();
    for (int turn = 0; turn < 2; ++turn) value = emulateShuffle(1, -1, value, lane() + 1, 31);
    value += 10000 * emulateVoteAny(2, -1, lane() == 7) + 20000 * emulateVoteAny(3, -1, 0);
    static_cast<int32_t *>(arguments[0])[place()] = value;
  };
  for (ThreadOrder order : {ThreadOrder::Ascending, ThreadOrder::Descending}) {
    std::vector<int32_t> memory(32);
    EXPECT_EQ(run(rotateTwice, memory, {.order = order}), "");
    for (int i = 0; i < 32; ++i) EXPECT_EQ(memory[i], 10000 + (i + 2) % 32 * ((i + 2) % 32));
  }
}

/// Each thread reads what its neighbour wrote.
template <bool withBarrier> void readNeighbour(void **arguments) {
  auto *memory = static_cast<int32_t *>(arguments[0]);
  memory[lane()] = 1;
  if (withBarrier) emulateWarpBarrier(1, -1);
  memory[32 + lane()] = memory[(lane() + 1) % 32];
}

TEST(EmulatedGrid, AMissingBarrierGivesWrongValues) {
  std::vector<int32_t> good(64), bad(64);
  EXPECT_EQ(run(readNeighbour<true>, good, {}), "");
  EXPECT_EQ(run(readNeighbour<false>, bad, {}), "");
  EXPECT_EQ(std::count(good.begin() + 32, good.end(), 1), 32);
  EXPECT_EQ(std::count(bad.begin() + 32, bad.end(), 1), 1);
}

TEST(EmulatedGrid, ThreadsThatPartBeforeABarrierAreAnError) {
  std::vector<int32_t> memory(32);
  auto part = [](void **) { emulateWarpBarrier(lane() < 5 ? 1 : 2, -1); };
  EXPECT_EQ(run(part, memory, {}), "threads of a warp wait at different instructions");
  auto end = [](void **) {
    if (lane() < 5) emulateWarpBarrier(1, -1);
  };
  EXPECT_EQ(run(end, memory, {}), "threads of a warp end while others wait");
}

} // namespace
