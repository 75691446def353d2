// Atomic writes with the frontend's exception.
#include "tools/weir/files.h"
#include "tools/weir/status.h"

#include <cstdio>

#include "frontend/api/error.h"
#include "runtime/base/file.h"

namespace weir::tools {

void writeText(const std::string &path, std::string_view text) {
  absl::Status status =
      runtime::writeFileAtomically(path, {std::as_bytes(std::span(text.data(), text.size()))});
  if (!status.ok()) fail(std::string(status.message()));
}

void writeOutput(const std::string &path, std::string_view bytes) {
  if (path != "-") return writeText(path, bytes);
  if (std::fwrite(bytes.data(), 1, bytes.size(), stdout) != bytes.size() || std::fflush(stdout))
    fail("cannot write standard output");
}

} // namespace weir::tools
