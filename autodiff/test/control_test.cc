// Derivatives through scan, if and call, nested in each other, in every mix of modes and to second
// order. features: A2, A4, A7, A8, G12
#include "autodiff/oracles/central_differences.h"
#include "autodiff/test/check.h"

#include <cmath>
#include <gtest/gtest.h>

namespace weir::autodiff {
namespace {

// h starts at a known zero; W and b come from outside; the outputs are stacked.
const char *kRnn = R"(
func.func @f(%xs: tensor<4x3xf64>, %w: tensor<2x2xf64>, %u: tensor<3x2xf64>) -> (tensor<2xf64>, tensor<4x2xf64>) {
  %h0 = weir.constant dense<0.0> : tensor<2xf64>
  %0:2 = weir.scan inits(%h0) xs(%xs) trips = 4 : (tensor<2xf64>, tensor<4x3xf64>) -> (tensor<2xf64>, tensor<4x2xf64>) {
  ^bb0(%h: tensor<2xf64>, %x: tensor<3xf64>):
    %1 = weir.dot %h, %w batch = [] x [] contract = [0] x [0] : (tensor<2xf64>, tensor<2x2xf64>) -> tensor<2xf64>
    %2 = weir.dot %x, %u batch = [] x [] contract = [0] x [0] : (tensor<3xf64>, tensor<3x2xf64>) -> tensor<2xf64>
    %3 = weir.add %1, %2 : tensor<2xf64>
    %4 = weir.tanh %3 : tensor<2xf64>
    %5 = weir.mul %4, %4 : tensor<2xf64>
    weir.yield %4, %5 : tensor<2xf64>, tensor<2xf64>
  }
  return %0#0, %0#1 : tensor<2xf64>, tensor<4x2xf64>
})";

std::string reversed(std::string text) {
  return text.replace(text.find("trips = 4 :"), 11, "trips = 4 reverse :");
}

TEST(Scan, CarryIsLinearEvenIfItStartsAtZero) {
  checkDerivatives(kRnn, {randomVector(12, 1), randomVector(4, 2), randomVector(6, 3)});
}

TEST(Scan, RunsBackwards) {
  checkDerivatives(reversed(kRnn), {randomVector(12, 1), randomVector(4, 2), randomVector(6, 3)});
}

TEST(Scan, OuterWeightGetsSumOverTrips) {
  // Only W varies: the sum of its cotangents is a carry of the backward loop.
  Program program(kRnn);
  std::string vjp = program.addVjp("f", {1});
  ASSERT_TRUE(program.resolve()) << program.message;
  Vector xs = randomVector(12, 1), w = randomVector(4, 2), u = randomVector(6, 3), ct(2, 1.0),
         none(8, 0.0);
  auto loss = [&](const Vector &w) {
    Tensors results = program.run("f", {xs, w, u});
    return results[0][0] + results[0][1];
  };
  EXPECT_LE(relativeError(program.run(vjp, {xs, w, u, ct, none})[2], centralGradient(loss, w)),
            1e-9);
}

// a varies only through b, b only through c: the fixpoint takes rounds. The counter is an integer
// carry.
TEST(Scan, VariationSpreadsFromCarryToCarry) {
  const char *text = R"(
func.func @f(%x: tensor<f64>, %table: tensor<5xf64>, %zero: tensor<i32>) -> (tensor<f64>, tensor<5xi32>, tensor<5xf64>) {
  %one = weir.constant dense<1> : tensor<i32>
  %c0 = weir.constant dense<0.3> : tensor<f64>
  %0:6 = weir.scan inits(%c0, %c0, %x, %zero) xs() trips = 5 : (tensor<f64>, tensor<f64>, tensor<f64>, tensor<i32>) -> (tensor<f64>, tensor<f64>, tensor<f64>, tensor<i32>, tensor<5xi32>, tensor<5xf64>) {
  ^bb0(%a: tensor<f64>, %b: tensor<f64>, %c: tensor<f64>, %i: tensor<i32>):
    %1 = weir.mul %a, %b : tensor<f64>
    %2 = weir.sin %1 : tensor<f64>
    %3 = weir.add %b, %c : tensor<f64>
    %4 = weir.gather %table, %i dim = 0 batch_dims = 0 : (tensor<5xf64>, tensor<i32>) -> tensor<f64>
    %5 = weir.mul %c, %4 : tensor<f64>
    %6 = weir.add %i, %one : tensor<i32>
    weir.yield %2, %3, %5, %6, %i, %2 : tensor<f64>, tensor<f64>, tensor<f64>, tensor<i32>, tensor<i32>, tensor<f64>
  }
  return %0#0, %0#4, %0#5 : tensor<f64>, tensor<5xi32>, tensor<5xf64>
})";
  checkDerivatives(text, {{1.2}, randomVector(5, 4, 0.5, 1.5), {0}});
}

