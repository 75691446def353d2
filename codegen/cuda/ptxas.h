// NVIDIA's assembler, a program of the CUDA toolkit, where it is found.
#pragma once

#include "llvm/Support/Error.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace weir::codegen::cuda {

/// What a kernel takes of a multiprocessor.
struct Resources {
  int64_t registers = 0; // of a thread
  int64_t sharedBytes = 0, spillBytes = 0, stackBytes = 0;
};

struct Cubin {
  std::vector<uint8_t> bytes;
  std::map<std::string, Resources> kernels; // by entry
};

/// Path of ptxas: in CUDA_HOME, CUDA_PATH, the toolkit that this was built with, that of
/// tools/setup
/// --cuda, or PATH. Errors: says where it was looked for.
llvm::Expected<std::string> findPtxas();

/// Assembles for `processor` ("sm_90"). Errors: what ptxas says.
llvm::Expected<Cubin> assemble(const std::string &ptxas, const std::string &ptx,
                               const std::string &processor);

/// Part of a multiprocessor's 64 warps (2048 threads) that blocks of this kernel can fill.
double occupancyOf(const Resources &resources, int64_t threadsPerBlock);

} // namespace weir::codegen::cuda
