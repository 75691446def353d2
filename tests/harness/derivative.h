// Checks the derivatives of a module's @main: what the autodiff pass makes of jvp and vjp requests,
// interpreted in f64, against central differences and against each other.
#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "runtime/base/host_tensor.h"

#include <string>
#include <vector>

namespace weir::testing {

struct DerivativeStats {
  int64_t compared = 0;
  int64_t nonzero = 0; // of these
  int64_t unstable =
      0; // two step sizes disagree: a kink or a pole is near, nothing to compare with
  int64_t byOracle = 0; // compared with dual numbers and the tape
  double worst = 0;     // largest error relative to 1 + |derivative|
};

/// Along random directions of all float inputs at once: the JVP against central differences and
/// dual numbers, ⟨ct, J·t⟩ = ⟨Jᵀ·ct, t⟩, the VJP against the tape, and, with `second`, the JVP of
/// the VJP against central differences of the VJP and the tape of dual numbers. An empty string, or
/// what is wrong. A derivative may differ by `tolerance` relative to 1 + itself. The module is not
/// changed; inputs must be f64 where float. A module with custom_vjp has no forward mode: its VJP
/// is compared with the others alone.
std::string checkDerivatives(mlir::ModuleOp module, llvm::ArrayRef<runtime::HostTensor> inputs,
                             uint64_t seed, double tolerance, bool second, DerivativeStats &stats);

/// Makes @main the vjp of what @main was, in all float arguments; inputs for it: `inputs` and
/// random cotangents, each of its result's dtype.
std::vector<runtime::HostTensor>
requestDerivative(mlir::ModuleOp module, std::vector<runtime::HostTensor> inputs, uint64_t seed);

/// Replaces all jvp and vjp requests of a module.
mlir::LogicalResult resolveAutodiff(mlir::ModuleOp module);

} // namespace weir::testing
