// Flags and help that several commands share.
#include "tools/weir/commands.h"

namespace weir::tools {

void addExample(CLI::App &command, const std::string &lines) {
  std::string text = "Examples:";
  for (size_t at = 0; at < lines.size();) {
    const size_t end = std::min(lines.find('\n', at), lines.size());
    text += "\n  " + lines.substr(at, end - at);
    at = end + 1;
  }
  command.footer(text);
}

void addMemoryBudget(CLI::App &app, int64_t &bytes) {
  app.add_option("--memory-budget", bytes,
                 "bytes that a run may need (64M, 1.5G): what does not fit is computed again")
      ->transform(CLI::AsSizeValue(false));
}

} // namespace weir::tools
