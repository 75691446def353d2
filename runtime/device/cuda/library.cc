// dlopen and dlsym.
#include "runtime/device/cuda/library.h"

#include "weir_cuda_config.h"

#include <cstdlib>
#include <dlfcn.h>
#include <vector>

namespace weir::runtime::cuda {

absl::StatusOr<void *> openLibrary(const std::string &name) {
  void *library = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library) return library;
  const std::string why = dlerror();
  if (name.find('/') != std::string::npos) return absl::UnavailableError(why);
  std::vector<std::string> homes;
  for (const char *variable : {"CUDA_HOME", "CUDA_PATH"})
    if (const char *home = std::getenv(variable)) homes.push_back(home);
  homes.push_back(WEIR_CUDA_HOME);
  for (const std::string &home : homes)
    for (const char *folder : {"/lib64/", "/lib/"})
      if (!home.empty())
        if ((library = dlopen((home + folder + name).c_str(), RTLD_NOW | RTLD_LOCAL)))
          return library;
  return absl::UnavailableError(why);
}

void *findSymbol(void *library, const char *name) {
  return dlsym(library, name);
}

} // namespace weir::runtime::cuda
