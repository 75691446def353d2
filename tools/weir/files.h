// Files that commands write.
#pragma once

#include <string>
#include <string_view>

namespace weir::tools {

/// Writes `text` to `path` whole or not at all. Throws weir::Error naming the path.
void writeText(const std::string &path, std::string_view text);

/// The same to standard output where `path` is "-".
void writeOutput(const std::string &path, std::string_view bytes);

} // namespace weir::tools
