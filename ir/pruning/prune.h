// Dead code within control flow.
#pragma once

#include "mlir/IR/Operation.h"

namespace weir::ir {

/// Rebuilds `op` (an if, scan, while or sweep; others are left alone) without the results that
/// nobody needs: those without uses and, of a loop, without a way from its carry to one that has
/// uses. Returns the op that stands there now, which is `op` itself when nothing changed.
mlir::Operation *pruneResults(mlir::Operation *op);

/// Erases the ops of `block` that nobody needs, and prunes the others, inside out.
void eraseUnused(mlir::Block &block);

} // namespace weir::ir
