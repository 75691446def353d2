// What a tool's main says of an exception.
#pragma once

#include <string>

namespace weir::tools {

/// What is wrong, by the exception that is being handled, for standard error: with the user's file
/// and line where there is one, else "PROGRAM: error: ...", as lines of Weir's own sources tell the
/// user of a tool nothing.
std::string toldException(const std::string &program);

} // namespace weir::tools
