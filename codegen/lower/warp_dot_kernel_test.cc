// Dots of narrow floats, which tensor cores multiply where there are some: sizes that do not
// divide, transposed and strided operands, batches, epilogues.  features: F6
#include "codegen/lower/kernel_runner.h"

#include "gtest/gtest.h"

#include <array>

using namespace weir::codegen;

namespace {

struct Dot {
  std::string lhs, rhs, attributes, result;
};

class WarpDot : public ::testing::TestWithParam<std::string> {
protected:
  std::string of(const std::string &shape) const { return "tensor<" + shape + GetParam() + ">"; }
  std::string dotOf(const Dot &dot) const {
    return "weir.dot %a, %b " + dot.attributes + " : (" + of(dot.lhs) + ", " + of(dot.rhs) +
           ") -> " + of(dot.result);
  }
  std::string plain(const Dot &dot) const {
    return "func.func @k(%a: " + of(dot.lhs) + ", %b: " + of(dot.rhs) + ") -> " + of(dot.result) +
           " attributes {weir.kernel = \"dot\"} {\n%0 = " + dotOf(dot) +
           "\nreturn %0 : " + of(dot.result) + "\n}\n";
  }
};

const char *const kRowsByColumns = "batch = [] x [] contract = [1] x [0]";

TEST_P(WarpDot, OfSizesThatFillTilesAndThatDoNot) {
  for (auto [m, n, k] :
       {std::array{64, 32, 32}, {16, 8, 16}, {17, 9, 23}, {70, 43, 40}, {8, 8, 8}}) {
    auto size = [](int a, int b) { return std::to_string(a) + "x" + std::to_string(b) + "x"; };
    expectMatchesReference(plain({size(m, k), size(k, n), kRowsByColumns, size(m, n)}));
  }
}

TEST_P(WarpDot, OfTransposedOperandsAndBatches) {
  expectMatchesReference(
      plain({"24x20x", "24x33x", "batch = [] x [] contract = [0] x [0]", "20x33x"}));
  expectMatchesReference(
      plain({"3x20x24x", "3x24x17x", "batch = [0] x [0] contract = [2] x [1]", "3x20x17x"}));
  expectMatchesReference(
      plain({"12x4x10x", "4x10x24x", "batch = [] x [] contract = [1, 2] x [0, 1]", "12x24x"}));
}

TEST_P(WarpDot, WithAnEpilogueOnEveryElement) {
  for (std::string n : {"32", "41"}) {
    std::string result = of("40x" + n + "x"), bias = of(n + "x");
    expectMatchesReference("func.func @k(%a: " + of("40x24x") + ", %b: " + of("24x" + n + "x") +
                           ", %c: " + bias + ") -> " + result +
                           " attributes {weir.kernel = \"dot\"} {\n%0 = " +
                           dotOf({"40x24x", "24x" + n + "x", kRowsByColumns, "40x" + n + "x"}) +
                           "\n%1 = weir.broadcast %c shape = [40, " + n + "] dims = [1] : (" +
                           bias + ") -> " + result + "\n%2 = weir.add %0, %1 : " + result +
                           "\n%3 = weir.tanh %2 : " + result + "\nreturn %3 : " + result + "\n}\n");
  }
}

INSTANTIATE_TEST_SUITE_P(, WarpDot, ::testing::Values("f16", "bf16"),
                         [](const auto &info) { return info.param; });

} // namespace
