// rng_bit_generator: which bits an algorithm gives is left to implementations; here they are all
// Weir's Philox, a pure function of the state.
#include "frontend/import/stablehlo/op.h"

namespace weir::stablehlo {
namespace {

/// The state as 32-bit words.
Tensor wordsOf(const Tensor &state) {
  const Tensor flat = reshape(state, {state.size()});
  if (runtime::dtypeBytes(state.dtype()) == 4) return bitcast(flat, i32);
  const Tensor wide = state.dtype() == i64 ? flat : bitcast(flat, i64);
  const Tensor low = convert(wide, i32), high = convert(shiftRightLogical(wide, 32), i32);
  return concatenate({low, high}, 0);
}

/// Random integers of `dtype`, all of whose bits are used.
Tensor bitsOf(const Tensor &key, const Shape &shape, DType dtype) {
  const size_t bytes = runtime::dtypeBytes(dtype);
  if (bytes < 8) {
    const Tensor words = randomBits(key, shape);
    if (bytes < 4) return convert(shiftRightLogical(words, int64_t(32 - 8 * bytes)), dtype);
    return dtype == i32 ? words : bitcast(words, dtype);
  }
  Shape pairs = shape;
  pairs.push_back(2);
  const Tensor words = convert(randomBits(key, pairs), i64);
  const Tensor high = shiftLeft(squeeze(sliceDim(words, -1, 0, 1), -1), 32),
               low = squeeze(sliceDim(words, -1, 1, 2), -1) & int64_t(0xffffffff);
  return dtype == i64 ? high | low : bitcast(high | low, dtype);
}

TensorList bitGenerator(Op &op) {
  op.expectOperands(1);
  const Tensor state = op.operand(0);
  const TensorType type = op.result(1);
  const size_t stateBytes = runtime::dtypeBytes(state.dtype());
  if (runtime::isFloat(state.dtype()) || stateBytes < 4 || state.rank() != 1 ||
      state.size() * int64_t(stateBytes) < 8)
    op.fail("the state is " + state.type().str() + "; at least 64 bits of ui32 or ui64 are needed");
  if (runtime::isFloat(type.dtype) || type.dtype == i1)
    op.fail("gives " + type.str() + "; bits of integers are supported");
  // Every further pair of words is mixed into what the key before it gave.
  const Tensor words = wordsOf(state);
  Tensor key = sliceDim(words, 0, 0, 2);
  for (int64_t i = 2; i + 2 <= words.size(); i += 2)
    key = randomBits(key, {2}) ^ sliceDim(words, 0, i, i + 2);
  const Tensor step = state.graph().iota(state.dtype(), state.shape()) == 0;
  return {state + convert(step, state.dtype()), bitsOf(key, type.shape, type.dtype)};
}

TensorList hiddenState(Op &op) {
  op.fail("draws from a hidden state, which graphs do not have; rng_bit_generator is supported");
}

} // namespace

void addRandomRules(Rules &rules) {
  rules.insert({"stablehlo.rng_bit_generator", {bitGenerator}});
  rules.insert({"stablehlo.rng", {hiddenState}});
}

} // namespace weir::stablehlo
