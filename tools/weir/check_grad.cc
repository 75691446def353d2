// `weir check-grad`: the compiler's derivatives of a graph against central differences, argument by
// argument, in f64 by the reference interpreter: JVP along random directions, and VJP by
// <ct, J t> = <J^T ct, t>. An argument passes when both agree. A graph with rules for reverse mode
// only has no JVP to compare.
#include "autodiff/oracles/central_differences.h"
#include "frontend/api/error.h"
#include "frontend/build/diagnostics.h"
#include "ir/dialect/weir.h"
#include "ir/reference/interpreter.h"
#include "passes/pipelines/pipelines.h"
#include "tools/weir/commands.h"
#include "tools/weir/model_source.h"
#include "tools/weir/ports.h"
#include "tools/weir/status.h"

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace weir::tools {

namespace {

struct CheckGradOptions {
  ModelOptions model;
  std::string inputs;
  uint64_t seed = 0;
  int directions = 3;
  double tolerance = 1e-6;
  bool json = false;
};

using autodiff::Vector;
using Arrays = std::vector<Array>;

/// Adds @NAME, the jvp (vjp) of @main in all float arguments: inputs, then tangents (cotangents).
template <class OpT> void addRequest(Model &model, llvm::StringRef name) {
  mlir::FunctionType type = model.main().getFunctionType();
  const bool forward = std::is_same_v<OpT, ir::JvpOp>;
  auto isFloat = [](mlir::Type t) { return runtime::isFloat(*ir::dtypeOf(t)); };
  llvm::SmallVector<mlir::Type> inputs(type.getInputs()), results(type.getResults());
  llvm::append_range(
      inputs, llvm::make_filter_range(forward ? type.getInputs() : type.getResults(), isFloat));
  llvm::append_range(
      results, llvm::make_filter_range(forward ? type.getResults() : type.getInputs(), isFloat));
  llvm::SmallVector<int64_t> wrt;
  for (auto [i, input] : llvm::enumerate(type.getInputs()))
    if (isFloat(input)) wrt.push_back(static_cast<int64_t>(i));
  mlir::OpBuilder b = mlir::OpBuilder::atBlockEnd(model.module->getBody());
  const mlir::Location loc = model.main().getLoc();
  auto function = mlir::func::FuncOp::create(b, loc, name, b.getFunctionType(inputs, results));
  mlir::Block *block = function.addEntryBlock();
  b.setInsertionPointToEnd(block);
  auto request = OpT::create(b, loc, results, "main", block->getArguments(), wrt);
  mlir::func::ReturnOp::create(b, loc, request->getResults());
}

/// The float arrays one after the other, in f64.
Vector flatten(llvm::ArrayRef<Array> arrays) {
  Vector all;
  for (const Array &array : arrays)
    if (runtime::isFloat(array.dtype()))
      for (double x : array.toDoubles()) all.push_back(x);
  return all;
}

class Checker {
public:
  Checker(const CheckGradOptions &options)
      : options(options), model(loadModel(options.model, /*widen=*/true)),
        ports(arguments(model.main())), outputs(results(model.main())) {
    values = argumentValues(ports, options.inputs, options.seed);
    for (Array &value : values)
      if (runtime::isFloat(value.dtype())) value = value.cast(f64);
    // A custom_vjp has no forward mode.
    model.module->walk([&](ir::CustomVjpOp) { hasForward = false; });
    if (hasForward) addRequest<ir::JvpOp>(model, "check_jvp");
    addRequest<ir::VjpOp>(model, "check_vjp");
    if (failed(passes::lower(*model.module, passes::Level::Source, passes::Level::Resolved)))
      diagnostics.raise("differentiating " + options.model.source, Location::current());
  }

  /// Prints a line an argument; whether all agree.
  bool run() {
    bool good = true;
    if (!options.json)
      std::printf("%-24s %-20s %-12s %-12s\n", "argument", "type", "jvp error", "vjp error");
    for (size_t i = 0; i < ports.size(); ++i)
      if (runtime::isFloat(ports[i].dtype)) good &= checkArgument(i);
    if (options.json) std::printf("%s\n", report.dump(1).c_str());
    return good;
  }

private:
  Vector evaluate(llvm::StringRef function, const Arrays &inputs, size_t from = 0) {
    auto got = ir::interpret(*model.module, function, inputs, {.widen = true});
    if (failed(got)) diagnostics.raise("interpreting " + options.model.source, Location::current());
    return flatten(llvm::ArrayRef(*got).drop_front(from));
  }

  Array random(const Port &port, const std::string &what, int direction) const {
    return randomValue({what + port.name + "." + std::to_string(direction), f64, port.shape},
                       options.seed);
  }

  Arrays zeroTangents() const {
    Arrays tangents;
    for (const Port &port : ports)
      if (runtime::isFloat(port.dtype)) tangents.push_back(Array::zeros(f64, port.shape));
    return tangents;
  }

  /// d results / d argument i along `direction`.
  Vector differences(size_t i, const Vector &direction, double step) {
    auto f = [&](const Vector &x) {
      Arrays inputs = values;
      inputs[i] = Array::from<double>(ports[i].shape, x);
      return evaluate("main", inputs);
    };
    return autodiff::centralDerivative(f, values[i].toDoubles(), direction, step);
  }

  bool checkArgument(size_t i) {
    size_t slot = 0; // of the argument among the float ones
    for (size_t k = 0; k < i; ++k) slot += runtime::isFloat(ports[k].dtype);
    double worstJvp = 0, worstVjp = 0;
    int kinks = 0;
    for (int d = 0; d < options.directions; ++d) {
      const Array direction = random(ports[i], "tangent of ", d);
      const Vector coarse = differences(i, direction.toDoubles(), 1e-3),
                   fine = differences(i, direction.toDoubles(), 1e-5);
      // Where the slope depends on the step there is no derivative to compare with.
      if (!(autodiff::relativeError(coarse, fine) <= 100 * options.tolerance)) {
        ++kinks;
        continue;
      }
      Arrays tangents = zeroTangents(), cotangents, forward = values, backward = values;
      tangents[slot] = direction;
      for (const Port &port : outputs)
        if (runtime::isFloat(port.dtype)) cotangents.push_back(random(port, "cotangent of ", d));
      forward.insert(forward.end(), tangents.begin(), tangents.end());
      backward.insert(backward.end(), cotangents.begin(), cotangents.end());
      const Vector vjp = evaluate("check_vjp", backward, outputs.size());
      const Vector ct = flatten(cotangents);
      if (hasForward)
        worstJvp = std::max(worstJvp, autodiff::relativeError(
                                          evaluate("check_jvp", forward, outputs.size()), coarse));
      worstVjp = std::max(worstVjp, productError(vjp, flatten(tangents), coarse, ct));
    }
    const bool good = worstJvp <= options.tolerance && worstVjp <= options.tolerance;
    tell(ports[i], worstJvp, worstVjp, good, kinks);
    return good;
  }

  void tell(const Port &port, double worstJvp, double worstVjp, bool good, int kinks) {
    const std::string type = runtime::typeStr(port.dtype, port.shape);
    if (options.json) {
      report.push_back({{"argument", port.name},
                        {"type", type},
                        {"jvp_error", hasForward ? nlohmann::ordered_json(worstJvp) : nullptr},
                        {"vjp_error", worstVjp},
                        {"directions", options.directions - kinks},
                        {"ok", good}});
      return;
    }
    char jvpError[32] = "none";
    if (hasForward) std::snprintf(jvpError, sizeof jvpError, "%.3g", worstJvp);
    std::printf("%-24s %-20s %-12s %-12.3g %s\n", port.name.c_str(), type.c_str(), jvpError,
                worstVjp,
                !good                        ? "MISMATCH"
                : kinks == 0                 ? "ok"
                : kinks < options.directions ? "ok, with directions left out: a kink is near"
                                             : "not compared: a kink is near");
  }

  /// <a, b> against <c, d>, relative to the size of their terms.
  static double productError(const Vector &a, const Vector &b, const Vector &c, const Vector &d) {
    if (a.size() != b.size() || c.size() != d.size()) return INFINITY;
    double terms = 1;
    for (size_t k = 0; k < a.size(); ++k) terms += std::abs(a[k] * b[k]);
    for (size_t k = 0; k < c.size(); ++k) terms += std::abs(c[k] * d[k]);
    const double error = std::abs(autodiff::dot(a, b) - autodiff::dot(c, d)) / terms;
    return std::isnan(error) ? INFINITY : error;
  }

  CheckGradOptions options;
  Model model;
  build::DiagnosticCollector diagnostics{*model.context};
  bool hasForward = true;
  std::vector<Port> ports, outputs;
  Arrays values;
  nlohmann::ordered_json report = nlohmann::ordered_json::array();
};

} // namespace

void addCheckGrad(CLI::App &app) {
  auto *command = app.add_subcommand(
      "check-grad", "compare the derivatives of a graph with central differences, in f64");
  auto options = std::make_shared<CheckGradOptions>();
  addModelOptions(*command, options->model);
  command->add_option("--inputs", options->inputs,
                      "a .npz file with arrays by argument name, or in0, in1, ...; what it lacks "
                      "is random");
  command->add_option("--seed", options->seed, "of random inputs and directions")
      ->capture_default_str();
  command->add_option("--directions", options->directions, "random directions for each argument")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_option("--tolerance", options->tolerance, "largest relative error")
      ->capture_default_str()
      ->check(aboveZero());
  command->add_flag("--json", options->json, "as JSON");
  addExample(*command, "weir check-grad model.mlir\nweir check-grad mlp-eval --directions 10");
  command->callback([=] {
    if (!Checker(*options).run()) throw ExitStatus{1};
  });
}

} // namespace weir::tools
