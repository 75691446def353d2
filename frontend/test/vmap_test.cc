// vmap as a user writes it: batches of functions, of derivatives and of batches, against loops over
// the slices. features: A13
#include "frontend/weir.h"

#include <cmath>
#include <gtest/gtest.h>

namespace weir {
namespace {

Array numbers(Shape shape, uint32_t seed) {
  int64_t count = 1;
  for (int64_t n : shape) count *= n;
  std::vector<float> values;
  for (int64_t i = 0; i < count; ++i) {
    seed = seed * 1664525u + 1013904223u;
    values.push_back(static_cast<float>(seed >> 8) / (1 << 23) - 1);
  }
  return Array::from<float>(std::move(shape), std::move(values));
}

/// Both outputs of the graph, compiled and interpreted, must be equal.
void expectSame(Graph &g, const Tensor &got, const Tensor &expected, Feeds feeds) {
  g.output("got", got);
  g.output("expected", expected);
  for (bool interpret : {true, false}) {
    auto out = g.compile({.interpret = interpret}).run(feeds);
    ASSERT_EQ(out["got"].dims(), out["expected"].dims());
    std::vector<double> a = out["got"].toDoubles(), b = out["expected"].toDoubles();
    for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-5) << i;
  }
}

TEST(Vmap, AxesSayWhereTheBatchIs) {
  Graph g;
  Tensor a = g.input("a", f32, {4, 3, 5}), b = g.input("b", f32, {5, 2});
  Function f([](Tensor a, Tensor b) { return matmul(a, b); }, "product");
  // Slices of a along its dim 1, b whole; the batch is the last dim of the result.
  Tensor got = vmap(f, {1, kNotBatched}, {2})(a, b);
  EXPECT_EQ(got.shape(), (Shape{4, 2, 3}));
  std::vector<Tensor> slices;
  for (int64_t i = 0; i < 3; ++i)
    slices.push_back(reshape(f(reshape(slice(a, {0, i, 0}, {4, i + 1, 5}), {4, 5}), b), {4, 2, 1}));
  expectSame(g, got, concatenate(slices, 2),
             {{"a", numbers({4, 3, 5}, 1)}, {"b", numbers({5, 2}, 2)}});
}

/// The loss of a small network on one example.
Tensor loss(Tensor w1, Tensor w2, Tensor x, Tensor y) {
  return sum(square(matmul(tanh(matmul(x, w1)), w2) - y));
}

TEST(Vmap, OfGradGivesTheGradientOfEachExample) {
  Graph g;
  Tensor w1 = g.input("w1", f32, {3, 4}), w2 = g.input("w2", f32, {4, 2}),
         xs = g.input("xs", f32, {5, 1, 3}), ys = g.input("ys", f32, {5, 1, 2});
  Function gradient = grad(Function(loss, "loss"), {0, 1});
  Results each = vmap(gradient, {kNotBatched, kNotBatched, 0, 0})(w1, w2, xs, ys);
  EXPECT_EQ(each[0].shape(), (Shape{5, 3, 4}));
  std::vector<Tensor> slices;
  for (int64_t i = 0; i < 5; ++i) {
    Tensor x = reshape(slice(xs, {i, 0, 0}, {i + 1, 1, 3}), {1, 3}),
           y = reshape(slice(ys, {i, 0, 0}, {i + 1, 1, 2}), {1, 2});
    slices.push_back(reshape(gradient(w1, w2, x, y)[0], {1, 3, 4}));
  }
  expectSame(g, each[0], concatenate(slices, 0),
             {{"w1", numbers({3, 4}, 1)},
              {"w2", numbers({4, 2}, 2)},
              {"xs", numbers({5, 1, 3}, 3)},
              {"ys", numbers({5, 1, 2}, 4)}});
}

TEST(Vmap, GradOfItIsTheGradientOfTheSum) {
  Graph g;
  Tensor w1 = g.input("w1", f32, {3, 4}), w2 = g.input("w2", f32, {4, 2}),
         xs = g.input("xs", f32, {5, 1, 3}), ys = g.input("ys", f32, {5, 1, 2});
  // Weights from outside are taken whole by each slice.
  Function batch([=](Tensor w1) {
    Function each([=](Tensor x, Tensor y) { return loss(w1, w2, x, y); });
    return sum(vmap(each)(xs, ys));
  });
  Function whole([=](Tensor w1) { return loss(w1, w2, reshape(xs, {5, 3}), reshape(ys, {5, 2})); });
  expectSame(g, grad(batch)(w1), grad(whole)(w1),
             {{"w1", numbers({3, 4}, 1)},
              {"w2", numbers({4, 2}, 2)},
              {"xs", numbers({5, 1, 3}, 3)},
              {"ys", numbers({5, 1, 2}, 4)}});
}

TEST(Vmap, NestsAndGivesJacobiansWithJvp) {
  Graph g;
  Tensor x = g.input("x", f32, {3}), y = g.input("y", f32, {4});
  Function times([](Tensor a, Tensor b) { return a * b + sin(a); });
  Tensor outer = vmap(vmap(times, {kNotBatched, 0}), {0, kNotBatched})(x, y); // [3, 4]
  Tensor column = reshape(x, {3, 1});
  expectSame(g, outer, column * y + broadcastTo(sin(column), {3, 4}),
             {{"x", numbers({3}, 1)}, {"y", numbers({4}, 2)}});

  Graph h;
  Tensor z = h.input("z", f32, {3});
  Function f([](Tensor z) { return exp(z) * sum(z); }, "f");
  Tensor unit = h.constant(Array::from<float>({3, 3}, {1, 0, 0, 0, 1, 0, 0, 0, 1}));
  Tensor rows = vmap(jvp(f), {kNotBatched, 0}, {kNotBatched, 1})(z, unit)[1];
  expectSame(h, rows, jacobian(f)(z), {{"z", numbers({3}, 5)}});
}

TEST(Vmap, WorksInAScanAndOverOne) {
  Graph g;
  Tensor x = g.input("x", f32, {4, 2});
  Function step([](Tensor c) { return c * sin(c) + sum(c); }, "step");
  Tensor inside = repeat(3, x, [&](Tensor c) { return Tensor(vmap(step)(c)); });
  Function all([&](Tensor c) { return repeat(3, c, [&](Tensor c) { return Tensor(step(c)); }); });
  expectSame(g, inside, vmap(all)(x), {{"x", numbers({4, 2}, 3)}});
}

TEST(Vmap, BranchesAndLoopsDecideForEachSlice) {
  Graph g;
  Tensor x = g.input("x", f32, {6});
  Function f(
      [](Tensor x) {
        Tensor y =
            cond(x > 0, [](Tensor x) { return exp(x); }, [](Tensor x) { return x * x; }, {x});
        // Until y is at least 10: another number of steps for each slice.
        return whileLoop(
            {y, x}, [](const TensorList &c) { return c[0] < 10; },
            [](const TensorList &c) { return TensorList{c[0] * 1.5 + 1, c[1] + c[0]}; })[1];
      },
      "f");
  std::vector<Tensor> slices;
  for (int64_t i = 0; i < 6; ++i)
    slices.push_back(reshape(f(reshape(slice(x, {i}, {i + 1}), {})), {1}));
  expectSame(g, vmap(f)(x), concatenate(slices, 0), {{"x", numbers({6}, 7)}});
}

TEST(Vmap, GradientsOfLoopsOfDifferentLengths) {
  Graph g;
  Tensor x = g.input("x", f32, {4});
  Function f([](Tensor x) {
    return whileLoop(
        {x}, [](const TensorList &c) { return c[0] < 3; },
        [](const TensorList &c) { return TensorList{c[0] * c[0] + 0.5}; })[0];
  });
  std::vector<Tensor> slices;
  for (int64_t i = 0; i < 4; ++i)
    slices.push_back(reshape(grad(f)(reshape(slice(x, {i}, {i + 1}), {})), {1}));
  Tensor loops = concatenate(slices, 0);
  Tensor batch = grad([&](Tensor x) { return sum(vmap(f)(x)); })(x);
  expectSame(g, concatenate({vmap(grad(f))(x), batch}, 0), concatenate({loops, loops}, 0),
             {{"x", numbers({4}, 9)}});
}

TEST(Vmap, KeepsTheRulesOfCustomFunctions) {
  Graph g;
  Tensor x = g.input("x", f32, {3, 2}), w = g.input("w", f32, {2});
  // Rules that are not the true ones, so that one sees them.
  Function f([](Tensor x, Tensor w) { return sum(x * w); }, "dot");
  Function rule([](Tensor x, Tensor w, Tensor dx, Tensor) {
    return TensorList{sum(x * w), 10 * sum(dx * w)};
  });
  Function forward([](Tensor x, Tensor w) { return TensorList{sum(x * w), x, w}; });
  Function backward([](Tensor x, Tensor w, Tensor dy) { return TensorList{dy * w, 7 * dy * x}; });
  Function byJvp = customJvp(f, rule), byVjp = customVjp(f, forward, backward);
  Function ofX([&](Tensor x) { return sum(vmap(byJvp, {0, kNotBatched})(x, w)); });
  Function ofW([&](Tensor w) { return sum(vmap(byVjp, {0, kNotBatched})(x, w)); });
  Tensor tenfold = broadcastTo(10 * w, {3, 2});
  expectSame(g, concatenate({grad(ofX)(x), reshape(grad(ofW)(w), {1, 2})}, 0),
             concatenate({tenfold, reshape(7 * sum(x, {0}), {1, 2})}, 0),
             {{"x", numbers({3, 2}, 1)}, {"w", numbers({2}, 2)}});
}

} // namespace
} // namespace weir
