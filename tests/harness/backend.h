// The ways to run a module that tests compare with the interpreter in f64, and the comparison.
#pragma once

#include "ir/reference/interpreter.h"
#include "passes/debug/compare.h"

#include <functional>
#include <string>
#include <vector>

namespace weir::testing {

/// Runs @main of a graph-level module; errors are diagnostics. The module may be consumed.
struct Backend {
  std::string name;
  std::function<mlir::FailureOr<std::vector<runtime::HostTensor>>(
      mlir::ModuleOp, llvm::ArrayRef<runtime::HostTensor>)>
      run;
};

/// Every backend of this build: the interpreter in the declared dtypes, the CPU (which runs again
/// and on two threads, and fails where that changes a bit).
const std::vector<Backend> &backends();

using passes::compare;
using passes::Coverage;

/// Both the same within `relative`·(1 + |expected|), NaN for NaN; an empty string or the first
/// difference.
std::string compareClose(llvm::ArrayRef<runtime::HostTensor> expected,
                         llvm::ArrayRef<runtime::HostTensor> got, double relative);

} // namespace weir::testing
