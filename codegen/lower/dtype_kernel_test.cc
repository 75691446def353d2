// Every dtype through every kind of kernel, against the reference interpreter: narrow floats are
// computed in f32 and rounded once an op, unsigned integers have operations of their own.
// features: F6
#include "codegen/lower/kernel_runner.h"

#include "gtest/gtest.h"

using namespace weir::codegen;

namespace {

const std::vector<std::string> kFloats = {"f16", "bf16", "f32", "f64"};
const std::vector<std::string> kIntegers = {"i8",  "i16",  "i32",  "i64",
                                            "ui8", "ui16", "ui32", "ui64"};

std::vector<std::string> numeric() {
  std::vector<std::string> all = kFloats;
  all.insert(all.end(), kIntegers.begin(), kIntegers.end());
  return all;
}

/// A kernel whose ops are lines "name = op"; returns %r.
std::string kernel(const std::string &kind, const std::string &arguments, const std::string &body,
                   const std::string &result) {
  return "func.func @k(" + arguments + ") -> " + result + " attributes {weir.kernel = \"" + kind +
         "\"} {\n" + body + "\nreturn %r : " + result + "\n}\n";
}

class Dtypes : public ::testing::TestWithParam<std::string> {
protected:
  std::string of(const std::string &shape) const { return "tensor<" + shape + GetParam() + ">"; }
};

TEST_P(Dtypes, FusedElementwiseOpsRoundOnceEach) {
  std::string t = of("37x"), p = "tensor<37xi1>";
  expectMatchesReference(
      kernel("loop", "%x: " + t + ", %y: " + t,
             "%0 = weir.mul %x, %y : " + t + "\n%1 = weir.sub %0, %x : " + t +
                 "\n%2 = weir.div %1, %y : " + t + "\n%3 = weir.rem %0, %y : " + t +
                 "\n%4 = weir.max %2, %3 : " + t + "\n%5 = weir.min %1, %4 : " + t +
                 "\n%c = weir.compare gt %x, %5 : " + t + "\n%r = weir.select %c, %5, %0 : (" + p +
                 ", " + t + ", " + t + ") -> " + t,
             t),
      100);
}

TEST_P(Dtypes, ConvertToEveryOther) {
  for (std::string to : numeric()) {
    std::string t = of("50x"), r = "tensor<50x" + to + ">";
    expectMatchesReference(
        kernel("loop", "%x: " + t, "%r = weir.convert %x to " + to + " : (" + t + ") -> " + r, r),
        200);
  }
}

TEST_P(Dtypes, ReductionsOverRowsAndColumns) {
  std::string t = of("21x40x");
  for (std::string op : {"sum", "max", "min"}) {
    std::string row = of("21x"), column = of("40x");
    expectMatchesReference(
        kernel("row", "%x: " + t,
               "%r = weir.reduce_" + op + " %x dims = [1] : (" + t + ") -> " + row, row),
        100);
    expectMatchesReference(
        kernel("column", "%x: " + t,
               "%r = weir.reduce_" + op + " %x dims = [0] : (" + t + ") -> " + column, column),
        100);
  }
}

TEST_P(Dtypes, DotsAddUpInWiderNumbers) {
  std::string a = of("9x33x"), b = of("33x20x"), r = of("9x20x");
  expectMatchesReference(kernel("dot", "%a: " + a + ", %b: " + b,
                                "%d = weir.dot %a, %b batch = [] x [] contract = [1] x [0] : (" +
                                    a + ", " + b + ") -> " + r + "\n%r = weir.add %d, %d : " + r,
                                r));
  std::string c = of("20x33x"); // The last dim of the rhs is not a vector of the result.
  expectMatchesReference(kernel("dot", "%a: " + a + ", %b: " + c,
                                "%r = weir.dot %a, %b batch = [] x [] contract = [1] x [1] : (" +
                                    a + ", " + c + ") -> " + r,
                                r));
}

TEST_P(Dtypes, TransposeGatherAndCount) {
  std::string t = of("24x18x"), u = of("18x24x");
  expectMatchesReference(kernel("loop", "%x: " + t,
                                "%0 = weir.transpose %x permutation = [1, 0] : (" + t + ") -> " +
                                    u + "\n%1 = weir.iota shape = [18, 24] dim = 1 element = " +
                                    GetParam() + " : " + u + "\n%r = weir.add %0, %1 : " + u,
                                u));
  expectMatchesReference(kernel(
      "loop", "%x: " + t, "%r = weir.transpose %x permutation = [1, 0] : (" + t + ") -> " + u, u));
  std::string picked = of("24x5x");
  expectMatchesReference(kernel("loop", "%x: " + t + ", %i: tensor<5xi32>",
                                "%r = weir.gather %x, %i dim = 1 batch_dims = 0 : (" + t +
                                    ", tensor<5xi32>) -> " + picked,
                                picked),
                         18);
}

TEST_P(Dtypes, ArgmaxOnBothSides) {
  std::string t = of("6x50x");
  for (auto [dim, r] : {std::pair("0", "tensor<50xi32>"), std::pair("1", "tensor<6xi32>")})
    expectMatchesReference(
        kernel("op", "%x: " + t,
               std::string("%r = weir.argmax %x dim = ") + dim + " : (" + t + ") -> " + r, r),
        100);
}

INSTANTIATE_TEST_SUITE_P(Numeric, Dtypes, ::testing::ValuesIn(numeric()),
                         [](const auto &info) { return info.param; });

} // namespace
