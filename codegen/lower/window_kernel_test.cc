// unfold and fold against the reference interpreter.
// features: C2
#include "codegen/lower/kernel_runner.h"

#include "gtest/gtest.h"

using namespace weir::codegen;

namespace {

std::string kernel(const std::string &kind, const std::string &signature, const std::string &body) {
  return "func.func @k" + signature + " attributes {weir.kernel = \"" + kind + "\"} {\n" + body +
         "}\n";
}

struct Window {
  int64_t size, window, stride, dilation, low, high;
  int64_t positions() const {
    return (size + low + high - ((window - 1) * dilation + 1)) / stride + 1;
  }
};

const Window windows[] = {{20, 3, 1, 1, 1, 1}, {20, 2, 2, 1, 0, 0}, {21, 3, 2, 2, 1, 2},
                          {9, 4, 3, 1, -1, 2}, {7, 1, 1, 1, 0, 0},  {5, 5, 1, 1, 4, 4}};

std::string list(int64_t value) {
  return "[" + std::to_string(value) + "]";
}

TEST(LoopKernel, Unfold) {
  for (const Window &w : windows) {
    std::string x = "tensor<3x" + std::to_string(w.size) + "xf32>",
                r = "tensor<3x" + std::to_string(w.positions()) + "x" + std::to_string(w.window) +
                    "xf32>";
    expectMatchesReference(kernel(
        "loop", "(%x: " + x + ", %v: tensor<f32>) -> " + r,
        "%n = weir.neg %x : " + x + "\n%0 = weir.unfold %n, %v dims = [1] window = " +
            list(w.window) + " strides = " + list(w.stride) + " dilations = " + list(w.dilation) +
            " low = " + list(w.low) + " high = " + list(w.high) + " : (" + x +
            ", tensor<f32>) -> " + r + "\nreturn %0 : " + r + "\n"));
  }
}

TEST(ColumnKernel, PoolingReducesTransposedWindows) {
  for (std::string op : {"reduce_max", "reduce_sum"})
    expectMatchesReference(kernel(
        "column", "(%x: tensor<2x3x12x14xf32>) -> tensor<2x3x6x7xf32>",
        "%v = weir.constant dense<0.0> : tensor<f32>\n"
        "%0 = weir.unfold %x, %v dims = [2, 3] window = [2, 3] strides = [2, 2] dilations = [1, 1] "
        "low = [0, 1] high = [0, 0] : (tensor<2x3x12x14xf32>, tensor<f32>) -> "
        "tensor<2x3x6x7x2x3xf32>\n"
        "%1 = weir.transpose %0 permutation = [4, 5, 0, 1, 2, 3] : (tensor<2x3x6x7x2x3xf32>) -> "
        "tensor<2x3x2x3x6x7xf32>\n"
        "%2 = weir." +
            op +
            " %1 dims = [0, 1] : (tensor<2x3x2x3x6x7xf32>) -> "
            "tensor<2x3x6x7xf32>\nreturn %2 : tensor<2x3x6x7xf32>\n"));
}

TEST(ColumnKernel, FoldIsTheAdjointOfUnfold) {
  for (const Window &w : windows) {
    std::string y = "tensor<3x" + std::to_string(w.positions()) + "x" + std::to_string(w.window) +
                    "xf32>",
                r = "tensor<3x" + std::to_string(w.size) + "xf32>";
    expectMatchesReference(kernel(
        "column", "(%y: " + y + ") -> " + r,
        "%n = weir.neg %y : " + y + "\n%0 = weir.fold %n dims = [1] sizes = " + list(w.size) +
            " strides = " + list(w.stride) + " dilations = " + list(w.dilation) +
            " low = " + list(w.low) + " : (" + y + ") -> " + r + "\nreturn %0 : " + r + "\n"));
  }
}

TEST(ColumnKernel, FoldOverTwoDims) {
  for (std::string e : {"f32", "i64"})
    expectMatchesReference(kernel(
        "column", "(%y: tensor<2x4x5x3x2x3x" + e + ">) -> tensor<2x9x11x3x" + e + ">",
        "%0 = weir.fold %y dims = [1, 2] sizes = [9, 11] strides = [2, 3] dilations = [1, 2] low = "
        "[0, 4] : (tensor<2x4x5x3x2x3x" +
            e + ">) -> tensor<2x9x11x3x" + e + ">\nreturn %0 : tensor<2x9x11x3x" + e + ">\n"));
}

} // namespace
