// Compositions of frontend/api/math.h, and the defaults and layouts of windows and sorting: values
// against <cmath> and plain loops, derivatives against formulas, also at 0 and for large arguments.
// features: F6 F8
#include "frontend/weir.h"

#include <cmath>
#include <gtest/gtest.h>

namespace weir {
namespace {

struct Case {
  const char *name;
  Tensor (*function)(Arg);
  double (*value)(double), (*derivative)(double);
  std::vector<double> at;
};

const std::vector<double> kOdd = {-40, -2, -1e-3, -1e-12, 0, 1e-300, 1e-9, 0.3, 1, 19, 700};

std::vector<Case> cases() {
  return {
      {"asin",
       asin,
       std::asin,
       [](double x) { return 1 / std::sqrt((1 - x) * (1 + x)); },
       {-0.999999, -0.5, -1e-9, 0, 1e-300, 0.3, 0.99}},
      {"acos",
       acos,
       std::acos,
       [](double x) { return -1 / std::sqrt((1 - x) * (1 + x)); },
       {-0.999999, -0.5, 0, 0.3, 0.99, 0.99999999}},
      {"atan", atan, std::atan, [](double x) { return 1 / (1 + x * x); }, kOdd},
      {"sinh", sinh, std::sinh, std::cosh, kOdd},
      {"sinh", sinh, std::sinh, std::cosh, {-710.2, 710.3}},
      {"cosh", cosh, std::cosh, std::sinh, kOdd},
      {"asinh", asinh, std::asinh, [](double x) { return 1 / std::hypot(1, x); }, kOdd},
      {"asinh", asinh, std::asinh, [](double x) { return 1 / std::hypot(1, x); }, {-1e200, 1e18}},
      {"acosh",
       acosh,
       std::acosh,
       [](double x) { return 1 / (std::sqrt(x - 1) * std::sqrt(x + 1)); },
       {1.0000001, 1.5, 30, 1e9, 1e200}},
      {"atanh",
       atanh,
       std::atanh,
       [](double x) { return 1 / ((1 - x) * (1 + x)); },
       {-0.9999, -0.5, -1e-9, 0, 1e-300, 0.3, 0.99}},
      {"log2", log2, std::log2, [](double x) { return 1 / (x * std::log(2)); }, {1e-3, 1, 3, 8}},
      {"log10", log10, std::log10, [](double x) { return 1 / (x * std::log(10)); }, {0.1, 5, 1e9}},
      {"exp2",
       exp2,
       std::exp2,
       [](double x) { return std::exp2(x) * std::log(2); },
       {-1000, -1, 0, 0.5, 900.25}},
      {"trunc", trunc, std::trunc, [](double) { return 0.0; }, {-2.5, -0.5, 0.5, 7.9}},
  };
}

double error(double got, double expected) {
  if (got == expected) return 0;
  return std::abs(got - expected) / std::max(std::abs(expected), 1e-290);
}

TEST(Math, ValuesAndDerivativesAreAccurateEverywhere) {
  for (const Case &c : cases()) {
    const auto n = static_cast<int64_t>(c.at.size());
    Graph g;
    Tensor x = g.constant(Array::from<double>({n}, c.at));
    Function f([&](Tensor t) { return c.function(t); }, c.name);
    Results both = jvp(f)(x, onesLike(x));
    g.output("y", both[0]);
    g.output("dy", both[1]);
    Fetched out = g.compile({.interpret = true}).run();
    for (int64_t i = 0; i < n; ++i) {
      const double at = c.at[static_cast<size_t>(i)];
      EXPECT_LE(error(out["y"].at(i), c.value(at)), 3e-15) << c.name << " at " << at;
      EXPECT_LE(error(out["dy"].at(i), c.derivative(at)), 1e-13) << c.name << "' at " << at;
    }
  }
}

std::vector<double> values(Graph graph, const Tensor &tensor) {
  static int outputs = 0; // each its own, of any graph
  const std::string name = "out" + std::to_string(outputs++);
  graph.output(name, tensor);
  return graph.compile({.interpret = true}).run()[name].toDoubles();
}

TEST(Math, NotANumberAndInfinity) {
  Graph g;
  Tensor x = g.constant(Array::from<double>({4}, {NAN, INFINITY, -INFINITY, 1}));
  EXPECT_EQ(values(g, isNan(x)), (std::vector<double>{1, 0, 0, 0}));
  EXPECT_EQ(values(g, isInf(x)), (std::vector<double>{0, 1, 1, 0}));
  std::vector<double> sums = values(g, logAddExp(x, x));
  EXPECT_TRUE(std::isnan(sums[0]));
  EXPECT_EQ(sums[1], INFINITY);
  EXPECT_EQ(sums[2], -INFINITY);
  EXPECT_NEAR(sums[3], 1 + std::log(2), 1e-15);
}

TEST(Math, FloorDivisionRoundsDown) {
  Graph g;
  Tensor n = g.constant(Array::from<int32_t>({4}, {7, -7, 7, -7}));
  Tensor d = g.constant(Array::from<int32_t>({4}, {2, 2, -2, -2}));
  EXPECT_EQ(values(g, floorDiv(n, d)), (std::vector<double>{3, -4, -4, 3}));
  EXPECT_EQ(values(g, floorMod(n, d)), (std::vector<double>{1, 1, -1, -1}));
  EXPECT_EQ(values(g, floorDiv(convert(n, f64), 2.0)), (std::vector<double>{3, -4, 3, -4}));
  EXPECT_EQ(values(g, floorMod(convert(n, f64), 2.0)), (std::vector<double>{1, 1, 1, 1}));
}

TEST(Math, PolygammaIsTheDerivativeOfTheOneBelow) {
  Graph g;
  Tensor x = g.constant(Array::from<double>({2}, {1, 2.5}));
  const double pi2 = M_PI * M_PI;
  EXPECT_NEAR(values(g, polygamma(1, x))[0], pi2 / 6, 1e-14);
  EXPECT_NEAR(values(g, polygamma(3, x))[0], pi2 * pi2 / 15, 1e-13);
  Tensor n = g.constant(Array::from<double>({3, 1}, {0, 1, 2}));
  std::vector<double> byTensor = values(g, polygamma(n, x));
  for (int order = 0; order < 3; ++order) {
    std::vector<double> byNumber = values(g, polygamma(order, x));
    std::vector<double> slope =
        values(g, jvp(Function([&](Tensor t) { return polygamma(order, t); }))(x, onesLike(x))[1]);
    std::vector<double> next = values(g, polygamma(order + 1, x));
    for (size_t i = 0; i < 2; ++i) {
      EXPECT_NEAR(byNumber[i], byTensor[static_cast<size_t>(order) * 2 + i], 1e-13);
      EXPECT_NEAR(slope[i], next[i], 1e-12);
    }
  }
}

TEST(Math, SixteenBitFloatsAndIntegersAreNamedOrComputed) {
  Graph g;
  EXPECT_THROW(sinh(g.constant(Array::from<int32_t>({1}, {1}))), Error);
  EXPECT_THROW(sinh(1.0), Error);
}

TEST(Order, ArgsortAndTopKAreStable) {
  Graph g;
  Tensor x = g.constant(Array::from<double>({2, 4}, {3, 1, 3, 2, 0, -1, 5, 0}));
  EXPECT_EQ(values(g, argsort(x)), (std::vector<double>{1, 3, 0, 2, 1, 0, 3, 2}));
  EXPECT_EQ(values(g, argsort(x, -1, true)), (std::vector<double>{0, 2, 3, 1, 2, 0, 3, 1}));
  auto [top, at] = topK(x, 2);
  EXPECT_EQ(values(g, top), (std::vector<double>{3, 3, 5, 0}));
  EXPECT_EQ(values(g, at), (std::vector<double>{0, 2, 2, 0}));
  EXPECT_THROW(topK(x, 5), Error);
}

/// out[n, g*O+o, p] of a one-dimensional convolution, by its definition.
std::vector<double> convolved(const Array &x, const Array &w, int64_t groups, int64_t stride,
                              int64_t low, int64_t high) {
  const int64_t N = x.dims()[0], L = x.dims()[2], O = w.dims()[0], C = w.dims()[1], K = w.dims()[2];
  const int64_t F = x.dims()[1], out = (L + low + high - K) / stride + 1;
  std::vector<double> y;
  for (int64_t n = 0; n < N; ++n)
    for (int64_t o = 0; o < O; ++o)
      for (int64_t p = 0; p < out; ++p) {
        double total = 0;
        for (int64_t c = 0; c < C; ++c)
          for (int64_t k = 0; k < K; ++k) {
            const int64_t at = p * stride + k - low, f = o / (O / groups) * C + c;
            if (at >= 0 && at < L) total += x.at((n * F + f) * L + at) * w.at((o * C + c) * K + k);
          }
        y.push_back(total);
      }
  return y;
}

Array ramp(Shape shape) {
  int64_t count = 1;
  for (int64_t size : shape) count *= size;
  std::vector<double> list;
  for (int64_t i = 0; i < count; ++i) list.push_back(static_cast<double>((7 * i) % 11) - 5);
  return Array::from<double>(std::move(shape), list);
}

TEST(Conv, GroupsAndLayouts) {
  Graph g;
  Array xs = ramp({2, 4, 9}), ws = ramp({6, 2, 3});
  Tensor x = g.constant(xs), w = g.constant(ws);
  ConvOptions options{.window = {.strides = {2}, .low = {1}, .high = {2}}, .groups = 2};
  const std::vector<double> expected = convolved(xs, ws, 2, 2, 1, 2);
  EXPECT_EQ(values(g, conv(x, w, options)), expected);
  // Channels last, filters [window, in, out]: the same after transposing back.
  options.lhsDims = options.outDims = {0, 2, 1};
  options.rhsDims = {2, 1, 0};
  Tensor last = conv(transpose(x, {0, 2, 1}), transpose(w, {2, 1, 0}), options);
  EXPECT_EQ(last.shape(), (Shape{2, 5, 6}));
  EXPECT_EQ(values(g, transpose(last, {0, 2, 1})), expected);
  EXPECT_THROW(conv(x, w, {.groups = 3}), Error);
}

TEST(Conv, BatchGroupsSplitTheBatch) {
  Graph g;
  Array xs = ramp({4, 2, 5}), ws = ramp({6, 2, 3});
  Tensor x = g.constant(xs), w = g.constant(ws);
  Tensor y = conv(x, w, {.batchGroups = 2});
  EXPECT_EQ(y.shape(), (Shape{2, 6, 3}));
  // Group i is batch half i with output half i.
  Tensor first = conv(sliceDim(x, 0, 0, 2), sliceDim(w, 0, 0, 3));
  Tensor second = conv(sliceDim(x, 0, 2, 4), sliceDim(w, 0, 3, 6));
  EXPECT_EQ(values(g, y), values(g, concatenate({first, second}, 1)));
}

TEST(Windows, FoldIsTheAdjointOfUnfold) {
  Graph g;
  Tensor x = g.constant(ramp({2, 7}));
  Windows windows{.dims = {1}, .sizes = {3}, .strides = {2}, .low = {1}, .high = {1}};
  Tensor unfolded = unfold(x, 0, windows);
  EXPECT_EQ(unfolded.shape(), (Shape{2, 4, 3}));
  Tensor y = g.constant(ramp({2, 4, 3}));
  Tensor folded = fold(y, windows, {7});
  EXPECT_EQ(folded.shape(), (Shape{2, 7}));
  EXPECT_NEAR(values(g, sum(unfolded * y))[0], values(g, sum(x * folded))[0], 1e-9);
}

} // namespace
} // namespace weir
