// Functions as values: one body however often called, closures, derivatives as IR, rollback after
// errors. features: F2 A9
#include "frontend/weir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

size_t count(const std::string &text, const std::string &what) {
  size_t n = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

std::string finished(Graph graph, const std::vector<Tensor> &outputs) {
  for (size_t i = 0; i < outputs.size(); ++i) graph.output("out" + std::to_string(i), outputs[i]);
  graph.compile({.interpret = true});
  return graph.toMlir();
}

TEST(Function, TwoCallsShareOneBody) {
  Graph g;
  Function f([](Tensor x) { return sin(x) * x; }, "wave");
  Tensor x = g.input("x", f32, {3});
  std::string ir = finished(g, {f(f(x))});
  EXPECT_EQ(count(ir, "func.func"), 2u);
  EXPECT_EQ(count(ir, "weir.call @wave("), 2u);
  EXPECT_EQ(count(ir, "weir.sin"), 1u);
}

TEST(Function, AnotherTypeIsAnotherBody) {
  Graph g;
  Function f([](Tensor x) { return x * x; }, "square");
  finished(g, {f(g.input("x", f32, {3})), f(g.input("y", f32, {4}))});
  EXPECT_EQ(count(g.toMlir(), "func.func private"), 2u);
}

TEST(Function, OuterTensorsBecomeArguments) {
  Graph g;
  Tensor w = g.variable("w", Array::scalar(3.0f)), x = g.input("x", f32, {});
  Function scale([&](Tensor t) { return t * w; }, "scale");
  Function twice([&](Tensor t) { return scale(scale(t)); }, "twice");
  g.output("y", twice(x));
  Program program = g.compile({.interpret = true});
  EXPECT_EQ(program.run({{"x", Array::scalar(2.0f)}}).scalar("y"), 18);
  EXPECT_THAT(g.toMlir(), HasSubstr("@scale(%arg0: tensor<f32>, %arg1: tensor<f32>)"));
}

TEST(Function, DeclaredFunctionsCheckTheirArguments) {
  Graph g;
  Function f = g.function("f", {{f32, {2}}, {f32, {2}}}, [](Tensor a, Tensor b) { return a + b; });
  Tensor x = g.input("x", f32, {2});
  EXPECT_EQ(Tensor(f(x, 1.5)).shape(), (Shape{2}));
  EXPECT_THROW(f(x), Error);
  EXPECT_THROW(f(x, g.input("y", f32, {3})), Error);
}

TEST(Function, ListsAndSeveralResults) {
  Graph g;
  Function f([](const TensorList &xs) { return TensorList{xs[0] + xs[1], xs[0] * xs[1]}; }, "both");
  Results r = f(g.scalar(3), g.scalar(4));
  ASSERT_EQ(r.size(), 2u);
  EXPECT_THROW((void)Tensor(r), Error);
  g.output("sum", r[0]);
  g.output("product", r[1]);
  Fetched out = g.compile({.interpret = true}).run();
  EXPECT_EQ(out.scalar("sum"), 7);
  EXPECT_EQ(out.scalar("product"), 12);
}

TEST(Function, ScanAndCondTakeFunctions) {
  Graph g;
  Function f([](Tensor sum, Tensor x) { return TensorList{sum + x, sum}; }, "step");
  Tensor xs = g.constant(Array::from<float>({3}, {1, 2, 3}));
  Scanned s = scan({g.scalar(0)}, {xs}, f);
  Function half([](Tensor x) { return x / 2; }, "half"),
      twice([](Tensor x) { return 2 * x; }, "twice");
  g.output("y", cond(s.carries[0] > 5, half, twice, {s.carries[0]}));
  EXPECT_EQ(g.compile({.interpret = true}).run().scalar("y"), 3);
}

TEST(Derivative, GradAsksForOneVjp) {
  Graph g;
  Tensor x = g.input("x", f32, {});
  Tensor dx = grad([](Tensor x) { return x * x; })(x);
  g.output("dx", dx);
  EXPECT_EQ(count(g.toMlir(), "weir.vjp @fn("), 1u);
}

TEST(Derivative, GradOfGradNests) {
  Graph g;
  Function f([](Tensor x) { return x * x * x; }, "cube");
  g.output("d", grad(grad(f))(g.input("x", f64, {})));
  std::string ir = g.toMlir();
  EXPECT_THAT(ir, HasSubstr("weir.vjp @cube("));
  EXPECT_THAT(ir, HasSubstr("weir.vjp @grad_cube("));
}

TEST(Derivative, GradPassesIntegersThrough) {
  Graph g;
  Function f([](Tensor table, Tensor index) { return sum(take(table, index)); }, "pick");
  Tensor table = g.input("table", f32, {5}), index = g.input("index", i32, {2});
  EXPECT_EQ(Tensor(grad(f)(table, index)).shape(), (Shape{5}));
  EXPECT_THROW(grad(f, {1})(table, index), Error);
}

TEST(Derivative, JvpTakesTangentsOfFloatsOnly) {
  Graph g;
  Function f([](Tensor table, Tensor index) { return take(table, index); }, "pick");
  Tensor table = g.input("table", f32, {5}), index = g.input("index", i32, {2});
  Results r = jvp(f)(table, index, table);
  ASSERT_EQ(r.size(), 2u);
  EXPECT_EQ(r[1].shape(), (Shape{2}));
  EXPECT_EQ(vjp(f)(table, index, g.full({2}, 1)).size(), 2u);
  EXPECT_EQ(jvp(jvp(f))(table, index, table, table, table).size(), 4u);
}

TEST(Gradients, OutlinesThePathAndCapturesTheRest) {
  Graph g;
  Tensor w = g.variable("w", Array::full<float>({3}, 2)), x = g.input("x", f32, {3});
  Tensor other = exp(x);
  Tensor loss = sum(w * other), unrelated = sin(x);
  TensorList d = g.gradients(loss, {w, x, g.variable("unused", Array::full<float>({7}, 1))});
  EXPECT_EQ(d[0].shape(), (Shape{3}));
  EXPECT_EQ(d[2].shape(), (Shape{7}));
  EXPECT_THAT(g.toMlir(), HasSubstr("weir.vjp @loss("));
  EXPECT_EQ(count(g.toMlir(), "weir.sin"), 1u);
}

TEST(Gradients, AnIntermediateValueCanBeAsked) {
  Graph g;
  Tensor x = g.input("x", f32, {});
  Tensor h = x * x, loss = h * h;
  EXPECT_EQ(g.gradients(loss, {x, h, x}).size(), 3u);
  g.output("loss", loss);
  g.compile({.interpret = true});
}

TEST(Rollback, AFailedBodyLeavesNothingBehind) {
  Graph g;
  Tensor x = g.input("x", f32, {3}), y = g.input("y", f32, {4});
  g.output("x", x);
  const std::string before = g.toMlir();
  Tensor leaked;
  Function bad([&](Tensor t) {
    leaked = exp(t) * y.graph().scalar(2);
    g.variable("inside", Array::scalar(1.0f));
    Function inner([&](Tensor u) { return u + x; }, "inner");
    return inner(t) + y;
  });
  EXPECT_THROW(bad(x), Error);
  EXPECT_EQ(g.toMlir(), before);
  auto body = [&](Tensor carry, Tensor slice) { return std::pair(bad(x), slice + carry); };
  EXPECT_THROW(scan(x, reshape(x, {3, 1}), body), Error);
  EXPECT_THROW(cond(sum(x) > 0, [&] { return x; }, [&] { return y; }), Error);
  EXPECT_THROW((void)(leaked + 1), Error);
  Function again([&](Tensor t) { return t + x; });
  EXPECT_EQ(Tensor(again(x)).shape(), (Shape{3}));
}

TEST(Scope, ValuesOfAnEndedBodyAreRefused) {
  Graph g;
  Tensor inner;
  repeat(3, g.scalar(1), [&](Tensor x) { return inner = x + 1; });
  EXPECT_THROW((void)(inner + 1), Error);
}

} // namespace
} // namespace weir
