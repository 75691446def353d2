// Files that commands write.
#pragma once

#include <string>
#include <string_view>

namespace weir::tools {

/// Writes `text` to `path` whole or not at all. Throws weir::Error naming the path.
void writeText(const std::string &path, std::string_view text);

/// The same to standard output where `path` is "-".
void writeOutput(const std::string &path, std::string_view bytes);

/// Makes a folder, and those it is in; checks that files can be made there. Throws weir::Error
/// naming the path.
void makeFolder(const std::string &path);

/// Checks, before long work, that a file can be made at `path`. Throws weir::Error.
void checkWritable(const std::string &path);

} // namespace weir::tools
