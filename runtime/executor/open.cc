#include "runtime/executor/open.h"

namespace weir::runtime {

static absl::StatusOr<SessionOptions> optionsFor(LoadedExecutable &loaded, int threads) {
  SessionOptions options;
  options.variables = std::make_shared<VariableStore>();
  if (threads > 0) options.pool = std::make_shared<ThreadPool>(threads);
  for (size_t i = 0; i < loaded.values.size(); ++i) {
    const std::string &name = loaded.executable->variables[i].name;
    if (absl::Status s = options.variables->adopt(name, std::move(loaded.values[i])); !s.ok())
      return s;
  }
  return options;
}

absl::StatusOr<std::unique_ptr<Session>> openSession(LoadedExecutable loaded, int threads) {
  auto options = optionsFor(loaded, threads);
  if (!options.ok()) return options.status();
  return Session::create(std::move(loaded.executable), *std::move(options));
}

absl::StatusOr<std::unique_ptr<BatchSession>> openBatchSession(LoadedExecutable loaded,
                                                               int threads) {
  auto options = optionsFor(loaded, threads);
  if (!options.ok()) return options.status();
  return BatchSession::create(std::move(loaded.batch), *std::move(options));
}

} // namespace weir::runtime
