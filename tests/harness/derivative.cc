// The functions that are differentiated: @main, its vjp as a function of its own (for second
// order), and requests of both.
#include "tests/harness/derivative.h"

#include "autodiff/oracles/central_differences.h"
#include "autodiff/transforms/passes.h"
#include "ir/reference/interpreter.h"
#include "tests/harness/graph.h"
#include "tests/harness/oracle.h"
#include "tests/harness/slices.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"

#include <cmath>

namespace weir::testing {

using mlir::Value;
using runtime::DType;
using runtime::HostTensor;
using Types = llvm::SmallVector<mlir::Type>;
using Tensors = std::vector<HostTensor>;
using autodiff::Vector;

mlir::LogicalResult resolveAutodiff(mlir::ModuleOp module) {
  mlir::PassManager pm(module.getContext());
  pm.addPass(autodiff::createResolveAutodiffPass());
  return pm.run(module);
}

static bool isFloat(mlir::Type type) {
  return runtime::isFloat(dtypeOf(type));
}

static Types floatsOf(llvm::ArrayRef<mlir::Type> types) {
  return llvm::to_vector(llvm::make_filter_range(types, isFloat));
}

static llvm::SmallVector<int64_t> floatArguments(mlir::FunctionType type) {
  llvm::SmallVector<int64_t> indices;
  for (auto [k, input] : llvm::enumerate(type.getInputs()))
    if (isFloat(input)) indices.push_back(k);
  return indices;
}

/// Adds @name, which is the jvp (vjp) of @of in all float arguments: inputs then tangents
/// (cotangents).
template <class OpT>
static void addRequest(mlir::ModuleOp module, llvm::StringRef of, llvm::StringRef name) {
  mlir::FunctionType type = module.lookupSymbol<mlir::func::FuncOp>(of).getFunctionType();
  bool forward = std::is_same_v<OpT, ir::JvpOp>;
  Types inputs(type.getInputs()), results(type.getResults());
  inputs.append(forward ? floatsOf(type.getInputs()) : floatsOf(type.getResults()));
  results.append(forward ? floatsOf(type.getResults()) : floatsOf(type.getInputs()));
  addFunction(module, name, inputs,
              [&](auto &b, auto loc, mlir::ValueRange x) -> llvm::SmallVector<Value> {
                return OpT::create(b, loc, results, of, x, floatArguments(type))->getResults();
              });
}

/// Random tensors for the float types in `types`.
static Tensors randomLike(llvm::ArrayRef<mlir::Type> types, uint64_t seed) {
  std::vector<Arg> args;
  for (mlir::Type type : floatsOf(types))
    args.push_back(
        {DType::F64, mlir::cast<mlir::RankedTensorType>(type).getShape().vec(), {-1, 1}});
  return randomInputs(args, seed);
}

std::vector<HostTensor> requestDerivative(mlir::ModuleOp module, Tensors inputs, uint64_t seed) {
  auto main = module.lookupSymbol<mlir::func::FuncOp>("main");
  main.setSymName("primal");
  main.setPrivate();
  addRequest<ir::VjpOp>(module, "primal", "main");
  for (mlir::Type type : floatsOf(main.getFunctionType().getResults())) {
    std::vector<int64_t> dims = mlir::cast<mlir::RankedTensorType>(type).getShape().vec();
    inputs.push_back(randomInputs({{dtypeOf(type), dims, {-1, 1}}}, ++seed)[0]);
  }
  return inputs;
}

static Vector flatten(llvm::ArrayRef<HostTensor> tensors) {
  Vector all;
  for (const HostTensor &tensor : tensors)
    if (runtime::isFloat(tensor.dtype()))
      for (double x : tensor.toDoubles()) all.push_back(x);
  return all;
}

/// `tensors` with the elements of the float ones replaced by `values` in turn.
static Tensors unflatten(Tensors tensors, const Vector &values) {
  size_t next = 0;
  for (HostTensor &tensor : tensors)
    if (tensor.dtype() == DType::F64)
      for (double &x : tensor.mutableData<double>()) x = values[next++];
  return tensors;
}

namespace {

/// One resolved module and what its functions are compared on.
class Checker {
public:
  Checker(mlir::ModuleOp module, double tolerance, DerivativeStats &stats)
      : module(module), tolerance(tolerance), stats(stats) {}

  /// Runs @name; remembers the first failure.
  Tensors run(llvm::StringRef name, const Tensors &inputs) {
    auto results = ir::interpret(module, name, inputs, {.widen = true});
    if (succeeded(results)) return *results;
    if (failure.empty()) failure = "interpreting @" + name.str() + " failed";
    return {};
  }

  /// `tangents` must be the derivative of the float results of @function along `direction` of the
  /// first float inputs.
  void compareWithDifferences(llvm::StringRef function, const Tensors &inputs,
                              const Vector &direction, const Vector &tangents) {
    Vector padded = direction; // the other inputs stay
    padded.resize(flatten(inputs).size(), 0.0);
    auto f = [&](const Vector &x) { return flatten(run(function, unflatten(inputs, x))); };
    Vector x = flatten(inputs);
    Vector coarse = autodiff::centralDerivative(f, x, padded, 1e-3);
    Vector fine =
        autodiff::centralDerivative(f, x, padded, 4e-6); // sees another slope if a kink is between
    if (failure.empty() && coarse.size() != tangents.size()) failure = "wrong number of tangents";
    for (size_t k = 0; k < tangents.size() && failure.empty(); ++k)
      compareOne(function, k, tangents[k], coarse[k], fine[k]);
  }

