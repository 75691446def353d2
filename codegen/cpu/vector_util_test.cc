// The reduction tree against the same tree in plain C++, bit for bit, for rows of every small
// length; and transposition of every tile size.
#include "codegen/cpu/vector_util.h"

#include "codegen/cpu/math/kernel_harness.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include "gtest/gtest.h"

#include <cmath>
#include <numeric>
#include <random>

using namespace mlir;

namespace weir::codegen {
namespace {

class VectorUtil : public ::testing::TestWithParam<const char *> {
protected:
  VectorUtil() : harness(*targetForLevel(GetParam())) {}

  /// Reduces rows of `size` with each combiner in one pass, at a step of one register of f32.
  template <class T>
  std::vector<T> reduce(const std::vector<T> &row, const std::vector<Combiner> &combiners) {
    int64_t size = row.size(), step = harness.target.lanes(sizeof(float));
    Type element = harness.elementType<T>();
    int64_t count = combiners.size();
    auto emit = [&](ImplicitLocOpBuilder &b, ValueRange buffers, Value, Value) {
      auto body = [&](Value offset, int64_t) {
        Value v = vector::LoadOp::create(b, VectorType::get({step}, element), buffers[0], offset);
        return SmallVector<Value>(count, v);
      };
      SmallVector<RowReduction> reductions;
      for (Combiner c : combiners) reductions.push_back({c, element});
      auto results = emitRowReduction(b, reductions, size, step, harness.target, body);
      for (auto [k, r] : llvm::enumerate(results))
        memref::StoreOp::create(b, r, buffers[1], Value(arith::ConstantIndexOp::create(b, k)));
    };
    KernelEntry kernel = harness.compile(
        {MemRefType::get({size + step}, element), MemRefType::get({count}, element)}, emit);
    // What follows the row must not matter.
    std::vector<T> in(row), out(count);
    in.resize(size + step, std::is_floating_point_v<T> ? T(NAN) : T(12345));
    void *buffers[] = {in.data(), out.data()};
    if (kernel) kernel(buffers, 0, 1, nullptr);
    return out;
  }

  /// The tree of the numeric contract.
  template <class T, class F> T tree(const std::vector<T> &row, T identity, F f) {
    size_t lanes = harness.target.lanes(sizeof(T));
    std::vector<T> a(4 * lanes, identity);
    for (size_t i = 0; i < row.size(); ++i) a[i % a.size()] = f(a[i % a.size()], row[i]);
    for (size_t i = 0; i < lanes; ++i)
      a[i] = f(f(a[i], a[lanes + i]), f(a[2 * lanes + i], a[3 * lanes + i]));
    for (size_t half = lanes / 2; half; half /= 2)
      for (size_t i = 0; i < half; ++i) a[i] = f(a[i], a[half + i]);
    return a[0];
  }

  template <class T> void checkFloats(int64_t size) {
    std::mt19937 random(size);
    std::normal_distribution<T> normal(1, 0.3);
    std::vector<T> row(size);
    for (T &x : row) x = normal(random);
    T inf = std::numeric_limits<T>::infinity();
    std::vector<T> got = reduce(row, {Combiner::Sum, Combiner::Prod, Combiner::Max, Combiner::Min});
    EXPECT_EQ(got[0], tree(row, T(0), [](T x, T y) { return x + y; })) << size;
    EXPECT_EQ(got[1], tree(row, T(1), [](T x, T y) { return x * y; })) << size;
    EXPECT_EQ(got[2], tree(row, -inf, [](T x, T y) { return std::max(x, y); })) << size;
    EXPECT_EQ(got[3], tree(row, inf, [](T x, T y) { return std::min(x, y); })) << size;
  }

  template <class T> void checkTranspose(int64_t n) {
    Type tile = MemRefType::get({n, n}, harness.elementType<T>());
    auto emit = [&](ImplicitLocOpBuilder &b, ValueRange buffers, Value, Value) {
      auto type = VectorType::get({n}, harness.elementType<T>());
      Value zero = arith::ConstantIndexOp::create(b, 0);
      auto index = [&](int64_t i) { return Value(arith::ConstantIndexOp::create(b, i)); };
      SmallVector<Value> rows;
      for (int64_t i = 0; i < n; ++i)
        rows.push_back(vector::LoadOp::create(b, type, buffers[0], ValueRange{index(i), zero}));
      for (auto [i, row] : llvm::enumerate(emitTranspose(b, rows)))
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

TEST_P(VectorUtil, RowsReduceByTheFixedTree) {
  for (int64_t size :
       {1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 63, 64, 65, 96, 127, 128, 129, 200, 1000, 1024})
    checkFloats<float>(size);
}

// A step of 16 f32 lanes is two registers of f64: the tree is that of f64's own width.
TEST_P(VectorUtil, TheTreeDependsOnTheElementNotOnTheStep) {
  for (int64_t size : {1, 9, 31, 32, 33, 65, 128, 250}) checkFloats<double>(size);
}

TEST_P(VectorUtil, IntegersReduceWithEveryCombiner) {
  std::vector<int32_t> row(77);
  std::iota(row.begin(), row.end(), -30);
  EXPECT_EQ(reduce(row, {Combiner::Sum, Combiner::Max, Combiner::Min, Combiner::And, Combiner::Or}),
            (std::vector<int32_t>{616, 46, -30, 0, -1}));
  EXPECT_EQ(reduce(std::vector<int64_t>(5, 3), {Combiner::Prod}), std::vector<int64_t>{243});
}

TEST_P(VectorUtil, EmptyRowsGiveTheIdentity) {
  float inf = std::numeric_limits<float>::infinity();
  EXPECT_EQ(
      reduce(std::vector<float>{}, {Combiner::Sum, Combiner::Max, Combiner::Min, Combiner::Prod}),
      (std::vector<float>{0, -inf, inf, 1}));
}

TEST_P(VectorUtil, NaNReachesMaxAndMin) {
  for (int64_t at : {0, 5, 40}) {
    std::vector<float> row(41, 1.f);
    row[at] = NAN;
    std::vector<float> got = reduce(row, {Combiner::Max, Combiner::Min});
    EXPECT_TRUE(std::isnan(got[0]) && std::isnan(got[1])) << at;
  }
}

TEST_P(VectorUtil, TilesTranspose) {
  for (int64_t n : {4, 8, 16}) checkTranspose<float>(n);
  for (int64_t n : {4, 8}) checkTranspose<int32_t>(n);
  for (int64_t n : {2, 4, 8}) checkTranspose<double>(n);
}

INSTANTIATE_TEST_SUITE_P(Levels, VectorUtil, ::testing::Values("host", "x86-64-v3"));

} // namespace
} // namespace weir::codegen
