// Derivatives against central differences and against their own transposes.
#include "autodiff/test/check.h"

#include "autodiff/oracles/central_differences.h"

#include <gtest/gtest.h>
#include <random>

namespace weir::autodiff {

std::string function(const std::string &arguments, const std::string &body,
                     const std::string &type) {
  return "func.func @f(" + arguments + ") -> " + type + " {\n  " + body +
         "\n  return %r : " + type + "\n}\n";
}

Vector randomVector(size_t size, unsigned seed, double low, double high) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> between(low, high);
  Vector values(size);
  for (double &value : values) value = between(random);
  return values;
}

namespace {

/// A function of the program seen as one from a vector (its floating-point arguments) to a vector.
class Flat {
public:
  Flat(Program &program, std::string name, const Tensors &arguments)
      : program(program), name(name), arguments(arguments),
        isArgument(program.floatArguments(name)), isResult(program.floatResults(name)) {}

  Vector at() const { return flatten(arguments, isArgument); }
  Vector operator()(const Vector &x) const {
    return flatten(program.run(name, unflatten(x)), isResult);
  }
  /// The function's arguments, then `x` cut like the floating-point ones.
  Tensors withTangents(const Vector &x) const {
    Tensors result = arguments, all = unflatten(x);
    for (size_t i = 0; i < all.size(); ++i)
      if (isArgument[i]) result.push_back(all[i]);
    return result;
  }
  /// The function's arguments, then `y` cut like the floating-point results.
  Tensors withCotangents(const Vector &y) const {
    Tensors result = arguments, outputs = program.run(name, arguments);
    size_t next = 0;
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (!isResult[i]) continue;
      result.emplace_back(y.begin() + next, y.begin() + next + outputs[i].size());
      next += outputs[i].size();
    }
    return result;
  }
  /// Of results that are this function's followed by others: the floating-point ones among the
  /// others.
  Vector tail(const Tensors &results) const {
    Vector flat;
    for (size_t i = isResult.size(); i < results.size(); ++i)
      flat.insert(flat.end(), results[i].begin(), results[i].end());
    return flat;
  }

  Program &program;
  std::string name;
  Tensors arguments;

private:
  static Vector flatten(const Tensors &tensors, const std::vector<bool> &which) {
    Vector flat;
    for (size_t i = 0; i < tensors.size(); ++i)
      if (which[i]) flat.insert(flat.end(), tensors[i].begin(), tensors[i].end());
    return flat;
  }
  Tensors unflatten(const Vector &x) const {
    Tensors result = arguments;
    size_t next = 0;
    for (size_t i = 0; i < result.size(); ++i)
      if (isArgument[i])
        for (double &value : result[i]) value = x[next++];
    return result;
  }

  std::vector<bool> isArgument, isResult;
};

void expectTangents(const Flat &f, const std::string &jvp, unsigned seed) {
  Vector x = f.at(), t = randomVector(x.size(), seed);
  Vector tangents = f.tail(f.program.run(jvp, f.withTangents(t)));
  EXPECT_LE(relativeError(tangents, centralDerivative(f, x, t)), 1e-6) << jvp;
}

void expectTranspose(const Flat &f, const std::string &jvp, const std::string &vjp, unsigned seed) {
  Vector x = f.at(), y = f(x), t = randomVector(x.size(), seed),
         ct = randomVector(y.size(), seed + 100);
  Vector forward = f.tail(f.program.run(jvp, f.withTangents(t)));
  Vector backward = f.tail(f.program.run(vjp, f.withCotangents(ct)));
  ASSERT_EQ(forward.size(), ct.size()) << jvp;
  ASSERT_EQ(backward.size(), t.size()) << vjp;
  double left = dot(ct, forward), right = dot(backward, t);
  EXPECT_NEAR(left, right, 1e-10 * std::max(1.0, std::abs(left))) << vjp;
}

} // namespace

void checkDerivatives(const std::string &text, const Tensors &arguments, unsigned seed,
                      bool secondOrder) {
  SCOPED_TRACE(text);
  Program program(text);
  std::string jvp = program.addJvp("f"), vjp = program.addVjp("f"), forwardOverReverse,
              reverseOverReverse, forwardOverForward, reverseOverForward;
  if (secondOrder) {
    forwardOverReverse = program.addJvp(vjp);
    reverseOverReverse = program.addVjp(vjp);
    forwardOverForward = program.addJvp(jvp);
    reverseOverForward = program.addVjp(jvp);
  }
  ASSERT_TRUE(program.resolve()) << program.message;

  Flat f(program, "f", arguments);
  expectTangents(f, jvp, seed);
  expectTranspose(f, jvp, vjp, seed);
  if (!secondOrder) return;
  Flat gradient(program, vjp, f.withCotangents(randomVector(f(f.at()).size(), seed + 1)));
  expectTangents(gradient, forwardOverReverse, seed + 2);
  expectTranspose(gradient, forwardOverReverse, reverseOverReverse, seed + 2);
  Flat directional(program, jvp, f.withTangents(randomVector(f.at().size(), seed + 3)));
  expectTangents(directional, forwardOverForward, seed + 4);
  expectTranspose(directional, forwardOverForward, reverseOverForward, seed + 4);
}

} // namespace weir::autodiff