TEST(Scan, NestedWithInvariantsAndTwoDepthsOfOuterValues) {
  const char *text = R"(
func.func @f(%xs: tensor<3x2xf64>, %w: tensor<2xf64>, %s: tensor<f64>) -> (tensor<2xf64>, tensor<3x4x2xf64>) {
  %0:2 = weir.scan inits(%w) xs(%xs) trips = 3 : (tensor<2xf64>, tensor<3x2xf64>) -> (tensor<2xf64>, tensor<3x4x2xf64>) {
  ^bb0(%c: tensor<2xf64>, %x: tensor<2xf64>):
    %square = weir.mul %w, %w : tensor<2xf64>
    %invariant = weir.exp %square : tensor<2xf64>
    %varying = weir.sin %x : tensor<2xf64>
    %1:2 = weir.scan inits(%c) xs() trips = 4 reverse : (tensor<2xf64>) -> (tensor<2xf64>, tensor<4x2xf64>) {
    ^bb0(%d: tensor<2xf64>):
      %2 = weir.mul %d, %invariant : tensor<2xf64>
      %3 = weir.mul %2, %varying : tensor<2xf64>
      %4 = weir.broadcast %s shape = [2] dims = [] : (tensor<f64>) -> tensor<2xf64>
      %5 = weir.add %3, %4 : tensor<2xf64>
      %6 = weir.tanh %5 : tensor<2xf64>
      weir.yield %6, %2 : tensor<2xf64>, tensor<2xf64>
    }
    weir.yield %1#0, %1#1 : tensor<2xf64>, tensor<4x2xf64>
  }
  return %0#0, %0#1 : tensor<2xf64>, tensor<3x4x2xf64>
})";
  checkDerivatives(text, {randomVector(6, 1), randomVector(2, 2), {0.4}});
}

TEST(Scan, OfNoTripsPassesInitsThrough) {
  const char *text = R"(
func.func @f(%x: tensor<f64>, %xs: tensor<0xf64>) -> (tensor<f64>, tensor<0xf64>) {
  %0:2 = weir.scan inits(%x) xs(%xs) trips = 0 : (tensor<f64>, tensor<0xf64>) -> (tensor<f64>, tensor<0xf64>) {
  ^bb0(%c: tensor<f64>, %s: tensor<f64>):
    %1 = weir.mul %c, %s : tensor<f64>
    weir.yield %1, %1 : tensor<f64>, tensor<f64>
  }
  %2 = weir.sin %0#0 : tensor<f64>
  return %2, %0#1 : tensor<f64>, tensor<0xf64>
})";
  checkDerivatives(text, {{0.7}, {}});
}

TEST(Scan, LogisticMapHasClosedForm) {
  const char *text = R"(
func.func @f(%v: tensor<f64>) -> tensor<f64> {
  %one = weir.constant dense<1.0> : tensor<f64>
  %four = weir.constant dense<4.0> : tensor<f64>
  %0 = weir.scan inits(%v) xs() trips = 7 : (tensor<f64>) -> tensor<f64> {
  ^bb0(%x: tensor<f64>):
    %1 = weir.sub %one, %x : tensor<f64>
    %2 = weir.mul %x, %1 : tensor<f64>
    %3 = weir.mul %four, %2 : tensor<f64>
    weir.yield %3 : tensor<f64>
  }
  return %0 : tensor<f64>
})";
  // With v = sin^2 a, n iterations give sin^2(2^n a), whose derivative in v is 2^n sin(2^(n+1) a) /
  // sin(2 a).
  double a = 0.3, n = 7;
  double exact = std::pow(2, n) * std::sin(std::pow(2, n + 1) * a) / std::sin(2 * a);
  Program program(text);
  std::string jvp = program.addJvp("f"), vjp = program.addVjp("f");
  ASSERT_TRUE(program.resolve()) << program.message;
  double v = std::sin(a) * std::sin(a);
  EXPECT_NEAR(program.run(jvp, {{v}, {1}})[1][0], exact, 1e-9 * std::abs(exact));
  EXPECT_NEAR(program.run(vjp, {{v}, {1}})[1][0], exact, 1e-9 * std::abs(exact));
}

