// Offsets in the arena: greedy by size.
#include "passes/memory/plan.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

namespace weir::passes {

static constexpr int64_t kAlignment = 64;

static bool overlap(const Storage &a, const Storage &b) {
  return a.start <= b.end && b.start <= a.end;
}

/// The lowest offset where `storage` fits between those of `placed` (ascending offsets) that live
/// at the same time.
static int64_t lowestFit(const Storage &storage, llvm::ArrayRef<Storage *> placed, int64_t base) {
  int64_t offset = base;
  for (const Storage *other : placed) {
    if (!overlap(storage, *other)) continue;
    if (offset + storage.bytes <= other->offset) break;
    offset = std::max<int64_t>(offset, llvm::alignTo(other->offset + other->bytes, kAlignment));
  }
  return offset;
}

static void measureLive(MemoryPlan &plan, llvm::ArrayRef<Storage *> arena, int64_t positions) {
  std::vector<int64_t> change(positions + 1, 0);
  for (const Storage *storage : arena) {
    int64_t bytes = llvm::alignTo(storage->bytes, kAlignment);
    change[storage->start] += bytes;
    change[storage->end + 1] -= bytes;
  }
  int64_t live = 0;
  for (int64_t at = 0; at < positions; ++at) {
    live += change[at];
    if (live > plan.liveBytes) plan.liveBytes = live, plan.peakPosition = at;
  }
}

void assignOffsets(MemoryPlan &plan, int64_t positions) {
  llvm::SmallVector<Storage *> arena;
  for (Storage &storage : plan.storages)
    if (storage.space == ir::Space::arena && storage.bytes > 0) arena.push_back(&storage);
  measureLive(plan, arena, positions);
  llvm::sort(arena, [](Storage *a, Storage *b) {
    return std::tuple(a->index, -a->bytes, a) < std::tuple(b->index, -b->bytes, b);
  });
  llvm::SmallVector<Storage *> placed;
  int64_t base = 0, device = 0; // where the arena of the device begins
  for (Storage *storage : arena) {
    if (storage->index != device) {
      base = plan.arenaBytes;
      device = storage->index;
      placed.clear();
    }
    storage->offset = lowestFit(*storage, placed, base);
    auto after = llvm::upper_bound(placed, storage->offset,
                                   [](int64_t offset, Storage *s) { return offset < s->offset; });
    placed.insert(after, storage);
    plan.arenaBytes = std::max<int64_t>(
        plan.arenaBytes, llvm::alignTo(storage->offset + storage->bytes, kAlignment));
  }
}

} // namespace weir::passes
