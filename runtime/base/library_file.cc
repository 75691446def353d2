#include "runtime/base/library_file.h"

namespace weir::runtime {
namespace {

/// The workspace's folder as the compiler was given it for this file: what library frames start
/// with.
constexpr std::string_view workspaceRoot() {
  constexpr std::string_view self = __FILE__, tail = "runtime/base/library_file.cc";
  return self.ends_with(tail) ? self.substr(0, self.size() - tail.size()) : std::string_view();
}

} // namespace

bool isLibraryFile(std::string_view file) {
  constexpr std::string_view root = workspaceRoot(), frontend = "frontend/";
  if (file.starts_with("./")) file.remove_prefix(2); // headers found through -I.
  if (!file.starts_with(root) || file.ends_with("_test.cc")) return false;
  file.remove_prefix(root.size());
  if (!file.starts_with(frontend)) return false;
  file.remove_prefix(frontend.size());
  for (std::string_view folder : {"api/", "build/", "nn/", "data/", "import/"})
    if (file.starts_with(folder)) return true;
  return false;
}

} // namespace weir::runtime
