// One graph has the program, its JVP, its VJP and the JVP of that: compiled once, run once.
#include "tests/conformance/golden.h"

#include "frontend/import/npy/npy.h"
#include "frontend/import/stablehlo/stablehlo.h"
#include "frontend/weir.h"

#include <cmath>
#include <cstdio>

namespace weir::conformance {
namespace {

using Arrays = std::map<std::string, Array>;

struct Inputs {
  TensorList tensors;
  Feeds feeds;
};

/// Graph inputs prefix0, prefix1, ... of these types, fed with these arrays.
Inputs declareInputs(Graph &g, const std::string &prefix, const std::vector<TensorType> &types,
                     const std::vector<Array> &arrays) {
  if (types.size() != arrays.size())
    throw Error(std::to_string(arrays.size()) + " arrays " + prefix + " for " +
                    std::to_string(types.size()) + " values",
                Location::current());
  Inputs inputs;
  for (size_t i = 0; i < types.size(); ++i) {
    const std::string name = prefix + std::to_string(i);
    inputs.tensors.push_back(g.input(name, types[i].dtype, types[i].shape));
    inputs.feeds.emplace(name, arrays[i].cast(types[i].dtype));
  }
  return inputs;
}

std::vector<TensorType> floatsOf(const std::vector<TensorType> &types) {
  std::vector<TensorType> floats;
  for (const TensorType &type : types)
    if (runtime::isFloat(type.dtype)) floats.push_back(type);
  return floats;
}

TensorList joined(TensorList a, const TensorList &b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

void output(Graph &g, const std::string &prefix, const TensorList &all, size_t from) {
  for (size_t i = from; i < all.size(); ++i) g.output(prefix + std::to_string(i - from), all[i]);
}

/// Declares out, jvp, vjp and, if wanted, hvp in a graph; the feeds of its inputs.
Feeds declareDerivatives(Graph &g, const stablehlo::Module &module, const Arrays &arrays) {
  const std::vector<TensorType> &arguments = module.arguments();
  Function f = module.function(g);
  Inputs in = declareInputs(g, "in", arguments, numbered(arrays, "in"));
  Inputs tan = declareInputs(g, "tan", floatsOf(arguments), numbered(arrays, "tan"));
  Inputs cot = declareInputs(g, "cot", floatsOf(module.results()), numbered(arrays, "cot"));
  const TensorList forward = jvp(f)(joined(in.tensors, tan.tensors)).all();
  const size_t results = module.results().size();
  output(g, "out", TensorList(forward.begin(), forward.begin() + int64_t(results)), 0);
  output(g, "jvp", forward, results);
  output(g, "vjp", vjp(f)(joined(in.tensors, cot.tensors)).all(), results);
  if (arrays.count("hvp0")) {
    Function gradient = g.function("gradient", arguments, [&](const TensorList &x) {
      const TensorList all = vjp(f)(joined(x, cot.tensors)).all();
      return TensorList(all.begin() + int64_t(results), all.end());
    });
    const TensorList second = jvp(gradient)(joined(in.tensors, tan.tensors)).all();
    output(g, "hvp", second, second.size() / 2);
  }
  Feeds feeds = in.feeds;
  feeds.merge(tan.feeds);
  feeds.merge(cot.feeds);
  return feeds;
}

double innerProduct(const Fetched &got, const std::string &prefix, const std::vector<Array> &with,
                    double &terms) {
  double sum = 0;
  for (size_t i = 0; i < with.size(); ++i) {
    const Array &array = got[Name(prefix + std::to_string(i))];
    for (int64_t k = 0; k < array.size(); ++k) {
      sum += array.at(k) * with[i].at(k);
      terms += std::abs(array.at(k) * with[i].at(k));
    }
  }
  return sum;
}

} // namespace

std::string checkGolden(const CaseFiles &files, RunOptions options) {
  const bool widen = options.widen;
  if (files.arrays.empty()) return "there is no " + files.name + ".npz";
  const Arrays arrays = npy::readArchive(files.arrays);
  Graph g;
  const Feeds feeds =
      declareDerivatives(g, stablehlo::Module::read(files.text, {.widen = widen}), arrays);
  const Fetched got = g.compile({.interpret = options.interpret}).run(feeds);
  const Tolerance tolerance = widen ? Tolerance{1e-6, 1e-7} : Tolerance{2e-4, 2e-4};
  for (const char *kind : {"out", "jvp", "vjp", "hvp"}) {
    const std::vector<Array> want = numbered(arrays, kind);
    for (size_t i = 0; i < want.size(); ++i) {
      const std::string name = kind + std::to_string(i);
      std::string reason = compareArrays(name, got[Name(name)], want[i], tolerance);
      if (!reason.empty()) return (widen ? "f64: " : "f32: ") + reason;
    }
  }
  double terms = 0;
  const double left = innerProduct(got, "jvp", numbered(arrays, "cot"), terms),
               right = innerProduct(got, "vjp", numbered(arrays, "tan"), terms);
  if (std::abs(left - right) <= (widen ? 1e-10 : 1e-4) * (1 + terms)) return "";
  return "<cot, jvp> is " + std::to_string(left) + ", but <vjp, tan> is " + std::to_string(right);
}

namespace {

Tolerance toleranceOf(DType dtype) {
  switch (dtype) {
  case DType::F64:
    return {1e-9, 1e-9};
  case DType::F16:
    return {2e-3, 1e-6};
  case DType::BF16:
    return {1e-2, 1e-6};
  default:
    return {1e-4, 1e-5};
  }
}

/// The distance of two floats counted in numbers of their dtype between them.
double unitsApart(DType dtype, double a, double b) {
  const int mantissa = dtype == DType::F64   ? 52
                       : dtype == DType::F32 ? 23
                       : dtype == DType::F16 ? 10
                                             : 7;
  const int smallest = dtype == DType::F64 ? -1022 : dtype == DType::F16 ? -14 : -126;
  int exponent = 0;
  std::frexp(std::max(std::abs(a), std::abs(b)), &exponent);
  return std::abs(a - b) / std::ldexp(1.0, std::max(exponent - 1, smallest) - mantissa);
}

std::string checkOne(const stablehlo::Check &check, const Fetched &got) {
  const Array &actual = got[Name(check.actual)], &expected = got[Name(check.expected)];
  const std::string place = "line " + std::to_string(check.at.line) + ": " + check.kind;
  if (check.kind != "expect_close" || !runtime::isFloat(actual.dtype()))
    return compareArrays(place, actual, expected, {0, check.tolerance});
  for (int64_t i = 0; i < actual.size(); ++i) {
    const double a = actual.at(i), b = expected.at(i);
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    if (!(unitsApart(actual.dtype(), a, b) <= check.tolerance))
      return compareArrays(place, actual, expected, {0, 0});
  }
  return "";
}

} // namespace

std::string checkValues(const CaseFiles &files, RunOptions options) {
  std::vector<stablehlo::Check> checks;
  const stablehlo::Module module = stablehlo::Module::read(files.text);
  const Graph graph = module.graph(&checks);
  const Arrays arrays = files.arrays.empty() ? Arrays() : npy::readArchive(files.arrays);
  Feeds feeds;
  const std::vector<Array> in = numbered(arrays, "in"), out = numbered(arrays, "out");
  for (size_t i = 0; i < in.size(); ++i) feeds.emplace("arg" + std::to_string(i), in[i]);
  if (out.empty() && checks.empty()) return "there is nothing to compare with";
  const Fetched got = graph.compile({.interpret = options.interpret}).run(feeds);
  for (size_t i = 0; i < out.size(); ++i) {
    const std::string name = "result" + std::to_string(i);
    std::string reason = compareArrays("out" + std::to_string(i), got[Name(name)], out[i],
                                       toleranceOf(out[i].dtype()));
    if (!reason.empty()) return reason;
  }
  for (const stablehlo::Check &check : checks)
    if (std::string reason = checkOne(check, got); !reason.empty()) return reason;
  return "";
}

int runCommand(int argc, char **argv,
               const std::function<std::string(const CaseFiles &, RunOptions)> &check) {
  std::vector<std::string> words;
  RunOptions options;
  for (int i = 1; i < argc; ++i) {
    if (std::string(argv[i]) == "--interpret")
      options.interpret = true;
    else
      words.push_back(argv[i]);
  }
  if (words.empty() || words.size() > 2) {
    std::fprintf(stderr, "usage: %s DIR [--interpret] [PART OF A NAME]\n", argv[0]);
    return 2;
  }
  try {
    auto one = [&](const CaseFiles &files) { return check(files, options); };
    return runCases(casesIn(words[0]), one, words.size() > 1 ? words[1] : "") == 0 ? 0 : 1;
  } catch (const std::exception &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}

} // namespace weir::conformance
