// Control flow that differentiation leaves behind, made executable.
#pragma once

#include "mlir/Pass/Pass.h"

#include <memory>

namespace weir::passes {

/// Replaces sweeps by while loops that keep a fixed number of states in memory.
std::unique_ptr<mlir::Pass> createExpandSweepsPass();
void registerControlFlowPasses();

} // namespace weir::passes
