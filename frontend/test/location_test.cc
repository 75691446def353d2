// Every op knows the user's line: no unknown locations, call chains through nn and user functions.
// features: X2
#include "frontend/weir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sstream>

namespace weir {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// A user's own layer.
Tensor swish(Arg x) {
  CallScope scope(x.at);
  return x.tensor * logistic(x.tensor);
}

TEST(Location, NoOpIsWithoutOne) {
  Graph g;
  Tensor x = g.input("x", f32, {4, 8}), y = g.input("y", i32, {4});
  nn::Mlp net(g, "net", {8, 16, 3});
  Tensor loss = nn::crossEntropy(net(swish(x)), y);
  loss = loss + scan(g.scalar(0), reshape(loss, {1}), [](Tensor c, Tensor s) {
                  return std::pair(c + s, s);
                }).first;
  g.output("loss", cond(loss > 0, [&] { return loss; }, [&] { return -loss; }));
  g.minimize(loss, nn::adamW(1e-3).clipped(1));
  EXPECT_THAT(g.toMlir(true), Not(HasSubstr("loc(unknown)")));
}

TEST(Location, NnFramesAreCalledFromTheUsersLine) {
  Graph g;
  Tensor x = g.input("x", f32, {4});
  const int line = __LINE__ + 1;
  g.output("y", nn::gelu(x));
  std::string ir = g.toMlir(true);
  EXPECT_THAT(ir, HasSubstr("frontend/test/location_test.cc\":" + std::to_string(line)));
  EXPECT_THAT(ir, HasSubstr("frontend/nn/functional.cc"));
  EXPECT_THAT(ir, HasSubstr("callsite("));
}

TEST(Location, OptimizerOpsBelongToTheMinimizeCall) {
  Graph g;
  Tensor w = g.variable("w", Array::scalar(1.0f));
  const unsigned line = __LINE__ + 1;
  g.minimize(w * w, nn::adam(1e-3));
  try {
    g.minimize(w * w, [](Graph &graph, const std::vector<Gradient> &gs) {
      graph.assign(gs[0].variable, reshape(gs[0].gradient, {1}));
    });
    FAIL();
  } catch (const Error &error) {
    EXPECT_GT(error.line(), line);
  }
}

TEST(Location, OperatorsKnowTheirLine) {
  Graph g;
  Tensor a = g.input("a", f32, {3});
  Tensor b = g.input("b", f32, {4});
  const unsigned line = __LINE__ + 2;
  try {
    (void)(2 * a - b);
    FAIL();
  } catch (const Error &error) {
    EXPECT_EQ(error.line(), line);
    EXPECT_EQ(error.file(), "frontend/test/location_test.cc");
    ASSERT_EQ(error.notes().size(), 2u);
    EXPECT_EQ(error.notes()[1].at.line, line - 3);
  }
}

} // namespace
} // namespace weir
