#include "runtime/executor/open.h"

namespace weir::runtime {

absl::StatusOr<std::unique_ptr<Session>> openSession(LoadedExecutable loaded, int threads) {
  SessionOptions options;
  options.variables = std::make_shared<VariableStore>();
  if (threads > 0) options.pool = std::make_shared<ThreadPool>(threads);
  for (size_t i = 0; i < loaded.values.size(); ++i) {
    const std::string &name = loaded.executable->variables[i].name;
    if (absl::Status s = options.variables->adopt(name, std::move(loaded.values[i])); !s.ok())
      return s;
  }
  return Session::create(std::move(loaded.executable), std::move(options));
}

} // namespace weir::runtime
