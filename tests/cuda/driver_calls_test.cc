// What whole programs ask of libcuda: the session and device of a GPU over a double of the driver,
// whose kernels are emulated and whose memory is apart from the host's.  features: G6
#include "codegen/cuda/emulate/grid.h"
#include "codegen/cuda/emulate/jit.h"
#include "frontend/models/mlp.h"
#include "frontend/weir.h"
#include "passes/pipelines/pipelines.h"
#include "runtime/device/cuda/cuda_device.h"
#include "runtime/device/cuda/recording_blas.h"
#include "runtime/device/cuda/recording_dnn.h"
#include "runtime/device/cuda/recording_driver.h"
#include "runtime/device/session/device_session.h"
#include "tools/values/values.h"

#include "mlir/Parser/Parser.h"

#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir {
namespace {

#if WEIR_HAVE_CUDA

namespace cuda = runtime::cuda;
using ::testing::ElementsAre;

/// As PTX, and as the bitcode that the double runs in its place.
std::shared_ptr<const runtime::Executable> compile(const Graph &graph) {
  mlir::DialectRegistry registry;
  passes::registerDialects(registry);
  mlir::MLIRContext context(registry);
  context.loadAllAvailableDialects();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(graph.toMlir(), &context);
  auto executable =
      passes::compileModule(*module, {.gpuForms = {runtime::kPtxForm, runtime::kBitcodeForm}});
  return std::make_shared<const runtime::Executable>(std::move(*executable));
}

/// Buffers of the kernel, from its first launch.
int buffersOf(const std::vector<runtime::Instruction> &list, size_t kernel) {
  for (const runtime::Instruction &instruction : list) {
    if (instruction.kind == runtime::Instruction::Kind::Launch &&
        size_t(instruction.kernel) == kernel)
      return int(instruction.buffers.size());
    for (const auto *inner : {&instruction.body, &instruction.otherwise, &instruction.condition})
      if (int count = buffersOf(*inner, kernel)) return count;
  }
  return 0;
}

std::map<std::string, cuda::RecordingDriver::Kernel>
emulated(const runtime::Executable &executable, const codegen::cuda::EmulatedKernels &kernels) {
  std::map<std::string, cuda::RecordingDriver::Kernel> doubles;
  for (size_t i = 0; i < executable.kernels.size(); ++i) {
    const runtime::Kernel &kernel = executable.kernels[i];
    if (kernel.tasks == 0 || kernel.isOfLibrary()) continue;
    auto entry = kernels.entryNamed(kernel.entry);
    doubles[kernel.entry] = {
        buffersOf(executable.instructions, i) + 1,
        [entry](void **buffers, const runtime::Grid &grid) {
          EXPECT_EQ(codegen::cuda::runGrid(entry, buffers, {grid.blocks, grid.threadsPerBlock}),
                    "");
        }};
  }
  return doubles;
}

std::unique_ptr<codegen::cuda::EmulatedKernels>
emulatedKernels(const runtime::Executable &executable) {
  const runtime::GpuModule &bitcode = executable.modules[1];
  auto kernels = codegen::cuda::EmulatedKernels::fromBitcode(
      {reinterpret_cast<const char *>(executable.image.data()) + bitcode.offset,
       size_t(bitcode.bytes)});
  if (kernels) return std::move(*kernels);
  ADD_FAILURE() << llvm::toString(kernels.takeError());
  return nullptr;
}

TEST(DriverCalls, AStepIsOneCopyOfEachFeedAndOneGraph) {
  Graph graph = models::mlpTraining({.sizes = {20, 16, 5}, .batch = 8}, nn::adam(1e-2), 1);
  auto executable = compile(graph);
  auto kernels = emulatedKernels(*executable);
  ASSERT_NE(kernels, nullptr);
  cuda::RecordingDriver::Options options;
  options.kernels = emulated(*executable, *kernels);
  cuda::RecordingDriver driver(options);
  std::shared_ptr<runtime::Device> device = cuda::openDevice(driver.table(), 0).value();
  auto session = runtime::DeviceSession::create(executable, device);
  ASSERT_TRUE(session.ok()) << session.status().message();
  auto count = [&](const char *name) {
    return std::count(driver.calls.begin(), driver.calls.end(), name);
  };
  EXPECT_EQ(count("cuMemAlloc"), 1);
  EXPECT_EQ(count("cuModuleLoadData"), 1);

  Program cpu = graph.compile();
  for (const Program::Port &variable : cpu.variables())
    ASSERT_TRUE((*session)->setVariable(variable.name, cpu.variable(variable.name)).ok());
  for (int step = 0; step < 3; ++step) {
    Array x = tools::randomValue({"x", f32, {8, 20}}, uint64_t(step));
    Array y = Array::from<int32_t>({8}, {0, 1, 2, 3, 4, 0, 1, 2});
    driver.calls.clear();
    std::vector<Array> feeds;
    for (const runtime::Input &input : executable->inputs)
      feeds.push_back(input.name == "x" ? x : y);
    auto got = (*session)->run(feeds);
    ASSERT_TRUE(got.ok()) << got.status().message();
    Fetched want = cpu.run({{"x", x}, {"y", y}});
    for (size_t i = 0; i < got->size(); ++i)
      EXPECT_NEAR((*got)[i].at(0), want.scalar(executable->outputs[i].name), 2e-4);
    if (step == 0) {
      EXPECT_EQ(count("cuLaunchKernel"), runtime::maxLaunches(executable->instructions));
      EXPECT_EQ(count("cuStreamBeginCapture"), 1);
      continue;
    }
    EXPECT_THAT(driver.calls,
                ElementsAre("cuMemcpyHtoDAsync", "cuMemcpyHtoDAsync", "cuGraphLaunch",
                            "cuMemcpyDtoHAsync", "cuMemcpyDtoHAsync", "cuStreamSynchronize"));
  }
}

#if WEIR_HAVE_CUBLASLT

/// The library's dots are nodes of the one graph, and its workspace is in the one allocation.
TEST(DriverCalls, LargeDotsAreCapturedWithTheKernels) {
  Graph graph;
  Tensor x = graph.input("x", f32, {256, 512}), w = graph.input("w", f32, {512, 512});
  allowTf32(graph);
  graph.output("y", tanh(matmul(x, w)) + 1);
  auto executable = compile(graph);
  auto kernels = emulatedKernels(*executable);
  cuda::RecordingDriver::Options options;
  options.kernels = emulated(*executable, *kernels);
  cuda::RecordingDriver driver(options);
  cuda::RecordingBlas blas(driver);
  std::shared_ptr<runtime::Device> device =
      cuda::openDevice(driver.table(), 0, &blas.table()).value();
  auto session = runtime::DeviceSession::create(executable, device);
  ASSERT_TRUE(session.ok()) << session.status().message();
  EXPECT_GE((*session)->deviceBytes(), 32 << 20);
  const Array left = tools::randomValue({"x", f32, {256, 512}}, 1),
              right = tools::randomValue({"w", f32, {512, 512}}, 2);
  const Array want = graph.compile().run({{"x", left}, {"w", right}})["y"];
  for (int repeat = 0; repeat < 2; ++repeat) {
    driver.calls.clear();
    auto got = (*session)->run({left, right});
    ASSERT_TRUE(got.ok()) << got.status().message();
    for (int64_t i = 0; i < want.size(); i += 1001)
      ASSERT_NEAR((*got)[0].at(i), want.at(i), 1e-4) << i;
  }
  EXPECT_THAT(driver.calls, ElementsAre("cuMemcpyHtoDAsync", "cuMemcpyHtoDAsync", "cuGraphLaunch",
                                        "cuMemcpyDtoHAsync", "cuStreamSynchronize"));
  EXPECT_THAT(blas.products, ElementsAre(CUBLAS_COMPUTE_32F_FAST_TF32));
}

#endif

#if WEIR_HAVE_DNN

/// Convolutions in f16 are nodes of the one graph as dots are.
TEST(DriverCalls, LargeConvolutionsAreCapturedWithTheKernels) {
  Graph graph;
  Tensor x = graph.input("x", f16, {8, 64, 16, 16}), w = graph.input("w", f16, {64, 64, 3, 3});
  graph.output("y", relu(conv(x, w, {.window = {.low = {1, 1}, .high = {1, 1}}})));
  auto executable = compile(graph);
  auto kernels = emulatedKernels(*executable);
  cuda::RecordingDriver::Options options;
  options.kernels = emulated(*executable, *kernels);
  cuda::RecordingDriver driver(options);
  cuda::RecordingDnn dnn(driver);
  std::shared_ptr<runtime::Device> device =
      cuda::openDevice(driver.table(), 0, nullptr, &dnn.table()).value();
  auto session = runtime::DeviceSession::create(executable, device);
  ASSERT_TRUE(session.ok()) << session.status().message();
  const Array left = tools::randomValue({"x", f16, {8, 64, 16, 16}}, 1),
              right = tools::randomValue({"w", f16, {64, 64, 3, 3}}, 2);
  const Array want = graph.compile().run({{"x", left}, {"w", right}})["y"];
  for (int repeat = 0; repeat < 2; ++repeat) {
    driver.calls.clear();
    auto got = (*session)->run({left, right});
    ASSERT_TRUE(got.ok()) << got.status().message();
    for (int64_t i = 0; i < want.size(); i += 1001)
      ASSERT_NEAR((*got)[0].at(i), want.at(i), 1e-2 * (1 + std::abs(want.at(i)))) << i;
  }
  EXPECT_THAT(driver.calls, ElementsAre("cuMemcpyHtoDAsync", "cuMemcpyHtoDAsync", "cuGraphLaunch",
                                        "cuMemcpyDtoHAsync", "cuStreamSynchronize"));
  ASSERT_EQ(dnn.calls.size(), 1U); // As it was captured.
  EXPECT_EQ(dnn.calls[0].convolution.dtype, runtime::DType::F16);
}

#endif

#else

TEST(DriverCalls, NeedCudasHeaders) {
  GTEST_SKIP() << "built without CUDA's headers: there are no types for a double of libcuda";
}

#endif

} // namespace
} // namespace weir
