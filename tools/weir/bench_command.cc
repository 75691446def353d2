// `weir bench`: how fast any model runs. tools/bench is the table of peers.
#include "runtime/artifact/work.h"
#include "tools/bench/peak.h"
#include "tools/weir/commands.h"
#include "tools/weir/sessions.h"
#include "tools/weir/status.h"
#include "tools/weir/train/progress.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <thread>
#include <unistd.h>

namespace weir::tools {

namespace {

struct BenchOptions {
  ModelOptions model;
  SessionSettings session;
  std::vector<std::string> inputs;
  int64_t warmup = 3, runs = 0;
  double seconds = 2;
  bool json = false, quiet = false;
};

using runtime::Work;

/// Small and not negative: optimizers keep squares.
void setVariables(runtime::Session &session) {
  for (const Port &port : variablePorts(session.executable())) {
    if (session.getVariable(port.name).ok()) continue;
    std::vector<double> values = randomValue(port, 0).toDoubles();
    for (double &value : values) value = runtime::isFloat(port.dtype) ? 0.02 * std::abs(value) : 0;
    check(session.setVariable(port.name, Array::from<double>(port.shape, values).cast(port.dtype)));
  }
}

struct Timing {
  std::vector<double> seconds; ///< sorted
  double quantile(double q) const {
    return seconds[static_cast<size_t>(q * static_cast<double>(seconds.size() - 1) + 0.5)];
  }
};

Timing measure(runtime::Session &session, const BenchOptions &options) {
  const std::vector<Array> feeds = argumentValues(inputPorts(session.executable()), options.inputs);
  std::vector<Array> outputs;
  std::vector<Array *> fetches;
  for (const runtime::Output &output : session.executable().outputs)
    outputs.emplace_back(output.dtype, output.dims);
  for (Array &output : outputs) fetches.push_back(&output);
  for (int64_t i = 0; i < options.warmup; ++i) check(session.runInto(feeds, fetches));
  const bool shows = !options.quiet && isatty(STDERR_FILENO);
  constexpr int64_t least = 5, most = 100000;
  Timing timing;
  Stopwatch whole;
  double shown = 0;
  auto isDone = [&](int64_t done) {
    if (options.runs > 0) return done == options.runs;
    return (done >= least && whole.seconds() >= options.seconds) || done == most;
  };
  for (int64_t done = 0; !isDone(done); ++done) {
    Stopwatch watch;
    check(session.runInto(feeds, fetches));
    timing.seconds.push_back(watch.seconds());
    if (!shows || whole.seconds() < shown + 0.1) continue;
    shown = whole.seconds();
    std::fprintf(stderr, "\rrun %ld, %.3f ms ", static_cast<long>(done + 1),
                 1e3 * timing.seconds.back());
  }
  if (shown > 0) std::fprintf(stderr, "\r\033[K");
  std::sort(timing.seconds.begin(), timing.seconds.end());
  return timing;
}

std::string timeText(double seconds) {
  char text[32];
  if (seconds < 1e-3)
    std::snprintf(text, sizeof text, "%.2f us", 1e6 * seconds);
  else if (seconds < 1)
    std::snprintf(text, sizeof text, "%.3f ms", 1e3 * seconds);
  else
    std::snprintf(text, sizeof text, "%.3f s", seconds);
  return text;
}

void print(const BenchOptions &options, const OpenModel &open, const Work &work,
           const Timing &timing, int threads, double peak) {
  const double median = timing.quantile(0.5);
  std::printf("%s on %d thread%s, %s, %s in %s\n", options.model.source.c_str(), threads,
              threads == 1 ? "" : "s", open.level.c_str(),
              open.isCompiledHere ? "compiled" : "loaded", timeText(open.seconds).c_str());
  std::printf(
      "median %s of %zu runs; least %s, tenth %s, nine tenths %s, most %s; spread %.1f %%\n",
      timeText(median).c_str(), timing.seconds.size(), timeText(timing.seconds[0]).c_str(),
      timeText(timing.quantile(0.1)).c_str(), timeText(timing.quantile(0.9)).c_str(),
      timeText(timing.seconds.back()).c_str(),
      100 * (timing.quantile(0.9) - timing.quantile(0.1)) / median);
  std::printf("%s FLOPs a run: %.2f GFLOP/s, %.0f %% of this machine's %.0f; kernels read and "
              "write %s: %.2f GB/s%s\n",
              count(work.flops).c_str(), work.flops / median * 1e-9,
              100 * work.flops / median / peak, peak * 1e-9, byteCount(work.bytes).c_str(),
              work.bytes / median * 1e-9, work.hasWhile ? "; while loops counted once" : "");
  std::printf("%s, %ld launches a run; memory %s at most\n",
              counted(open.session->executable().kernels.size(), "kernel").c_str(),
              static_cast<long>(work.launches),
              byteCount(double(open.session->memory().peakBytes())).c_str());
}

void printJson(const BenchOptions &options, const OpenModel &open, const Work &work,
               const Timing &timing, int threads, double peak) {
  const double median = timing.quantile(0.5);
  nlohmann::ordered_json json = {
      {"model", options.model.source},
      {"threads", threads},
      {"cpu", open.level},
      {open.isCompiledHere ? "compile_seconds" : "load_seconds", open.seconds},
      {"runs", timing.seconds.size()},
      {"median_seconds", median},
      {"least_seconds", timing.seconds.front()},
      {"tenth_seconds", timing.quantile(0.1)},
      {"nine_tenths_seconds", timing.quantile(0.9)},
      {"most_seconds", timing.seconds.back()},
      {"flops", work.flops},
      {"bytes", work.bytes},
      {"gflops_per_second", work.flops / median * 1e-9},
      {"gigabytes_per_second", work.bytes / median * 1e-9},
      {"share_of_peak", work.flops / median / peak},
      {"kernels", open.session->executable().kernels.size()},
      {"launches", work.launches},
      {"memory_bytes", open.session->memory().peakBytes()}};
  std::printf("%s\n", json.dump(1).c_str());
}

void bench(const BenchOptions &options) {
  OpenModel open = openModel(options.model, options.session);
  setVariables(*open.session);
  const Timing timing = measure(*open.session, options);
  const runtime::Executable &executable = open.session->executable();
  const Work work = runtime::workOf(executable);
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  const int threads = options.session.threads > 0 ? options.session.threads : cores;
  const double peak = weir::bench::measurePeakFlops(threads);
  (options.json ? printJson : print)(options, open, work, timing, threads, peak);
}

} // namespace

void addBench(CLI::App &app) {
  auto *command =
      app.add_subcommand("bench", "time a model: median, spread, GFLOP/s and GB/s, memory");
  auto options = std::make_shared<BenchOptions>();
  addModelOptions(*command, options->model);
  command->add_option("--input", options->inputs,
                      "NAME=VALUE of an input: zeros, ones, random, iota, or numbers separated by "
                      "commas; what is not given is random");
  addThreads(*command, options->session.threads);
  command->add_option("--cpu", options->session.level, "x86-64-v3 or x86-64-v4; else this one")
      ->check(CLI::IsMember({"x86-64-v3", "x86-64-v4"}));
  command->add_option("--warmup", options->warmup, "runs before those that count")
      ->capture_default_str()
      ->check(atLeast(0));
  command->add_option("--runs", options->runs, "how many; 0: for --seconds, five at least")
      ->capture_default_str()
      ->check(atLeast(0));
  command->add_option("--seconds", options->seconds, "time to spend on runs")
      ->capture_default_str()
      ->check(atLeast(0));
  addMemoryBudget(*command, options->session.memoryBudget);
  command->add_flag("--json", options->json, "as JSON");
  command->add_flag("--quiet", options->quiet, "no progress");
  addExample(*command, "weir bench gpt --threads 1\n"
                       "weir bench model.onnx --dim batch=8 --runs 100\n"
                       "weir bench model.weirx --json");
  command->callback([=] { bench(*options); });
}

} // namespace weir::tools
