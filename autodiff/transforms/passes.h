// The passes of autodiff.
#pragma once

#include <memory>

namespace mlir {
class DialectRegistry;
class Pass;
} // namespace mlir

namespace weir::autodiff {

/// Makes the weir dialect carry the rules of its ops. The pass does this by itself.
void registerDerivativeRules(mlir::DialectRegistry &registry);

/// weir-resolve-autodiff: no jvp or vjp op is left; derivatives are private functions that are
/// called.
std::unique_ptr<mlir::Pass> createResolveAutodiffPass();

void registerAutodiffPasses();

} // namespace weir::autodiff
