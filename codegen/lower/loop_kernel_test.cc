// Kernels of kind `loop` against the reference interpreter: layouts disappear into indices, tails
// are masked. features: C2
#include "codegen/lower/kernel_runner.h"

#include "gtest/gtest.h"

using namespace weir::codegen;

namespace {

std::string kernel(const std::string &signature, const std::string &body) {
  return "func.func @k" + signature + " attributes {weir.kernel = \"loop\"} {\n" + body + "}\n";
}

std::string tensor(const std::string &shape) {
  return "tensor<" + shape + "xf32>";
}

TEST(LoopKernel, ElementwiseAtSizesAroundTheVectorLength) {
  for (int n : {1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 64, 100, 1000, 5000, 20000}) {
    std::string t = tensor(std::to_string(n));
    expectMatchesReference(kernel("(%x: " + t + ", %y: " + t + ") -> " + t,
                                  "%0 = weir.mul %x, %y : " + t + "\n%1 = weir.exp %0 : " + t +
                                      "\n%2 = weir.add %1, %y : " + t + "\nreturn %2 : " + t +
                                      "\n"));
  }
}

TEST(LoopKernel, ScalarsAreKernelsToo) {
  expectMatchesReference(
      kernel("(%x: tensor<f32>) -> (tensor<f32>, tensor<i1>)",
             "%0 = weir.neg %x : tensor<f32>\n%1 = weir.compare lt %x, %0 : tensor<f32>\n"
             "return %0, %1 : tensor<f32>, tensor<i1>\n"));
}

TEST(LoopKernel, NoElementsAreNoTasks) {
  std::string text = kernel("(%x: tensor<0x4xf32>) -> tensor<0x4xf32>",
                            "%0 = weir.neg %x : tensor<0x4xf32>\nreturn %0 : tensor<0x4xf32>\n");
  EXPECT_EQ(runKernel(text, randomInputs(text), *hostTarget()).tasks, 0);
}

TEST(LoopKernel, EveryDtypeAndMixedWidths) {
  for (std::string e : {"f32", "f64", "i32", "i64"}) {
    std::string t = "tensor<37x" + e + ">";
    expectMatchesReference(
        kernel("(%x: " + t + ", %y: " + t + ", %p: tensor<37xi1>) -> (" + t + ", tensor<37xi1>)",
               "%0 = weir.mul %x, %y : " + t + "\n%1 = weir.compare ge %0, %y : " + t +
                   "\n%2 = weir.and %1, %p : tensor<37xi1>\n%3 = weir.select %2, %0, %y : "
                   "(tensor<37xi1>, " +
                   t + ", " + t + ") -> " + t + "\nreturn %3, %2 : " + t + ", tensor<37xi1>\n"));
  }
  expectMatchesReference(
      kernel("(%x: tensor<50xf32>, %n: tensor<50xi64>) -> tensor<50xf64>",
             "%0 = weir.convert %x to f64 : (tensor<50xf32>) -> tensor<50xf64>\n"
             "%1 = weir.convert %n to f64 : (tensor<50xi64>) -> tensor<50xf64>\n"
             "%2 = weir.add %0, %1 : tensor<50xf64>\nreturn %2 : tensor<50xf64>\n"));
}

TEST(LoopKernel, BroadcastAlongEachDim) {
  for (std::string c : {"1", "5", "16", "40"})
    expectMatchesReference(kernel("(%x: tensor<6x3x" + c + "xf32>, %a: " + tensor(c) +
                                      ", %b: tensor<6xf32>, %s: "
                                      "tensor<f32>) -> tensor<6x3x" +
                                      c + "xf32>",
                                  "%0 = weir.broadcast %a shape = [6, 3, " + c +
                                      "] dims = [2] : (" + tensor(c) + ") -> tensor<6x3x" + c +
                                      "xf32>\n"
                                      "%1 = weir.broadcast %b shape = [6, 3, " +
                                      c +
                                      "] dims = [0] : (tensor<6xf32>) -> "
                                      "tensor<6x3x" +
                                      c +
                                      "xf32>\n"
                                      "%2 = weir.broadcast %s shape = [6, 3, " +
                                      c +
                                      "] dims = [] : (tensor<f32>) -> "
                                      "tensor<6x3x" +
                                      c +
                                      "xf32>\n"
                                      "%3 = weir.add %x, %0 : tensor<6x3x" +
                                      c +
                                      "xf32>\n"
                                      "%4 = weir.mul %3, %1 : tensor<6x3x" +
                                      c +
                                      "xf32>\n"
                                      "%5 = weir.sub %4, %2 : tensor<6x3x" +
                                      c +
                                      "xf32>\n"
                                      "return %5 : tensor<6x3x" +
                                      c + "xf32>\n"));
}

TEST(LoopKernel, TransposesReshapesReverses) {
  expectMatchesReference(
      kernel("(%x: tensor<6x4x35xf32>) -> tensor<35x24xf32>",
             "%0 = weir.transpose %x permutation = [2, 0, 1] : (tensor<6x4x35xf32>) -> "
             "tensor<35x6x4xf32>\n%1 = weir.reshape %0 shape = [35, 24] : (tensor<35x6x4xf32>) -> "
             "tensor<35x24xf32>\nreturn %1 : tensor<35x24xf32>\n"));
  expectMatchesReference(
      kernel("(%x: tensor<6x5xf32>) -> tensor<3x10xf32>",
             "%0 = weir.reshape %x shape = [10, 3] : (tensor<6x5xf32>) -> tensor<10x3xf32>\n"
             "%1 = weir.transpose %0 permutation = [1, 0] : (tensor<10x3xf32>) -> "
             "tensor<3x10xf32>\nreturn %1 : tensor<3x10xf32>\n"));
  expectMatchesReference(
      kernel("(%x: tensor<6x50xf32>) -> tensor<6x50xf32>",
             "%0 = weir.reverse %x dims = [0, 1] : (tensor<6x50xf32>) -> tensor<6x50xf32>\n"
             "return %0 : tensor<6x50xf32>\n"));
  expectMatchesReference(
      kernel("(%x: tensor<6x48xi1>) -> tensor<48x6xi1>",
             "%0 = weir.transpose %x permutation = [1, 0] : (tensor<6x48xi1>) -> tensor<48x6xi1>\n"
             "return %0 : tensor<48x6xi1>\n"));
  // Dims that do not divide each other: indices are divided at run time.
  expectMatchesReference(
      kernel("(%x: tensor<6x5xf32>, %y: tensor<3xf32>) -> tensor<10x3xf32>",
             "%0 = weir.transpose %x permutation = [1, 0] : (tensor<6x5xf32>) -> tensor<5x6xf32>\n"
             "%1 = weir.reshape %0 shape = [10, 3] : (tensor<5x6xf32>) -> tensor<10x3xf32>\n"
             "%2 = weir.broadcast %y shape = [10, 3] dims = [1] : (tensor<3xf32>) -> "
             "tensor<10x3xf32>\n%3 = weir.add %1, %2 : tensor<10x3xf32>\n"
             "return %3 : tensor<10x3xf32>\n"));
}

/// A transposition of the last two of three dims, added to a dense operand and a row.
std::string transposition(const std::string &b, const std::string &m, const std::string &n,
                          const std::string &dtype) {
  std::string in = "tensor<" + b + "x" + m + "x" + n + "x" + dtype + ">";
  std::string out = "tensor<" + b + "x" + n + "x" + m + "x" + dtype + ">";
  std::string row = "tensor<" + m + "x" + dtype + ">", shape = b + ", " + n + ", " + m;
  return kernel("(%x: " + in + ", %y: " + out + ", %z: " + row + ") -> (" + out + ", " + out + ")",
                "%0 = weir.transpose %x permutation = [0, 2, 1] : (" + in + ") -> " + out +
                    "\n%1 = weir.add %0, %y : " + out + "\n%2 = weir.broadcast %z shape = [" +
                    shape + "] dims = [2] : (" + row + ") -> " + out + "\n%3 = weir.mul %1, %2 : " +
                    out + "\nreturn %3, %0 : " + out + ", " + out + "\n");
}

// Tiles of every edge: whole, cut in either dim, smaller than a vector; few and many tasks.
TEST(LoopKernel, TransposesTileByTile) {
  for (const char *dtype : {"f32", "f64", "i32"})
    for (const char *m : {"6", "16", "35", "64"})
      for (const char *n : {"9", "32", "50"})
        expectMatchesReference(transposition("3", m, n, dtype));
  expectMatchesReference(transposition("1", "300", "200", "f32"));
  std::string tall = transposition("40", "17", "16", "f32");
  expectMatchesReference(tall);
  std::string lowered = runKernel(tall, randomInputs(tall), *hostTarget()).lowered;
  EXPECT_NE(lowered.find("vector.shuffle"), std::string::npos);
  EXPECT_EQ(lowered.find("vector.gather"), std::string::npos);
}

// What a dot's rhs goes through when its last dim is contracted: [N, K] to [N/32, K, 32].
TEST(LoopKernel, PacksATransposedMatrix) {
  expectMatchesReference(
      kernel("(%x: tensor<96x50xf32>) -> tensor<3x50x32xf32>",
             "%0 = weir.reshape %x shape = [3, 32, 50] : (tensor<96x50xf32>) -> "
             "tensor<3x32x50xf32>\n"
             "%1 = weir.transpose %0 permutation = [0, 2, 1] : (tensor<3x32x50xf32>) -> "
             "tensor<3x50x32xf32>\nreturn %1 : tensor<3x50x32xf32>\n"));
}

TEST(LoopKernel, SlicesPadsConcatenates) {
  expectMatchesReference(
      kernel("(%x: tensor<9x70xf32>) -> tensor<4x33xf32>",
             "%0 = weir.slice %x starts = [1, 3] limits = [9, 69] strides = [2, 2] : "
             "(tensor<9x70xf32>) -> tensor<4x33xf32>\nreturn %0 : tensor<4x33xf32>\n"));
  for (std::string interior : {"0", "2"}) {
    std::string rows = interior == "0" ? "7" : "13", columns = interior == "0" ? "42" : "114";
    std::string to = "tensor<" + rows + "x" + columns + "xf32>";
    expectMatchesReference(kernel("(%x: tensor<4x37xf32>, %v: tensor<f32>) -> " + to,
                                  "%0 = weir.pad %x, %v low = [1, 2] high = [2, 3] interior = [" +
                                      interior + ", " + interior +
                                      "] : (tensor<4x37xf32>, tensor<f32>) -> " + to +
                                      "\nreturn %0 : " + to + "\n"));
  }
  expectMatchesReference(kernel(
      "(%x: tensor<3x20xf32>, %y: tensor<3x7xf32>, %z: tensor<3x30xf32>) -> tensor<3x57xf32>",
      "%0 = weir.concatenate %x, %y, %z dim = 1 : (tensor<3x20xf32>, tensor<3x7xf32>, "
      "tensor<3x30xf32>) -> tensor<3x57xf32>\n%1 = weir.exp %0 : tensor<3x57xf32>\n"
      "return %1 : tensor<3x57xf32>\n"));
  expectMatchesReference(
      kernel("(%x: tensor<2x20xi64>, %y: tensor<5x20xi64>) -> tensor<7x20xi64>",
             "%0 = weir.concatenate %x, %y dim = 0 : (tensor<2x20xi64>, tensor<5x20xi64>) -> "
             "tensor<7x20xi64>\nreturn %0 : tensor<7x20xi64>\n"));
}

TEST(LoopKernel, IotaAlongEachDim) {
  for (std::string e : {"f32", "i32", "i64", "f64"})
    expectMatchesReference(
        kernel("() -> (tensor<5x33x" + e + ">, tensor<5x33x" + e + ">)",
               "%0 = weir.iota shape = [5, 33] dim = 0 element = " + e + " : tensor<5x33x" + e +
                   ">\n%1 = weir.iota shape = [5, 33] dim = 1 element = " + e + " : tensor<5x33x" +
                   e + ">\nreturn %0, %1 : tensor<5x33x" + e + ">, tensor<5x33x" + e + ">\n"));
}

TEST(LoopKernel, GatherClampsAndVectorisesTheRest) {
  for (std::string index : {"i32", "i64"})
    for (std::string feature : {"1", "12", "64"})
      expectMatchesReference(kernel("(%x: tensor<6x" + feature + "xf32>, %i: tensor<4x3x" + index +
                                        ">) -> tensor<4x3x" + feature + "xf32>",
                                    "%0 = weir.gather %x, %i dim = 0 batch_dims = 0 : (tensor<6x" +
                                        feature + "xf32>, tensor<4x3x" + index +
                                        ">) -> tensor<4x3x" + feature +
                                        "xf32>\nreturn %0 : tensor<4x3x" + feature + "xf32>\n"),
                             /*intLimit=*/9);
  expectMatchesReference(
      kernel("(%x: tensor<5x30xf32>, %i: tensor<5x40xi32>) -> tensor<5x40xf32>",
             "%0 = weir.gather %x, %i dim = 1 batch_dims = 1 : (tensor<5x30xf32>, tensor<5x40xi32>)"
             " -> tensor<5x40xf32>\nreturn %0 : tensor<5x40xf32>\n"),
      /*intLimit=*/35);
  expectMatchesReference(
      kernel("(%x: tensor<30xi1>, %i: tensor<40xi64>) -> tensor<40xi1>",
             "%0 = weir.gather %x, %i dim = 0 batch_dims = 0 : (tensor<30xi1>, tensor<40xi64>)"
             " -> tensor<40xi1>\nreturn %0 : tensor<40xi1>\n"),
      /*intLimit=*/35);
}

TEST(LoopKernel, DynamicSlicesClampTheirStarts) {
  expectMatchesReference(
      kernel("(%x: tensor<9x40xf32>, %i: tensor<i32>, %j: tensor<i64>) -> tensor<4x20xf32>",
             "%0 = weir.dynamic_slice %x, %i, %j sizes = [4, 20] : (tensor<9x40xf32>, tensor<i32>, "
             "tensor<i64>) -> tensor<4x20xf32>\nreturn %0 : tensor<4x20xf32>\n"),
      /*intLimit=*/40);
  expectMatchesReference(
      kernel("(%x: tensor<9x40xf32>, %u: tensor<4x20xf32>, %i: tensor<i32>, %j: tensor<i64>) -> "
             "tensor<9x40xf32>",
             "%0 = weir.dynamic_update_slice %x, %u, %i, %j : (tensor<9x40xf32>, tensor<4x20xf32>, "
             "tensor<i32>, tensor<i64>) -> tensor<9x40xf32>\nreturn %0 : tensor<9x40xf32>\n"),
      /*intLimit=*/25);
}

TEST(LoopKernel, RandomBitsAreThoseOfTheStream) {
  for (std::string n : {"1", "6", "64", "77"})
    expectMatchesReference(kernel("(%key: tensor<2xi32>) -> tensor<3x" + n + "xi32>",
                                  "%0 = weir.random_bits %key shape = [3, " + n +
                                      "] : (tensor<2xi32>) -> tensor<3x" + n +
                                      "xi32>\nreturn %0 : tensor<3x" + n + "xi32>\n"));
}

TEST(LoopKernel, ResultsOverArgumentsThatOthersRead) {
  expectMatchesReference(
      "func.func @k(%x: tensor<200xf32>, %y: tensor<200xf32>) -> (tensor<200xf32>, "
      "tensor<200xf32>) "
      "attributes {weir.kernel = \"loop\", weir.inplace = [[0, 0], [1, 1]]} {\n"
      "%0 = weir.add %x, %y : tensor<200xf32>\n%1 = weir.mul %x, %y : tensor<200xf32>\n"
      "return %0, %1 : tensor<200xf32>, tensor<200xf32>\n}\n");
}

TEST(LoopKernel, ResultsBeyondTheCachesAreStreamed) {
  std::string text = kernel("(%x: tensor<1024xf32>) -> tensor<1024xf32>",
                            "%0 = weir.neg %x : tensor<1024xf32>\nreturn %0 : tensor<1024xf32>\n");
  std::vector<weir::runtime::HostTensor> inputs = randomInputs(text);
  TargetInfo large = *hostTarget(), small = large;
  large.l3Bytes = 1 << 20;
  small.l3Bytes = 1 << 10;
  KernelRun cached = runKernel(text, inputs, large), streamed = runKernel(text, inputs, small);
  EXPECT_EQ(cached.lowered.find("nontemporal"), std::string::npos);
  EXPECT_NE(streamed.lowered.find("nontemporal"), std::string::npos);
  EXPECT_NE(streamed.lowered.find("llvm.fence"), std::string::npos);
  EXPECT_TRUE(cached.results[0] == streamed.results[0]);
}

TEST(LoopKernel, SmallConstantsInside) {
  expectMatchesReference(kernel(
      "(%x: tensor<5x3xf32>) -> tensor<5x3xf32>",
      "%0 = weir.constant dense<[1.5, -2.0, 3.0]> : tensor<3xf32>\n"
      "%1 = weir.broadcast %0 shape = [5, 3] dims = [1] : (tensor<3xf32>) -> tensor<5x3xf32>\n"
      "%2 = weir.mul %1, %x : tensor<5x3xf32>\nreturn %2 : tensor<5x3xf32>\n"));
}

} // namespace
