// The backend "cuda, emulated": the CPU's executor with emulated launches in the place of machine
// code.
#pragma once

#include "tests/cuda/lowered.h"

namespace weir::testing {

/// Compiles @main of a source-level module, which is consumed, and runs it twice, with threads in
/// both orders. Errors, diagnostics all: what cannot be compiled; a kernel whose threads part or
/// end at different places; bits that depend on the order of threads.
mlir::FailureOr<std::vector<runtime::HostTensor>>
runEmulated(mlir::ModuleOp module, const std::vector<runtime::HostTensor> &inputs);

} // namespace weir::testing
