// Where compiling goes wrong (`weir bisect`): the module is interpreted before and after each pass
// and compared within the numeric contract; if all passes keep its meaning, each launch of the
// compiled program is compared with its kernel interpreted on the same inputs. What is found is
// reduced to a few ops.
#pragma once

#include "passes/debug/reduce.h"
#include "runtime/artifact/executable.h"

#include "mlir/Support/LLVM.h"

namespace mlir {
class OpPassManager;
}

namespace weir::passes {

struct BisectOptions {
  /// The passes to look at; none: the whole pipeline.
  std::function<mlir::LogicalResult(mlir::OpPassManager &)> pipeline;
  /// From the source to an executable, leaving the module at the kernels level; none:
  /// compileModule.
  std::function<mlir::FailureOr<runtime::Executable>(mlir::ModuleOp)> compile;
  /// Whether the compiled program is compared when all passes agree.
  bool run = true;
};

struct BisectResult {
  enum class Kind {
    Agree,   ///< nothing differs
    Pass,    ///< `where` is the pass; the reproducer is a module for it
    Launch,  ///< `where` is the kernel; the reproducer is its source
    Outputs, ///< passes and launches agree, but not what the run returns: memory plan or schedule
  };
  Kind kind = Kind::Agree;
  std::string where;
  std::string place;      ///< of a launch: the user's file:line
  std::string difference; ///< "result 0 element 3: got ..., expected ..."
  int passesCompared = 0, launchesCompared = 0;
  /// Where derivatives are asked for, the module before the first pass has no values: the module
  /// after this pass is what the others are compared with. Else "".
  std::string reference;
  Case reproducer; ///< reduced; the module itself for Outputs
  int64_t ops = 0; ///< of the reproducer
};

/// `inputs`: of @main's arguments. Variables keep their first value. The result is a failure, with
/// diagnostics, where the source cannot be interpreted or a pass fails.
mlir::FailureOr<BisectResult> bisect(mlir::ModuleOp source,
                                     llvm::ArrayRef<runtime::HostTensor> inputs,
                                     const BisectOptions &options = {});

} // namespace weir::passes
