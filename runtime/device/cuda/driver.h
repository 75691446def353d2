// libcuda's functions, found at run time: nothing links libcuda, so every binary starts without a
// driver. The table is typed by CUDA's own headers; where a build has none, there is only the
// message that says so.
#pragma once

#include "weir_cuda_config.h"

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#if WEIR_HAVE_CUDA
#include <cuda.h>

// Names as cuda.h has them; it renames some by macro (cuMemAlloc is cuMemAlloc_v2), which the
// fields, their types and the symbols all follow.
#define WEIR_CUDA_FUNCTIONS(X)                                                                     \
  X(cuInit)                                                                                        \
  X(cuDriverGetVersion)                                                                            \
  X(cuGetErrorName)                                                                                \
  X(cuGetErrorString)                                                                              \
  X(cuDeviceGetCount)                                                                              \
  X(cuDeviceGet)                                                                                   \
  X(cuDeviceGetName)                                                                               \
  X(cuDeviceTotalMem)                                                                              \
  X(cuDeviceGetAttribute)                                                                          \
  X(cuDevicePrimaryCtxRetain)                                                                      \
  X(cuDevicePrimaryCtxRelease)                                                                     \
  X(cuCtxSetCurrent)                                                                               \
  X(cuMemGetInfo)                                                                                  \
  X(cuMemAlloc)                                                                                    \
  X(cuMemFree)                                                                                     \
  X(cuMemAllocHost)                                                                                \
  X(cuMemFreeHost)                                                                                 \
  X(cuMemcpyHtoDAsync)                                                                             \
  X(cuMemcpyDtoHAsync)                                                                             \
  X(cuMemcpyDtoDAsync)                                                                             \
  X(cuMemsetD8Async)                                                                               \
  X(cuStreamCreate)                                                                                \
  X(cuStreamDestroy)                                                                               \
  X(cuStreamSynchronize)                                                                           \
  X(cuStreamWaitEvent)                                                                             \
  X(cuStreamBeginCapture)                                                                          \
  X(cuStreamEndCapture)                                                                            \
  X(cuEventCreate)                                                                                 \
  X(cuEventDestroy)                                                                                \
  X(cuEventRecord)                                                                                 \
  X(cuModuleLoadData)                                                                              \
  X(cuModuleUnload)                                                                                \
  X(cuModuleGetFunction)                                                                           \
  X(cuLaunchKernel)                                                                                \
  X(cuGraphInstantiateWithFlags)                                                                   \
  X(cuGraphDestroy)                                                                                \
  X(cuGraphExecDestroy)                                                                            \
  X(cuGraphLaunch)
#endif

namespace weir::runtime::cuda {

#if WEIR_HAVE_CUDA
struct DriverTable {
#define WEIR_CUDA_FIELD(name) decltype(&::name) name = nullptr;
  WEIR_CUDA_FUNCTIONS(WEIR_CUDA_FIELD)
#undef WEIR_CUDA_FIELD
};

/// Fills a table from the library at `path`. Errors: no such library; a function that it lacks.
absl::StatusOr<DriverTable> loadDriver(const char *path);
/// `result` of `function` as a status with CUDA's own name and words; ok for CUDA_SUCCESS.
absl::Status statusOf(const DriverTable &table, CUresult result, const char *function);
#else
struct DriverTable {};
#endif

/// This process's driver, initialized. Errors: say what is missing, for users: CUDA when this was
/// built, a driver, a newer driver, a device.
absl::StatusOr<const DriverTable *> driver();

} // namespace weir::runtime::cuda
