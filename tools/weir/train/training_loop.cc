// Steps, checkpoints and evaluation.
#include "tools/weir/train/training_loop.h"

#include "tools/weir/files.h"
#include "tools/weir/status.h"
#include "tools/weir/train/checkpoint.h"
#include "tools/weir/train/profile.h"
#include "tools/weir/train/progress.h"

#include <array>
#include <atomic>
#include <cmath>
#include <csignal>

namespace weir::tools {

namespace {

std::atomic<bool> interruptRequested{false};

/// While it lives, ctrl-C, a terminal that goes away and a scheduler that wants the machine back
/// ask the loop to stop after the step; the second time ends the process.
class InterruptGuard {
public:
  InterruptGuard() {
    for (size_t i = 0; i < kSignals.size(); ++i)
      previous[i] = std::signal(kSignals[i], [](int number) {
        interruptRequested = true;
        std::signal(number, SIG_DFL);
      });
  }
  ~InterruptGuard() {
    for (size_t i = 0; i < kSignals.size(); ++i) std::signal(kSignals[i], previous[i]);
  }

private:
  static constexpr std::array<int, 3> kSignals = {SIGINT, SIGTERM, SIGHUP};
  std::array<void (*)(int), kSignals.size()> previous;
};

/// One between steps may fail: the disk may have room again for the next, which the last one must.
void saveBetween(const std::string &path, const Program &program, const TrainTask &task,
                 const TrainResult &result, const TrainOptions &options, ProgressBar &bar) {
  try {
    saveCheckpoint(path, program, task, result);
    options.onCheckpoint();
  } catch (const Error &error) {
    bar.print("warning: " + error.message() + "; training goes on without this checkpoint");
  }
}

bool isDue(int64_t every, int64_t done, int64_t total) {
  return done == total || (every > 0 && done % every == 0);
}

void evaluate(const Program &program, const TrainTask &task, int64_t done, ProgressBar &bar,
              TrainResult &result) {
  Stopwatch watch;
  result.validationLoss = task.validationLoss(program);
  result.curves.validation.push_back({done, result.validationLoss});
  char line[160];
  std::snprintf(line, sizeof line, "step %ld: validation loss %.4f (evaluated in %s)",
                static_cast<long>(done), result.validationLoss, duration(watch.seconds()).c_str());
  bar.print(line);
}

} // namespace

TrainResult runTraining(Program &program, const TrainTask &task, const TrainOptions &options) {
  TrainResult result;
  result.curves.title = task.title;
  if (options.profile && !program.session() && !program.meshSession())
    throw Error("--profile shows the CPU's kernels; without it this trains on " + options.device,
                Location::current());
  std::string path = options.folder + "/checkpoint.safetensors";
  if (options.resume) restoreCheckpoint(path, program, task, result);
  auto done = static_cast<int64_t>(result.curves.training.size());
  if (!options.news.empty())
    std::fprintf(stderr, "%s from step %ld\n", options.news.c_str(), static_cast<long>(done));
  double before = result.stepSeconds;
  InterruptGuard guard;
  interruptRequested = false;
  ProgressBar bar(done, options.steps, task.unitsPerStep, task.unit);
  Profile profile;
  while (done < options.steps && !result.interrupted) {
    if (options.profile && done == std::max<int64_t>(0, options.steps - 10)) profile.start(program);
    Feeds feeds = task.nextBatch();
    Stopwatch watch;
    double loss = program.run(feeds, {task.loss}).scalar(task.loss);
    result.stepSeconds += watch.seconds();
    result.curves.training.push_back(static_cast<float>(loss));
    ++done;
    if (!std::isfinite(loss))
      fail("training diverged: the loss of step " + std::to_string(done) + " is " +
               std::to_string(loss) + "; the last checkpoint is kept",
           "a smaller learning rate; --check-numerics names the op");
    if (!options.quiet) bar.update(done, loss, result.stepSeconds - before);
    result.interrupted = options.onAny(interruptRequested);
    if (isDue(options.evaluateEvery, done, options.steps))
      evaluate(program, task, done, bar, result);
    if (result.interrupted || done == options.steps) {
      saveCheckpoint(path, program, task, result);
      options.onCheckpoint();
    } else if (isDue(options.checkpointEvery, done, options.steps)) {
      saveBetween(path, program, task, result, options, bar);
    }
  }
  bar.finish();
  if (options.profile) profile.finish(options);
  bool evaluated =
      !result.curves.validation.empty() && result.curves.validation.back().first == done;
  if (!evaluated && !result.interrupted) evaluate(program, task, done, bar, result);
  if (options.isFirst) writeText(options.folder + "/loss.svg", lossChart(result.curves));
  return result;
}

} // namespace weir::tools