// Both branches read outer values and have residuals of their own; one result varies in one branch
// only.
const char *kIf = R"(
func.func @f(%x: tensor<3xf64>, %y: tensor<3xf64>, %p: tensor<i1>) -> (tensor<3xf64>, tensor<3xf64>) {
  %zero = weir.constant dense<0.0> : tensor<3xf64>
  %z = weir.sin %x : tensor<3xf64>
  %0:2 = weir.if %p : (tensor<i1>) -> (tensor<3xf64>, tensor<3xf64>) {
    %1 = weir.mul %z, %y : tensor<3xf64>
    %2 = weir.tanh %1 : tensor<3xf64>
    weir.yield %2, %zero : tensor<3xf64>, tensor<3xf64>
  } else {
    %3 = weir.exp %x : tensor<3xf64>
    %4 = weir.mul %3, %3 : tensor<3xf64>
    weir.yield %4, %z : tensor<3xf64>, tensor<3xf64>
  }
  %5 = weir.mul %0#0, %0#1 : tensor<3xf64>
  %6 = weir.add %5, %0#0 : tensor<3xf64>
  return %6, %0#1 : tensor<3xf64>, tensor<3xf64>
})";

TEST(If, EitherBranch) {
  for (double p : {0.0, 1.0}) checkDerivatives(kIf, {randomVector(3, 1), randomVector(3, 2), {p}});
}

TEST(If, NestedInScanAndInIf) {
  const char *text = R"(
func.func @f(%x: tensor<f64>, %w: tensor<f64>, %ps: tensor<6xi1>, %q: tensor<i1>) -> (tensor<f64>, tensor<6xf64>) {
  %0:2 = weir.scan inits(%x) xs(%ps) trips = 6 : (tensor<f64>, tensor<6xi1>) -> (tensor<f64>, tensor<6xf64>) {
  ^bb0(%c: tensor<f64>, %p: tensor<i1>):
    %1 = weir.if %p : (tensor<i1>) -> tensor<f64> {
      %s = weir.sin %c : tensor<f64>
      %2 = weir.if %q : (tensor<i1>) -> tensor<f64> {
        %3 = weir.mul %s, %w : tensor<f64>
        weir.yield %3 : tensor<f64>
      } else {
        %4 = weir.exp %s : tensor<f64>
        %5 = weir.div %4, %w : tensor<f64>
        weir.yield %5 : tensor<f64>
      }
      %6 = weir.mul %2, %s : tensor<f64>
      weir.yield %6 : tensor<f64>
    } else {
      %7 = weir.add %c, %w : tensor<f64>
      weir.yield %7 : tensor<f64>
    }
    %8 = weir.mul %1, %c : tensor<f64>
    weir.yield %1, %8 : tensor<f64>, tensor<f64>
  }
  return %0#0, %0#1 : tensor<f64>, tensor<6xf64>
})";
  for (double q : {0.0, 1.0}) checkDerivatives(text, {{0.6}, {1.3}, {1, 0, 1, 1, 0, 1}, {q}});
}

TEST(If, OverScans) {
  const char *text = R"(
func.func @f(%x: tensor<f64>, %w: tensor<f64>) -> tensor<f64> {
  %zero = weir.constant dense<0.0> : tensor<f64>
  %p = weir.compare gt %x, %zero : tensor<f64>
  %0 = weir.if %p : (tensor<i1>) -> tensor<f64> {
    %1 = weir.scan inits(%x) xs() trips = 3 : (tensor<f64>) -> tensor<f64> {
    ^bb0(%c: tensor<f64>):
      %2 = weir.mul %c, %w : tensor<f64>
      %3 = weir.sin %2 : tensor<f64>
      weir.yield %3 : tensor<f64>
    }
    weir.yield %1 : tensor<f64>
  } else {
    weir.yield %w : tensor<f64>
  }
  return %0 : tensor<f64>
})";
  checkDerivatives(text, {{0.6}, {1.3}});
  checkDerivatives(text, {{-0.6}, {1.3}});
}

const char *kCalls = R"(
func.func private @g(%x: tensor<2xf64>, %i: tensor<i32>, %y: tensor<2xf64>) -> (tensor<i32>, tensor<2xf64>) {
  %0 = weir.sin %x : tensor<2xf64>
  %1 = weir.mul %0, %y : tensor<2xf64>
  %2 = weir.tanh %1 : tensor<2xf64>
  %3 = weir.add %i, %i : tensor<i32>
  return %3, %2 : tensor<i32>, tensor<2xf64>
}
func.func @f(%x: tensor<2xf64>, %i: tensor<i32>) -> (tensor<2xf64>, tensor<i32>) {
  %0:2 = weir.call @g(%x, %i, %x) : (tensor<2xf64>, tensor<i32>, tensor<2xf64>) -> (tensor<i32>, tensor<2xf64>)
  %1:2 = weir.call @g(%0#1, %0#0, %x) : (tensor<2xf64>, tensor<i32>, tensor<2xf64>) -> (tensor<i32>, tensor<2xf64>)
  return %1#1, %1#0 : tensor<2xf64>, tensor<i32>
})";

