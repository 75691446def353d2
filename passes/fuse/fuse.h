// Fusion: from the graph level to the kernels level. See README.md for the order of the passes.
#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

#include <memory>

namespace weir::passes {

/// Computes the sums of f16 and bf16 that are kept in memory while unfinished in f32.
std::unique_ptr<mlir::Pass> createWidenSumsPass();
/// Rewrites every convolution to a dot over windows, or a product and a sum.
std::unique_ptr<mlir::Pass> createExpandConvolutionsPass();
/// Rewrites every dot so that the right operand's last dim is the vector dim, by views and packing
/// transposes.
std::unique_ptr<mlir::Pass> createPackDotsPass();
/// Rewrites every reduction to reduce leading dims or trailing dims, large full ones in two steps.
std::unique_ptr<mlir::Pass> createNormalizeReductionsPass();
/// Groups the ops of every block into kernels and outlines them: leaves launches, views, constants
/// and control flow.
std::unique_ptr<mlir::Pass> createFormKernelsPass();
/// Launches of kernels that are equal but for names and locations all name one of them.
std::unique_ptr<mlir::Pass> createDeduplicateKernelsPass();
void registerFusePasses();

} // namespace weir::passes
