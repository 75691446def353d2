// Transposition of every tile size.
#include "codegen/cpu/transpose_tile.h"

#include "codegen/cpu/math/kernel_harness.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include "gtest/gtest.h"

#include <numeric>

using namespace mlir;

namespace weir::codegen {
namespace {

class TransposeTile : public ::testing::TestWithParam<const char *> {
protected:
  TransposeTile() : harness(*targetForLevel(GetParam())) {}

  template <class T> void checkTranspose(int64_t n) {
    Type tile = MemRefType::get({n, n}, harness.elementType<T>());
    auto emit = [&](ImplicitLocOpBuilder &b, ValueRange buffers, Value, Value) {
      auto type = VectorType::get({n}, harness.elementType<T>());
      Value zero = arith::ConstantIndexOp::create(b, 0);
      auto index = [&](int64_t i) { return Value(arith::ConstantIndexOp::create(b, i)); };
      SmallVector<Value> rows;
      for (int64_t i = 0; i < n; ++i)
        rows.push_back(vector::LoadOp::create(b, type, buffers[0], ValueRange{index(i), zero}));
      for (auto [i, row] : llvm::enumerate(transposeTile(b, rows)))
        vector::StoreOp::create(b, row, buffers[1], ValueRange{index(i), zero});
    };
    KernelEntry kernel = harness.compile({tile, tile}, emit);
    std::vector<T> in(n * n), out(n * n);
    std::iota(in.begin(), in.end(), T(1));
    void *buffers[] = {in.data(), out.data()};
    if (kernel) kernel(buffers, 0, 1, nullptr);
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < n; ++j) ASSERT_EQ(out[j * n + i], in[i * n + j]) << n;
  }

  KernelHarness harness;
};

TEST_P(TransposeTile, TilesTranspose) {
  for (int64_t n : {4, 8, 16}) checkTranspose<float>(n);
  for (int64_t n : {4, 8}) checkTranspose<int32_t>(n);
  for (int64_t n : {2, 4, 8}) checkTranspose<double>(n);
}

INSTANTIATE_TEST_SUITE_P(Levels, TransposeTile, ::testing::Values("host", "x86-64-v3"));

} // namespace
} // namespace weir::codegen
