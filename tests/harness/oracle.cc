// Runs the interpreter once and notes the value of every op; then walks the same ops on the tape.
// A value on the tape is replaced by the interpreter's, from which it may differ by rounding, so
// that both are on the same side of every kink.
#include "tests/harness/oracle.h"

#include "ir/reference/interpreter.h"
#include "tests/harness/graph.h"
#include "tests/harness/oracle_ops.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <deque>

namespace weir::testing {

using autodiff::Dual;
using runtime::HostTensor;
using tape::Shape, tape::Tensor;
using Vector = std::vector<double>;

namespace {

struct Evaluated {
  mlir::Operation *op;
  std::vector<HostTensor> results;
};

bool isFloat(mlir::Value value) {
  return runtime::isFloat(dtypeOf(value.getType()));
}

void setNumber(double &v, double number) {
  v = number;
}
void setNumber(Dual<double> &v, double number) {
  v.value = number;
}

template <typename T> Tensor<T> tensorOf(const HostTensor &host) {
  Tensor<T> x = Tensor<T>::full(host.dims(), 0);
  for (int64_t k = 0; k < x.size(); ++k) x.data()[k] = T(host.at(k));
  return x;
}

template <typename T> class Evaluator {
public:
  using List = std::vector<Tensor<T>>;

  Evaluator(mlir::ModuleOp module, std::deque<Evaluated> log)
      : module(module), log(std::move(log)) {}

  List runBlock(mlir::Block &block, const List &arguments) {
    for (auto [argument, value] : llvm::zip(block.getArguments(), arguments))
      values[argument] = value;
    for (mlir::Operation &op : block.without_terminator())
      if (failure.empty()) run(&op);
    return failure.empty() ? operands(block.getTerminator()) : List{};
  }

  std::string failure;

private:
  List operands(mlir::Operation *op) {
    List list;
    for (mlir::Value operand : op->getOperands()) list.push_back(values[operand]);
    return list;
  }

  void run(mlir::Operation *op) {
    const List results = evaluate(op);
    if (!failure.empty()) return;
    if (log.empty() || log.front().op != op) return fail(op, "is not what the interpreter ran");
    for (auto [k, value] : llvm::enumerate(op->getResults()))
      values[value] = results.empty() || !isFloat(value) ? tensorOf<T>(log.front().results[k])
                                                         : checked(op, results[k], k);
    log.pop_front();
  }

  /// Nothing: take the interpreter's.
  List evaluate(mlir::Operation *op) {
    if (auto branch = mlir::dyn_cast<ir::IfOp>(op))
      return runBlock(op->getRegion(values[branch.getPred()].at(0) != 0 ? 0 : 1).front(), {});
    if (auto loop = mlir::dyn_cast<ir::ScanOp>(op)) return scan(loop);
    if (auto loop = mlir::dyn_cast<ir::WhileOp>(op)) return whileLoop(loop);
    if (auto loop = mlir::dyn_cast<ir::SweepOp>(op)) return sweep(loop);
    if (mlir::isa<ir::CallOp, ir::CustomJvpOp, ir::CustomVjpOp>(op)) {
      auto callee = op->getAttrOfType<mlir::FlatSymbolRefAttr>("callee");
      return runBlock(module.lookupSymbol<mlir::func::FuncOp>(callee.getValue()).front(),
                      operands(op));
    }
    auto known = oracleOps<T>().find(op->getName().getStringRef());
    if (known != oracleOps<T>().end()) {
      if (llvm::none_of(op->getResults(), isFloat)) return {};
      return known->second(op, operands(op));
    }
    auto described = mlir::dyn_cast<ir::WeirOp>(op);
    if (!described || described.derivativeClass().kind != ir::Derivative::Zero)
      fail(op, "is unknown to the oracles: add it to tests/harness/oracle_ops.cc");
    return {};
  }

  List scan(ir::ScanOp op) {
    const List in = operands(op);
    const int64_t carries = op.numCarries(), trips = op.getTrips();
    List carried(in.begin(), in.begin() + carries);
    std::vector<List> ys(op.getNumResults() - carries, List(trips));
    for (int64_t t = 0; t < trips && failure.empty(); ++t) {
      const int64_t step = op.getReverse() ? trips - 1 - t : t;
      List arguments = carried;
      for (size_t k = carries; k < in.size(); ++k)
        arguments.push_back(squeeze(sliceDim(in[k], 0, step, step + 1), 0));
      List yielded = runBlock(op.getBody().front(), arguments);
      if (!failure.empty()) return {};
      carried.assign(yielded.begin(), yielded.begin() + carries);
      for (size_t k = 0; k < ys.size(); ++k) ys[k][step] = expandDims(yielded[carries + k], 0);
    }
    List results = carried;
    for (auto [k, slices] : llvm::enumerate(ys)) {
      auto type = mlir::cast<mlir::RankedTensorType>(op.getResult(carries + k).getType());
      results.push_back(slices.empty() ? Tensor<T>::full(type.getShape().vec(), 0)
                                       : concatenate(slices, 0));
    }
    return results;
  }

  List whileLoop(ir::WhileOp op) {
    List carried = operands(op);
    for (;;) {
      List goesOn = runBlock(op.getCondition().front(), carried);
      if (!failure.empty() || goesOn[0].at(0) == 0) return carried;
      carried = runBlock(op.getBody().front(), carried);
    }
  }

  List sweep(ir::SweepOp op) {
    const List in = operands(op);
    const auto split = in.begin() + 1 + op.numForward();
    List forward(in.begin() + 1, split), reverse(split, in.end());
    std::vector<List> states;
    for (double i = 0; i < in[0].at(0) && failure.empty(); ++i) {
      states.push_back(forward);
      forward = runBlock(op.getForward().front(), forward);
    }
    for (; !states.empty() && failure.empty(); states.pop_back()) {
      List arguments = states.back();
      arguments.insert(arguments.end(), reverse.begin(), reverse.end());
      reverse = runBlock(op.getReverse().front(), arguments);
    }
    forward.insert(forward.end(), reverse.begin(), reverse.end());
    return forward;
  }

  Tensor<T> checked(mlir::Operation *op, Tensor<T> y, size_t result) {
    const HostTensor &expected = log.front().results[result];
    if (y.shape() != expected.dims()) {
      fail(op, "has another shape on the tape");
      return y;
    }
    for (int64_t k = 0; k < y.size(); ++k) {
      const double got = y.at(k), want = expected.at(k);
      const bool isSame = got == want || (got != got && want != want) ||
                          std::abs(got - want) <= 1e-7 * (1 + std::abs(want));
      if (!isSame)
        fail(op, "is " + std::to_string(want) + " but on the tape " + std::to_string(got));
      setNumber(y.data()[k], want);
    }
    return y;
  }

  void fail(mlir::Operation *op, const std::string &what) {
    if (failure.empty()) failure = op->getName().getStringRef().str() + " " + what;
  }

  mlir::ModuleOp module;
  std::deque<Evaluated> log;
  llvm::DenseMap<mlir::Value, Tensor<T>> values;
};

/// The inputs, the float ones with numbers made by next(k, value), and those in front as leaves.
template <typename T, typename F>
std::vector<Tensor<T>> leaves(llvm::ArrayRef<HostTensor> inputs, F next) {
  std::vector<Tensor<T>> list;
  size_t k = 0;
  for (const HostTensor &input : inputs) {
    Tensor<T> x = tensorOf<T>(input);
    if (runtime::isFloat(input.dtype())) {
      for (T &v : x.data()) v = next(k++, v);
      x.requireGrad();
    }
    list.push_back(x);
  }
  return list;
}

/// Those of `tensors` whose value is a float, and `numbers` cut to their shapes.
template <typename T>
std::vector<Tensor<T>> floatsOf(const std::vector<Tensor<T>> &tensors, mlir::TypeRange types) {
  std::vector<Tensor<T>> floats;
  for (auto [tensor, type] : llvm::zip(tensors, types))
    if (runtime::isFloat(dtypeOf(type))) floats.push_back(tensor);
  return floats;
}
template <typename T>
std::vector<Tensor<T>> cut(const Vector &numbers, const std::vector<Tensor<T>> &like) {
  std::vector<Tensor<T>> list;
  size_t k = 0;
  for (const Tensor<T> &model : like) {
    list.push_back(zerosLike(model));
    for (T &v : list.back().data()) v = T(numbers[k++]);
  }
  return list;
}

} // namespace

OracleDerivatives oracleDerivatives(mlir::ModuleOp module, llvm::ArrayRef<HostTensor> inputs,
                                    const Vector &direction, const Vector &cotangents,
                                    bool second) {
  std::deque<Evaluated> log;
  ir::InterpretOptions options{.widen = true, .observe = [&](auto *op, auto results) {
                                 log.push_back({op, results.vec()});
                               }};
  if (failed(ir::interpret(module, "main", inputs, options)))
    return {.failure = "interpreting @main failed"};
  auto main = module.lookupSymbol<mlir::func::FuncOp>("main");
  const mlir::FunctionType type = main.getFunctionType();
  OracleDerivatives result;

  auto plain = leaves<double>(inputs, [](size_t, double v) { return v; });
  Evaluator<double> onTape(module, log);
  auto ys = floatsOf(onTape.runBlock(main.front(), plain), type.getResults());
  result.failure = onTape.failure;
  if (!result.failure.empty()) return result;
  auto wrt = floatsOf(plain, type.getInputs());
  for (const auto &ct : Tensor<double>::pullBack(ys, cut(cotangents, ys), wrt))
    result.cotangents.insert(result.cotangents.end(), ct.data().begin(), ct.data().end());

  using D = Dual<double>;
  tape::NoGrad guard(!second);
  auto duals = leaves<D>(inputs, [&](size_t k, D v) { return D(v.value, direction[k]); });
  Evaluator<D> onDuals(module, log);
  auto dualYs = floatsOf(onDuals.runBlock(main.front(), duals), type.getResults());
  result.failure = onDuals.failure;
  if (!result.failure.empty()) return result;
  for (const auto &y : dualYs)
    for (const D &v : y.data()) result.tangents.push_back(v.tangent);
  if (!second) return result;
  auto dualWrt = floatsOf(duals, type.getInputs());
  for (const auto &ct : Tensor<D>::pullBack(dualYs, cut(cotangents, dualYs), dualWrt))
    for (const D &v : ct.data()) result.secondOrder.push_back(v.tangent);
  return result;
}

} // namespace weir::testing
