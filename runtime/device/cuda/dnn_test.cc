// Convolutions by cuDNN on a double of it, and what is said where there is none.  features: G6
#include "runtime/device/cuda/cuda_device.h"
#include "runtime/device/cuda/recording_dnn.h"
#include "runtime/device/cuda/recording_driver.h"

#include <gtest/gtest.h>

#include <cstring>

namespace weir::runtime::cuda {
namespace {

using Kind = Convolution::Kind;

TEST(Dnn, SaysWhyThereIsNone) {
  auto none = loadDnn("/nowhere/libcudnn.so.9");
#if WEIR_HAVE_DNN
  EXPECT_NE(none.status().message().find("no cuDNN on this machine: /nowhere"), std::string::npos)
      << none.status().message();
  EXPECT_NE(loadDnn("libm.so.6").status().message().find("has no function cudnnGetVersion"),
            std::string::npos);
#else
  EXPECT_NE(none.status().message().find("tools/setup --cudnn"), std::string::npos);
#endif
}

/// Whole numbers, so that sums are exact in every order and type.
TEST(Convolution, PlainLoopsGiveWhatIsWrittenOut) {
  // y[p] = x[2p - 1] w[0] + x[2p + 1] w[1], of x = 1 .. 5 and two outputs of p = 0 .. 2.
  Convolution c{.outputs = 2, .dims = {{5, 2, 3, 2, 2, 1}}};
  const float x[] = {1, 2, 3, 4, 5}, w[] = {1, 10, -1, 2};
  float y[6], dx[5], dw[4];
  ASSERT_TRUE(bytesOf(c));
  convolvePlainly(c, x, w, y);
  EXPECT_EQ(std::vector<float>(y, y + 6), (std::vector<float>{20, 42, 4, 4, 6, -4}));
  const float dy[] = {1, 2, 3, 0, 1, 0};
  c.kind = Kind::InputGradient;
  convolvePlainly(c, dy, w, dx);
  EXPECT_EQ(std::vector<float>(dx, dx + 5), (std::vector<float>{0, 11, 0, 25, 0}));
  c.kind = Kind::FilterGradient;
  convolvePlainly(c, x, dy, dw);
  EXPECT_EQ(std::vector<float>(dw, dw + 4), (std::vector<float>{16, 10, 2, 4}));
}

TEST(Convolution, WhatALibraryWouldNotTakeHasNoBytes) {
  const Convolution whole{.dims = {{5, 3, 5, 1, 1, 1}}};
  EXPECT_EQ(bytesOf(whole)->result, 20);
  auto with = [&](auto change) {
    Convolution changed = whole;
    change(changed);
    return bytesOf(changed).has_value();
  };
  EXPECT_FALSE(with([](Convolution &c) { c.dims.clear(); }));
  EXPECT_FALSE(with([](Convolution &c) { c.dims.resize(4, c.dims[0]); }));
  EXPECT_FALSE(with([](Convolution &c) { c.dims[0].output = 4; }));
  EXPECT_FALSE(with([](Convolution &c) { c.dims[0].low = -1; }));
  EXPECT_FALSE(with([](Convolution &c) { c.dims[0].filter = 9; }));
  EXPECT_FALSE(with([](Convolution &c) { c.batch = int64_t(1) << 31; }));
  EXPECT_FALSE(with([](Convolution &c) { c.dtype = DType::I32; }));
  EXPECT_FALSE(with([](Convolution &c) { c.dtype = DType::F64, c.isTf32 = true; }));
}

#if WEIR_HAVE_DNN

TEST(Dnn, TheLibraryOfThisMachineHasEveryFunction) {
  auto table = dnn();
  if (!table.ok()) GTEST_SKIP() << table.status().message();
  EXPECT_GE((*table)->cudnnGetVersion(), size_t(90000));
}

class DnnOnDouble : public ::testing::Test {
protected:
  absl::StatusOr<KernelId> load(const Convolution &convolution) {
    return device->load({.entry = "conv", .scratchBytes = kWorkspace, .convolution = convolution});
  }
  std::byte *onDevice(const std::vector<std::byte> &bytes) {
    std::byte *memory = device->allocate(int64_t(bytes.size())).value();
    std::byte *host = device->allocateHost(int64_t(bytes.size())).value();
    std::memcpy(host, bytes.data(), bytes.size());
    EXPECT_TRUE(device->copyToDevice(memory, host, int64_t(bytes.size()), stream).ok());
    return memory;
  }
  /// Runs it captured and not, and expects what plain loops give.
  void expectConvolution(const Convolution &convolution);

