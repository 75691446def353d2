// Functions with derivatives of the user's own: in every mode and order that their rules give, in
// loops and branches, and what is said where a rule gives none. features: A11
#include "autodiff/oracles/central_differences.h"
#include "autodiff/test/check.h"

#include <cmath>
#include <gtest/gtest.h>

namespace weir::autodiff {
namespace {

// log(1 + e^x) with dy = dx / (1 + e^-x); the integer goes along.
const std::string kSoftplus = R"(
func.func private @softplus(%x: tensor<3xf64>, %n: tensor<i32>) -> (tensor<3xf64>, tensor<i32>) {
  %0 = weir.exp %x : tensor<3xf64>
  %1 = weir.log1p %0 : tensor<3xf64>
  return %1, %n : tensor<3xf64>, tensor<i32>
}
func.func private @rule(%x: tensor<3xf64>, %n: tensor<i32>, %dx: tensor<3xf64>) -> (tensor<3xf64>, tensor<i32>, tensor<3xf64>) {
  %0:2 = weir.call @softplus(%x, %n) : (tensor<3xf64>, tensor<i32>) -> (tensor<3xf64>, tensor<i32>)
  %1 = weir.logistic %x : tensor<3xf64>
  %2 = weir.mul %1, %dx : tensor<3xf64>
  return %0#0, %0#1, %2 : tensor<3xf64>, tensor<i32>, tensor<3xf64>
})";

TEST(CustomJvp, FollowsInBothModesAndEveryOrder) {
  checkDerivatives(kSoftplus + R"(
func.func @f(%x: tensor<3xf64>, %n: tensor<i32>) -> tensor<3xf64> {
  %0:2 = weir.custom_jvp @softplus rule = @rule(%x, %n) : (tensor<3xf64>, tensor<i32>) -> (tensor<3xf64>, tensor<i32>)
  %1 = weir.mul %0#0, %x : tensor<3xf64>
  return %1 : tensor<3xf64>
})",
                   {randomVector(3, 1), {4}});
}

TEST(CustomJvp, GivesTheDerivativeThatTheRuleSays) {
  Program program(R"(
func.func private @g(%x: tensor<f64>) -> tensor<f64> {
  return %x : tensor<f64>
}
func.func private @tenfold(%x: tensor<f64>, %dx: tensor<f64>) -> (tensor<f64>, tensor<f64>) {
  %ten = weir.constant dense<10.0> : tensor<f64>
  %0 = weir.mul %ten, %dx : tensor<f64>
  return %x, %0 : tensor<f64>, tensor<f64>
}
func.func @f(%x: tensor<f64>) -> tensor<f64> {
  %0 = weir.custom_jvp @g rule = @tenfold(%x) : (tensor<f64>) -> tensor<f64>
  return %0 : tensor<f64>
})");
  std::string jvp = program.addJvp("f"), vjp = program.addVjp("f");
  ASSERT_TRUE(program.resolve()) << program.message;
  EXPECT_EQ(program.run("f", {{3}}), (Tensors{{3}}));
  EXPECT_EQ(program.run(jvp, {{3}, {1}}), (Tensors{{3}, {10}}));
  EXPECT_EQ(program.run(vjp, {{3}, {1}}), (Tensors{{3}, {10}}));
}

// y = e^x, dy = y dx, where y is the function itself again, rule and all.
TEST(CustomJvp, ARuleMayUseTheFunctionWhoseRuleItIs) {
  checkDerivatives(R"(
func.func private @exp(%x: tensor<f64>) -> tensor<f64> {
  %0 = weir.exp %x : tensor<f64>
  return %0 : tensor<f64>
}
func.func private @rule(%x: tensor<f64>, %dx: tensor<f64>) -> (tensor<f64>, tensor<f64>) {
  %0 = weir.custom_jvp @exp rule = @rule(%x) : (tensor<f64>) -> tensor<f64>
  %1 = weir.mul %0, %dx : tensor<f64>
  return %0, %1 : tensor<f64>, tensor<f64>
}
func.func @f(%x: tensor<f64>) -> tensor<f64> {
  %0 = weir.custom_jvp @exp rule = @rule(%x) : (tensor<f64>) -> tensor<f64>
  return %0 : tensor<f64>
})",
                   {{0.3}});
}

