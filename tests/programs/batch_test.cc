// One program for any batch of 1 to N: each batch has the bits of a program that was compiled for
// it, and nothing is compiled by a run. Graphs whose rows depend on each other are refused at the
// op.  features: G14
#include "frontend/models/bert.h"
#include "frontend/models/gpt2.h"
#include "frontend/models/lenet.h"
#include "frontend/weir.h"
#include "passes/pipelines/pipelines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

namespace weir {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// A graph for a batch; every call draws the same parameters.
using Model = std::function<Graph(int64_t batch)>;

Graph mlp(int64_t batch) {
  Graph g(3);
  Tensor x = g.input("x", f32, {batch, 20});
  nn::Mlp net(g, "net", {20, 33, 5});
  Tensor logits = net(x);
  g.output("probabilities", nn::softmax(logits));
  g.output("class", argmax(logits));
  return g;
}

/// Normal numbers, and integers of 0, 1, 2.
Feeds feedsFor(const Graph &graph, const std::vector<std::string> &names) {
  Feeds feeds;
  uint64_t key = 7;
  for (const std::string &name : names) {
    const TensorType type = graph.tensor(name).type();
    Array value = Array::zeros(type.dtype, type.shape);
    if (type.dtype == f32) value = nn::normal()(type, key++);
    if (type.dtype == i32)
      for (size_t i = 0; int32_t &v : value.mutableData<int32_t>()) v = int32_t(i++ * 7 % 3);
    feeds.insert({name, value});
  }
  return feeds;
}

void check(const Model &model, int64_t most, const std::vector<int64_t> &batches,
           const std::vector<std::string> &inputs, CompileOptions options = {}) {
  options.batch = most;
  Program range = model(options.batchInputs.empty() ? most : 2).compile(options);
  for (int64_t batch : batches) {
    Graph graph = model(batch);
    Program fixed = graph.compile();
    const Feeds feeds = feedsFor(graph, inputs);
    const int64_t before = passes::executablesCompiled();
    Fetched got = range.run(feeds);
    EXPECT_EQ(passes::executablesCompiled(), before) << "a run compiled something";
    Fetched expected = fixed.run(feeds);
    for (const auto &[name, value] : expected.all())
      EXPECT_EQ(got[name], value) << name << " of a batch of " << batch << " in 1.." << most;
  }
}

std::vector<int64_t> upTo(int64_t most) {
  std::vector<int64_t> all(static_cast<size_t>(most));
  std::iota(all.begin(), all.end(), 1);
  return all;
}

TEST(Batch, EveryBatchHasTheBitsOfItsOwnProgram) {
  check(mlp, 16, upTo(16), {"x"});
}

TEST(Batch, PrimeRanges) {
  check(mlp, 2, upTo(2), {"x"});
  check(mlp, 7, upTo(7), {"x"});
  check(mlp, 13, {1, 6, 11, 12, 13}, {"x"});
}

TEST(Batch, ARangeOfOne) {
  check(mlp, 1, {1}, {"x"});
}

TEST(Batch, BatchesBetweenTheSizes) {
  check(mlp, 43, {17, 19, 33, 35, 39, 41, 42, 43}, {"x"});
}

TEST(Batch, AGraphOfTwoRowsGrows) {
  check(mlp, 11, {1, 2, 3, 8, 11}, {"x"}, {.batchInputs = {"x"}});
}

TEST(Batch, DecoderAndEncoder) {
  const models::Gpt2Options gpt{
      .vocabulary = 31, .context = 12, .layers = 2, .heads = 2, .features = 16};
  check([&](int64_t batch) { return models::gpt2Forward(gpt, batch, 10); }, 5, upTo(5), {"tokens"});
  const models::BertOptions bert{.vocabulary = 29,
                                 .context = 12,
                                 .types = 3,
                                 .layers = 1,
                                 .heads = 2,
                                 .features = 16,
                                 .hidden = 24};
  check([&](int64_t batch) { return models::bertForward(bert, batch, 8); }, 3, upTo(3),
        {"input_ids", "attention_mask", "token_type_ids"});
}

/// Windows, loops over time (the batch is a middle dim there), branches, and dims that are rows
/// times something.
Graph mixture(int64_t batch) {
  Graph g(5);
  Tensor image = g.input("image", f32, {batch, 2, 6, 6}),
         series = g.input("series", f32, {batch, 4, 3});
  Tensor scale = g.input("scale", f32, {3});
  Tensor kernel = g.variable("kernel", nn::normal()({f32, {3, 2, 3, 3}}, 1));
  Tensor windows = relu(conv(image, kernel, {}));
  g.output("windows", mean(windows, {2, 3}));
  nn::Lstm lstm(g, "lstm", 3, 3);
  g.output("series", lstm(series * scale).outputs);
  g.output("flat", reshape(series, {batch * 4, 3}));
  g.output("places", series + broadcastTo(g.iota(f32, {4, 3}, 0), {batch, 4, 3}));
  g.output("iota", series + g.iota(f32, {batch, 4, 3}, 1));
  g.output("same", scale * 2.0);
  return g;
}

TEST(Batch, WindowsLoopsAndReshapes) {
  check(mixture, 6, upTo(6), {"image", "series", "scale"});
}

// ---- Refusals ----

std::string messageOf(const std::function<void()> &call) {
  try {
    call();
  } catch (const Error &error) {
    return error.what();
  }
  return "no error";
}

/// What is wrong with a program for any batch of `body`, which makes y of x [4, 6].
std::string refusal(const std::function<void(Graph &, Tensor)> &body) {
  return messageOf([&] {
    Graph g;
    body(g, g.input("x", f32, {4, 6}));
    g.compile({.batch = 4});
  });
}

std::string place(int line) {
  return "tests/programs/batch_test.cc:" + std::to_string(line) + ": error: ";
}

TEST(Batch, RefusesRowsThatAreCombined) {
  std::string got =
      refusal([](Graph &g, Tensor x) { g.output("y", x - mean(x, {0}, /*keepDims=*/true)); });
  const std::string mean = place(__LINE__ - 1) + "reduce_sum: combines the rows of the batch";
  EXPECT_THAT(got, AllOf(HasSubstr(mean), HasSubstr("rows that do not depend on each other")));
  got = refusal([](Graph &g, Tensor x) { g.output("loss", sum(x * x)); });
  EXPECT_THAT(got, HasSubstr(place(__LINE__ - 1) + "reduce_sum: combines"));
  got = refusal([](Graph &g, Tensor x) { g.output("y", reduceMax(x, {0})); });
  EXPECT_THAT(got, HasSubstr(place(__LINE__ - 1) + "reduce_max: combines"));
  // A partial sum or all rows to every device, whichever moves less: refused either way.
  got = refusal([](Graph &g, Tensor x) { g.output("y", matmul(transpose(x), x)); });
  EXPECT_THAT(got, AllOf(HasSubstr(place(__LINE__ - 1) + "dot: "),
                         HasSubstr("rows that do not depend on each other")));
}

TEST(Batch, RefusesBatchNormInTraining) {
  const std::string got = messageOf([] {
    Graph g;
    Tensor x = g.input("x", f32, {4, 2, 3, 3});
    nn::BatchNorm norm(g, "norm", 2);
    g.output("y", norm(x, /*training=*/true));
    g.compile({.batch = 4});
  });
  EXPECT_THAT(got, HasSubstr(place(__LINE__ - 3) + "reduce_sum: combines the rows of the batch"));
  check(
      [](int64_t batch) {
        Graph g;
        nn::BatchNorm norm(g, "norm", 2);
        g.output("y", norm(g.input("x", f32, {batch, 2, 3, 3}), /*training=*/false));
        return g;
      },
      4, upTo(4), {"x"});
}

TEST(Batch, RefusesOpsThatTakeAllRows) {
  std::string got = refusal([](Graph &g, Tensor x) { g.output("y", sort(x, 0)); });
  EXPECT_THAT(got, HasSubstr(place(__LINE__ - 1) + "sort: takes all rows of the batch at once"));
  got = refusal([](Graph &g, Tensor x) { g.output("y", reverse(x, {0})); });
  EXPECT_THAT(got, HasSubstr(place(__LINE__ - 1) + "reverse: takes all rows"));
  got = refusal([](Graph &g, Tensor x) { g.output("y", sliceDim(x, 0, 0, 2)); });
  EXPECT_THAT(got, HasSubstr(place(__LINE__ - 1) + "slice: takes all rows"));
}

TEST(Batch, RefusesRowsThatDifferByPosition) {
  std::string got = refusal([](Graph &g, Tensor x) { g.output("y", x + g.iota(f32, {4, 6}, 0)); });
  EXPECT_THAT(got, HasSubstr(place(__LINE__ - 1) + "iota: differs from row to row"));
  got = refusal([](Graph &g, Tensor x) {
    Tensor w = g.variable("w", Array::full<float>({4, 6}, 1));
    g.output("y", x * w);
  });
  const std::string product = place(__LINE__ - 2);
  EXPECT_THAT(got, HasSubstr(product + "mul: takes a row of 'w' for each row of the batch"));
}

TEST(Batch, RefusesUpdatesAndOutputsWithoutLeadingRows) {
  std::string got = refusal([](Graph &g, Tensor x) {
    Tensor n = g.variable("n", Array::scalar(0.f));
    g.assign(n, n + 1.0);
    g.output("y", x * n);
  });
  EXPECT_THAT(got, HasSubstr(place(__LINE__ - 3) + "variable 'n' is updated here"));
  got = refusal([](Graph &g, Tensor x) { g.output("y", transpose(x)); });
  EXPECT_THAT(got, HasSubstr(place(__LINE__ - 1) + "an output has the batch as its dim 1"));
}

TEST(Batch, RefusesWhatIsNoRange) {
  auto compiled = [](CompileOptions options) {
    return messageOf([&] { mlp(4).compile(options); });
  };
  EXPECT_THAT(compiled({.batch = -1}), HasSubstr("a batch of 1 to -1 is none"));
  EXPECT_THAT(compiled({.batch = 5}),
              HasSubstr("no input has 5 elements along its leading dim, the largest batch; the "
                        "inputs are x f32[4, 20]"));
  EXPECT_THAT(compiled({.batch = 4, .batchInputs = {"z"}}), HasSubstr("there is no input 'z'"));
  EXPECT_THAT(compiled({.interpret = true, .batch = 4}), HasSubstr("take sizes as declared"));
  EXPECT_THAT(messageOf([] { mlp(1).compile({.batch = 4, .batchInputs = {"x"}}); }),
              HasSubstr("the graph has a batch of 1"));
}

TEST(Batch, RefusesFeedsOutOfRange) {
  Program range = mlp(4).compile({.batch = 4});
  for (int64_t rows : {0, 5}) {
    const std::string got = messageOf([&] { range.run({{"x", Array::zeros(f32, {rows, 20})}}); });
    EXPECT_THAT(got, HasSubstr(place(__LINE__ - 1)));
    EXPECT_THAT(got, HasSubstr("the graph needs f32[1..4, 20]"));
  }
  EXPECT_THAT(messageOf([&] { range.run({{"x", Array::zeros(f32, {2, 19})}}); }),
              HasSubstr("f32[2, 19]"));
  EXPECT_EQ(range.run({{"x", Array::zeros(f32, {3, 20})}})["class"].dims(), (Shape{3}));
}

TEST(Batch, VariablesAreShared) {
  Program other = mlp(3).compile();
  Program range = mlp(4).compile({.shareVariables = &other, .batch = 4});
  const Array x = nn::normal()({f32, {3, 20}}, 1);
  for (const Program::Port &port : range.variables())
    range.setVariable(port.name, Array::full<float>(port.type.shape, 0.01f));
  EXPECT_EQ(range.run({{"x", x}})["probabilities"], other.run({{"x", x}})["probabilities"]);
}

} // namespace
} // namespace weir
