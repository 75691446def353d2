// Constants as the bytes that kernels read.
#pragma once

#include "mlir/IR/BuiltinAttributeInterfaces.h"

#include <cstddef>

namespace weir::codegen {

/// Writes the elements row-major to `out`, which has room for them; i1 takes a byte each.
void writeElements(mlir::ElementsAttr elements, std::byte *out);

} // namespace weir::codegen
