// Atomic writes with the frontend's exception.
#include "tools/weir/files.h"

#include "frontend/api/error.h"
#include "runtime/base/file.h"

namespace weir::tools {

void writeText(const std::string &path, std::string_view text) {
  absl::Status status =
      runtime::writeFileAtomically(path, {std::as_bytes(std::span(text.data(), text.size()))});
  if (!status.ok()) throw Error(std::string(status.message()), Location::current());
}

} // namespace weir::tools
