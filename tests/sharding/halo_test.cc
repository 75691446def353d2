// Windows over split dims: convolutions, pooling and slices exchange the edges of their pieces,
// uneven ones too, forward and backward.  features: P11 X11
#include "tests/sharding/partition_harness.h"

namespace weir::distributed {
namespace {

using Dims = std::vector<int64_t>;

std::string tensor(const Dims &dims) {
  std::string text = "tensor<";
  for (int64_t n : dims) text += std::to_string(n) + "x";
  return text + "f32>";
}

/// A window along one dim.
struct Window {
  int64_t size, stride = 1, low = 0, high = 0, inputDilation = 1, dilation = 1;

  int64_t positions(int64_t n) const {
    const int64_t room = (n - 1) * inputDilation + 1 + low + high - (size - 1) * dilation - 1;
    return room < 0 ? 0 : room / stride + 1;
  }
  std::string str() const {
    return "window " + std::to_string(size) + " stride " + std::to_string(stride) + " low " +
           std::to_string(low) + " high " + std::to_string(high) + " dilations " +
           std::to_string(inputDilation) + "," + std::to_string(dilation);
  }
};

class HaloTest : public PartitionTest {
protected:
  /// f(x, w) and its gradients, x split as said.
  Traffic checkWithGradients(const std::string &mesh, const std::string &sharding, const Dims &x,
                             const Dims &w, const Dims &y, const std::string &f) {
    std::string types = tensor(x) + ", " + tensor(w);
    return check(mesh, "func.func private @f(%x: " + tensor(x) + ", %w: " + tensor(w) + ") -> " +
                           tensor(y) + " {\n" + f + "\nreturn %y : " + tensor(y) +
                           "\n}\n"
                           "func.func @main(%x: " +
                           tensor(x) + " {spmd.sharding = \"" + sharding + "\"}, %w: " + tensor(w) +
                           ", %ct: " + tensor(y) + ") -> (" + tensor(y) + ", " + types +
                           ") {\n"
                           "%y, %dx, %dw = weir.vjp @f(%x, %w, %ct) wrt = [0, 1] : (" +
                           types + ", " + tensor(y) + ") -> (" + tensor(y) + ", " + types +
                           ")\nreturn %y, %dx, %dw : " + tensor(y) + ", " + types + "\n}");
  }

  Traffic convolution(const std::string &mesh, int64_t n, const Window &w) {
    SCOPED_TRACE(mesh + " convolution of " + std::to_string(n) + " " + w.str());
    auto list = [](int64_t v) { return "[" + std::to_string(v) + "]"; };
    Dims x{2, 1, 3, n}, k{1, 4, 3, w.size}, y{2, 1, 4, w.positions(n)};
    return checkWithGradients(mesh, "[{},{},{},{a}]", x, k, y,
                              "%y = weir.convolution %x, %w strides = " + list(w.stride) +
                                  " low = " + list(w.low) + " high = " + list(w.high) +
                                  " lhs_dilation = " + list(w.inputDilation) +
                                  " rhs_dilation = " + list(w.dilation) + " : (" + tensor(x) +
                                  ", " + tensor(k) + ") -> " + tensor(y));
  }