TEST(Call, OfOneFunctionTwice) {
  checkDerivatives(kCalls, {randomVector(2, 1), {3}});
  Program program(kCalls);
  program.addVjp("f");
  ASSERT_TRUE(program.resolve()) << program.message;
  // g itself, its primal half, and the transpose of its linear half.
  EXPECT_EQ(program.countFunctions("g"), 3);
}

TEST(Call, InScanAndNested) {
  const char *text = R"(
func.func private @h(%x: tensor<f64>, %w: tensor<f64>) -> tensor<f64> {
  %0 = weir.mul %x, %w : tensor<f64>
  %1 = weir.sin %0 : tensor<f64>
  return %1 : tensor<f64>
}
func.func private @g(%x: tensor<f64>, %w: tensor<f64>) -> tensor<f64> {
  %0 = weir.call @h(%x, %w) : (tensor<f64>, tensor<f64>) -> tensor<f64>
  %1 = weir.call @h(%0, %x) : (tensor<f64>, tensor<f64>) -> tensor<f64>
  return %1 : tensor<f64>
}
func.func @f(%x: tensor<f64>, %w: tensor<f64>) -> tensor<f64> {
  %0 = weir.scan inits(%x) xs() trips = 3 : (tensor<f64>) -> tensor<f64> {
  ^bb0(%c: tensor<f64>):
    %1 = weir.call @g(%c, %w) : (tensor<f64>, tensor<f64>) -> tensor<f64>
    weir.yield %1 : tensor<f64>
  }
  return %0 : tensor<f64>
})";
  checkDerivatives(text, {{0.8}, {1.4}});
}

// Three steps of gradient descent on g, differentiated in the step size: a vjp op inside a loop
// inside a function.
TEST(Request, InsideLoopIsResolvedFirst) {
  const char *text = R"(
func.func private @g(%x: tensor<2xf64>) -> tensor<f64> {
  %0 = weir.sin %x : tensor<2xf64>
  %1 = weir.mul %0, %x : tensor<2xf64>
  %2 = weir.reduce_sum %1 dims = [0] : (tensor<2xf64>) -> tensor<f64>
  return %2 : tensor<f64>
}
func.func @f(%x: tensor<2xf64>, %rate: tensor<f64>) -> tensor<2xf64> {
  %one = weir.constant dense<1.0> : tensor<f64>
  %0 = weir.scan inits(%x) xs() trips = 3 : (tensor<2xf64>) -> tensor<2xf64> {
  ^bb0(%c: tensor<2xf64>):
    %1:2 = weir.vjp @g(%c, %one) wrt = [0] : (tensor<2xf64>, tensor<f64>) -> (tensor<f64>, tensor<2xf64>)
    %2 = weir.broadcast %rate shape = [2] dims = [] : (tensor<f64>) -> tensor<2xf64>
    %3 = weir.mul %2, %1#1 : tensor<2xf64>
    %4 = weir.sub %c, %3 : tensor<2xf64>
    weir.yield %4 : tensor<2xf64>
  }
  return %0 : tensor<2xf64>
})";
  checkDerivatives(text, {randomVector(2, 5), {0.1}});
}

// v <- 4 v (1 - v), n times; w is read in the loop but comes from outside.
const char *kWhile = R"(
func.func @f(%v: tensor<3xf64>, %w: tensor<3xf64>, %n: tensor<i64>) -> tensor<3xf64> {
  %zero = weir.constant dense<0> : tensor<i64>
  %one = weir.constant dense<1> : tensor<i64>
  %0:2 = weir.while inits(%v, %zero) snapshots = 2 : (tensor<3xf64>, tensor<i64>) -> (tensor<3xf64>, tensor<i64>) {
  ^bb0(%x: tensor<3xf64>, %i: tensor<i64>):
    %1 = weir.compare lt %i, %n : tensor<i64>
    weir.yield %1 : tensor<i1>
  } do {
  ^bb0(%x: tensor<3xf64>, %i: tensor<i64>):
    %1 = weir.mul %x, %x : tensor<3xf64>
    %2 = weir.sub %x, %1 : tensor<3xf64>
    %3 = weir.mul %2, %w : tensor<3xf64>
    %4 = weir.add %i, %one : tensor<i64>
    weir.yield %3, %4 : tensor<3xf64>, tensor<i64>
  }
  return %0#0 : tensor<3xf64>
})";

