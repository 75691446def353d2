// A grid of GPU threads on one CPU thread, for tests: every GPU thread is a fiber, which runs until
// it waits for its warp. What the device leaves open is chosen on purpose: threads run one after
// the other, in either order, as far as they can, so that a missing barrier gives wrong values.
#pragma once

#include <cstdint>
#include <string>

namespace weir::codegen::cuda {

enum class ThreadOrder { Ascending, Descending };

struct Grid {
  int64_t blocks = 1;
  int64_t threadsPerBlock = 32; // a multiple of 32
  ThreadOrder order = ThreadOrder::Ascending;
};

/// Runs `entry(arguments)` as each thread of the grid, block after block. Returns what is wrong
/// with the kernel ("threads of a warp wait at different instructions"), or nothing. Cost: about
/// ten nanoseconds for each time a thread waits.
std::string runGrid(void (*entry)(void **), void **arguments, const Grid &grid);

/// A launch as the executor's kernels are called: `count` buffers, then scratch of `scratchBytes`
/// for each warp. Grids differ from call to call in the order of their threads. What is wrong is
/// kept for takeProblem.
void launchGrid(void (*entry)(void **), void **buffers, int64_t count, int64_t scratchBytes);
/// The first problem since the last call, or nothing.
std::string takeProblem();

// What intrinsics become. `site` is the instruction; callable from threads of a grid alone.
enum class Special : int32_t { Thread, BlockThreads, Block, Blocks, Lane };
int32_t emulateSpecial(int32_t special);
int32_t emulateShuffle(int32_t site, int32_t members, int32_t value, int32_t source, int32_t clamp);
int32_t emulateVoteAny(int32_t site, int32_t members, int32_t vote);
void emulateWarpBarrier(int32_t site, int32_t members);
/// mma.sync m16n8k16 with sums in f32, in ascending k: `words` are the thread's six registers of
/// pairs and its four sums; `isBf16` or f16.
void emulateMatrixMultiply(int32_t site, int32_t isBf16, const uint32_t *words, float *sums);
constexpr int kMatrixWords = 10;

} // namespace weir::codegen::cuda
