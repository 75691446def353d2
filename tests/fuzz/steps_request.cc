// Derivatives of functions of the module as ops among others: that of a while is a sweep, wherever
// the request stands.
#include "tests/fuzz/random_graph.h"

namespace weir::testing {

using mlir::Value;
using Values = llvm::SmallVector<Value>;

static mlir::RankedTensorType tensor(mlir::Type type) {
  return mlir::cast<mlir::RankedTensorType>(type);
}

static bool isFloat(mlir::Type type) {
  return runtime::isFloat(dtypeOf(type));
}

/// Derivatives can be large: only their hyperbolic tangent comes into scope.
template <class OpT> static bool request(RandomGraph &g) {
  mlir::func::FuncOp callee = g.callee();
  if (!callee) return false;
  mlir::FunctionType type = callee.getFunctionType();
  const bool forward = std::is_same_v<OpT, ir::JvpOp>;
  llvm::SmallVector<int64_t> wrt;
  llvm::SmallVector<mlir::Type> inputs(type.getInputs()), results(type.getResults());
  for (auto [k, input] : llvm::enumerate(type.getInputs()))
    if (isFloat(input)) wrt.push_back(k), (forward ? inputs : results).push_back(input);
  for (mlir::Type result : type.getResults())
    if (isFloat(result)) (forward ? results : inputs).push_back(result);
  Values arguments;
  for (mlir::Type input : inputs)
    arguments.push_back(g.tamed(g.valueOf(tensor(input)), kInputRange.high).value);
  auto op = g.op<OpT>(results, callee.getSymName(), arguments, wrt);
  for (Value derivative : op->getResults().drop_front(type.getNumResults()))
    g.add(g.op<ir::TanhOp>(derivative), 1);
  return true;
}

std::vector<WeightedStep> requestSteps() {
  return {{0.3, request<ir::JvpOp>}, {0.7, request<ir::VjpOp>}};
}

} // namespace weir::testing
