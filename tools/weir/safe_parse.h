// MLIR's text parser in a process of its own: where it crashes or does not end, the command says so
// and ends as for any other mistake.
#pragma once

#include <functional>
#include <string>

namespace weir::tools {

/// Runs `parse` in a child process, which reports nothing; mistakes that `parse` reports are found
/// again, and told, by whoever parses next. To be called while the process has one thread. Throws
/// weir::Error when the child crashes or takes longer than `seconds` of processor time.
void tryInChild(const std::string &source, int seconds, const std::function<void()> &parse);

} // namespace weir::tools
