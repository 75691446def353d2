// Kernels that are a dot for a library (ir/dialect/library.h), as the runtime hears of them.
#pragma once

#include "runtime/device/matrix_product.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace weir::codegen {

/// What a library may use while it computes: what NVIDIA advises for the largest of its GPUs.
constexpr int64_t kLibraryWorkspaceBytes = 32 << 20;

/// Nothing where `kernel` is to be lowered as others are.
std::optional<runtime::MatrixProduct> libraryProduct(mlir::func::FuncOp kernel);

} // namespace weir::codegen
