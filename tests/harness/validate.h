// Translation validation: the module is interpreted before a pipeline and after each of its passes,
// and must mean the same.
#pragma once

#include "tests/harness/backend.h"

#include "mlir/Pass/PassManager.h"

#include <map>

namespace weir::testing {

struct ValidationStats {
  std::map<std::string, int> passes; // how often each pass was checked
  Coverage coverage;
};

/// Runs `pm` on `module`. @main on `inputs` must stay within the bounds of the module as it comes,
/// or, where passes are still to say what it computes (isUnsettled), as it is after the one that
/// does. An empty string, or the pass that changed the meaning and how.
std::string validatePasses(mlir::PassManager &pm, mlir::ModuleOp module,
                           llvm::ArrayRef<runtime::HostTensor> inputs, ValidationStats &stats);

} // namespace weir::testing
