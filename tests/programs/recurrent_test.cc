// LSTM and GRU against plain loops, their derivatives against central differences of these, and a
// character model that learns.  features: F8 L3
#include "autodiff/oracles/central_differences.h"
#include "frontend/data/text.h"
#include "frontend/models/char_lstm.h"
#include "tests/programs/eager.h"

#include <cmath>
#include <gmock/gmock.h>

namespace weir::testing {
namespace {

using autodiff::Vector;
using ::testing::HasSubstr;

constexpr int64_t b = 2, t = 4, in = 3, hidden = 2;

double sigmoid(double v) {
  return 1 / (1 + std::exp(-v));
}

/// Row `row` of x [rows, n] times w [n, columns], column `column`.
double product(const double *x, const double *w, int64_t row, int64_t column, int64_t n,
               int64_t columns) {
  double total = 0;
  for (int64_t k = 0; k < n; ++k) total += x[row * n + k] * w[k * columns + column];
  return total;
}

/// What both layers are fed, one after the other: x [b, t, in], initial states [b, hidden], weights
/// and biases.
struct Sizes {
  std::vector<Shape> shapes;
  std::vector<Array> random() const {
    std::vector<Array> arrays;
    for (const Shape &shape : shapes) arrays.push_back(randomArray(shape, arrays.size() + 1));
    return arrays;
  }
};
const Sizes lstmSizes{
    {{b, t, in}, {b, hidden}, {b, hidden}, {in, 4 * hidden}, {hidden, 4 * hidden}, {4 * hidden}}};
const Sizes gruSizes{
    {{b, t, in}, {b, hidden}, {in, 3 * hidden}, {hidden, 3 * hidden}, {3 * hidden}, {hidden}}};

/// Pointers to the parts of a concatenation.
std::vector<const double *> parts(const Vector &all, const Sizes &sizes) {
  std::vector<const double *> pointers;
  const double *next = all.data();
  for (const Shape &shape : sizes.shapes) {
    pointers.push_back(next);
    int64_t size = 1;
    for (int64_t dim : shape) size *= dim;
    next += size;
  }
  return pointers;
}

/// Outputs [b, t, hidden], then the last states.
Vector plainLstm(const Vector &all, bool reverse) {
  const auto p = parts(all, lstmSizes);
  Vector h(p[1], p[1] + b * hidden), c(p[2], p[2] + b * hidden), ys(b * t * hidden);
  for (int64_t s = 0; s < t; ++s) {
    const int64_t step = reverse ? t - 1 - s : s;
    const Vector old = h;
    for (int64_t i = 0; i < b; ++i)
      for (int64_t j = 0; j < hidden; ++j) {
        auto gate = [&](int64_t k) {
          const int64_t column = k * hidden + j;
          return product(p[0], p[3], i * t + step, column, in, 4 * hidden) +
                 product(old.data(), p[4], i, column, hidden, 4 * hidden) + p[5][column];
        };
        double &cell = c[i * hidden + j];
        cell = sigmoid(gate(1)) * cell + sigmoid(gate(0)) * std::tanh(gate(2));
        h[i * hidden + j] = ys[(i * t + step) * hidden + j] = sigmoid(gate(3)) * std::tanh(cell);
      }
  }
  ys.insert(ys.end(), h.begin(), h.end());
  ys.insert(ys.end(), c.begin(), c.end());
  return ys;
}

Vector plainGru(const Vector &all, bool reverse) {
  const auto p = parts(all, gruSizes);
  Vector h(p[1], p[1] + b * hidden), ys(b * t * hidden);
  for (int64_t s = 0; s < t; ++s) {
    const int64_t step = reverse ? t - 1 - s : s;
    const Vector old = h;
    for (int64_t i = 0; i < b; ++i)
      for (int64_t j = 0; j < hidden; ++j) {
        auto ofInput = [&](int64_t k) {
          return product(p[0], p[2], i * t + step, k * hidden + j, in, 3 * hidden) +
                 p[4][k * hidden + j];
        };
        auto ofState = [&](int64_t k) {
          return product(old.data(), p[3], i, k * hidden + j, hidden, 3 * hidden);
        };
        const double reset = sigmoid(ofInput(0) + ofState(0)),
                     keep = sigmoid(ofInput(1) + ofState(1)),
                     candidate = std::tanh(ofInput(2) + reset * (ofState(2) + p[5][j]));
        h[i * hidden + j] = ys[(i * t + step) * hidden + j] =
            (1 - keep) * candidate + keep * old[i * hidden + j];
      }
  }
  ys.insert(ys.end(), h.begin(), h.end());
  return ys;
}

TensorList captureLstm(const TensorList &x, bool reverse) {
  Graph g = x[0].graph();
  nn::LstmOptions options;
  options.dtype = f64;
  nn::Lstm layer(g, "lstm", in, hidden, options);
  layer.input = x[3];
  layer.recurrent = x[4];
  layer.bias = x[5];
  nn::Lstm::Sequence all = layer(x[0], {x[1], x[2]}, reverse);
  return {all.outputs, all.last.hidden, all.last.cell};
}

TensorList captureGru(const TensorList &x, bool reverse) {
  Graph g = x[0].graph();
  nn::RecurrentOptions options;
  options.dtype = f64;
  nn::Gru layer(g, "gru", in, hidden, options);
  layer.input = x[2];
  layer.recurrent = x[3];
  layer.bias = x[4];
  layer.resetBias = x[5];
  nn::Gru::Sequence all = layer(x[0], x[1], reverse);
  return {all.outputs, all.last};
}

/// Values, and the gradient of Σ cos(k)·y_k for everything that goes in.
void expectSameAsPlain(const Sizes &sizes, const std::function<TensorList(const TensorList &)> &f,
                       const std::function<Vector(const Vector &)> &plain) {
  Graph g;
  TensorList xs;
  Feeds feeds;
  Vector all;
  for (const Array &array : sizes.random()) {
    const std::string name = "x" + std::to_string(xs.size());
    xs.push_back(g.input(name, f64, array.dims()));
    feeds.emplace(name, array);
    for (double v : array.toDoubles()) all.push_back(v);
  }
  TensorList flat;
  for (const Tensor &y : f(xs)) flat.push_back(reshape(y, {-1}));
  Tensor y = concatenate(flat, 0);
  Vector weights;
  for (int64_t k = 0; k < y.size(); ++k) weights.push_back(std::cos(static_cast<double>(k)));
  TensorList gradients =
      g.gradients(sum(y * g.constant(Array::from<double>({y.size()}, weights))), xs);
  for (Tensor &gradient : gradients) gradient = reshape(gradient, {-1});
  g.output("y", y);
  g.output("gradient", concatenate(gradients, 0));
  Fetched out = g.compile().run(feeds);
  EXPECT_LT(autodiff::relativeError(out["y"].toDoubles(), plain(all)), 1e-12);
  auto loss = [&](const Vector &v) { return autodiff::dot(plain(v), weights); };
  EXPECT_LT(
      autodiff::relativeError(out["gradient"].toDoubles(), autodiff::centralGradient(loss, all)),
      1e-8);
}

TEST(Lstm, EqualsPlainLoopsAndTheirDerivatives) {
  for (bool reverse : {false, true})
    expectSameAsPlain(
        lstmSizes, [=](const TensorList &x) { return captureLstm(x, reverse); },
        [=](const Vector &v) { return plainLstm(v, reverse); });
}

TEST(Gru, EqualsPlainLoopsAndTheirDerivatives) {
  for (bool reverse : {false, true})
    expectSameAsPlain(
        gruSizes, [=](const TensorList &x) { return captureGru(x, reverse); },
        [=](const Vector &v) { return plainGru(v, reverse); });
}

TEST(Lstm, StepsAreTheSequence) {
  Graph g;
  Tensor x = g.constant(randomArray({b, t, in}, 1).cast(f32));
  nn::Lstm lstm(g, "lstm", in, hidden);
  nn::Gru gru(g, "gru", in, hidden);
  nn::Lstm::State state = lstm.zeroState(b);
  Tensor h = gru.zeroState(b);
  for (int64_t i = 0; i < t; ++i) {
    Tensor now = squeeze(sliceDim(x, 1, i, i + 1), 1);
    state = lstm.step(now, state);
    h = gru.step(now, h);
  }
  g.output("lstm", reduceMax(abs(lstm(x).last.hidden - state.hidden)));
  g.output("gru", reduceMax(abs(gru(x).last - h)));
  Fetched out = g.compile().run();
  EXPECT_LT(out.scalar("lstm"), 1e-6);
  EXPECT_LT(out.scalar("gru"), 1e-6);
}

TEST(Lstm, ForgetGateStartsOpen) {
  Graph g;
  nn::LstmOptions options;
  options.forgetBias = 3;
  nn::Lstm lstm(g, "lstm", in, hidden, options);
  g.output("bias", lstm.bias);
  EXPECT_THAT(g.compile({.interpret = true}).run()["bias"].toDoubles(),
              ::testing::ElementsAre(0, 0, 3, 3, 0, 0, 0, 0));
}

TEST(Recurrent, SaysWhatIsWrong) {
  Graph g;
  nn::Lstm lstm(g, "lstm", 3, 2);
  nn::Gru gru(g, "gru", 3, 2);
  Tensor x = g.input("x", f32, {2, 4, 5}), h = g.input("h", f32, {3, 2});
  auto message = [](auto f) -> std::string {
    try {
      f();
    } catch (const Error &error) {
      EXPECT_THAT(error.file(), HasSubstr("recurrent_test.cc"));
      return error.message();
    }
    return "";
  };
  EXPECT_EQ(message([&] { lstm(x); }), "lstm: the input is f32[2, 4, 5], but must be [b, t, 3]");
  EXPECT_EQ(message([&] { gru(h); }), "gru: the input is f32[3, 2], but must be [b, t, 3]");
  EXPECT_EQ(message([&] { gru.step(sliceDim(reshape(x, {8, 5}), 1, 0, 3), h); }),
            "gru: the state is f32[3, 2], but must be [8, 2]");
  EXPECT_EQ(message([&] { nn::Lstm(g, "none", 3, 0); }),
            "none: 3 inputs and 0 hidden features; each must be at least 1");
}

TEST(CharLstm, LearnsText) {
  std::string text;
  for (int i = 0; i < 60; ++i) text += "the quick brown fox jumps over the lazy dog. ";
  data::CharTokenizer tokenizer(text);
  models::CharLstmOptions model{.vocabulary = tokenizer.size(), .features = 32, .context = 24};
  models::CharLstmTraining training{.batch = 8, .steps = 120, .warmup = 5, .peakRate = 2e-2};
  Program step = models::charLstmTraining(model, training, 1).compile();
  data::WindowSampler sampler(tokenizer.encode(text), training.batch, model.context, 1);
  double first = 0, last = 0;
  for (int64_t i = 0; i < training.steps; ++i) {
    data::TextBatch batch = sampler.next();
    last = step.run({{"tokens", batch.tokens}, {"targets", batch.targets}}).scalar("loss");
    if (i == 0) first = last;
  }
  std::printf("loss %.3f -> %.3f\n", first, last);
  EXPECT_NEAR(first, std::log(static_cast<double>(tokenizer.size())), 0.5);
  EXPECT_LT(last, 0.3 * first);

  Program sampling = models::charLstmSampling(model).compile();
  sampling.copyVariables(step);
  std::vector<int32_t> prompt = tokenizer.encode("the quick brown fox jump");
  Array logits = sampling.run({{"tokens", Array::from<int32_t>({1, 24}, prompt)},
                               {"position", Array::scalar<int32_t>(23)}})["logits"];
  const auto values = logits.toDoubles();
  const auto likeliest = std::max_element(values.begin(), values.end()) - values.begin();
  EXPECT_EQ(tokenizer.decode({static_cast<int32_t>(likeliest)}), "s");
}

} // namespace
} // namespace weir::testing
