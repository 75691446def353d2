// What the oracles of autodiff/oracles say of a module's @main: the graph is evaluated op by op on
// the tape and on dual numbers, which share no code with the compiler's derivatives.
#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "runtime/base/host_tensor.h"

#include <string>
#include <vector>

namespace weir::testing {

/// Concatenated over the float results (inputs) of @main.
struct OracleDerivatives {
  std::string failure;             ///< empty, or what could not be evaluated or has another value
  std::vector<double> tangents;    ///< of the results along the direction, by dual numbers
  std::vector<double> cotangents;  ///< of the inputs, by the tape
  std::vector<double> secondOrder; ///< of `cotangents` along the direction: the tape over duals
};

/// `direction` and `cotangents` are concatenated like the above. Values are compared with the
/// interpreter's, op by op, and what has no derivative is taken from there. Inputs must be f64
/// where float.
OracleDerivatives oracleDerivatives(mlir::ModuleOp module,
                                    llvm::ArrayRef<runtime::HostTensor> inputs,
                                    const std::vector<double> &direction,
                                    const std::vector<double> &cotangents, bool second);

} // namespace weir::testing
