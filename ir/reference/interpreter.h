// The reference interpreter: runs a function of the weir dialect one op after another, with plain
// loops. It is the oracle that every pass and every backend is compared with, so it shares no code
// with them and prefers being read to being fast. Graph level and kernels level are both
// understood; jvp and vjp must have been resolved by autodiff before.
#pragma once

#include "runtime/base/host_tensor.h"

#include "mlir/IR/BuiltinOps.h"

#include <functional>
#include <vector>

namespace weir::ir {

struct InterpretOptions {
  /// Floats are computed and kept in f64 whatever their declared dtype, so results are F64 tensors.
  /// Otherwise each op computes in f64 and rounds once to the declared dtype. Integers and booleans
  /// are the same in both.
  bool widen = false;
  /// Called after each op, regions and callees included, with the values of its results.
  std::function<void(mlir::Operation *, llvm::ArrayRef<runtime::HostTensor>)> observe;
  /// As observe, with the values of the operands too.
  std::function<void(mlir::Operation *, llvm::ArrayRef<runtime::HostTensor> operands,
                     llvm::ArrayRef<runtime::HostTensor> results)>
      inspect;
  /// Called for each op of a dataflow graph that does not run because a token for it is dead.
  std::function<void(mlir::Operation *)> observeDead;
  /// Which op of a dataflow graph goes first when several can: 0 for the one that could first, else
  /// a random one of this seed. Results do not depend on it.
  uint64_t firingOrder = 0;
  /// Collectives of a program of one device, which has to meet the others: the op and its operand,
  /// null for axis_index. Collectives of whole values are the identity and do not come here.
  std::function<mlir::FailureOr<runtime::HostTensor>(mlir::Operation *,
                                                     const runtime::HostTensor *operand)>
      collective;
  /// Calls nested deeper than this are refused: a function of a graph cannot end a recursion.
  int maxCallDepth = 64;
};

/// Runs `function` of `module` on `inputs`, one tensor an argument, of its shape and dtype; with
/// `widen` an argument of a float dtype also takes F64. Memory: a value is dropped after its last
/// use. Errors: reported as diagnostics at the op.
mlir::FailureOr<std::vector<runtime::HostTensor>>
interpret(mlir::ModuleOp module, llvm::StringRef function,
          llvm::ArrayRef<runtime::HostTensor> inputs, const InterpretOptions &options = {});

/// A widened result and, element by element, how far an implementation within the numeric contract
/// may be from it.
struct BoundedResult {
  runtime::HostTensor value;
  runtime::HostTensor bound; // F64, same shape; 0: must be equal; infinity: anything goes (undef,
                             // or behind an uncertain branch)
};

/// interpret() with `widen`, and a bound for each element: every rounding op may be off by
/// 4·eps·√K·Σ|terms| of its declared dtype (f64: 1e-12·Σ|terms|), and carries the errors of its
/// operands to first order (see ir/reference/README.md).
mlir::FailureOr<std::vector<BoundedResult>>
interpretWithBounds(mlir::ModuleOp module, llvm::StringRef function,
                    llvm::ArrayRef<runtime::HostTensor> inputs);

/// Whether an op of this name ("weir.add") can be interpreted.
bool isInterpreted(llvm::StringRef opName);

} // namespace weir::ir
