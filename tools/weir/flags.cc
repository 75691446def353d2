// Flags and help that several commands share.
#include "tools/weir/commands.h"

namespace weir::tools {

void addMemoryBudget(CLI::App &app, int64_t &bytes) {
  app.add_option("--memory-budget", bytes,
                 "bytes that a run may need (64M, 1.5G): what does not fit is computed again")
      ->transform(CLI::AsSizeValue(false));
}

} // namespace weir::tools
