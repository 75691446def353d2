// Works inside 128-bit lanes first, where shuffles are cheap, then moves whole lanes.
#include "codegen/cpu/transpose_tile.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

namespace weir::codegen {

/// Alternates the elements of the low (high) halves of each `lane` elements of x and y.
static Value interleave(ImplicitLocOpBuilder &b, Value x, Value y, int64_t lane, bool high) {
  int64_t n = cast<VectorType>(x.getType()).getNumElements();
  SmallVector<int64_t> mask;
  for (int64_t base = high ? lane / 2 : 0; base < n; base += lane)
    for (int64_t i = base; i < base + lane / 2; ++i) mask.append({i, n + i});
  return vector::ShuffleOp::create(b, x, y, mask);
}

/// Every other block of `block` elements of x, then of y, from the first or the second on.
static Value everyOther(ImplicitLocOpBuilder &b, Value x, Value y, int64_t block, bool second) {
  int64_t n = cast<VectorType>(x.getType()).getNumElements();
  SmallVector<int64_t> mask;
  for (int64_t source : {int64_t(0), n})
    for (int64_t base = second ? block : 0; base < n; base += 2 * block)
      for (int64_t i = 0; i < block; ++i) mask.push_back(source + base + i);
  return vector::ShuffleOp::create(b, x, y, mask);
}

/// Transposes blocks of `block` elements between rows that hold 1, 2 or 4 of them each.
static SmallVector<Value> transposeBlocks(ImplicitLocOpBuilder &b, ArrayRef<Value> rows,
                                          int64_t block) {
  if (rows.size() == 1) return {rows[0]};
  // Even places of both halves, transposed, are the even results; odd places the odd ones.
  SmallVector<Value> result(rows.size());
  for (bool odd : {false, true}) {
    SmallVector<Value> packed;
    for (size_t i = 0; i < rows.size(); i += 2)
      packed.push_back(everyOther(b, rows[i], rows[i + 1], block, odd));
    if (rows.size() == 2) {
      result[odd] = packed[0];
      continue;
    }
    for (bool second : {false, true})
      result[odd + 2 * second] = everyOther(b, packed[0], packed[1], block, second);
  }
  return result;
}

SmallVector<Value> transposeTile(ImplicitLocOpBuilder &b, ArrayRef<Value> rows) {
  int64_t n = rows.size();
  int64_t lane = 128 / getElementTypeOrSelf(rows[0].getType()).getIntOrFloatBitWidth();
  SmallVector<Value> current(rows);
  // Inside lanes, for each group of `lane` rows: then row c of it holds column c of every lane.
  for (int64_t round = 1; round < lane; round *= 2) {
    SmallVector<Value> next;
    for (int64_t group = 0; group < n; group += lane)
      for (int64_t i = group; i < group + lane / 2; ++i)
        for (bool high : {false, true})
          next.push_back(interleave(b, current[i], current[i + lane / 2], lane, high));
    current = next;
  }
  SmallVector<Value> result(n);
  for (int64_t column = 0; column < lane; ++column) {
    SmallVector<Value> parts;
    for (int64_t group = 0; group < n; group += lane) parts.push_back(current[group + column]);
    for (auto [k, part] : llvm::enumerate(transposeBlocks(b, parts, lane)))
      result[k * lane + column] = part;
  }
  return result;
}

} // namespace weir::codegen
