// Makes a failing module smaller: results that are not needed to fail go, ops become arguments that
// are given their values, and everything goes that nobody uses.
#pragma once

#include "runtime/base/host_tensor.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <functional>
#include <string>
#include <vector>

namespace weir::passes {

/// A module with what its @main is given.
struct Case {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<runtime::HostTensor> inputs;
};

/// Whether a module fails on these inputs; it may change the module.
using Fails = std::function<bool(mlir::ModuleOp, llvm::ArrayRef<runtime::HostTensor>)>;

/// The smallest case found for which `fails` is true, starting from one for which it is. Variables
/// become plain arguments where it fails without them. `fails` is asked about 2 log2(n) times for n
/// ops, and 2n times for those that remain.
Case reduced(mlir::ModuleOp module, llvm::ArrayRef<runtime::HostTensor> inputs, const Fails &fails);

/// The text of what remains when results alone are dropped; for modules whose inputs stay.
std::string reducedText(mlir::ModuleOp module, const std::function<bool(mlir::ModuleOp)> &fails);

} // namespace weir::passes
