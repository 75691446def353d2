// The loop behind every `weir train`: steps, progress, checkpoints that resume bit for bit,
// evaluation, reports.
#pragma once

#include "frontend/weir.h"
#include "tools/weir/train/loss_chart.h"

#include <cstdio>
#include <functional>
#include <map>
#include <string>

namespace weir::tools {

/// Flags common to all models.
struct TrainOptions {
  std::string folder; ///< where checkpoint, chart and summary go
  int64_t steps = 0, seed = 1;
  int64_t checkpointEvery = 500; ///< steps; 0: only at the end
  int64_t evaluateEvery = 500;   ///< steps; 0: only at the end
  int threads = 0;               ///< 0: all cores
  int64_t memoryBudget = 0;      ///< bytes that a step may need; 0: any
  std::string device = "cpu";    ///< what trains; `--device`
  std::string precision = "f32"; ///< of dots and convolutions: f32, tf32, bf16 or f16
  std::string mesh;              ///< "data=2,model=2"; empty: one device
  int64_t zero = 0;              ///< see models::ParallelOptions
  int64_t bucketBytes = 0;       ///< see models::ParallelOptions
  bool isFirst = true;           ///< of several processes, the one that writes reports
  double patience = 120;         ///< seconds that a rank waits for one that does not come
  /// Whether it is so on any of several processes, which all ask.
  std::function<bool(bool here)> onAny = [](bool here) { return here; };
  bool resume = false;
  std::string onFailure = "stop";             ///< of a rank: or "shrink"
  std::string news;                           ///< to be said with the step at which the loop begins
  std::function<void()> onCheckpoint = [] {}; ///< after one was written
  bool quiet = false;
  bool checkNumerics = false; ///< stop at the op that makes the first NaN or infinity
  bool profile = false; ///< print where the time of the last steps went; write FOLDER/trace.json
  bool json = false;    ///< the report on standard output is summary.json; the rest is remarks
  bool scalesLoss() const { return precision == "f16"; }
  std::FILE *reportFile() const { return json ? stderr : stdout; }
};

/// What a model gives to the loop.
struct TrainTask {
  std::string title;
  std::map<std::string, std::string> config; ///< must agree when a checkpoint is resumed
  std::function<Feeds()> nextBatch;
  std::function<std::string()> samplerState; ///< where the data stands, as text
  std::function<void(const std::string &)> restoreSampler;
  std::function<double(const Program &)> validationLoss; ///< of the program's variables now
  std::string loss = "loss";                             ///< the output that is trained
  int64_t unitsPerStep = 1;
  std::string unit; ///< "tokens", "rows"
};

struct TrainResult {
  LossCurves curves;
  double stepSeconds =
      0; ///< of all steps, evaluation and compilation apart, over all resumed parts
  double validationLoss = 0;
  bool interrupted = false; ///< by ctrl-C: a checkpoint was written
};

/// Runs `program` to options.steps. Writes FOLDER/checkpoint.safetensors
/// atomically, and FOLDER/loss.svg. Errors: a loss that is not finite; a checkpoint that is
/// missing, damaged or of another configuration.
TrainResult runTraining(Program &program, const TrainTask &task, const TrainOptions &options);

/// What the run did: compile time, FLOPs, share of the machine's peak, predicted and measured
/// memory. Printed, and written to FOLDER/summary.json.
void reportTraining(const Program &program, const TrainTask &task, const TrainOptions &options,
                    const TrainResult &result);

} // namespace weir::tools
