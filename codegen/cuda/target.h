// What a GPU offers to kernels, in the words that codegen/lower asks in, and the device that PTX is
// written for.
#pragma once

#include "codegen/cpu/target_info.h"

namespace weir::codegen::cuda {

constexpr int64_t kWarpLanes = 32;
constexpr int64_t kWarpsPerBlock = 4;

/// The processor and PTX version of generated code: runs on it and on everything later.
constexpr const char *kProcessor = "sm_80", *kFeatures = "+ptx75";

/// A warp as one thread with vectors of 32 lanes, whatever their elements.
TargetInfo warpTarget();

} // namespace weir::codegen::cuda
