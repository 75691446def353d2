// Kernels of kinds `row` and `column` against the reference interpreter.
// features: C2
#include "codegen/lower/kernel_runner.h"

#include "gtest/gtest.h"

using namespace weir::codegen;

namespace {

std::string kernel(const std::string &kind, const std::string &signature, const std::string &body) {
  return "func.func @k" + signature + " attributes {weir.kernel = \"" + kind + "\"} {\n" + body +
         "}\n";
}

std::string softmax(const std::string &r, const std::string &c) {
  std::string t = "tensor<" + r + "x" + c + "xf32>", row = "tensor<" + r + "xf32>";
  std::string wide = " shape = [" + r + ", " + c + "] dims = [0] : (" + row + ") -> " + t + "\n";
  return kernel("row", "(%x: " + t + ") -> " + t,
                "%m = weir.reduce_max %x dims = [1] : (" + t + ") -> " + row +
                    "\n%mb = weir.broadcast %m" + wide + "%d = weir.sub %x, %mb : " + t +
                    "\n%e = weir.exp %d : " + t + "\n%s = weir.reduce_sum %e dims = [1] : (" + t +
                    ") -> " + row + "\n%sb = weir.broadcast %s" + wide +
                    "%y = weir.div %e, %sb : " + t + "\nreturn %y : " + t + "\n");
}

TEST(RowKernel, SoftmaxAtSizesAroundTheVectorLength) {
  for (std::string c : {"1", "3", "8", "10", "16", "17", "64", "100", "128", "333"})
    expectMatchesReference(softmax("5", c));
}

TEST(RowKernel, LayerNormStoresRowAndFullValues) {
  for (std::string c : {"24", "256"}) {
    std::string t = "tensor<7x" + c + "xf32>", row = "tensor<7xf32>", v = "tensor<" + c + "xf32>";
    std::string wide = " shape = [7, " + c + "] dims = [0] : (" + row + ") -> " + t + "\n";
    std::string tall = " shape = [7, " + c + "] dims = [1] : (" + v + ") -> " + t + "\n";
    expectMatchesReference(
        kernel("row",
               "(%x: " + t + ", %r: " + t + ", %g: " + v + ", %b: " + v + ") -> (" + t + ", " + t +
                   ", " + row + ")",
               "%z = weir.add %x, %r : " + t + "\n%n = weir.constant dense<" + c + ".0> : " + row +
                   "\n%eps = weir.constant dense<1.0e-5> : " + row +
                   "\n%s = weir.reduce_sum %z dims = [1] : (" + t + ") -> " + row +
                   "\n%m = weir.div %s, %n : " + row + "\n%mb = weir.broadcast %m" + wide +
                   "%d = weir.sub %z, %mb : " + t + "\n%q = weir.mul %d, %d : " + t +
                   "\n%v = weir.reduce_sum %q dims = [1] : (" + t + ") -> " + row +
                   "\n%w = weir.div %v, %n : " + row + "\n%we = weir.add %w, %eps : " + row +
                   "\n%i = weir.rsqrt %we : " + row + "\n%ib = weir.broadcast %i" + wide +
                   "%h = weir.mul %d, %ib : " + t + "\n%gb = weir.broadcast %g" + tall +
                   "%bb = weir.broadcast %b" + tall + "%hg = weir.mul %h, %gb : " + t +
                   "\n%y = weir.add %hg, %bb : " + t + "\nreturn %y, %z, %m : " + t + ", " + t +
                   ", " + row + "\n"));
  }
}

TEST(RowKernel, EveryReductionAndDtype) {
  for (std::string e : {"f32", "f64", "i32", "i64"})
    for (std::string op : {"sum", "max", "min", "prod"})
      for (std::string c : {"1", "5", "40", "70"})
        expectMatchesReference(
            kernel("row", "(%x: tensor<3x" + c + "x" + e + ">) -> tensor<3x" + e + ">",
                   "%0 = weir.reduce_" + op + " %x dims = [1] : (tensor<3x" + c + "x" + e +
                       ">) -> tensor<3x" + e + ">\nreturn %0 : tensor<3x" + e + ">\n"));
  for (std::string op : {"and", "or"})
    expectMatchesReference(kernel("row", "(%x: tensor<30x3xi1>) -> tensor<30xi1>",
                                  "%0 = weir.reduce_" + op +
                                      " %x dims = [1] : (tensor<30x3xi1>) -> tensor<30xi1>\n"
                                      "return %0 : tensor<30xi1>\n"));
}

TEST(RowKernel, AllDimsAndNoElements) {
  expectMatchesReference(
      kernel("column", "(%x: tensor<30x50xf32>) -> tensor<f32>",
             "%0 = weir.reduce_sum %x dims = [0, 1] : (tensor<30x50xf32>) -> tensor<f32>\n"
             "return %0 : tensor<f32>\n"));
  expectMatchesReference(
      kernel("row", "(%x: tensor<3x0xf32>) -> tensor<3xf32>",
             "%0 = weir.reduce_max %x dims = [1] : (tensor<3x0xf32>) -> tensor<3xf32>\n"
             "return %0 : tensor<3xf32>\n"));
}

TEST(RowKernel, ColumnsOfSeveralDimsKeepTheFlatOrder) {
  for (std::string c : {"16", "10"}) {
    std::string t = "tensor<4x6x" + c + "xf32>", v = "tensor<" + c + "xf32>";
    expectMatchesReference(kernel(
        "row", "(%x: " + t + ", %g: " + v + ") -> (tensor<4xf32>, " + t + ")",
        "%gb = weir.broadcast %g shape = [4, 6, " + c + "] dims = [2] : (" + v + ") -> " + t +
            "\n%p = weir.mul %x, %gb : " + t + "\n%s = weir.reduce_sum %p dims = [1, 2] : (" + t +
            ") -> tensor<4xf32>\n" + "%sb = weir.broadcast %s shape = [4, 6, " + c +
            "] dims = [0] : (tensor<4xf32>) -> " + t + "\n%y = weir.sub %p, %sb : " + t +
            "\nreturn %s, %y : tensor<4xf32>, " + t + "\n"));
  }
}

TEST(RowKernel, MixedWidthsKeepEachTypesOrder) {
  expectMatchesReference(
      kernel("row", "(%x: tensor<3x100xf32>) -> (tensor<3xf32>, tensor<3xf64>)",
             "%w = weir.convert %x to f64 : (tensor<3x100xf32>) -> tensor<3x100xf64>\n"
             "%0 = weir.reduce_sum %x dims = [1] : (tensor<3x100xf32>) -> tensor<3xf32>\n"
             "%1 = weir.reduce_sum %w dims = [1] : (tensor<3x100xf64>) -> tensor<3xf64>\n"
             "return %0, %1 : tensor<3xf32>, tensor<3xf64>\n"));
}

TEST(ColumnKernel, EveryReductionAndSize) {
  for (std::string op : {"sum", "max", "min", "prod"})
    for (std::string c : {"2", "10", "64", "200", "300"})
      expectMatchesReference(
          kernel("column", "(%x: tensor<13x" + c + "xf32>) -> tensor<" + c + "xf32>",
                 "%0 = weir.reduce_" + op + " %x dims = [0] : (tensor<13x" + c +
                     "xf32>) -> tensor<" + c + "xf32>\nreturn %0 : tensor<" + c + "xf32>\n"));
  for (std::string e : {"f64", "i32", "i64"})
    expectMatchesReference(kernel("column", "(%x: tensor<13x50x" + e + ">) -> tensor<50x" + e + ">",
                                  "%0 = weir.reduce_sum %x dims = [0] : (tensor<13x50x" + e +
                                      ">) -> tensor<50x" + e + ">\nreturn %0 : tensor<50x" + e +
                                      ">\n"));
}

TEST(ColumnKernel, ManyRowsAreAddedInChunks) {
  expectMatchesReference(
      kernel("column",
             "(%x: tensor<3x200x40xf32>, %y: tensor<3x200x40xf32>) -> "
             "(tensor<40xf32>, tensor<40xf32>)",
             "%p = weir.mul %x, %y : tensor<3x200x40xf32>\n"
             "%0 = weir.reduce_sum %p dims = [0, 1] : (tensor<3x200x40xf32>) -> tensor<40xf32>\n"
             "%1 = weir.reduce_sum %y dims = [0, 1] : (tensor<3x200x40xf32>) -> tensor<40xf32>\n"
             "return %0, %1 : tensor<40xf32>, tensor<40xf32>\n"));
}

TEST(ColumnKernel, BroadcastsThatKeepDimsApart) {
  expectMatchesReference(
      kernel("column",
             "(%x: tensor<5x7x6x20xf32>, %r: tensor<7xf32>, %c: tensor<6xf32>) -> "
             "tensor<6x20xf32>",
             "%rb = weir.broadcast %r shape = [5, 7, 6, 20] dims = [1] : (tensor<7xf32>) -> "
             "tensor<5x7x6x20xf32>\n"
             "%cb = weir.broadcast %c shape = [5, 7, 6, 20] dims = [2] : (tensor<6xf32>) -> "
             "tensor<5x7x6x20xf32>\n"
             "%p = weir.mul %x, %rb : tensor<5x7x6x20xf32>\n"
             "%q = weir.mul %p, %cb : tensor<5x7x6x20xf32>\n"
             "%0 = weir.reduce_sum %q dims = [0, 1] : (tensor<5x7x6x20xf32>) -> tensor<6x20xf32>\n"
             "return %0 : tensor<6x20xf32>\n"));
}

} // namespace
