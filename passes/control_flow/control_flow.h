// Control flow that differentiation leaves behind, made executable.
#pragma once

#include "mlir/Pass/Pass.h"

#include <memory>

namespace weir::passes {

/// Replaces sweeps by while loops that keep a fixed number of states in memory.
std::unique_ptr<mlir::Pass> createExpandSweepsPass();
/// Replaces scans by while loops that count.
std::unique_ptr<mlir::Pass> createExpandScansPass();
/// Makes each function one flow.graph: if and while become switch, merge, enter, exit and
/// next_iteration. Other ops with regions are errors.
std::unique_ptr<mlir::Pass> createLowerToDataflowPass();
void registerControlFlowPasses();

} // namespace weir::passes
