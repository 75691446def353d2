// The program of one device, interpreted on every device of a mesh at once: the oracle of sharded
// execution, before and beside any runtime.
#pragma once

#include "distributed/sharding/sharding.h"

#include "runtime/base/host_tensor.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Support/LLVM.h"

#include <map>
#include <string>
#include <vector>

namespace weir::distributed {

/// What moved in a run.
struct Traffic {
  std::map<std::string, int64_t> collectives; ///< how often each kind ran, by op name
  int64_t bytes = 0;                          ///< received by the device that received most
};

/// Runs `function`, which localize() made, on whole tensors, one an argument; its whole results.
/// Devices take turns and meet in collectives. Errors are diagnostics: those of the interpreter,
/// devices that do not meet in one collective, results that differ between devices that share them.
mlir::FailureOr<std::vector<runtime::HostTensor>>
runLockStep(mlir::ModuleOp module, llvm::StringRef function,
            llvm::ArrayRef<runtime::HostTensor> inputs, bool widen = false,
            Traffic *traffic = nullptr);

} // namespace weir::distributed
