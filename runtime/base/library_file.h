// Which files are Weir's own: their frames are not what an error, a profile or a report points at.
#pragma once

#include <string_view>

namespace weir::runtime {

/// Whether a source file belongs to the library's own folders under frontend/. Models and examples
/// are written as users write, so their lines count as the user's.
bool isLibraryFile(std::string_view file);

} // namespace weir::runtime