  /// The two must be equal up to rounding of their terms.
  void compareProducts(const Vector &a, const Vector &b, const Vector &c, const Vector &d) {
    double left = 0, right = 0, terms = 0;
    for (size_t k = 0; k < a.size(); ++k) left += a[k] * b[k], terms += std::abs(a[k] * b[k]);
    for (size_t k = 0; k < c.size(); ++k) right += c[k] * d[k], terms += std::abs(c[k] * d[k]);
    if (failure.empty() && !(std::abs(left - right) <= 1e-9 * (1 + terms)))
      failure =
          "<ct, J t> is " + std::to_string(left) + " but <J^T ct, t> is " + std::to_string(right);
  }

  /// The two must be equal up to rounding of the largest.
  void compareWithOracle(const char *oracle, const Vector &got, const Vector &expected) {
    double scale = 1;
    for (double x : expected) scale = std::max(scale, std::abs(x));
    if (failure.empty() && got.size() != expected.size())
      failure = std::string("not as many numbers as by ") + oracle;
    for (size_t k = 0; k < expected.size() && failure.empty(); ++k) {
      ++stats.byOracle;
      if (!(std::abs(got[k] - expected[k]) <= 1e-9 * scale))
        failure = "float element " + std::to_string(k) + " of the derivative is " +
                  std::to_string(got[k]) + ", by " + oracle + " " + std::to_string(expected[k]);
    }
  }

  std::string failure;

private:
  void compareOne(llvm::StringRef function, size_t k, double got, double coarse, double fine) {
    double scale = 1 + std::abs(fine), spread = std::abs(fine - coarse);
    if (!(spread <= tolerance * scale)) {
      ++stats.unstable;
      return;
    }
    ++stats.compared;
    stats.nonzero += fine != 0;
    double error = std::abs(got - fine) / scale;
    stats.worst = std::max(stats.worst, error);
    if (!(error <= 2 * tolerance))
      failure = "derivative of float element " + std::to_string(k) + " of @" + function.str() +
                " is " + std::to_string(got) + ", by central differences " + std::to_string(fine);
  }

  mlir::ModuleOp module;
  double tolerance;
  DerivativeStats &stats;
};

} // namespace

static Tensors concat(Tensors a, const Tensors &b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// The module with the requests that are compared; null where they are refused.
static mlir::OwningOpRef<mlir::ModuleOp> withRequests(mlir::ModuleOp original, bool hasForward,
                                                      bool second) {
  mlir::OwningOpRef<mlir::ModuleOp> module = original.clone();
  if (hasForward) addRequest<ir::JvpOp>(*module, "main", "main_jvp");
  addRequest<ir::VjpOp>(*module, "main", "main_vjp");
  if (second) addRequest<ir::JvpOp>(*module, "main_vjp", "main_vjp_jvp");
  if (failed(resolveAutodiff(*module))) return nullptr;
  return module;
}

/// `original` as the oracles take it.
static mlir::OwningOpRef<mlir::ModuleOp> withoutRequests(mlir::ModuleOp original) {
  mlir::OwningOpRef<mlir::ModuleOp> module = original.clone();
  loopOverSlices(*module);
  return module;
}

std::string checkDerivatives(mlir::ModuleOp original, llvm::ArrayRef<HostTensor> inputs,
                             uint64_t seed, double tolerance, bool second, DerivativeStats &stats) {
  bool hasForward = true;
  original.walk([&](ir::CustomVjpOp) { hasForward = false; });
  auto module = withRequests(original, hasForward, second), plain = withoutRequests(original);
  if (!module) return "autodiff failed";
  mlir::FunctionType type = module->lookupSymbol<mlir::func::FuncOp>("main").getFunctionType();

  Tensors primals(inputs.begin(), inputs.end());
  Tensors tangents = randomLike(type.getInputs(), seed),
          cotangents = randomLike(type.getResults(), seed + 1);
  Vector direction = flatten(tangents);
  size_t floats = floatsOf(type.getResults()).size();
  auto last = [](Tensors all, size_t count) {
    return flatten(llvm::ArrayRef(all).take_back(std::min(count, all.size())));
  };

  OracleDerivatives oracles =
      oracleDerivatives(*plain, inputs, direction, flatten(cotangents), second);
  Checker checker(*module, tolerance, stats);
  Vector forward = oracles.tangents;
  if (hasForward) forward = last(checker.run("main_jvp", concat(primals, tangents)), floats);
  checker.compareWithDifferences("main", primals, direction, forward);
  Tensors vjpInputs = concat(primals, cotangents);
  Vector backward = last(checker.run("main_vjp", vjpInputs), tangents.size());
  checker.compareProducts(flatten(cotangents), forward, backward, direction);
  if (checker.failure.empty()) checker.failure = oracles.failure;
  checker.compareWithOracle("dual numbers", forward, oracles.tangents);
  checker.compareWithOracle("the tape", backward, oracles.cotangents);
  if (!second) return checker.failure;

  Tensors none = cotangents; // the cotangents stay: no tangent in them
  for (HostTensor &tensor : none) tensor = HostTensor::zeros(DType::F64, tensor.dims());
  Tensors ofSecond = checker.run("main_vjp_jvp", concat(concat(vjpInputs, tangents), none));
  checker.compareWithDifferences("main_vjp", vjpInputs, direction,
                                 last(ofSecond, floats + tangents.size()));
  checker.compareWithOracle("the tape of dual numbers", last(ofSecond, tangents.size()),
                            oracles.secondOrder);
  return checker.failure;
}

} // namespace weir::testing
