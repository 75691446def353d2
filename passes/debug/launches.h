// From the instructions of an executable back to the ops that they were written from.
#pragma once

#include "runtime/artifact/executable.h"
#include "runtime/base/host_tensor.h"

#include "mlir/IR/BuiltinOps.h"

namespace weir::passes {

/// The launch op of each launch instruction; `kernels` is the module that it was built from.
llvm::DenseMap<const runtime::Instruction *, mlir::Operation *>
launchesOf(mlir::ModuleOp kernels, const runtime::Executable &executable);

/// A copy of what a launch reads or writes there; `type` is that of the op's operand or result.
runtime::HostTensor tensorAt(mlir::Type type, const void *data);

} // namespace weir::passes
