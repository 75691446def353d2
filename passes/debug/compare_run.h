// One run of a compiled module, each launch of it compared with its kernel in the interpreter.
#pragma once

#include "runtime/artifact/executable.h"
#include "runtime/base/host_tensor.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <functional>
#include <string>
#include <vector>

namespace weir::passes {

struct RunComparison {
  mlir::OwningOpRef<mlir::ModuleOp> module; ///< at the kernels level
  int launches = 0;                         ///< compared
  std::string difference;                   ///< "" when all agree
  /// Of the first launch that differs: its kernel, the user's file:line, and what it was given.
  /// Empty when only the outputs differ.
  std::string kernel, place;
  std::vector<runtime::HostTensor> arguments;
};

/// `module`: a source; `inputs`: of @main's arguments, variables too. In loops the first eight
/// launches of each instruction are compared. A failure, with diagnostics, where it does not
/// compile or run.
mlir::FailureOr<RunComparison>
compareRun(mlir::ModuleOp module, llvm::ArrayRef<runtime::HostTensor> inputs,
           const std::function<mlir::FailureOr<runtime::Executable>(mlir::ModuleOp)> &compile);

} // namespace weir::passes
