// dlopen once a process. The library stays open.
#include "runtime/device/cuda/driver.h"

#include <absl/strings/str_cat.h>

#include <dlfcn.h>

namespace weir::runtime::cuda {

#if WEIR_HAVE_CUDA

#define WEIR_CUDA_STRING(name) #name

absl::StatusOr<DriverTable> loadDriver(const char *path) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library)
    return absl::UnavailableError(absl::StrCat("no NVIDIA driver on this machine: ", dlerror()));
  DriverTable table;
  const char *missing = nullptr;
  auto find = [&](auto &field, const char *name) {
    field = reinterpret_cast<std::remove_reference_t<decltype(field)>>(dlsym(library, name));
    if (!field && !missing) missing = name;
  };
#define WEIR_CUDA_FIND(name) find(table.name, WEIR_CUDA_STRING(name));
  WEIR_CUDA_FUNCTIONS(WEIR_CUDA_FIND)
#undef WEIR_CUDA_FIND
  if (missing)
    return absl::UnavailableError(absl::StrCat("the NVIDIA driver is too old: ", path,
                                               " has no function ", missing, " (CUDA ",
                                               CUDA_VERSION / 1000, " headers)"));
  return table;
}

absl::Status statusOf(const DriverTable &table, CUresult result, const char *function) {
  if (result == CUDA_SUCCESS) return absl::OkStatus();
  const char *name = nullptr, *words = nullptr;
  table.cuGetErrorName(result, &name);
  table.cuGetErrorString(result, &words);
  std::string message = absl::StrCat(function, ": ", words ? words : "unknown error", " (",
                                     name ? name : absl::StrCat(int(result)), ")");
  return result == CUDA_ERROR_OUT_OF_MEMORY ? absl::ResourceExhaustedError(message)
                                            : absl::InternalError(message);
}

static absl::StatusOr<DriverTable> initialize() {
  auto table = loadDriver("libcuda.so.1");
  if (!table.ok()) return table;
  if (auto status = statusOf(*table, table->cuInit(0), "cuInit"); !status.ok())
    return absl::UnavailableError(
        absl::StrCat("the NVIDIA driver does not start: ", status.message()));
  int version = 0, devices = 0;
  table->cuDriverGetVersion(&version);
  constexpr int least = 12000; // Whose PTX version 7.5 and graphs are used.
  if (version < least)
    return absl::UnavailableError(absl::StrCat("the NVIDIA driver is too old: it is for CUDA ",
                                               version / 1000, ".", version % 1000 / 10,
                                               ", and 12.0 is needed"));
  table->cuDeviceGetCount(&devices);
  if (devices == 0) return absl::UnavailableError("the NVIDIA driver finds no GPU");
  return table;
}

absl::StatusOr<const DriverTable *> driver() {
  static const absl::StatusOr<DriverTable> table = initialize();
  if (!table.ok()) return table.status();
  return &*table;
}

#else

absl::StatusOr<const DriverTable *> driver() {
  return absl::UnavailableError("weir was built without CUDA's headers; after tools/setup --cuda, "
                                "build it again");
}

#endif

} // namespace weir::runtime::cuda
