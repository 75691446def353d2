// Products by cuBLASLt on a double of it, and what is said where there is none.  features: G6
#include "runtime/device/cuda/cuda_device.h"
#include "runtime/device/cuda/recording_blas.h"
#include "runtime/device/cuda/recording_driver.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

namespace weir::runtime::cuda {
namespace {

TEST(Blas, SaysWhyThereIsNone) {
  auto none = loadBlas("/nowhere/libcublasLt.so.13");
#if WEIR_HAVE_CUBLASLT
  EXPECT_NE(none.status().message().find("no cuBLASLt on this machine: /nowhere"),
            std::string::npos)
      << none.status().message();
  EXPECT_NE(loadBlas("libm.so.6").status().message().find("has no function cublasLtGetVersion"),
            std::string::npos);
#else
  EXPECT_NE(none.status().message().find("tools/setup --cublas"), std::string::npos);
#endif
}

#if WEIR_HAVE_CUBLASLT

TEST(Blas, TheLibraryOfThisMachineHasEveryFunction) {
  auto table = blas();
  if (!table.ok()) GTEST_SKIP() << table.status().message();
  EXPECT_GE((*table)->cublasLtGetVersion(), size_t(120000));
}

class BlasOnDouble : public ::testing::Test {
protected:
  absl::StatusOr<KernelId> load(const MatrixProduct &product) {
    return device->load({.entry = "dot", .scratchBytes = kWorkspace, .product = product});
  }
  std::byte *onDevice(const std::vector<std::byte> &bytes) {
    std::byte *memory = device->allocate(int64_t(bytes.size())).value();
    std::byte *host = device->allocateHost(int64_t(bytes.size())).value();
    std::memcpy(host, bytes.data(), bytes.size());
    EXPECT_TRUE(device->copyToDevice(memory, host, int64_t(bytes.size()), stream).ok());
    return memory;
  }
  /// Runs it captured and not, and expects what plain loops give.
  void expectProduct(const MatrixProduct &product);

  static constexpr int64_t kWorkspace = 4096;
  RecordingDriver driver{{}};
  RecordingBlas recording{driver};
  std::unique_ptr<Device> device = openDevice(driver.table(), 0, &recording.table()).value();
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

void BlasOnDouble::expectProduct(const MatrixProduct &product) {
  const MatrixProductBytes bytes = bytesOf(product).value();
  const std::vector<std::byte> lhs = numbers(product.dtype, bytes.lhs, 1),
                               rhs = numbers(product.dtype, bytes.rhs, 2);
  std::vector<std::byte> want(size_t(bytes.result)), zeros(size_t(bytes.result));
  multiplyPlainly(product, lhs.data(), rhs.data(), want.data());
  auto kernel = load(product);
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

TEST_F(BlasOnDouble, ProductsOfEveryTypeAndSide) {
  for (DType dtype : {DType::F16, DType::BF16, DType::F32, DType::F64})
    for (bool isLhsTransposed : {false, true})
      for (bool isRhsTransposed : {false, true})
        for (int64_t batch : {1, 3}) {
          SCOPED_TRACE(std::string(dtypeName(dtype)) + (isLhsTransposed ? " t" : " n") +
                       (isRhsTransposed ? "t " : "n ") + std::to_string(batch));
          expectProduct({dtype, batch, 4, 6, 5, isLhsTransposed, isRhsTransposed});
        }
}

TEST_F(BlasOnDouble, Tf32IsWhatTheLibraryComputesIn) {
  expectProduct({.rows = 4, .columns = 4, .depth = 4, .isTf32 = true});
  expectProduct({.rows = 4, .columns = 4, .depth = 4});
  EXPECT_EQ(recording.products.front(), CUBLAS_COMPUTE_32F_FAST_TF32);
  EXPECT_EQ(recording.products.back(), CUBLAS_COMPUTE_32F);
}

TEST_F(BlasOnDouble, GivesBackAllThatItTook) {
  ASSERT_TRUE(load({.rows = 4, .columns = 4, .depth = 4}).ok());
  EXPECT_GT(recording.alive, 0);
  device.reset();
  EXPECT_EQ(recording.alive, 0);
}

TEST_F(BlasOnDouble, RefusalsSayWhatToDo) {
  recording.hasAlgorithms = false;
  EXPECT_EQ(load({.rows = 4, .columns = 4, .depth = 4}).status().message(),
            "cuda:0: kernel 'dot' is a dot that cuBLASLt does: cuBLASLt has no algorithm for this "
            "product; compiled with --libraries none, Weir's own kernels do it");
  EXPECT_FALSE(load({.rows = 0, .columns = 4, .depth = 4}).ok());
  EXPECT_FALSE(
      load({.dtype = DType::F64, .rows = 4, .columns = 4, .depth = 4, .isTf32 = true}).ok());
}

#endif

} // namespace
} // namespace weir::runtime::cuda
