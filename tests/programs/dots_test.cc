// A dot's bits depend on its rows, columns and k alone: large right operands are laid out in
// panels, small ones are not, and the rows that both compute are equal. features: G3 G7
#include "frontend/weir.h"

#include <gtest/gtest.h>

#include <cstring>

namespace weir {
namespace {

constexpr int64_t kRows = 1024, kFew = 100;

/// Whether `few`, the product of the first rows of the left operand, is the beginning of `all`.
void expectSameRows(Graph &g, const Feeds &feeds) {
  Fetched results = g.compile().run(feeds);
  const Array &all = results["all"], &few = results["few"];
  ASSERT_GT(few.size(), 0);
  EXPECT_EQ(std::memcmp(all.raw(), few.raw(), few.size() * dtypeBytes(few.dtype())), 0);
}

TEST(LargeDots, HaveTheBitsOfSmallOnes) {
  for (DType dtype : {f32, f64}) {
    Graph g;
    Tensor a = g.input("a", dtype, {kRows, 1600}), b = g.input("b", dtype, {1600, 1344});
    g.output("all", matmul(a, b) + 1.0);
    g.output("few", matmul(slice(a, {0, 0}, {kFew, 1600}), b) + 1.0);
    expectSameRows(g, {{"a", nn::normal()({dtype, {kRows, 1600}}, 1)},
                       {"b", nn::normal()({dtype, {1600, 1344}}, 2)}});
  }
}

TEST(LargeDots, HaveTheBitsOfSmallOnesWhenTransposed) {
  Graph g;
  Tensor a = g.input("a", f32, {300, kRows}), b = g.input("b", f32, {1280, 300});
  g.output("all", matmul(transpose(a), transpose(b)));
  g.output("few", matmul(transpose(slice(a, {0, 0}, {300, kFew})), transpose(b)));
  expectSameRows(
      g, {{"a", nn::normal()({f32, {300, kRows}}, 1)}, {"b", nn::normal()({f32, {1280, 300}}, 2)}});
}

} // namespace
} // namespace weir
