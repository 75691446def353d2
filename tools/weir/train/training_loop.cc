// Steps, checkpoints and evaluation.
#include "tools/weir/train/training_loop.h"

#include "runtime/executor/session.h"
#include "tools/weir/files.h"
#include "tools/weir/train/checkpoint.h"
#include "tools/weir/train/profile.h"
#include "tools/weir/train/progress.h"

#include <atomic>
#include <cmath>
#include <csignal>

namespace weir::tools {

namespace {

std::atomic<bool> interruptRequested{false};

/// While it lives, ctrl-C asks the loop to stop after the step; a second one ends the process.
class InterruptGuard {
public:
  InterruptGuard() {
    previous = std::signal(SIGINT, [](int) {
      interruptRequested = true;
      std::signal(SIGINT, SIG_DFL);
    });
  }
  ~InterruptGuard() { std::signal(SIGINT, previous); }

private:
  void (*previous)(int);
};

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
  if (options.profile && !program.session())
    throw Error("--profile shows the CPU's kernels; without it this trains on " + options.device,
                Location::current());
  std::string path = options.folder + "/checkpoint.safetensors";
  if (options.resume) restoreCheckpoint(path, program, task, result);
  auto done = static_cast<int64_t>(result.curves.training.size());
  double before = result.stepSeconds;
  InterruptGuard guard;
  interruptRequested = false;
  ProgressBar bar(done, options.steps, task.unitsPerStep, task.unit);
  runtime::TraceRecorder recorder;
  while (done < options.steps && !result.interrupted) {
    if (options.profile && done == std::max<int64_t>(0, options.steps - 10))
      program.session()->setTrace(&recorder);
    Feeds feeds = task.nextBatch();
    Stopwatch watch;
    double loss = program.run(feeds, {"loss"}).scalar("loss");
    result.stepSeconds += watch.seconds();
    result.curves.training.push_back(static_cast<float>(loss));
    ++done;
    if (!std::isfinite(loss))
      throw Error("training diverged: the loss of step " + std::to_string(done) + " is " +
                      std::to_string(loss) + "; the last checkpoint is kept",
                  Location::current(), {}, "a smaller learning rate");
    if (!options.quiet) bar.update(done, loss, result.stepSeconds - before);
    result.interrupted = interruptRequested;
    if (isDue(options.evaluateEvery, done, options.steps))
      evaluate(program, task, done, bar, result);
    if (result.interrupted || isDue(options.checkpointEvery, done, options.steps))
      saveCheckpoint(path, program, task, result);
  }
  bar.finish();
  if (options.profile) {
    program.session()->setTrace(nullptr);
    std::printf("%s", profileTable(recorder, 40).c_str());
    writeText(options.folder + "/trace.json", runtime::chromeTrace(recorder));
  }
  bool evaluated =
      !result.curves.validation.empty() && result.curves.validation.back().first == done;
  if (!evaluated && !result.interrupted) evaluate(program, task, done, bar, result);
  writeText(options.folder + "/loss.svg", lossChart(result.curves));
  return result;
}

} // namespace weir::tools
