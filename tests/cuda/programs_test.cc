// Whole programs on a device that emulates a GPU: the executable, session and kernels that a GPU
// would get, against the same programs on the CPU.  features: G5 G6 P3 L5
#include "codegen/cuda/emulate/emulated_device.h"
#include "frontend/models/char_gpt.h"
#include "frontend/models/mlp.h"
#include "frontend/models/moe_transformer.h"
#include "frontend/models/resnet.h"
#include "frontend/weir.h"
#include "runtime/device/open/open.h"
#include "runtime/device/session/device_session.h"
#include "tools/values/values.h"

#include <algorithm>
#include <gtest/gtest.h>

namespace weir {
namespace {

constexpr const char *kDevice = "emulated";

class DevicePrograms : public ::testing::Test {
protected:
  static void SetUpTestSuite() {
    runtime::addDeviceKind(kDevice, {{runtime::kBitcodeForm},
                                     [](int) { return codegen::cuda::makeEmulatedDevice(); }});
  }
};

/// |got - want| <= bound * (1 + |want|). Sums have another order than the CPU's.
void expectClose(const Array &got, const Array &want, double bound, const std::string &what) {
  ASSERT_EQ(got.typeStr(), want.typeStr()) << what;
  for (int64_t i = 0; i < want.size(); ++i)
    ASSERT_NEAR(got.at(i), want.at(i), bound * (1 + std::abs(want.at(i)))) << what << " at " << i;
}

/// Steps of the program on both, with the same feeds; returns the one on the device.
Program expectSameSteps(const Graph &graph, const std::vector<Feeds> &steps, double bound) {
  Program cpu = graph.compile(), device = graph.compile({.device = kDevice});
  EXPECT_EQ(device.session(), nullptr);
  for (const Feeds &feeds : steps) {
    Fetched want = cpu.run(feeds), got = device.run(feeds);
    for (const auto &[name, value] : want.all()) expectClose(got[name], value, bound, name);
  }
  for (const Program::Port &variable : cpu.variables())
    expectClose(device.variable(variable.name), cpu.variable(variable.name), bound, variable.name);
  return device;
}

/// Random labels, tokens or numbers for every input.
std::vector<Feeds> randomFeeds(const Graph &graph, int steps, int64_t classes) {
  std::vector<Feeds> list;
  Program ports = graph.compile({.interpret = true});
  for (int step = 0; step < steps; ++step) {
    Feeds &feeds = list.emplace_back();
    for (const Program::Port &input : ports.inputs()) {
      Array value = tools::randomValue({input.name, f32, input.type.shape}, uint64_t(step));
      if (!runtime::isFloat(input.type.dtype)) {
        std::vector<double> numbers = value.toDoubles();
        for (double &number : numbers) number = double(int64_t(std::abs(number) * 1000) % classes);
        value = Array::from<double>(input.type.shape, numbers);
      }
      feeds.emplace(input.name, value.cast(input.type.dtype));
    }
  }
  return list;
}

TEST_F(DevicePrograms, AnMlpTrains) {
  Graph graph = models::mlpTraining({.sizes = {20, 16, 5}, .batch = 8}, nn::adam(1e-2), 1);
  Program device = expectSameSteps(graph, randomFeeds(graph, 4, 5), 2e-4);
  const runtime::DeviceSession &session = *device.deviceSession();
  EXPECT_EQ(session.counters().graphLaunches, 4); // a step is one graph
  EXPECT_EQ(session.counters().launches, runtime::maxLaunches(session.executable().instructions));
}

TEST_F(DevicePrograms, ASmallGptTrains) {
  models::CharGptOptions options{
      .vocabulary = 11, .layers = 2, .heads = 2, .features = 16, .context = 8};
  Graph graph = models::charGptTraining(options, {.batch = 2, .steps = 10, .warmup = 2}, 1);
  Program device = expectSameSteps(graph, randomFeeds(graph, 2, 11), 5e-4);
  EXPECT_EQ(device.deviceSession()->counters().graphLaunches, 2);
}

/// Convolutions, batch norms with their moments, pooling, shortcuts that change the shape.
TEST_F(DevicePrograms, ASmallResNetTrains) {
  Graph graph = models::resnetTraining({.blocks = {1, 1}, .width = 4, .classes = 5}, 2, 16,
                                       nn::momentum(0.01, 0.9), 1);
  Program device = expectSameSteps(graph, randomFeeds(graph, 2, 5), 1e-3);
  EXPECT_EQ(device.deviceSession()->counters().graphLaunches, 2);
}

/// Router, top k, dispatch by index and back, with experts that are full.
TEST_F(DevicePrograms, ASmallMixtureOfExpertsTrains) {
  models::MoeTransformerOptions options{.vocabulary = 11,
                                        .layers = 1,
                                        .heads = 2,
                                        .keyHeads = 1,
                                        .features = 16,
                                        .hidden = 16,
                                        .experts = 4,
                                        .capacityFactor = 0.75};
  Graph graph = models::moeTransformerTraining(options, 2, 8, nn::adam(1e-3), 1);
  Program device = expectSameSteps(graph, randomFeeds(graph, 2, 11), 1e-3);
  EXPECT_EQ(device.deviceSession()->counters().graphLaunches, 2);
}

/// Dots in bf16 and f16 on emulated tensor cores, parameters in f32; with a step that is skipped.
TEST_F(DevicePrograms, AnMlpTrainsInMixedPrecision) {
  for (DType compute : {bf16, f16}) {
    nn::Optimizer optimizer = nn::sgd(0.05);
    if (compute == f16) optimizer = optimizer.scaled({.initial = 0x1p24});
    Graph graph = models::mlpTraining({.sizes = {20, 16, 5}, .batch = 8}, optimizer, 1);
    computeIn(graph, compute);
    Program device = expectSameSteps(graph, randomFeeds(graph, 12, 5), 2e-2);
    EXPECT_EQ(device.deviceSession()->counters().graphLaunches, 12);
    if (compute != f16) continue;
    EXPECT_GT(device.variable("loss_scale.skipped").at(0), 0);
    EXPECT_LT(device.variable("loss_scale.skipped").at(0), 12);
  }
}

/// Products large enough for a library, forward and backward, and one of a matrix with itself; what
/// follows them are kernels.
Graph wideLayer() {
  Graph graph(1);
  Tensor x = graph.input("x", f32, {512, 512});
  Tensor loss = mean(square(relu(nn::Linear(graph, "layer", 512, 512)(x)) - x));
  graph.output("loss", loss);
  graph.output("gram", mean(square(matmul(x, transpose(x)))));
  graph.minimize(loss, nn::sgd(0.1));
  return graph;
}

int64_t productsOf(const Program &program) {
  return std::ranges::count_if(program.deviceSession()->executable().kernels,
                               [](const runtime::Kernel &k) { return k.product.has_value(); });
}

TEST_F(DevicePrograms, LargeDotsAreALibrarys) {
  Graph graph = wideLayer();
  Program device = expectSameSteps(graph, randomFeeds(graph, 2, 2), 2e-4);
  EXPECT_EQ(productsOf(device), 3);
  EXPECT_EQ(device.deviceSession()->counters().graphLaunches, 2);
  useLibraries(graph, false);
  EXPECT_EQ(productsOf(graph.compile({.device = kDevice})), 0);
}

/// Convolutions large enough for a library, the second strided: forward, the gradients of both
/// filters and of what is between them.
Graph wideConvolutions() {
  Graph graph(1);
  Tensor x = graph.input("x", f32, {8, 64, 16, 16});
  Tensor h = relu(nn::Conv(graph, "first", 64, 64, {3, 3}, {.padding = {1, 1}})(x));
  h = nn::Conv(graph, "second", 64, 256, {3, 3}, {.strides = {2, 2}, .padding = {1, 1}})(h);
  Tensor loss = mean(square(h));
  graph.output("loss", loss);
  graph.minimize(loss, nn::sgd(0.1));
  return graph;
}

int64_t convolutionsOf(const Program &program) {
  return std::ranges::count_if(program.deviceSession()->executable().kernels,
                               [](const runtime::Kernel &k) { return k.convolution.has_value(); });
}

TEST_F(DevicePrograms, LargeConvolutionsAreALibrarys) {
  Graph graph = wideConvolutions();
  Program device = expectSameSteps(graph, randomFeeds(graph, 2, 2), 2e-4);
  EXPECT_EQ(convolutionsOf(device), 5);
  EXPECT_EQ(device.deviceSession()->counters().graphLaunches, 2);
  useLibraries(graph, false);
  EXPECT_EQ(convolutionsOf(graph.compile({.device = kDevice})), 0);
}

/// Attention in blocks: loops over the keys, forward and backward.
TEST_F(DevicePrograms, BlockedAttentionTrains) {
  Graph graph(1);
  Tensor x = graph.input("x", f32, {2, 12, 8});
  nn::Linear qkv(graph, "qkv", 8, 24);
  std::vector<Tensor> parts = split(qkv(x), 3);
  Tensor y = nn::blockedAttention(parts[0], parts[1], parts[2], {.block = 4});
  Tensor loss = mean(square(y - x));
  graph.output("loss", loss);
  graph.minimize(loss, nn::sgd(0.1));
  expectSameSteps(graph, randomFeeds(graph, 3, 2), 5e-4);
}

/// Placed on two devices: copies between the arenas are nodes of the one graph.
TEST_F(DevicePrograms, AGraphOnTwoDevicesTrains) {
  Graph graph(1);
  Tensor h = graph.input("x", f32, {4, 8}), x = h;
  for (int64_t i = 0; i < 2; ++i) {
    DeviceScope scope(graph, i);
    h = tanh(nn::Linear(graph, "layer" + std::to_string(i), 8, 8)(h));
  }
  Tensor loss = mean(square(h - x));
  graph.output("loss", loss);
  graph.minimize(loss, nn::sgd(0.1));
  Program device = expectSameSteps(graph, randomFeeds(graph, 3, 2), 2e-4);
  EXPECT_EQ(device.deviceSession()->counters().graphLaunches, 3);
}

/// Loops and branches whose bodies are too large to be kernels themselves.
TEST_F(DevicePrograms, LoopsAndBranchesAreDecidedOnTheHost) {
  Graph graph;
  Tensor x = graph.input("x", f32, {24, 24}), w = graph.input("w", f32, {24, 24});
  Tensor limit = graph.input("limit", f32, {});
  TensorList grown = whileLoop(
      {x}, [&](const TensorList &c) { return sum(abs(c[0])) < limit; },
      [&](const TensorList &c) { return TensorList{matmul(c[0], w) + c[0]}; });
  auto twice = graph.function("twice", {x.type()}, [](Tensor y) { return matmul(y, y) * 2; });
  auto wave =
      graph.function("wave", {x.type()}, [](Tensor y) { return tanh(matmul(y, transpose(y))); });
  graph.output("y", cond(sum(grown[0]) > 0, twice, wave, {grown[0]})[0]);
  std::vector<Feeds> steps;
  for (double limit : {1.0, 1000.0, 20000.0})
    for (Feeds feeds : randomFeeds(graph, 2, 2)) {
      feeds.insert_or_assign("limit", Array::scalar<float>(float(limit)));
      steps.push_back(feeds);
    }
  expectSameSteps(graph, steps, 1e-3);
}

TEST_F(DevicePrograms, SaysThatThereIsTooLittleMemory) {
  runtime::addDeviceKind("small", {{runtime::kBitcodeForm}, [](int) {
                                     return codegen::cuda::makeEmulatedDevice("small", 4096);
                                   }});
  Graph graph = models::mlpTraining({.sizes = {20, 16, 5}, .batch = 8}, nn::adam(1e-2), 1);
  try {
    graph.compile({.device = "small"});
    FAIL() << "it fits";
  } catch (const Error &error) {
    EXPECT_NE(std::string(error.what()).find("bytes (arena "), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("small: cannot allocate"), std::string::npos)
        << error.what();
  }
}

TEST_F(DevicePrograms, RefusesWhatDevicesDoNot) {
  Graph graph = models::mlpTraining({.sizes = {4, 2}, .batch = 2}, nn::adam(1e-2), 1);
  auto refusal = [&](const CompileOptions &options) {
    try {
      graph.compile(options);
    } catch (const Error &error) {
      return std::string(error.what());
    }
    return std::string("compiles");
  };
  EXPECT_NE(refusal({.device = "tpu"}).find("there is no device 'tpu'; there are cpu, cuda"),
            std::string::npos);
  EXPECT_NE(refusal({.checkNumerics = true, .device = kDevice}).find("checkNumerics needs the CPU"),
            std::string::npos);
}

} // namespace
} // namespace weir