  static constexpr int64_t kWorkspace = 4096;
  RecordingDriver driver{{}};
  RecordingDnn recording{driver};
  std::unique_ptr<Device> device =
      openDevice(driver.table(), 0, /*blas=*/nullptr, &recording.table()).value();
  StreamId stream = device->createStream().value();
  std::byte *workspace = device->allocate(kWorkspace).value();
};

/// Small whole numbers, whose products and sums are exact in every type.
std::vector<std::byte> numbers(DType dtype, int64_t bytes, int seed) {
  std::vector<std::byte> all(static_cast<size_t>(bytes));
  for (int64_t i = 0; i < bytes / int64_t(dtypeBytes(dtype)); ++i) {
    const double value = double((i * 7 + seed) % 5) - 2;
    if (dtype == DType::F16) reinterpret_cast<Half *>(all.data())[i] = Half(value);
    if (dtype == DType::BF16) reinterpret_cast<BFloat16 *>(all.data())[i] = BFloat16(value);
    if (dtype == DType::F32) reinterpret_cast<float *>(all.data())[i] = float(value);
    if (dtype == DType::F64) reinterpret_cast<double *>(all.data())[i] = value;
  }
  return all;
}

void DnnOnDouble::expectConvolution(const Convolution &convolution) {
  const ConvolutionBytes bytes = bytesOf(convolution).value();
  const std::vector<std::byte> lhs = numbers(convolution.dtype, bytes.lhs, 1),
                               rhs = numbers(convolution.dtype, bytes.rhs, 2);
  std::vector<std::byte> want(size_t(bytes.result)), zeros(size_t(bytes.result));
  convolvePlainly(convolution, lhs.data(), rhs.data(), want.data());
  auto kernel = load(convolution);
  ASSERT_TRUE(kernel.ok()) << kernel.status().message();
  std::byte *result = onDevice(zeros);
  const std::vector<std::byte *> buffers{onDevice(lhs), onDevice(rhs), result, workspace};
  std::byte *back = device->allocateHost(bytes.result).value();
  for (bool isCaptured : {false, true}) {
    std::memset(back, 0, size_t(bytes.result));
    if (isCaptured) ASSERT_TRUE(device->beginCapture(stream).ok());
    absl::Status given = device->launch(*kernel, {1, 32}, buffers, stream);
    ASSERT_TRUE(given.ok()) << given.message();
    if (isCaptured) {
      GraphId graph = device->endCapture(stream).value();
      ASSERT_TRUE(device->fill(result, 0, bytes.result, stream).ok());
      ASSERT_TRUE(device->launchGraph(graph, stream).ok());
    }
    ASSERT_TRUE(device->copyToHost(back, result, bytes.result, stream).ok());
    ASSERT_TRUE(device->synchronize(stream).ok());
    EXPECT_EQ(std::memcmp(back, want.data(), want.size()), 0);
  }
}

TEST_F(DnnOnDouble, ConvolutionsOfEveryTypeKindAndRank) {
  const Convolution::Dim padded{6, 3, 6, 1, 1, 1}, strided{7, 2, 4, 2, 1, 1},
      dilated{8, 3, 4, 1, 2, 0};
  for (DType dtype : {DType::F16, DType::BF16, DType::F32, DType::F64})
    for (Kind kind : {Kind::Forward, Kind::InputGradient, Kind::FilterGradient})
      for (const auto &dims : {std::vector{strided}, {padded, dilated}, {dilated, strided, padded}})
        for (int64_t groups : {1, 2}) {
          SCOPED_TRACE(std::string(dtypeName(dtype)) + " " + std::to_string(int(kind)) + " " +
                       std::to_string(dims.size()) + " " + std::to_string(groups));
          expectConvolution({kind, dtype, 2, groups, 3, 2, dims});
        }
}

TEST_F(DnnOnDouble, Tf32IsWhatTheMathAllows) {
  Convolution c{.dims = {{4, 3, 4, 1, 1, 1}, {4, 3, 4, 1, 1, 1}}};
  for (bool isTf32 : {false, true}) {
    c.isTf32 = isTf32;
    expectConvolution(c);
    EXPECT_EQ(recording.calls.back().convolution, c);
  }
}

TEST_F(DnnOnDouble, AlgorithmsWhoseBitsMayChangeAreNotChosen) {
  expectConvolution({.dims = {{4, 3, 4, 1, 1, 1}}});
  for (const auto &call : recording.calls) EXPECT_EQ(call.algorithm, 1);
}

TEST_F(DnnOnDouble, GivesBackAllThatItTook) {
  ASSERT_TRUE(load({.dims = {{4, 3, 4, 1, 1, 1}}}).ok());
  EXPECT_GT(recording.alive, 0);
  device.reset();
  EXPECT_EQ(recording.alive, 0);
}

TEST_F(DnnOnDouble, RefusalsSayWhatToDo) {
  recording.workspaceBytes = kWorkspace + 1;
  EXPECT_EQ(load({.dims = {{4, 3, 4, 1, 1, 1}}}).status().message(),
            "cuda:0: kernel 'conv' is a convolution that cuDNN does: cuDNN has no deterministic "
            "algorithm for this convolution within 4096 bytes of workspace; compiled with "
            "--libraries none, Weir's own kernels do it");
  EXPECT_FALSE(load({.dims = {{4, 3, 3, 1, 1, 1}}}).ok());
}

#endif

} // namespace
} // namespace weir::runtime::cuda