TEST(CustomJvp, WorksInLoopsAndBranches) {
  checkDerivatives(kSoftplus + R"(
func.func @f(%x: tensor<3xf64>, %n: tensor<i32>, %p: tensor<i1>) -> (tensor<3xf64>, tensor<4x3xf64>) {
  %0:2 = weir.scan inits(%x) xs() trips = 4 : (tensor<3xf64>) -> (tensor<3xf64>, tensor<4x3xf64>) {
  ^bb0(%c: tensor<3xf64>):
    %1 = weir.if %p : (tensor<i1>) -> tensor<3xf64> {
      %2:2 = weir.custom_jvp @softplus rule = @rule(%c, %n) : (tensor<3xf64>, tensor<i32>) -> (tensor<3xf64>, tensor<i32>)
      weir.yield %2#0 : tensor<3xf64>
    } else {
      weir.yield %c : tensor<3xf64>
    }
    weir.yield %1, %1 : tensor<3xf64>, tensor<3xf64>
  }
  %limit = weir.constant dense<3> : tensor<i32>
  %one = weir.constant dense<1> : tensor<i32>
  %zero = weir.constant dense<0> : tensor<i32>
  %3:2 = weir.while inits(%0#0, %zero) snapshots = 2 : (tensor<3xf64>, tensor<i32>) -> (tensor<3xf64>, tensor<i32>) {
  ^bb0(%c: tensor<3xf64>, %i: tensor<i32>):
    %4 = weir.compare lt %i, %limit : tensor<i32>
    weir.yield %4 : tensor<i1>
  } do {
  ^bb0(%c: tensor<3xf64>, %i: tensor<i32>):
    %5:2 = weir.custom_jvp @softplus rule = @rule(%c, %n) : (tensor<3xf64>, tensor<i32>) -> (tensor<3xf64>, tensor<i32>)
    %6 = weir.add %i, %one : tensor<i32>
    weir.yield %5#0, %6 : tensor<3xf64>, tensor<i32>
  }
  return %3#0, %0#1 : tensor<3xf64>, tensor<4x3xf64>
})",
                   {randomVector(3, 1), {4}, {1}});
}

TEST(CustomJvp, AResultOfTheRuleThatDependsOnATangentIsAnError) {
  Program program(R"(
func.func private @g(%x: tensor<f64>) -> tensor<f64> {
  return %x : tensor<f64>
}
func.func private @rule(%x: tensor<f64>, %dx: tensor<f64>) -> (tensor<f64>, tensor<f64>) {
  %0 = weir.add %x, %dx : tensor<f64>
  return %0, %dx : tensor<f64>, tensor<f64>
}
func.func @f(%x: tensor<f64>) -> tensor<f64> {
  %0 = weir.custom_jvp @g rule = @rule(%x) : (tensor<f64>) -> tensor<f64>
  return %0 : tensor<f64>
})");
  program.addJvp("f");
  EXPECT_FALSE(program.resolve());
  EXPECT_EQ(program.message, "custom_jvp: result 0 of the rule depends on a tangent; only the last "
                             "1 may");
}

// x·sin(y), whose residuals are what backward needs.
const std::string kProduct = R"(
func.func private @g(%x: tensor<2xf64>, %y: tensor<2xf64>) -> tensor<2xf64> {
  %0 = weir.sin %y : tensor<2xf64>
  %1 = weir.mul %x, %0 : tensor<2xf64>
  return %1 : tensor<2xf64>
}
func.func private @forward(%x: tensor<2xf64>, %y: tensor<2xf64>) -> (tensor<2xf64>, tensor<2xf64>, tensor<2xf64>) {
  %0 = weir.sin %y : tensor<2xf64>
  %1 = weir.cos %y : tensor<2xf64>
  %2 = weir.mul %x, %0 : tensor<2xf64>
  %3 = weir.mul %x, %1 : tensor<2xf64>
  return %2, %0, %3 : tensor<2xf64>, tensor<2xf64>, tensor<2xf64>
}
func.func private @backward(%sin: tensor<2xf64>, %xcos: tensor<2xf64>, %ct: tensor<2xf64>) -> (tensor<2xf64>, tensor<2xf64>) {
  %0 = weir.mul %sin, %ct : tensor<2xf64>
  %1 = weir.mul %xcos, %ct : tensor<2xf64>
  return %0, %1 : tensor<2xf64>, tensor<2xf64>
}
)";
const std::string kProductOnce = kProduct + R"(
func.func @f(%x: tensor<2xf64>, %y: tensor<2xf64>) -> tensor<2xf64> {
  %0 = weir.custom_vjp @g forward = @forward backward = @backward(%x, %y) : (tensor<2xf64>, tensor<2xf64>) -> tensor<2xf64>
  return %0 : tensor<2xf64>
})";
const std::string kProductInALoop = kProduct + R"(
func.func @f(%x: tensor<2xf64>, %y: tensor<2xf64>) -> tensor<2xf64> {
  %0 = weir.scan inits(%x) xs() trips = 3 : (tensor<2xf64>) -> tensor<2xf64> {
  ^bb0(%c: tensor<2xf64>):
    %1 = weir.custom_vjp @g forward = @forward backward = @backward(%c, %y) : (tensor<2xf64>, tensor<2xf64>) -> tensor<2xf64>
    weir.yield %1 : tensor<2xf64>
  }
  return %0 : tensor<2xf64>
})";

