// One graph on several devices: which op runs where, and copies between them.
#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

#include <memory>

namespace weir::passes {

/// Gives every op of @main a device, from the user's words, and leaves copies (spmd.shard to
/// "device=...") where a value is read on another one. At the graph level copies are all that
/// remains of it, so what is not connected through them is not fused; at the kernels level ops keep
/// their device (ir::kDeviceAttr) for the memory plan. Nothing happens without a word.
std::unique_ptr<mlir::Pass> createPlaceOpsPass(bool isFinal = false);
void registerPlacementPasses();

} // namespace weir::passes
