// Dialects from outside the tree: what a program registers here is part of every context that
// graphs and compilations make afterwards. Such a dialect brings what the core asks of an op by
// interfaces of its own: derivative rules (autodiff/models/rules.h), evaluators
// (ir/reference/frame.h), scalar bodies (codegen/lower/bodies.h). tests/out_of_tree is an example.
#pragma once

#include "mlir/IR/MLIRContext.h"

namespace weir::ir {

/// Inserts dialects into a registry.
using Extension = void (*)(mlir::DialectRegistry &);

/// Call it before the first graph is built; once for each extension, from one thread at a time.
void registerExtension(Extension extension);
/// Inserts the dialects of every extension.
void addExtensions(mlir::DialectRegistry &registry);
/// The same, and loads them.
void loadExtensions(mlir::MLIRContext &context);

} // namespace weir::ir
