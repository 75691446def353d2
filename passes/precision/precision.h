// Mixed precision: the graph stays in f32, its dots and convolutions are computed in f16 or bf16.
#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

#include <memory>

namespace weir::passes {

/// Rewrites contractions of f32 to the type that the module names (ir::kComputeAttr), between
/// converts. Before
/// differentiation: their derivatives are contractions of that type then, and cotangents of f32
/// operands are f32 again.
std::unique_ptr<mlir::Pass> createLowerPrecisionPass();
void registerPrecisionPasses();

} // namespace weir::passes
