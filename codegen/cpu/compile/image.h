// The machine code of a set of kernels: position-independent bytes that run wherever they are
// mapped read-execute on a page boundary, and where in them each kernel starts.
#ifndef WEIR_CODEGEN_CPU_COMPILE_IMAGE_H
#define WEIR_CODEGEN_CPU_COMPILE_IMAGE_H

#include "llvm/ADT/StringMap.h"

#include <cstdint>
#include <vector>

namespace weir::codegen {

/// What every kernel looks like in an image; it works on tasks [begin, end).
using KernelEntry = void (*)(void **buffers, int64_t begin, int64_t end, void *scratch);

struct Image {
  std::vector<uint8_t> bytes;
  llvm::StringMap<uint64_t> offsets; // of each kernel, by name
};

} // namespace weir::codegen

#endif // WEIR_CODEGEN_CPU_COMPILE_IMAGE_H
