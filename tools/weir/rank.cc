// Starting MPI where mpirun started us, and ending it whatever happens.
#include "tools/weir/rank.h"

#include "distributed/comm/mpi/mpi.h"
#include "runtime/device/cpu/thread_pool.h"
#include "tools/values/told.h"
#include "tools/weir/commands.h"
#include "tools/weir/status.h"

#include <algorithm>
#include <cstdio>
#include <fcntl.h>
#include <unistd.h>

namespace weir::tools {

namespace {

/// Nobody wants to read everything once for each rank: all but the first write to nowhere.
class Voice {
public:
  /// What standard error was, for what only this rank can say.
  std::FILE *const errors = fdopen(dup(STDERR_FILENO), "w");

  Voice() {
    if (!errors || output < 0 || nowhere < 0) fail("a rank cannot open /dev/null");
    std::setvbuf(errors, nullptr, _IONBF, 0);
  }
  ~Voice() {
    close(output);
    close(nowhere);
  }
  Voice(const Voice &) = delete;
  Voice &operator=(const Voice &) = delete;

  void speak(bool aloud) const {
    std::fflush(stdout);
    dup2(aloud ? output : nowhere, STDOUT_FILENO);
    dup2(aloud ? fileno(errors) : nowhere, STDERR_FILENO);
  }

private:
  const int output = dup(STDOUT_FILENO), nowhere = open("/dev/null", O_WRONLY);
};

/// How the body of a rank ended.
struct Outcome {
  int status = 0;
  std::string words; ///< what went wrong, as others may repeat it: without "weir: error: "
  std::string told;  ///< the whole of it, where the body has not told it
};

Outcome outcomeOf(const std::function<void()> &body) {
  const std::string prefix = "weir: error: ";
  try {
    body();
    return {};
  } catch (const ExitStatus &exit) {
    return {exit.status, "interrupted", ""};
  } catch (...) {
    const std::string told = toldException("weir");
    return {1, told.starts_with(prefix) ? told.substr(prefix.size()) : told, told};
  }
}

/// The threads of this rank: what was asked for, or its share of its host's cores.
int threadsOf(const distributed::MpiWorld &world, int asked) {
  const std::vector<int> &nodes = world.nodeOfRank();
  const auto here = std::count(nodes.begin(), nodes.end(), nodes[size_t(world.rank())]);
  return asked ? asked : std::max(1, runtime::availableCores() / static_cast<int>(here));
}

} // namespace

void asRank(int threads, double patience, const std::function<void(const Rank &)> &body,
            const Regroup &regroup) {
  if (!distributed::underMpirun()) {
    if (regroup) fail("--on-failure=shrink is for ranks that mpirun starts");
    return body({.threads = threads});
  }
  const std::unique_ptr<distributed::MpiWorld> world = check(distributed::MpiWorld::create());
  const Voice voice;
  distributed::CommunicatorOptions options;
  options.failAfter = std::chrono::milliseconds(static_cast<int64_t>(1e3 * patience));
  options.report = [&](const std::string &text) { std::fputs(text.c_str(), voice.errors); };
  std::shared_ptr<runtime::Communicator> communicator;
  const auto act = [&](int active) {
    voice.speak(world->rank() == 0);
    communicator = world->communicator(options, active);
    if (world->rank() >= active) return world->standBy();
    if (regroup) check(world->canShrink());
    body({communicator, world->rank() == 0, threadsOf(*world, threads)});
  };
  Outcome outcome = outcomeOf([&] { act(world->size()); });
  while (regroup && world->hasLost())
    outcome = outcomeOf([&] {
      const std::vector<int> died = check(world->shrink());
      voice.speak(world->rank() == 0);
      act(regroup(died, world->size()));
    });
  std::fflush(stdout);
  if (!outcome.told.empty()) std::fprintf(stderr, "%s\n", outcome.told.c_str());
  const std::string who = world->rank() == 0 ? "" : "rank " + std::to_string(world->rank()) + ": ";
  if (outcome.status) communicator->abort(absl::AbortedError(who + outcome.words));
  communicator.reset();
  world->leave(outcome.words, [&](const std::string &text) {
    std::fprintf(voice.errors, "weir: error: %s\n", text.c_str());
  });
  if (outcome.status) throw ExitStatus{outcome.status};
}

} // namespace weir::tools
