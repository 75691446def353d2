// Fusion: from the graph level to the kernels level. See README.md for the order of the passes.
#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

#include <memory>

namespace weir::passes {

/// Attribute of a launch whose kernel came from other ops: the locations of its own ops, in the
/// order of opsOfKernel.
inline constexpr llvm::StringLiteral kOpLocationsAttr = "weir.op_locations";
/// All ops inside of a kernel, in the order of a walk.
llvm::SmallVector<mlir::Operation *> opsOfKernel(mlir::Operation *kernel);

/// For GPUs: convolutions of much work, and gradients of such, become kernels that a library does
/// (ir/dialect/library.h); comes before anything else is made of convolutions.
std::unique_ptr<mlir::Pass> createLibraryConvolutionsPass();
/// Computes the sums of f16 and bf16 that are kept in memory while unfinished in f32.
std::unique_ptr<mlir::Pass> createWidenSumsPass();
/// Rewrites every convolution to a dot over windows, or a product and a sum.
std::unique_ptr<mlir::Pass> createExpandConvolutionsPass();
/// For GPUs: large dots of matrices become kernels by themselves that a library does
/// (ir/dialect/library.h); comes before dots are packed.
std::unique_ptr<mlir::Pass> createLibraryDotsPass();
/// Rewrites every other dot so that the right operand's last dim is the vector dim, by views and
/// packing transposes.
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