/// The gradient of the sum of f in all arguments, and the JVP and VJP of that gradient along ones,
/// against central differences.
void checkReverse(const std::string &text) {
  Program program(text);
  std::string vjp = program.addVjp("f"), forward = program.addJvp(vjp, {0, 1}),
              reverse = program.addVjp(vjp, {0, 1});
  ASSERT_TRUE(program.resolve()) << program.message;
  Vector x = randomVector(2, 1), y = randomVector(2, 2), ones(2, 1.0), none(2, 0.0);
  auto flat = [&](const Vector &at) { return Tensors{{at[0], at[1]}, {at[2], at[3]}}; };
  auto loss = [&](const Vector &at) {
    Vector value = program.run("f", flat(at))[0];
    return value[0] + value[1];
  };
  auto gradient = [&](const Vector &at) {
    Tensors inputs = flat(at);
    inputs.push_back(ones);
    Tensors all = program.run(vjp, inputs);
    return Vector{all[1][0], all[1][1], all[2][0], all[2][1]};
  };
  Vector at = {x[0], x[1], y[0], y[1]};
  EXPECT_LE(relativeError(gradient(at), centralGradient(loss, at)), 1e-8);

  Vector second = centralDerivative(gradient, at, Vector(4, 1.0), 1e-4);
  Tensors tangents = program.run(forward, {x, y, ones, ones, ones});
  EXPECT_LE(relativeError({tangents[4][0], tangents[4][1], tangents[5][0], tangents[5][1]}, second),
            1e-6);
  // The Hessian is symmetric.
  Tensors cotangents = program.run(reverse, {x, y, ones, none, ones, ones});
  EXPECT_LE(relativeError({cotangents[3][0], cotangents[3][1], cotangents[4][0], cotangents[4][1]},
                          second),
            1e-6);
}

TEST(CustomVjp, FollowsInReverseModeAndItsDerivatives) {
  checkReverse(kProductOnce);
}

TEST(CustomVjp, WorksInLoops) {
  checkReverse(kProductInALoop);
}

TEST(CustomVjp, ForwardModeIsAnErrorThatSaysWhatToUse) {
  for (const std::string &text : {kProductOnce, kProductInALoop}) {
    Program program(text);
    program.addJvp("f");
    EXPECT_FALSE(program.resolve());
    EXPECT_EQ(program.message, "custom_vjp: its forward mode is asked for, but it has a rule for "
                               "reverse mode only; use custom_jvp");
  }
}

TEST(CustomVjp, ReverseOverForwardIsAnErrorWhereTheResidualsVary) {
  Program program(kProductOnce);
  program.addVjp(program.addJvp("f"));
  EXPECT_FALSE(program.resolve());
  EXPECT_NE(program.message.find("use custom_jvp"), std::string::npos) << program.message;
}

TEST(CustomVjp, GivesTheDerivativeThatBackwardSays) {
  std::string text = kProductOnce;
  std::string honest = "%1 = weir.mul %xcos, %ct";
  text.replace(text.find(honest), honest.size(), "%1 = weir.neg %ct");
  Program program(text);
  std::string vjp = program.addVjp("f");
  ASSERT_TRUE(program.resolve()) << program.message;
  EXPECT_EQ(program.run(vjp, {{1, 2}, {3, 4}, {1, 1}})[2], (Vector{-1, -1}));
}

} // namespace
} // namespace weir::autodiff
