// The memory plan of a kernels-level module, as a pass and as a report.
#pragma once

#include "mlir/Pass/Pass.h"

#include <memory>

namespace weir::passes {

/// weir-plan-memory: annotates @main as README.md says.
std::unique_ptr<mlir::Pass> createPlanMemoryPass();
/// weir-rematerialize: see rematerialize.h.
std::unique_ptr<mlir::Pass> createRematerializePass(int64_t budget = 0);
void registerMemoryPasses();

} // namespace weir::passes
