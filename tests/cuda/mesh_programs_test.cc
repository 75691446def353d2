// A program for a mesh on several devices that emulate GPUs, a thread each: the same collectives,
// through a communicator that takes the devices' memory.  features: G6 P1
#include "codegen/cuda/emulate/emulated_device.h"
#include "distributed/comm/in_process.h"
#include "frontend/api/sharding.h"
#include "frontend/weir.h"
#include "passes/pipelines/pipelines.h"
#include "runtime/device/session/device_session.h"
#include "tools/values/values.h"

#include "mlir/Parser/Parser.h"

#include <gmock/gmock.h>

namespace weir {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kBatch = 8, kIn = 12, kSteps = 3;

/// Linear layers by SGD; the batch is split over two devices.
Graph training(bool isOnMesh) {
  Graph graph(1);
  Tensor x = shard(graph.input("x", f32, {kBatch, kIn}), {"data", ""}),
         y = shard(graph.input("y", f32, {kBatch, 4}), {"data", ""});
  nn::Mlp mlp(graph, "mlp", {kIn, 10, 4}, {.activation = nn::Activation::Tanh});
  Tensor loss = nn::meanSquaredError(mlp(x), y);
  graph.output("loss", loss);
  graph.minimize(loss, nn::sgd(0.2));
  if (isOnMesh) useMesh(graph, Mesh("data=2"));
  return graph;
}

std::shared_ptr<const runtime::Executable> compile(const Graph &graph) {
  mlir::DialectRegistry registry;
  passes::registerDialects(registry);
  mlir::MLIRContext context(registry);
  context.loadAllAvailableDialects();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(graph.toMlir(), &context);
  auto executable = passes::compileModule(*module, {.gpuForms = {runtime::kBitcodeForm}});
  EXPECT_TRUE(mlir::succeeded(executable));
  return std::make_shared<const runtime::Executable>(std::move(*executable));
}

Array feedOf(const std::string &name, int64_t step) {
  return tools::randomValue({name, f32, {kBatch, name == "x" ? kIn : 4}}, uint64_t(step));
}

/// Rows of a device.
Array half(const Array &whole, int rank) {
  const int64_t rows = whole.dims()[0] / 2, columns = whole.dims()[1];
  std::vector<float> values;
  for (int64_t i = 0; i < rows * columns; ++i)
    values.push_back(static_cast<float>(whole.at(rank * rows * columns + i)));
  return Array::from<float>({rows, columns}, values);
}

absl::Status trainOnRank(const std::shared_ptr<const runtime::Executable> &executable,
                         const Program &start, runtime::Communicator &communicator,
                         std::vector<double> &losses) {
  const int rank = communicator.rank();
  std::shared_ptr<runtime::Device> device =
      codegen::cuda::makeEmulatedDevice("emulated:" + std::to_string(rank));
  std::shared_ptr<runtime::Communicator> borrowed(&communicator, [](runtime::Communicator *) {});
  auto session = runtime::DeviceSession::create(executable, device, borrowed);
  if (!session.ok()) return session.status();
  for (const runtime::Variable &variable : executable->variables)
    if (auto s = (*session)->setVariable(variable.name, start.variable(variable.name)); !s.ok())
      return s;
  for (int64_t step = 0; step < kSteps; ++step) {
    std::vector<Array> feeds;
    for (const runtime::Input &input : executable->inputs)
      feeds.push_back(half(feedOf(input.name, step), rank));
    auto got = (*session)->run(feeds);
    if (!got.ok()) return got.status();
    losses.push_back((*got)[0].at(0));
  }
  return absl::OkStatus();
}

TEST(MeshOnDevices, TrainsAsOneDeviceDoes) {
  const auto executable = compile(training(true));
  Program one = training(false).compile();
  const Program start = training(false).compile();
  std::vector<std::vector<double>> losses(2);
  for (const absl::Status &status :
       distributed::runInProcess(2, {}, [&](runtime::Communicator &communicator) {
         return trainOnRank(executable, start, communicator, losses[size_t(communicator.rank())]);
       }))
    ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(losses[0], losses[1]);
  for (int64_t step = 0; step < kSteps; ++step)
    EXPECT_NEAR(losses[0][size_t(step)],
                one.run({{"x", feedOf("x", step)}, {"y", feedOf("y", step)}}).scalar("loss"), 2e-5);
}

TEST(MeshOnDevices, NeedsACommunicatorOfItsSize) {
  auto session = runtime::DeviceSession::create(compile(training(true)),
                                                codegen::cuda::makeEmulatedDevice("emulated"));
  EXPECT_THAT(std::string(session.status().message()),
              HasSubstr("is a program for 2 devices, but there is one device without a "
                        "communicator"));
}

} // namespace
} // namespace weir