class Trips : public ::testing::TestWithParam<double> {};
INSTANTIATE_TEST_SUITE_P(Counts, Trips, ::testing::Values(0, 1, 2, 3, 7));

TEST_P(Trips, WhileWithOuterValues) {
  checkDerivatives(kWhile,
                   {randomVector(3, 1, 0.1, 0.9), randomVector(3, 2, 1.5, 3), {GetParam()}});
}

// The inner loop's trip count depends on the outer one's counter, and its start on the outer state.
TEST(While, Nested) {
  const char *text = R"(
func.func @f(%v: tensor<2xf64>, %w: tensor<f64>, %n: tensor<i64>) -> (tensor<2xf64>, tensor<2xf64>) {
  %zero = weir.constant dense<0> : tensor<i64>
  %one = weir.constant dense<1> : tensor<i64>
  %0:3 = weir.while inits(%v, %v, %zero) snapshots = 2 : (tensor<2xf64>, tensor<2xf64>, tensor<i64>) -> (tensor<2xf64>, tensor<2xf64>, tensor<i64>) {
  ^bb0(%x: tensor<2xf64>, %y: tensor<2xf64>, %i: tensor<i64>):
    %1 = weir.compare lt %i, %n : tensor<i64>
    weir.yield %1 : tensor<i1>
  } do {
  ^bb0(%x: tensor<2xf64>, %y: tensor<2xf64>, %i: tensor<i64>):
    %b = weir.broadcast %w shape = [2] dims = [] : (tensor<f64>) -> tensor<2xf64>
    %1:2 = weir.while inits(%x, %zero) snapshots = 3 : (tensor<2xf64>, tensor<i64>) -> (tensor<2xf64>, tensor<i64>) {
    ^bb0(%z: tensor<2xf64>, %j: tensor<i64>):
      %2 = weir.compare le %j, %i : tensor<i64>
      weir.yield %2 : tensor<i1>
    } do {
    ^bb0(%z: tensor<2xf64>, %j: tensor<i64>):
      %2 = weir.mul %z, %b : tensor<2xf64>
      %3 = weir.add %2, %y : tensor<2xf64>
      %4 = weir.sin %3 : tensor<2xf64>
      %5 = weir.add %j, %one : tensor<i64>
      weir.yield %4, %5 : tensor<2xf64>, tensor<i64>
    }
    %6 = weir.mul %1#0, %y : tensor<2xf64>
    %7 = weir.add %i, %one : tensor<i64>
    weir.yield %1#0, %6, %7 : tensor<2xf64>, tensor<2xf64>, tensor<i64>
  }
  return %0#0, %0#1 : tensor<2xf64>, tensor<2xf64>
})";
  checkDerivatives(text, {randomVector(2, 1, 0.5, 1.5), {0.8}, {3}});
}

// Loops in each other, both ways round; an if decides within the loop.
TEST(While, InScanAndAroundIf) {
  const char *text = R"(
func.func @f(%v: tensor<f64>, %xs: tensor<3xf64>) -> (tensor<f64>, tensor<3xf64>) {
  %limit = weir.constant dense<4.0> : tensor<f64>
  %half = weir.constant dense<0.5> : tensor<f64>
  %0:2 = weir.scan inits(%v) xs(%xs) trips = 3 : (tensor<f64>, tensor<3xf64>) -> (tensor<f64>, tensor<3xf64>) {
  ^bb0(%c: tensor<f64>, %x: tensor<f64>):
    %1 = weir.while inits(%c) snapshots = 1 : (tensor<f64>) -> tensor<f64> {
    ^bb0(%z: tensor<f64>):
      %2 = weir.compare lt %z, %limit : tensor<f64>
      weir.yield %2 : tensor<i1>
    } do {
    ^bb0(%z: tensor<f64>):
      %3 = weir.compare lt %z, %x : tensor<f64>
      %4 = weir.if %3 : (tensor<i1>) -> tensor<f64> {
        %5 = weir.mul %z, %x : tensor<f64>
        %6 = weir.add %5, %half : tensor<f64>
        weir.yield %6 : tensor<f64>
      } else {
        %5 = weir.exp %z : tensor<f64>
        weir.yield %5 : tensor<f64>
      }
      weir.yield %4 : tensor<f64>
    }
    %7 = weir.div %1, %limit : tensor<f64>
    weir.yield %7, %1 : tensor<f64>, tensor<f64>
  }
  return %0#0, %0#1 : tensor<f64>, tensor<3xf64>
})";
  checkDerivatives(text, {{0.7}, {1.4, 1.3, 1.7}});
}

} // namespace
} // namespace weir::autodiff
