// Test support: lowers, compiles and runs one kernel given as text, and compares it with the
// reference interpreter.
#pragma once

#include "codegen/cpu/target_info.h"
#include "runtime/base/host_tensor.h"

#include <string>
#include <vector>

namespace weir::codegen {

struct KernelRun {
  std::vector<runtime::HostTensor> results;
  std::string lowered; // MLIR of the loops.
  double lowerMillis = 0, compileMillis = 0;
  int64_t tasks = 0, scratchBytes = 0;
};

/// Runs the only function of `text`, named @k, over `parts` ranges of its tasks; `inPlace`: results
/// lie over the arguments that weir.inplace allows. Throws std::runtime_error with the diagnostics
/// if it cannot be lowered or compiled.
KernelRun runKernel(const std::string &text, const std::vector<runtime::HostTensor> &inputs,
                    const TargetInfo &target, int parts = 1, bool inPlace = false);

/// Random inputs for the function's arguments: floats in [-2, 2], integers in [0, intLimit),
/// booleans.
std::vector<runtime::HostTensor> randomInputs(const std::string &text, int64_t intLimit = 8,
                                              unsigned seed = 1);

/// Fails the running test unless the kernel agrees with the interpreter within the numeric contract
/// on every tested target (kernel_device.h), and gives the same bits however its tasks are divided
/// and where its results lie.
void expectMatchesReference(const std::string &text,
                            const std::vector<runtime::HostTensor> &inputs);
void expectMatchesReference(const std::string &text, int64_t intLimit = 8);

} // namespace weir::codegen
