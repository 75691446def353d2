// `weir train`: the models that it knows, and the flags that they share.
#include "tools/weir/commands.h"
#include "tools/weir/train/training_loop.h"

#include <cstdio>

namespace weir::tools {

void addTrain(CLI::App &app) {
  auto *train =
      app.add_subcommand("train", "train a model on real data, with checkpoints and a report");
  train->require_subcommand(1);
  addExample(
      *train,
      "weir train gpt --steps 200                  each model has --help with examples\n"
      "weir train mlp --data digits.csv\n"
      "weir train model.onnx --data digits.csv     short for: weir train file model.onnx ...");
  addTrainGpt(*train);
  addTrainLstm(*train);
  addTrainMlp(*train);
  addTrainLeNet(*train);
  addTrainFile(*train);
}

void addCommonTrainOptions(CLI::App &app, TrainOptions &options) {
  app.add_option("--steps", options.steps, "optimizer steps")
      ->capture_default_str()
      ->check(atLeast(0));
  app.add_option("--seed", options.seed, "of initial values, batches and the sample")
      ->capture_default_str();
  app.add_option("--out", options.folder,
                 "folder for checkpoint.safetensors, loss.svg, summary.json")
      ->capture_default_str();
  app.add_option("--checkpoint-every", options.checkpointEvery,
                 "steps between checkpoints; 0: only at the end")
      ->capture_default_str()
      ->check(atLeast(0));
  app.add_option("--evaluate-every", options.evaluateEvery,
                 "steps between evaluations; 0: only at the end")
      ->capture_default_str()
      ->check(atLeast(0));
  addThreads(app, options.threads);
  addMemoryBudget(app, options.memoryBudget);
  addDevice(app, options.device);
  app.add_option("--precision", options.precision,
                 "of dots and convolutions; parameters and all else stay f32. f16 scales the loss "
                 "and skips steps whose gradients overflow; tf32 is of GPUs")
      ->capture_default_str()
      ->check(CLI::IsMember({"f32", "tf32", "bf16", "f16"}));
  app.add_option("--mesh", options.mesh,
                 "devices along named axes, as threads of this process or, under mpirun, one a "
                 "rank: data=2,model=2. data splits the batch, sequence the tokens of a window, "
                 "model the matrices of a transformer, expert the experts of mixtures");
  app.add_option("--zero", options.zero,
                 "with an axis data: 1 splits optimizer state over it, 2 also gradients, 3 also "
                 "parameters")
      ->check(CLI::Range(0, 3));
  app.add_option("--bucket-bytes", options.bucketBytes,
                 "with an axis data: gradients of fewer bytes are reduced together, in buckets of "
                 "at most so many, while the rest is computed; 0: each on its own")
      ->capture_default_str()
      ->check(atLeast(0));
  app.add_option(
         "--patience", options.patience,
         "under mpirun: seconds that ranks wait for one that does not come, before they say "
         "which and end the job")
      ->capture_default_str()
      ->check(aboveZero());
  app.add_option(
         "--on-failure", options.onFailure,
         "when a rank dies: stop ends the job; shrink, with Open MPI 5 (mpirun --with-ft ulfm), "
         "goes on from the last checkpoint with the ranks that are left, on the largest mesh that "
         "they fill when only the axis data shrinks")
      ->capture_default_str()
      ->check(CLI::IsMember({"stop", "shrink"}));
  app.add_flag("--resume", options.resume, "go on from the checkpoint in --out");
  app.add_flag(
      "--profile", options.profile,
      "print the kernels of the last ten steps; write trace.json for the Perfetto UI; with "
      "--mesh also the share of communication that kernels do not hide");
  app.add_flag(
      "--check-numerics", options.checkNumerics,
      "stop before the update of the first step that makes NaN or infinity, and name the op; "
      "slower");
  app.add_flag("--quiet", options.quiet, "no progress bar");
  app.add_flag("--json", options.json, "summary.json on standard output too, and nothing else");
}

void reportInterrupted(const TrainOptions &options) {
  std::fprintf(stderr, "interrupted; go on with the same flags and --resume (checkpoint in %s)\n",
               options.folder.c_str());
  throw ExitStatus{130};
}

} // namespace weir::tools
