// Dots with epilogues, argmax and argmin, and scatters against the reference interpreter.
// features: C2
#include "codegen/lower/kernel_runner.h"

#include "gtest/gtest.h"
#include <cmath>

using namespace weir::codegen;

namespace {

std::string kernel(const std::string &kind, const std::string &signature, const std::string &body) {
  return "func.func @k" + signature + " attributes {weir.kernel = \"" + kind + "\"} {\n" + body +
         "}\n";
}

TEST(DotKernel, BiasAndActivationAtManySizes) {
  for (std::string m : {"1", "7", "33"})
    for (std::string n : {"1", "10", "32", "50", "96"}) {
      std::string k = "19", r = "tensor<" + m + "x" + n + "xf32>", bias = "tensor<" + n + "xf32>";
      expectMatchesReference(kernel(
          "dot",
          "(%a: tensor<" + m + "x19xf32>, %b: tensor<19x" + n + "xf32>, %c: " + bias + ") -> (" +
              r + ", " + r + ")",
          "%0 = weir.dot %a, %b batch = [] x [] contract = [1] x [0] : (tensor<" + m +
              "x19xf32>, tensor<19x" + n + "xf32>) -> " + r + "\n%1 = weir.broadcast %c shape = [" +
              m + ", " + n + "] dims = [1] : (" + bias + ") -> " + r + "\n%2 = weir.add %0, %1 : " +
              r + "\n%3 = weir.tanh %2 : " + r + "\nreturn %3, %2 : " + r + ", " + r + "\n"));
    }
}

TEST(DotKernel, PackedWeightsAndReshapedResult) {
  expectMatchesReference(
      kernel("dot",
             "(%a: tensor<9x40xf32>, %b: tensor<3x40x32xf32>, %c: tensor<96xf32>, %r: "
             "tensor<9x96xf32>) -> tensor<9x96xf32>",
             "%0 = weir.dot %a, %b batch = [] x [] contract = [1] x [1] : (tensor<9x40xf32>, "
             "tensor<3x40x32xf32>) -> tensor<9x3x32xf32>\n"
             "%1 = weir.reshape %0 shape = [9, 96] : (tensor<9x3x32xf32>) -> tensor<9x96xf32>\n"
             "%2 = weir.broadcast %c shape = [9, 96] dims = [1] : (tensor<96xf32>) -> "
             "tensor<9x96xf32>\n%3 = weir.add %1, %2 : tensor<9x96xf32>\n"
             "%4 = weir.add %3, %r : tensor<9x96xf32>\nreturn %4 : tensor<9x96xf32>\n"));
}

TEST(DotKernel, BatchesAndMasksPerRow) {
  expectMatchesReference(kernel(
      "dot",
      "(%a: tensor<2x3x20x8xf32>, %b: tensor<2x3x8x20xf32>, %m: tensor<20x20xi1>) -> "
      "tensor<2x3x20x20xf32>",
      "%0 = weir.dot %a, %b batch = [0, 1] x [0, 1] contract = [3] x [2] : "
      "(tensor<2x3x20x8xf32>, tensor<2x3x8x20xf32>) -> tensor<2x3x20x20xf32>\n"
      "%s = weir.constant dense<0.35> : tensor<2x3x20x20xf32>\n"
      "%1 = weir.mul %0, %s : tensor<2x3x20x20xf32>\n"
      "%mb = weir.broadcast %m shape = [2, 3, 20, 20] dims = [2, 3] : (tensor<20x20xi1>) -> "
      "tensor<2x3x20x20xi1>\n"
      "%low = weir.constant dense<-1.0e9> : tensor<2x3x20x20xf32>\n"
      "%2 = weir.select %mb, %1, %low : (tensor<2x3x20x20xi1>, tensor<2x3x20x20xf32>, "
      "tensor<2x3x20x20xf32>) -> tensor<2x3x20x20xf32>\nreturn %2 : tensor<2x3x20x20xf32>\n"));
}

TEST(DotKernel, ResultOfAnotherTypeUsesScratch) {
  expectMatchesReference(
      kernel("dot", "(%a: tensor<9x12xi64>, %b: tensor<12x20xi64>) -> tensor<9x20xi1>",
             "%0 = weir.dot %a, %b batch = [] x [] contract = [1] x [0] : (tensor<9x12xi64>, "
             "tensor<12x20xi64>) -> tensor<9x20xi64>\n%z = weir.constant dense<140> : "
             "tensor<9x20xi64>\n%1 = weir.compare gt %0, %z : tensor<9x20xi64>\n"
             "return %1 : tensor<9x20xi1>\n"));
}

TEST(DotKernel, WindowsOfTheLeftOperandAreStrides) {
  for (std::string o : {"1", "16", "50"})
    expectMatchesReference(kernel(
        "dot",
        "(%x: tensor<2x1x3x12x9xf32>, %w: tensor<1x3x3x2x" + o + "xf32>) -> tensor<1x2x5x8x" + o +
            "xf32>",
        "%z = weir.constant dense<0.0> : tensor<f32>\n"
        "%0 = weir.unfold %x, %z dims = [3, 4] window = [3, 2] strides = [2, 1] dilations = [1, 1] "
        "low = [-1, 0] high = [0, 0] : (tensor<2x1x3x12x9xf32>, tensor<f32>) -> "
        "tensor<2x1x3x5x8x3x2xf32>\n"
        "%1 = weir.dot %0, %w batch = [1] x [0] contract = [2, 5, 6] x [1, 2, 3] : "
        "(tensor<2x1x3x5x8x3x2xf32>, tensor<1x3x3x2x" +
            o + "xf32>) -> tensor<1x2x5x8x" + o + "xf32>\n%2 = weir.tanh %1 : tensor<1x2x5x8x" + o +
            "xf32>\nreturn %2 : tensor<1x2x5x8x" + o + "xf32>\n"));
}

TEST(DotKernel, SplatOperandIsWrittenToScratch) {
  expectMatchesReference(
      kernel("dot", "(%b: tensor<12x20xf32>) -> tensor<9x20xf32>",
             "%a = weir.constant dense<0.5> : tensor<9x12xf32>\n"
             "%0 = weir.dot %a, %b batch = [] x [] contract = [1] x [0] : (tensor<9x12xf32>, "
             "tensor<12x20xf32>) -> tensor<9x20xf32>\nreturn %0 : tensor<9x20xf32>\n"));
}

TEST(DotKernel, RhsWithoutAVectorDimIsComputedPlainly) {
  for (std::string e : {"f32", "i32"})
    expectMatchesReference(kernel(
        "dot",
        "(%a: tensor<9x12x" + e + ">, %b: tensor<12x" + e + ">, %c: tensor<9x" + e +
            ">) -> tensor<9x" + e + ">",
        "%0 = weir.dot %a, %b batch = [] x [] contract = [1] x [0] : (tensor<9x12x" + e +
            ">, tensor<12x" + e + ">) -> tensor<9x" + e + ">\n%1 = weir.add %0, %c : tensor<9x" +
            e + ">\nreturn %1 : tensor<9x" + e + ">\n"));
  expectMatchesReference(
      kernel("dot", "(%a: tensor<5x6x7xf64>, %b: tensor<8x7x6xf64>) -> tensor<6x5x8xf64>",
             "%0 = weir.dot %a, %b batch = [1] x [2] contract = [2] x [1] : (tensor<5x6x7xf64>, "
             "tensor<8x7x6xf64>) -> tensor<6x5x8xf64>\nreturn %0 : tensor<6x5x8xf64>\n"));
}

TEST(ArgKernel, EveryDimAndDtype) {
  for (std::string op : {"argmax", "argmin"})
    for (std::string e : {"f32", "f64", "i32", "i64"})
      for (std::string n : {"1", "10", "19", "50"}) {
        expectMatchesReference(kernel("op", "(%x: tensor<7x" + n + "x" + e + ">) -> tensor<7xi32>",
                                      "%0 = weir." + op + " %x dim = 1 : (tensor<7x" + n + "x" + e +
                                          ">) -> tensor<7xi32>\nreturn %0 : tensor<7xi32>\n"));
        expectMatchesReference(
            kernel("op", "(%x: tensor<3x6x" + n + "x" + e + ">) -> tensor<3x" + n + "xi32>",
                   "%0 = weir." + op + " %x dim = 1 : (tensor<3x6x" + n + "x" + e +
                       ">) -> tensor<3x" + n + "xi32>\nreturn %0 : tensor<3x" + n + "xi32>\n"));
      }
}

TEST(ArgKernel, NaNWinsAndTheFirstOfEquals) {
  for (std::string op : {"argmax", "argmin"}) {
    std::vector<float> values(40, 1.0f);
    values[7] = values[30] = op == "argmax" ? 3 : -3;
    std::string text = kernel("op", "(%x: tensor<40xf32>) -> tensor<i32>",
                              "%0 = weir." + op +
                                  " %x dim = 0 : (tensor<40xf32>) -> tensor<i32>\n"
                                  "return %0 : tensor<i32>\n");
    auto best = [&] {
      return runKernel(text, {weir::runtime::HostTensor::from<float>({40}, values)}, *hostTarget())
          .results[0]
          .at(0);
    };
    EXPECT_EQ(best(), 7);
    values[33] = values[12] = NAN;
    EXPECT_EQ(best(), 12);
  }
}

TEST(ScatterKernel, DuplicatesAddInOrderAndStraysAreDropped) {
  for (std::string f : {"1", "12", "64", "300"})
    for (std::string index : {"i32", "i64"})
      expectMatchesReference(
          kernel("op",
                 "(%x: tensor<6x" + f + "xf32>, %i: tensor<5x4x" + index + ">, %u: tensor<5x4x" +
                     f + "xf32>) -> tensor<6x" + f + "xf32>",
                 "%0 = weir.scatter_add %x, %i, %u dim = 0 batch_dims = 0 : (tensor<6x" + f +
                     "xf32>, tensor<5x4x" + index + ">, tensor<5x4x" + f + "xf32>) -> tensor<6x" +
                     f + "xf32>\nreturn %0 : tensor<6x" + f + "xf32>\n"),
          /*intLimit=*/8);
}

TEST(ScatterKernel, EveryCombiner) {
  for (std::string op : {"scatter_mul", "scatter_max", "scatter_min", "scatter_set"})
    for (std::string e : {"f32", "i64"})
      for (std::string f : {"1", "20"}) {
        std::string x = "tensor<6x" + f + "x" + e + ">", u = "tensor<9x" + f + "x" + e + ">";
        expectMatchesReference(
            kernel("op", "(%x: " + x + ", %i: tensor<9xi32>, %u: " + u + ") -> " + x,
                   "%0 = weir." + op + " %x, %i, %u dim = 0 batch_dims = 0 : (" + x +
                       ", tensor<9xi32>, " + u + ") -> " + x + "\nreturn %0 : " + x + "\n"),
            /*intLimit=*/8);
      }
}

TEST(ScatterKernel, BatchesAndZeroOperand) {
  expectMatchesReference(
      kernel("op", "(%i: tensor<3x5xi32>, %u: tensor<3x5xf32>) -> tensor<3x9xf32>",
             "%z = weir.constant dense<0.0> : tensor<3x9xf32>\n"
             "%0 = weir.scatter_add %z, %i, %u dim = 1 batch_dims = 1 : (tensor<3x9xf32>, "
             "tensor<3x5xi32>, tensor<3x5xf32>) -> tensor<3x9xf32>\nreturn %0 : tensor<3x9xf32>\n"),
      /*intLimit=*/10);
}

} // namespace
