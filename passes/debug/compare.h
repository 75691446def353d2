// Results against the interpreter's, within the numeric contract.
#pragma once

#include "ir/reference/interpreter.h"

#include <string>

namespace weir::passes {

/// Whether passes are still to say what it computes: derivatives that are asked for, and the
/// precision that contractions are lowered to.
bool isUnsettled(mlir::ModuleOp module);

/// How many elements were compared, and how many of them with a finite bound.
struct Coverage {
  int64_t elements = 0;
  int64_t bounded = 0;
};

/// Compares with bounds; an empty string, or which element of which result is how far off.
std::string compare(llvm::ArrayRef<ir::BoundedResult> expected,
                    llvm::ArrayRef<runtime::HostTensor> got, Coverage *coverage = nullptr);

} // namespace weir::passes