  /// The largest of each window, times w.
  Traffic pooling(const std::string &mesh, int64_t n, const Window &w) {
    SCOPED_TRACE(mesh + " pooling of " + std::to_string(n) + " " + w.str());
    auto list = [](int64_t v) { return "[" + std::to_string(v) + "]"; };
    const int64_t o = w.positions(n);
    Dims x{n, 3}, windows{o, 3, w.size}, y{o, 3};
    return checkWithGradients(
        mesh, "[{a},{}]", x, y, y,
        "%low = weir.constant dense<-2.0> : tensor<f32>\n%u = weir.unfold %x, %low dims = [0] "
        "window = " +
            list(w.size) + " strides = " + list(w.stride) + " dilations = " + list(w.dilation) +
            " low = " + list(w.low) + " high = " + list(w.high) + " : (" + tensor(x) +
            ", tensor<f32>) -> " + tensor(windows) + "\n%m = weir.reduce_max %u dims = [2] : (" +
            tensor(windows) + ") -> " + tensor(y) + "\n%y = weir.mul %m, %w : " + tensor(y));
  }
};

TEST_F(HaloTest, ConvolutionsExchangeEdgesOnly) {
  Traffic traffic = convolution("a=4", 16, {.size = 3, .low = 1, .high = 1});
  // Each side: of x forward, of the cotangent for dx, of x for dw unless it is still there.
  EXPECT_GE(traffic.collectives["spmd.permute"], 4) << sharded;
  EXPECT_LE(traffic.collectives["spmd.permute"], 6) << sharded;
  EXPECT_EQ(traffic.collectives["spmd.all_reduce"], 1) << "dw\n" << sharded;
  EXPECT_EQ(traffic.collectives["spmd.all_gather"], 0) << sharded;
}

TEST_F(HaloTest, ConvolutionsOfUnevenPieces) {
  convolution("a=3", 16, {.size = 3, .low = 1, .high = 1});
  convolution("a=4", 13, {.size = 3, .low = 1, .high = 1});
  convolution("a=5", 21, {.size = 4, .low = 2, .high = 1});
}

TEST_F(HaloTest, WindowsThatFitNowhere) {
  convolution("a=4", 2, {.size = 2, .stride = 2, .low = -1});
  convolution("a=3", 2, {.size = 2, .low = -1});
}

TEST_F(HaloTest, ConvolutionsWithStridesAndDilations) {
  convolution("a=4", 32, {.size = 3, .stride = 2, .low = 1, .high = 1});
  convolution("a=2", 12, {.size = 3, .low = 2, .high = 2, .dilation = 2});
  convolution("a=2", 8, {.size = 3, .low = 2, .high = 1, .inputDilation = 2});
  convolution("a=2", 16, {.size = 7, .stride = 2, .low = 3, .high = 3});
  convolution("a=4", 16, {.size = 1, .stride = 1});
  convolution("a=2", 16, {.size = 3}); // no padding: pieces do not lie on pieces
}

TEST_F(HaloTest, PoolingExchangesEdgesOnly) {
  Traffic traffic = pooling("a=4", 16, {.size = 3, .low = 1, .high = 1});
  EXPECT_GE(traffic.collectives["spmd.permute"], 2) << sharded;
  EXPECT_EQ(traffic.collectives["spmd.all_gather"], 0) << sharded;
  traffic = pooling("a=4", 16, {.size = 2, .stride = 2});
  EXPECT_TRUE(traffic.collectives.empty()) << sharded;
  pooling("a=3", 14, {.size = 3, .stride = 2, .low = 1});
  pooling("a=2", 9, {.size = 2, .dilation = 3});
}

TEST_F(HaloTest, RandomWindowsAreThoseOfOneDevice) {
  std::mt19937 rng(11);
  auto below = [&](int64_t n) { return static_cast<int64_t>(rng() % static_cast<uint64_t>(n)); };
  for (int round = 0; round < 60; ++round) {
    const int64_t n = 6 + below(20);
    Window w{.size = 1 + below(4), .stride = 1 + below(3), .low = below(3), .high = below(3)};
    w.dilation = 1 + below(2);
    const bool isPooling = round % 2;
    if (!isPooling) w.inputDilation = 1 + below(2);
    if (w.positions(n) < 2) continue;
    const std::string mesh = "a=" + std::to_string(2 + below(4));
    isPooling ? pooling(mesh, n, w) : convolution(mesh, n, w);
    if (HasFailure()) return;
  }
}

TEST_F(HaloTest, TwoSpatialDimsOnTwoAxes) {
  Dims x{1, 1, 2, 8, 9}, k{1, 2, 2, 3, 3}, y = x;
  Traffic traffic = checkWithGradients(
      "a=2,b=3", "[{},{},{},{a},{b}]", x, k, y,
      "%y = weir.convolution %x, %w strides = [1, 1] low = [1, 1] high = [1, 1] lhs_dilation = [1, "
      "1] rhs_dilation = [1, 1] : (" +
          tensor(x) + ", " + tensor(k) + ") -> " + tensor(y));
  EXPECT_LE(traffic.collectives["spmd.all_gather"], 1) << "of dw's sum\n" << sharded;
}

TEST_F(HaloTest, SlicesShiftPieces) {
  Traffic traffic = check("a=4", R"(
    func.func @main(%x: tensor<17x3xf32> {spmd.sharding = "[{a},{}]"}) -> tensor<16x3xf32> {
      %l = weir.slice %x starts = [0, 0] limits = [16, 3] strides = [1, 1] : (tensor<17x3xf32>) -> tensor<16x3xf32>
      %r = weir.slice %x starts = [1, 0] limits = [17, 3] strides = [1, 1] : (tensor<17x3xf32>) -> tensor<16x3xf32>
      %y = weir.sub %r, %l : tensor<16x3xf32>
      return %y : tensor<16x3xf32>
    })");
  EXPECT_EQ(traffic.collectives["spmd.all_gather"], 0) << sharded;
  EXPECT_GT(traffic.collectives["spmd.permute"], 0) << sharded;
}

} // namespace
} // namespace weir::distributed
