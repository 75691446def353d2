// NCCL's functions, found at run time: nothing links NCCL, so every binary starts without it. The
// table is typed by NCCL's own header; where a build has none, there is only the message that says
// so.
#pragma once

#include "weir_cuda_config.h"

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#if WEIR_HAVE_NCCL
#include <nccl.h>

#define WEIR_NCCL_FUNCTIONS(X)                                                                     \
  X(ncclGetVersion)                                                                                \
  X(ncclGetUniqueId)                                                                               \
  X(ncclGetErrorString)                                                                            \
  X(ncclCommInitRankConfig)                                                                        \
  X(ncclCommGetAsyncError)                                                                         \
  X(ncclCommDestroy)                                                                               \
  X(ncclCommAbort)                                                                                 \
  X(ncclAllReduce)                                                                                 \
  X(ncclReduce)                                                                                    \
  X(ncclBroadcast)                                                                                 \
  X(ncclAllGather)                                                                                 \
  X(ncclReduceScatter)                                                                             \
  X(ncclSend)                                                                                      \
  X(ncclRecv)                                                                                      \
  X(ncclGroupStart)                                                                                \
  X(ncclGroupEnd)
#endif

namespace weir::distributed {

#if WEIR_HAVE_NCCL
struct NcclTable {
#define WEIR_NCCL_FIELD(name) decltype(&::name) name = nullptr;
  WEIR_NCCL_FUNCTIONS(WEIR_NCCL_FIELD)
#undef WEIR_NCCL_FIELD
};
#else
struct NcclTable {};
#endif

/// Fills a table from the library of that name (runtime/device/cuda/library.h). Errors: no such
/// library; a function that it lacks.
absl::StatusOr<NcclTable> loadNccl(const char *path);
/// This process's NCCL. Errors: say what is missing, for users: its header when this was built, the
/// library, a newer one.
absl::StatusOr<const NcclTable *> nccl();

} // namespace weir::distributed
