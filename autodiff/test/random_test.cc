// 200 random expressions, written twice from one recipe: as a function of the dialect and as a
// function of dual numbers. features: A3
#include "autodiff/oracles/central_differences.h"
#include "autodiff/oracles/dual.h"
#include "autodiff/test/check.h"

#include <gtest/gtest.h>
#include <random>

namespace weir::autodiff {
namespace {

using Number = Dual<double>;

/// A step of a recipe: an op over earlier values, given as text with %a and %b for the operands and
/// %r for the result.
struct Step {
  const char *text;
  Number (*formula)(Number, Number);
};

// Arguments of ops with poles or kinks are first moved away from them.
const Step kSteps[] = {
    {"%r = weir.add %a, %b", [](Number a, Number b) { return a + b; }},
    {"%r = weir.sub %a, %b", [](Number a, Number b) { return a - b; }},
    {"%r = weir.mul %a, %b", [](Number a, Number b) { return tanh(a) * b; }},
    {"%r = weir.div %a, %b", [](Number a, Number b) { return a / (b * b + 1.0); }},
    {"%r = weir.max %a, %b", [](Number a, Number b) { return fmax(a, b); }},
    {"%r = weir.min %a, %b", [](Number a, Number b) { return fmin(a, b); }},
    {"%r = weir.atan2 %a, %b", [](Number a, Number b) { return atan2(a, b * b + 1.0); }},
    {"%r = weir.pow %a, %b", [](Number a, Number b) { return pow(a * a + 1.0, tanh(b)); }},
    {"%r = weir.tanh %a", [](Number a, Number) { return tanh(a); }},
    {"%r = weir.sin %a", [](Number a, Number) { return sin(a); }},
    {"%r = weir.cos %a", [](Number a, Number) { return cos(a); }},
    {"%r = weir.erf %a", [](Number a, Number) { return erf(a); }},
    {"%r = weir.neg %a", [](Number a, Number) { return -a; }},
    {"%r = weir.abs %a", [](Number a, Number) { return abs(a); }},
    {"%r = weir.exp %a", [](Number a, Number) { return exp(tanh(a)); }},
    {"%r = weir.expm1 %a", [](Number a, Number) { return expm1(tanh(a)); }},
    {"%r = weir.log %a", [](Number a, Number) { return log(a * a + 1.0); }},
    {"%r = weir.log1p %a", [](Number a, Number) { return log1p(a * a); }},
    {"%r = weir.sqrt %a", [](Number a, Number) { return sqrt(a * a + 1.0); }},
    {"%r = weir.cbrt %a", [](Number a, Number) { return cbrt(a * a + 1.0); }},
};

/// Ops that bring an operand into the domain of `text`, before it; they use the names %p and %q.
std::string guarded(const Step &step) {
  auto has = [&](const char *op) { return std::string(step.text).find(op) != std::string::npos; };
  const std::string tanhA = "%p = weir.tanh %a", squareA = "%q = weir.mul %a, %a";
  std::string text = step.text;
  auto replace = [&](const char *from, const char *to) { text.replace(text.find(from), 2, to); };
  if (has("mul ") || has("exp ") || has("expm1 ")) return replace("%a", "%p"), tanhA + "\n" + text;
  if (has("log1p ")) return replace("%a", "%q"), squareA + "\n" + text;
  if (has("log ") || has("sqrt ") || has("cbrt "))
    return replace("%a", "%p"), squareA + "\n%p = weir.add %q, %one\n" + text;
  if (has("div ") || has("atan2 "))
    return replace("%b", "%p"), "%q = weir.mul %b, %b\n%p = weir.add %q, %one\n" + text;
  if (has("pow ")) {
    replace("%a", "%p"), replace("%b", "%t");
    return squareA + "\n%p = weir.add %q, %one\n%t = weir.tanh %b\n" + text;
  }
  return text;
}

struct Recipe {
  std::string text;
  std::vector<std::array<unsigned, 3>> steps; ///< which step, over which values
};

constexpr unsigned kInputs = 3;

Recipe randomRecipe(unsigned seed) {
  std::mt19937 random(seed);
  auto below = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
  Recipe recipe;
  recipe.text =
      "func.func @f(%v0: tensor<f64>, %v1: tensor<f64>, %v2: tensor<f64>) -> tensor<f64> {\n"
      "  %one = weir.constant dense<1.0> : tensor<f64>\n";
  unsigned count = 5 + below(20);
  for (unsigned i = 0; i < count; ++i) {
    unsigned values = kInputs + i;
    // The newest value is always used, so that no step is in vain.
    recipe.steps.push_back({below(std::size(kSteps)), values - 1, below(values)});
    auto [which, a, b] = recipe.steps.back();
    std::string line;
    for (char c : guarded(kSteps[which]) + "\n")
      line += c == '\n' ? std::string(" : tensor<f64>\n") : std::string(1, c);
    const std::pair<std::string, std::string> names[] = {
        {"%a", "%v" + std::to_string(a)},
        {"%b", "%v" + std::to_string(b)},
        {"%r", "%v" + std::to_string(values)},
        {"%p", "%p" + std::to_string(values) + "_"},
        {"%q", "%q" + std::to_string(values) + "_"},
        {"%t", "%t" + std::to_string(values) + "_"}};
    for (const auto &[from, to] : names)
      for (size_t at = 0; (at = line.find(from, at)) != std::string::npos; at += to.size())
        line.replace(at, 2, to);
    recipe.text += line;
  }
  recipe.text += "  return %v" + std::to_string(kInputs + count - 1) + " : tensor<f64>\n}\n";
  return recipe;
}

Number evaluate(const Recipe &recipe, std::vector<Number> values) {
  for (auto [which, a, b] : recipe.steps)
    values.push_back(kSteps[which].formula(values[a], values[b]));
  return values.back();
}

TEST(RandomExpressions, ForwardAndReverseEqualDualNumbers) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    Recipe recipe = randomRecipe(seed);
    SCOPED_TRACE(recipe.text);
    Program program(recipe.text);
    std::string jvp = program.addJvp("f"), vjp = program.addVjp("f");
    ASSERT_TRUE(program.resolve()) << program.message;
    Vector x = randomVector(kInputs, seed), t = randomVector(kInputs, seed + 1000);
    std::vector<Number> inputs;
    for (unsigned i = 0; i < kInputs; ++i) inputs.push_back({x[i], t[i]});
    Number expected = evaluate(recipe, inputs);

    Tensors forward = program.run(jvp, {{x[0]}, {x[1]}, {x[2]}, {t[0]}, {t[1]}, {t[2]}});
    Tensors backward = program.run(vjp, {{x[0]}, {x[1]}, {x[2]}, {1}});
    double directional = backward[1][0] * t[0] + backward[2][0] * t[1] + backward[3][0] * t[2];
    Vector got = {forward[0][0], forward[1][0], directional};
    EXPECT_LE(relativeError(got, {expected.value, expected.tangent, expected.tangent}), 1e-10)
        << "seed " << seed;
  }
}

} // namespace
} // namespace weir::autodiff
