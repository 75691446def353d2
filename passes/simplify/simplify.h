// Simplification of graph-level modules: inlining, folding, algebra, layout absorption, CSE, DCE,
// loop clean-up.
#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

#include <memory>

namespace mlir {
class RewritePatternSet;
}

namespace weir::passes {

/// Replaces every weir.call by its callee's body and removes functions that nobody names any more.
std::unique_ptr<mlir::Pass> createInlineCallsPass();
/// Folds, applies the patterns below, shares common subexpressions and removes dead code, until
/// nothing changes.
std::unique_ptr<mlir::Pass> createSimplifyPass();
/// Moves what does not depend on the iteration out of scans; drops carries, slices and results
/// nobody needs.
std::unique_ptr<mlir::Pass> createCleanLoopsPass();
/// The layout part of simplification alone, for use after dots and reductions got the form of their
/// kernels.
std::unique_ptr<mlir::Pass> createTidyViewsPass();
void registerSimplifyPasses();

/// One family of rewrites each; see the files of the same names.
void populateFoldConstantPatterns(mlir::RewritePatternSet &patterns);
void populateAlgebraPatterns(mlir::RewritePatternSet &patterns);
void populateBroadcastPatterns(mlir::RewritePatternSet &patterns);
void populateReshapePatterns(mlir::RewritePatternSet &patterns);
void populateSlicePatterns(mlir::RewritePatternSet &patterns);
void populateReductionPatterns(mlir::RewritePatternSet &patterns);
void populateContractionPatterns(mlir::RewritePatternSet &patterns);
void populateBarrierPatterns(mlir::RewritePatternSet &patterns);
void populatePermutationPatterns(mlir::RewritePatternSet &patterns);

/// The rewrites of clean_loops on everything under `root`; true if something changed.
bool cleanLoops(mlir::Operation *root);
/// Carries that sum dots or reductions over the iterations become one op behind the scan; true if
/// something changed.
bool moveSumsBehindLoops(mlir::Operation *root);
/// Loops and ifs that are part of another in their block give way to it; true if something changed.
bool shareLoops(mlir::Operation *root);

} // namespace weir::passes
