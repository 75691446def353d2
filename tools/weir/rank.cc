// Starting MPI where mpirun started us, and ending it whatever happens.
#include "tools/weir/rank.h"

#include "distributed/comm/mpi/mpi.h"
#include "runtime/device/cpu/thread_pool.h"
#include "tools/values/told.h"
#include "tools/weir/commands.h"
#include "tools/weir/status.h"

#include <algorithm>
#include <cstdio>
#include <unistd.h>

namespace weir::tools {

namespace {

/// Nobody wants to read everything once for each rank. What standard error was, for what only this
/// rank can say.
std::FILE *silence() {
  std::FILE *errors = fdopen(dup(STDERR_FILENO), "w");
  if (!std::freopen("/dev/null", "w", stdout) || !std::freopen("/dev/null", "w", stderr) || !errors)
    fail("a rank cannot open /dev/null");
  std::setvbuf(errors, nullptr, _IONBF, 0);
  return errors;
}

/// How the body of a rank ended.
struct Outcome {
  int status = 0;
  std::string words; ///< what went wrong, as others may repeat it: without "weir: error: "
};

/// Tells what goes wrong; where this rank is silenced nobody reads that.
Outcome outcomeOf(const std::function<void()> &body) {
  const std::string prefix = "weir: error: ";
  try {
    body();
    return {};
  } catch (const ExitStatus &exit) {
    return {exit.status, "interrupted"};
  } catch (...) {
    const std::string told = toldException("weir");
    std::fflush(stdout);
    std::fprintf(stderr, "%s\n", told.c_str());
    return {1, told.starts_with(prefix) ? told.substr(prefix.size()) : told};
  }
}

} // namespace

void asRank(int threads, double patience, const std::function<void(const Rank &)> &body) {
  if (!distributed::underMpirun()) return body({.threads = threads});
  const std::unique_ptr<distributed::MpiWorld> world = check(distributed::MpiWorld::create());
  const std::vector<int> &nodes = world->nodeOfRank();
  const auto here = std::count(nodes.begin(), nodes.end(), nodes[size_t(world->rank())]);
  Rank rank{.isFirst = world->rank() == 0, .threads = threads};
  if (threads == 0) rank.threads = std::max(1, runtime::availableCores() / static_cast<int>(here));
  std::FILE *errors = rank.isFirst ? stderr : silence();
  distributed::CommunicatorOptions options;
  options.failAfter = std::chrono::milliseconds(static_cast<int64_t>(1e3 * patience));
  options.report = [errors](const std::string &text) { std::fputs(text.c_str(), errors); };
  rank.communicator = world->communicator(options);
  const Outcome outcome = outcomeOf([&] { body(rank); });
  const std::string who = rank.isFirst ? "" : "rank " + std::to_string(world->rank()) + ": ";
  if (outcome.status) rank.communicator->abort(absl::AbortedError(who + outcome.words));
  rank.communicator.reset();
  world->leave(outcome.words, [errors](const std::string &text) {
    std::fprintf(errors, "weir: error: %s\n", text.c_str());
  });
  if (outcome.status) throw ExitStatus{outcome.status};
}

} // namespace weir::tools
