// Kernels that are a convolution for a library (ir/dialect/library.h), as the runtime hears of
// them.
#pragma once

#include "runtime/device/convolution.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <optional>

namespace weir::codegen {

/// Nothing where `kernel` is to be lowered as others are.
std::optional<runtime::Convolution> libraryConvolution(mlir::func::FuncOp kernel);

} // namespace weir::codegen
