// dlopen once a process. The library stays open.
#include "distributed/comm/nccl/nccl_library.h"

#include "runtime/device/cuda/library.h"

#include <absl/strings/str_cat.h>

namespace weir::distributed {

#if WEIR_HAVE_NCCL

absl::StatusOr<NcclTable> loadNccl(const char *path) {
  auto library = runtime::cuda::openLibrary(path);
  if (!library.ok())
    return absl::UnavailableError(
        absl::StrCat("no NCCL on this machine: ", library.status().message()));
  NcclTable table;
  const char *missing = nullptr;
#define WEIR_NCCL_FIND(name)                                                                       \
  if (!runtime::cuda::findFunction(*library, #name, table.name) && !missing) missing = #name;
  WEIR_NCCL_FUNCTIONS(WEIR_NCCL_FIND)
#undef WEIR_NCCL_FIND
  if (missing)
    return absl::UnavailableError(absl::StrCat("NCCL is too old: ", path, " has no function ",
                                               missing, " (headers of ", NCCL_MAJOR, ".",
                                               NCCL_MINOR, ")"));
  return table;
}

static absl::StatusOr<NcclTable> initialize() {
  auto table = loadNccl("libnccl.so.2");
  if (!table.ok()) return table;
  int version = 0;
  table->ncclGetVersion(&version);
  constexpr int least = 21400; // Non-blocking communicators.
  if (version < least)
    return absl::UnavailableError(absl::StrCat("NCCL is too old: ", version / 10000, ".",
                                               version % 10000 / 100, ", and 2.14 is needed"));
  return table;
}

absl::StatusOr<const NcclTable *> nccl() {
  static const absl::StatusOr<NcclTable> table = initialize();
  if (!table.ok()) return table.status();
  return &*table;
}

#else

absl::StatusOr<NcclTable> loadNccl(const char *) {
  return absl::UnavailableError("weir was built without NCCL's header (nccl.h beside CUDA's)");
}

absl::StatusOr<const NcclTable *> nccl() {
  return loadNccl("").status();
}

#endif

} // namespace weir::distributed
