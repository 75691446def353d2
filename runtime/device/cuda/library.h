// NVIDIA's libraries by name, where the loader finds them or where a toolkit has them.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <string>

namespace weir::runtime::cuda {

/// A handle of dlopen for "libnccl.so.2"; a path is taken as it is. Looked for in the loader's
/// paths, then in lib64 and lib of CUDA_HOME, CUDA_PATH and the toolkit that this was built with.
/// Errors: what the loader says first. The library stays open.
absl::StatusOr<void *> openLibrary(const std::string &name);

void *findSymbol(void *library, const char *name);

/// Fills `field` with the function of that name. False: there is none.
template <class Function> bool findFunction(void *library, const char *name, Function &field) {
  field = reinterpret_cast<Function>(findSymbol(library, name));
  return field != nullptr;
}

} // namespace weir::runtime::cuda
