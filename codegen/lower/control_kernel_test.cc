// Loops that are kernels beside the interpreter.
// features: G7 G11
#include "codegen/lower/kernel_runner.h"

#include "gtest/gtest.h"

namespace weir::codegen {
namespace {

/// `step` of a carry, `trips` times; both of type tensor<of>.
std::string counted(const std::string &of, const std::string &step, int trips = 20) {
  std::string t = "tensor<" + of + ">";
  return "func.func @k(%x: " + t + ") -> (" + t +
         ", tensor<i64>) {\n"
         "%zero = weir.constant dense<0> : tensor<i64>\n"
         "%r:2 = weir.while inits(%x, %zero) snapshots = 1 : (" +
         t + ", tensor<i64>) -> (" + t +
         ", tensor<i64>) {\n"
         "^bb0(%c: " +
         t +
         ", %i: tensor<i64>):\n"
         "  %n = weir.constant dense<" +
         std::to_string(trips) +
         "> : tensor<i64>\n"
         "  %less = weir.compare lt %i, %n : tensor<i64>\n"
         "  weir.yield %less : tensor<i1>\n"
         "} do {\n"
         "^bb0(%c: " +
         t +
         ", %i: tensor<i64>):\n"
         "  %one = weir.constant dense<1> : tensor<i64> {weir.step = 0 : i64}\n"
         "  %next = weir.add %i, %one {weir.step = 0 : i64} : tensor<i64>\n" +
         step + "  weir.yield %y, %next : " + t +
         ", tensor<i64>\n}\n"
         "return %r#0, %r#1 : " +
         t + ", tensor<i64>\n}\n";
}

TEST(ControlKernel, CarriesOfEveryLengthAndType) {
  for (std::string type : {"f32", "f64", "f16", "bf16"})
    for (std::string length : {"", "1x", "3x", "8x", "16x", "17x", "100x"}) {
      std::string t = "tensor<" + length + type + ">";
      std::string step =
          "  %a = weir.constant dense<0.75> : " + t +
          " {weir.step = 1 : i64}\n  %m = weir.mul %c, %a {weir.step = 1 : i64} : " + t +
          "\n  %y = weir.add %m, %a {weir.step = 1 : i64} : " + t + "\n";
      expectMatchesReference(counted(length + type, step));
    }
  for (std::string type : {"i32", "i64", "i8", "ui8"})
    for (std::string length : {"", "5x", "70x"}) {
      std::string t = "tensor<" + length + type + ">";
      expectMatchesReference(counted(length + type, "  %y = weir.mul %c, %c : " + t + "\n", 3));
    }
  expectMatchesReference(counted("9xi1", "  %y = weir.not %c : tensor<9xi1>\n", 3));
}

TEST(ControlKernel, NoTripGivesTheInitialCarries) {
  expectMatchesReference(counted("7xf32", "  %y = weir.neg %c : tensor<7xf32>\n", 0));
}

TEST(ControlKernel, StepsThatReduceAndMultiply) {
  expectMatchesReference(
      counted("6x10xf32",
              "  %s = weir.reduce_sum %c dims = [1] : (tensor<6x10xf32>) -> tensor<6xf32>\n"
              "  %b = weir.broadcast %s shape = [6, 10] dims = [0] : (tensor<6xf32>) -> "
              "tensor<6x10xf32>\n"
              "  %y = weir.sin %b : tensor<6x10xf32>\n",
              3)); // errors grow tenfold a trip
  expectMatchesReference(counted("16x16xf32",
                                 "  %d = weir.dot %c, %c batch = [] x [] contract = [1] x [0] : "
                                 "(tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>\n"
                                 "  %y = weir.tanh %d : tensor<16x16xf32>\n",
                                 3));
  expectMatchesReference(counted(
      "5x3xf32", "  %t = weir.transpose %c permutation = [1, 0] : (tensor<5x3xf32>) -> "
                 "tensor<3x5xf32>\n"
                 "  %v = weir.reshape %t shape = [5, 3] : (tensor<3x5xf32>) -> tensor<5x3xf32>\n"
                 "  %y = weir.cos %v : tensor<5x3xf32>\n"));
  expectMatchesReference(counted(
      "40xf32", "  %y = weir.cumulative_sum %c dim = 0 reverse = false : tensor<40xf32>\n", 2));
}

TEST(ControlKernel, CarriesThatChangePlaces) {
  expectMatchesReference(R"(
func.func @k(%a: tensor<4xf32>, %b: tensor<4xf32>, %w: tensor<50xf32>, %v: tensor<50xf32>)
    -> (tensor<4xf32>, tensor<4xf32>, tensor<50xf32>, tensor<50xf32>) {
  %r:4 = weir.scan inits(%a, %b, %w, %v) xs() trips = 3 : (tensor<4xf32>, tensor<4xf32>, tensor<50xf32>, tensor<50xf32>)
      -> (tensor<4xf32>, tensor<4xf32>, tensor<50xf32>, tensor<50xf32>) {
  ^bb0(%c: tensor<4xf32>, %d: tensor<4xf32>, %x: tensor<50xf32>, %y: tensor<50xf32>):
    weir.yield %d, %c, %y, %x : tensor<4xf32>, tensor<4xf32>, tensor<50xf32>, tensor<50xf32>
  }
  return %r#0, %r#1, %r#2, %r#3 : tensor<4xf32>, tensor<4xf32>, tensor<50xf32>, tensor<50xf32>
})");
  expectMatchesReference(R"(
func.func @k(%a: tensor<40xf32>, %b: tensor<40xf32>) -> (tensor<40xf32>, tensor<40xf32>) {
  %r:2 = weir.scan inits(%a, %b) xs() trips = 5 : (tensor<40xf32>, tensor<40xf32>) -> (tensor<40xf32>, tensor<40xf32>) {
  ^bb0(%c: tensor<40xf32>, %d: tensor<40xf32>):
    %e = weir.add %c, %d : tensor<40xf32>
    weir.yield %d, %e : tensor<40xf32>, tensor<40xf32>
  }
  return %r#0, %r#1 : tensor<40xf32>, tensor<40xf32>
})");
}

TEST(ControlKernel, SlicesAndStacksInBothDirections) {
  for (std::string reverse : {"", " reverse"})
    for (std::string n : {"1", "3", "16", "37"}) {
      std::string t = "tensor<" + n + "xf32>", ts = "tensor<6x" + n + "xf32>";
      expectMatchesReference(
          "func.func @k(%a: " + t + ", %xs: " + ts + ") -> (" + t + ", " + ts + ", " + ts +
          ") attributes {weir.inplace = [[0, 0]]} {\n"
          "%r:3 = weir.scan inits(%a) xs(%xs) trips = 6" +
          reverse + " : (" + t + ", " + ts + ") -> (" + t + ", " + ts + ", " + ts +
          ") {\n^bb0(%c: " + t + ", %x: " + t + "):\n  %m = weir.mul %c, %x : " + t +
          "\n  %y = weir.add %m, %x : " + t + "\n  weir.yield %y, %m, %x : " + t + ", " + t + ", " +
          t + "\n}\nreturn %r#0, %r#1, %r#2 : " + t + ", " + ts + ", " + ts + "\n}\n");
    }
}

TEST(ControlKernel, TablesAreUpdatedInPlace) {
  expectMatchesReference(R"(
func.func @k(%table: tensor<40x3xf32>, %row: tensor<1x3xf32>) -> (tensor<40x3xf32>, tensor<1x3xf32>) {
  %start = weir.constant dense<0> : tensor<i64>
  %r:3 = weir.scan inits(%table, %row, %start) xs() trips = 12
      : (tensor<40x3xf32>, tensor<1x3xf32>, tensor<i64>) -> (tensor<40x3xf32>, tensor<1x3xf32>, tensor<i64>) {
  ^bb0(%t: tensor<40x3xf32>, %x: tensor<1x3xf32>, %i: tensor<i64>):
    %zero = weir.constant dense<0> : tensor<i64>
    %two = weir.constant dense<2> : tensor<i64>
    %old = weir.dynamic_slice %t, %i, %zero sizes = [1, 3] : (tensor<40x3xf32>, tensor<i64>, tensor<i64>) -> tensor<1x3xf32>
    %y = weir.add %x, %old : tensor<1x3xf32>
    %u = weir.dynamic_update_slice %t, %y, %i, %zero : (tensor<40x3xf32>, tensor<1x3xf32>, tensor<i64>, tensor<i64>) -> tensor<40x3xf32>
    %next = weir.add %i, %two : tensor<i64>
    weir.yield %u, %y, %next : tensor<40x3xf32>, tensor<1x3xf32>, tensor<i64>
  }
  return %r#0, %r#1 : tensor<40x3xf32>, tensor<1x3xf32>
})");
}

TEST(ControlKernel, LoopsAndIfsInside) {
  expectMatchesReference(R"(
func.func @k(%a: tensor<5xf32>, %xs: tensor<4x5xf32>, %flags: tensor<4xi1>) -> (tensor<5xf32>, tensor<4x5xf32>, tensor<4x3x5xf32>) {
  %r:3 = weir.scan inits(%a) xs(%xs, %flags) trips = 4
      : (tensor<5xf32>, tensor<4x5xf32>, tensor<4xi1>) -> (tensor<5xf32>, tensor<4x5xf32>, tensor<4x3x5xf32>) {
  ^bb0(%c: tensor<5xf32>, %x: tensor<5xf32>, %p: tensor<i1>):
    %in:2 = weir.scan inits(%x) xs() trips = 3 reverse : (tensor<5xf32>) -> (tensor<5xf32>, tensor<3x5xf32>) {
    ^bb0(%d: tensor<5xf32>):
      %e = weir.mul %d, %c : tensor<5xf32>
      weir.yield %e, %d : tensor<5xf32>, tensor<5xf32>
    }
    %half = weir.constant dense<0.5> : tensor<5xf32>
    %y = weir.if %p : (tensor<i1>) -> tensor<5xf32> {
      %s = weir.sin %in#0 : tensor<5xf32>
      weir.yield %s : tensor<5xf32>
    } else {
      weir.yield %half : tensor<5xf32>
    }
    weir.yield %y, %in#0, %in#1 : tensor<5xf32>, tensor<5xf32>, tensor<3x5xf32>
  }
  return %r#0, %r#1, %r#2 : tensor<5xf32>, tensor<4x5xf32>, tensor<4x3x5xf32>
})");
}

TEST(ControlKernel, SmallStateStaysInRegisters) {
  auto target = targetForLevel("x86-64-v3");
  std::string text = counted("8xf32", "  %y = weir.mul %c, %c : tensor<8xf32>\n");
  KernelRun run = runKernel(text, randomInputs(text), *target);
  EXPECT_EQ(run.scratchBytes, 0);
  EXPECT_EQ(run.tasks, 1);
  EXPECT_EQ(run.lowered.find("maskedload"), std::string::npos) << run.lowered;
}

} // namespace
} // namespace weir::codegen
