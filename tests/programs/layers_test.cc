// Layers and losses of nn: values and gradients against the same formulas on the tape.
// features: F8
#include "tests/programs/eager.h"

#include <gmock/gmock.h>

namespace weir::testing {
namespace {

using ::testing::HasSubstr;

/// Evaluated by the interpreter: what is tested here is what a layer is made of.
template <typename Captured, typename OnTape>
void check(Captured captured, OnTape eager, const std::vector<Array> &inputs) {
  expectSame(captured, eager, inputs, true);
}

Tensor graphConv(const TensorList &x, nn::ConvLayerOptions options) {
  options.dtype = f64;
  Graph g = x[0].graph();
  Shape window(x[1].shape().begin() + 2, x[1].shape().end());
  nn::Conv layer(g, "conv", x[1].dim(1) * options.groups, x[1].dim(0), window, options);
  layer.weight = x[1];
  layer.bias = x[2];
  return layer(x[0]);
}

/// With the group as a dim of its own, as the tape wants it.
Eager tapeConv(const Eager &x, const Eager &weight, const nn::ConvLayerOptions &o) {
  Shape in = x.shape(), filters = weight.shape();
  in[1] /= o.groups;
  in.insert(in.begin() + 1, o.groups);
  filters[0] /= o.groups;
  filters.insert(filters.begin(), o.groups);
  Eager y = convolution(reshape(x, in), reshape(weight, filters),
                        {o.strides, o.padding, o.padding, {}, o.dilations});
  Shape shape = y.shape();
  shape[1] *= shape[2];
  shape.erase(shape.begin() + 2);
  return reshape(y, shape);
}
Eager channels(const Eager &v, int64_t rank) {
  Shape shape(rank, 1);
  shape[1] = v.dim(0);
  return reshape(v, shape);
}

TEST(Conv, OfOneTwoAndThreeDims) {
  auto both = [](const nn::ConvLayerOptions &o, const std::vector<Array> &inputs) {
    check([&](const TensorList &x) { return graphConv(x, o); },
          [&](const EagerList &x) { return tapeConv(x[0], x[1], o) + channels(x[2], x[0].rank()); },
          inputs);
  };
  both({.strides = {2}, .padding = {1}},
       {randomArray({2, 3, 7}, 1), randomArray({4, 3, 3}, 2), randomArray({4}, 3)});
  both({.padding = {1, 0}, .dilations = {1, 2}, .groups = 2},
       {randomArray({2, 4, 4, 5}, 1), randomArray({6, 2, 3, 2}, 2), randomArray({6}, 3)});
  both({}, {randomArray({1, 2, 3, 3, 4}, 1), randomArray({2, 2, 2, 2, 2}, 2), randomArray({2}, 3)});
}

TEST(Conv, TransposedIsTheAdjoint) {
  nn::ConvLayerOptions o{
      .strides = {2, 1}, .padding = {1, 0}, .dilations = {1, 2}, .groups = 2, .dtype = f64};
  const Shape window{3, 2}, image{2, 6, 6, 6};
  check(
      [&](const TensorList &x) {
        Graph g = x[0].graph();
        nn::ConvTranspose layer(g, "up", 4, 6, window, o, {1, 0});
        layer.weight = x[1];
        layer.bias = x[2];
        return layer(x[0]);
      },
      [&](const EagerList &x) {
        Eager z = Eager::full(image, 0);
        Eager y = tapeConv(z.requireGrad(), x[1], o);
        return Eager::pullBack({y}, {x[0]}, {z}, true)[0] + channels(x[2], 4);
      },
      {randomArray({2, 4, 3, 4}, 1), randomArray({4, 3, 3, 2}, 2), randomArray({6}, 3)});
}

TEST(Pooling, MaxAverageAndGlobal) {
  const std::vector<Array> inputs{randomArray({2, 3, 5, 6}, 1)};
  const nn::PoolOptions overlapping{.window = {3, 2}, .strides = {2, 1}, .padding = {1, 0}};
  const tape::Windows w{{2, 3}, {3, 2}, {2, 1}, {}, {1, 0}, {1, 0}};
  check([&](const TensorList &x) { return nn::maxPool(x[0], overlapping); },
        [&](const EagerList &x) { return reduceMax(unfold(x[0], -1e30, w), {-2, -1}); }, inputs);
  check([&](const TensorList &x) { return nn::avgPool(x[0], overlapping); },
        [&](const EagerList &x) { return mean(unfold(x[0], 0, w), {-2, -1}); }, inputs);
  nn::PoolOptions inside = overlapping;
  inside.countsPadding = false;
  check([&](const TensorList &x) { return nn::avgPool(x[0], inside); },
        [&](const EagerList &x) {
          return sum(unfold(x[0], 0, w), {-2, -1}) / sum(unfold(onesLike(x[0]), 0, w), {-2, -1});
        },
        inputs);
  check([](const TensorList &x) { return nn::globalMaxPool(x[0]) * nn::globalAvgPool(x[0]); },
        [](const EagerList &x) { return reduceMax(x[0], {2, 3}) * mean(x[0], {2, 3}); }, inputs);
}

TEST(Pooling, AdaptiveTakesUnevenWindows) {
  auto eager = [](bool isMax) {
    return [isMax](const EagerList &x) { // 5 -> 3: rows 0-1, 1-3, 3-4
      EagerList rows;
      for (auto [from, to] : {std::pair{0, 2}, {1, 4}, {3, 5}}) {
        Eager part = sliceDim(x[0], 2, from, to);
        rows.push_back(isMax ? reduceMax(part, 2, true) : mean(part, 2, true));
      }
      return concatenate(rows, 2);
    };
  };
  const std::vector<Array> inputs{randomArray({2, 2, 5}, 1)};
  check([](const TensorList &x) { return nn::adaptiveMaxPool(x[0], {3}); }, eager(true), inputs);
  check([](const TensorList &x) { return nn::adaptiveAvgPool(x[0], {3}); }, eager(false), inputs);
}

TEST(Norms, RmsGroupAndBatch) {
  check([](const TensorList &x) { return nn::rmsNorm(x[0], x[1], 1e-3); },
        [](const EagerList &x) { return x[0] / sqrt(mean(square(x[0]), -1, true) + 1e-3) * x[1]; },
        {randomArray({3, 4}, 1), randomArray({4}, 2)});
  const std::vector<Array> inputs{randomArray({2, 4, 3, 2}, 1), randomArray({4}, 2),
                                  randomArray({4}, 3)};
  check([](const TensorList &x) { return nn::groupNorm(x[0], 2, x[1], x[2]); },
        [](const EagerList &x) {
          Eager g = reshape(x[0], {2, 2, 12});
          g = (g - mean(g, -1, true)) / sqrt(variance(g, -1, true) + 1e-5);
          return reshape(g, {2, 4, 3, 2}) * channels(x[1], 4) + channels(x[2], 4);
        },
        inputs);
  check(
      [](const TensorList &x) {
        Graph g = x[0].graph();
        nn::BatchNorm norm(g, "norm", 4, {.dtype = f64});
        norm.scale = x[1];
        norm.shift = x[2];
        return norm(x[0], true);
      },
      [](const EagerList &x) {
        Eager y =
            (x[0] - mean(x[0], {0, 2, 3}, true)) / sqrt(variance(x[0], {0, 2, 3}, true) + 1e-5);
        return y * channels(x[1], 4) + channels(x[2], 4);
      },
      inputs);
}

TEST(Norms, BatchNormRemembersMomentsForEvaluation) {
  auto build = [](bool training) {
    Graph g;
    Tensor x = g.input("x", f64, {4, 1});
    nn::BatchNorm norm(g, "norm", 1, {.epsilon = 0, .momentum = 0.5, .dtype = f64});
    g.output("y", norm(x, training));
    return g;
  };
  const Feeds feeds{{"x", Array::from<double>({4, 1}, {1, 2, 3, 6})}}; // mean 3, variance 3.5
  Program train = build(true).compile({.interpret = true});
  train.run(feeds);
  EXPECT_NEAR(train.variable("norm.mean").at(0), 1.5, 1e-12);
  EXPECT_NEAR(train.variable("norm.variance").at(0), 0.5 + 0.5 * 14.0 / 3, 1e-12);
  Program test = build(false).compile({.interpret = true});
  test.copyVariables(train);
  const double root = std::sqrt(0.5 + 7.0 / 3);
  EXPECT_NEAR(test.run(feeds)["y"].at(3), 4.5 / root, 1e-12);
  EXPECT_NEAR(test.run(feeds)["y"].at(0), -0.5 / root, 1e-12); // and nothing moves
}

TEST(Rotary, TurnsPairsOfFeatures) {
  check([](const TensorList &x) { return nn::rotary(x[0], 100, 2); },
        [](const EagerList &x) {
          Eager angles = Eager::full({3, 2}, 0);
          for (int64_t i = 0; i < 3; ++i) {
            angles.data()[2 * i] = 2.0 + static_cast<double>(i);
            angles.data()[2 * i + 1] = 0.1 * (2.0 + static_cast<double>(i));
          }
          EagerList h = split(x[0], 2);
          return concatenate(EagerList{h[0] * cos(angles) - h[1] * sin(angles),
                                       h[1] * cos(angles) + h[0] * sin(angles)},
                             -1);
        },
        {randomArray({2, 3, 4}, 1)});
}

TEST(Losses, OfRealTargets) {
  const std::vector<Array> inputs{randomArray({3, 4}, 1), randomArray({3, 4}, 2)};
  check([](const TensorList &x) { return nn::meanAbsoluteError(x[0], x[1]); },
        [](const EagerList &x) { return mean(abs(x[0] - x[1])); }, inputs);
  check([](const TensorList &x) { return nn::huber(x[0], x[1], 0.7); },
        [](const EagerList &x) {
          Eager d = abs(x[0] - x[1]), near = min(d, 0.7);
          return mean(near * (d - near / 2));
        },
        inputs);
  check([](const TensorList &x) { return nn::hinge(x[0], sign(x[1])); },
        [](const EagerList &x) { return mean(max(1 - sign(x[1]) * x[0], 0)); }, inputs);
  check([](const TensorList &x) { return nn::cosineDistance(x[0], x[1]); },
        [](const EagerList &x) {
          Eager norms = sqrt(sum(square(x[0]), -1) * sum(square(x[1]), -1));
          return mean(1 - sum(x[0] * x[1], -1) / norms);
        },
        inputs);
}

TEST(Losses, OfProbabilities) {
  const std::vector<Array> inputs{randomArray({3, 4}, 1), randomArray({3, 4}, 2)};
  check([](const TensorList &x) { return nn::binaryCrossEntropy(x[0], logistic(x[1])); },
        [](const EagerList &x) {
          Eager p = logistic(x[0]), y = logistic(x[1]);
          return -mean(y * log(p) + (1 - y) * log(1 - p));
        },
        inputs);
  check(
      [](const TensorList &x) { return nn::klDivergence(nn::logSoftmax(x[0]), nn::softmax(x[1])); },
      [](const EagerList &x) {
        Eager q = x[0] - logsumexp(x[0], -1, true), p = x[1] - logsumexp(x[1], -1, true);
        return mean(sum(exp(p) * (p - q), -1));
      },
      inputs);
  check(
      [](const TensorList &x) {
        Tensor labels = x[0].graph().constant(Array::from<int32_t>({3}, {1, 0, 3}));
        return nn::negativeLogLikelihood(x[0], labels);
      },
      [](const EagerList &x) { return -mean(sum(x[0] * oneHot(Eager({3}, {1, 0, 3}), 4), -1)); },
      {inputs[0]});
}

TEST(Losses, AreFiniteWhereFormulasAreNot) {
  Graph g;
  Tensor x = g.constant(Array::from<double>({2}, {1000, -1000})),
         y = g.constant(Array::from<double>({2}, {1, 0})),
         zero = g.constant(Array::zeros(f64, {2}));
  g.output("bce", nn::binaryCrossEntropy(x, y));
  g.output("kl", grad([&](Tensor p) { return nn::klDivergence(zero, p); })(y));
  g.output("cosine", grad([&](Tensor p) { return nn::cosineDistance(p, y); })(zero));
  Fetched out = g.compile({.interpret = true}).run();
  EXPECT_EQ(out.scalar("bce"), 0);
  EXPECT_TRUE(std::isfinite(out["kl"].at(1)));
  EXPECT_TRUE(std::isfinite(out["cosine"].at(0)));
}

TEST(Einsum, AgreesWithWhatItAbbreviates) {
  auto einsum = [](const char *spec) {
    return [spec](const TensorList &x) { return nn::einsum(spec, x); };
  };
  const Array a = randomArray({3, 4}, 1), b = randomArray({4, 5}, 2), c = randomArray({5, 2}, 3),
              square = randomArray({3, 3}, 4);
  check(einsum("ij,jk->ik"), [](const EagerList &x) { return matmul(x[0], x[1]); }, {a, b});
  check(einsum("ij, jk, kl -> li"),
        [](const EagerList &x) { return transpose(matmul(matmul(x[0], x[1]), x[2])); }, {a, b, c});
  check(einsum("ji"), [](const EagerList &x) { return transpose(x[0]); }, {a});
  check(einsum("ij->j"), [](const EagerList &x) { return sum(x[0], 0); }, {a});
  check(einsum("ij,ij->"), [](const EagerList &x) { return sum(x[0] * x[1]); }, {a, a});
  check(einsum("i,j->ij"),
        [](const EagerList &x) { return expandDims(x[0], 1) * expandDims(x[1], 0); },
        {randomArray({3}, 5), randomArray({2}, 6)});
  check(einsum("ii->"),
        [](const EagerList &x) { return sum(x[0] * Eager({3, 3}, {1, 0, 0, 0, 1, 0, 0, 0, 1})); },
        {square});
  check(einsum("ii,ij->ij"),
        [](const EagerList &x) {
          Eager diagonal = sum(x[0] * Eager({3, 3}, {1, 0, 0, 0, 1, 0, 0, 0, 1}), 1, true);
          return diagonal * x[1];
        },
        {square, a});
  check(einsum("...qd,...kd->...qk"),
        [](const EagerList &x) { return matmul(x[0], transpose(x[1], {0, 1, 3, 2})); },
        {randomArray({2, 2, 3, 4}, 7), randomArray({2, 2, 5, 4}, 8)});
}

TEST(Einsum, ContractsTheCheapestPairFirst) {
  Graph g;
  Tensor a = g.input("a", f64, {100, 50}), b = g.input("b", f64, {50, 60}),
         v = g.input("v", f64, {60});
  g.output("y", nn::einsum("ij,jk,k->i", {a, b, v}));
  EXPECT_THAT(g.toMlir(), ::testing::Not(HasSubstr("-> tensor<100x60xf64>")));
}

TEST(Einsum, SaysWhatIsWrong) {
  Graph g;
  Tensor a = g.input("a", f64, {2, 3}), b = g.input("b", f64, {4, 5});
  auto message = [&](const char *spec, const TensorList &xs) -> std::string {
    try {
      nn::einsum(spec, xs);
    } catch (const Error &error) {
      EXPECT_THAT(error.file(), HasSubstr("layers_test.cc"));
      return error.message();
    }
    return "";
  };
  EXPECT_EQ(message("ij,jk->ik", {a, b}), "einsum: \"ij,jk->ik\": 'j' is 3 and 4 in tensor 1");
  EXPECT_EQ(message("ij,jk", {a}), "einsum: \"ij,jk\": 2 terms, but 1 tensors are given");
  EXPECT_EQ(message("ijk->i", {a}),
            "einsum: \"ijk->i\": term 'ijk' has 3 labels, but tensor 0 is f64[2, 3]");
  EXPECT_EQ(message("ij->ik", {a}), "einsum: \"ij->ik\": the result has 'k', which no term has");
  EXPECT_EQ(message("ij->ii", {a}), "einsum: \"ij->ii\": the result has 'i' twice");
  EXPECT_EQ(message("i1->i", {a}), "einsum: \"i1->i\": '1' is neither a letter nor \"...\"");
}

TEST(Layers, SayWhatIsWrong) {
  Graph g;
  Tensor x = g.input("x", f32, {2, 3, 8, 8});
  auto message = [](auto f) -> std::string {
    try {
      f();
    } catch (const Error &error) {
      EXPECT_THAT(error.file(), HasSubstr("layers_test.cc"));
      return error.message();
    }
    return "";
  };
  nn::Conv conv(g, "conv", 4, 4, {3, 3});
  EXPECT_EQ(message([&] { conv(x); }),
            "conv: the input is f32[2, 3, 8, 8], but must have 4 channels");
  EXPECT_EQ(message([&] { nn::Conv(g, "c", 3, 4, {3}, {.strides = {1, 1}}); }),
            "c: strides has 2 entries, but the window has 1");
  EXPECT_EQ(message([&] { nn::Conv(g, "c", 3, 4, {3}, {.groups = 2}); }),
            "c: 3 channels do not divide into 2 groups");
  EXPECT_EQ(message([&] { nn::groupNorm(x, 2, x, x); }),
            "groupNorm: 3 channels do not divide into 2 groups");
  EXPECT_EQ(message([&] { nn::maxPool(x, {.window = {2}}); }),
            "maxPool: the input is f32[2, 3, 8, 8], but must be [b, channels] and 1 spatial dims");
}

} // namespace
} // namespace weir::testing
