// Atomic writes with the frontend's exception.
#include "tools/weir/files.h"
#include "tools/weir/status.h"

#include "runtime/base/file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <unistd.h>

namespace weir::tools {

void writeText(const std::string &path, std::string_view text) {
  absl::Status status =
      runtime::writeFileAtomically(path, {std::as_bytes(std::span(text.data(), text.size()))});
  if (!status.ok()) fail(std::string(status.message()));
}

void writeOutput(const std::string &path, std::string_view bytes) {
  if (path != "-") return writeText(path, bytes);
  if (std::fwrite(bytes.data(), 1, bytes.size(), stdout) != bytes.size() || std::fflush(stdout))
    fail("cannot write standard output: " + std::string(std::strerror(errno)));
}

void makeFolder(const std::string &path) {
  std::error_code code;
  std::filesystem::create_directories(path, code);
  if (code) fail("cannot make the folder " + path + ": " + code.message());
  if (access(path.c_str(), W_OK | X_OK) != 0)
    fail("cannot write into the folder " + path + ": " + std::strerror(errno));
}

void checkWritable(const std::string &path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  std::error_code code;
  if (std::filesystem::is_directory(path, code)) fail("cannot write " + path + ": it is a folder");
  if (access(folder.empty() ? "." : folder.c_str(), W_OK | X_OK) != 0)
    fail("cannot write " + path + ": " + std::strerror(errno));
}

} // namespace weir::tools
