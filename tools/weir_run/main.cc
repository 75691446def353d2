// weir-run: runs a .weirx file. A static binary without any compiler.
#include "distributed/comm/mpi/launch.h"
#include "distributed/session/open.h"
#include "frontend/import/npy/npy.h"
#include "runtime/executor/open.h"
#include "tools/flags/flags.h"
#include "tools/values/results.h"
#include "tools/values/told.h"
#include "tools/values/values.h"

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>

namespace {

using namespace weir;

struct Options {
  std::string file, archive, save, level;
  std::vector<std::string> values;
  int threads = 0, repeat = 1;
  int64_t batch = 0;
  int64_t limit = 16;
  bool times = false, describe = false, json = false;
};

using Clock = std::chrono::steady_clock;

double millis(Clock::time_point from) {
  return std::chrono::duration<double, std::milli>(Clock::now() - from).count();
}

void check(const absl::Status &status) {
  if (!status.ok()) throw std::runtime_error(std::string(status.message()));
}

template <typename T> T check(absl::StatusOr<T> result) {
  check(result.status());
  return *std::move(result);
}

void describeAsJson(const runtime::LoadedExecutable &loaded) {
  nlohmann::ordered_json json = {
      {"name", loaded.batch->largest().name}, {"compiler", loaded.compiler}, {"cpu", loaded.cpu}};
  json.update(tools::describe(*loaded.batch));
  std::printf("%s\n", json.dump(1).c_str());
}

void describe(const runtime::LoadedExecutable &loaded) {
  const runtime::BatchExecutable &batch = *loaded.batch;
  const runtime::Executable &executable = batch.largest();
  std::printf("%s, compiled by %s, for %s\n", executable.name.c_str(), loaded.compiler.c_str(),
              loaded.cpu.c_str());
  for (size_t i = 0; i < executable.inputs.size(); ++i)
    std::printf("input %s %s\n", executable.inputs[i].name.c_str(), batch.inputType(i).c_str());
  for (size_t i = 0; i < executable.outputs.size(); ++i)
    std::printf("output %s %s\n", executable.outputs[i].name.c_str(), batch.outputType(i).c_str());
  for (const runtime::Variable &variable : executable.variables)
    std::printf("variable %s %s\n", variable.name.c_str(),
                runtime::typeStr(variable.dtype, wholeDims(variable)).c_str());
  if (!executable.mesh.empty())
    std::printf("for the mesh %s: %lld devices\n", tools::meshText(executable).c_str(),
                static_cast<long long>(runtime::meshDevices(executable.mesh)));
  if (batch.isRange())
    std::printf("a batch of 1 to %lld, by executables for %zu sizes\n",
                static_cast<long long>(batch.most()), batch.sizes.size());
}

using Session = std::function<absl::StatusOr<std::vector<Array>>(const std::vector<Array> &)>;

/// The devices of a mesh are threads of this process.
Session opened(runtime::LoadedExecutable loaded, int threads) {
  if (loaded.executable->mesh.empty()) {
    std::shared_ptr<runtime::BatchSession> session =
        check(runtime::openBatchSession(std::move(loaded), threads));
    return [session](const std::vector<Array> &feeds) { return session->run(feeds); };
  }
  if (distributed::underMpirun())
    throw std::runtime_error("weir-run has no MPI: ranks run a file for a mesh with weir run");
  std::shared_ptr<distributed::MeshSession> session =
      check(distributed::openMeshSession(std::move(loaded), nullptr, threads));
  return [session](const std::vector<Array> &feeds) { return session->run(feeds); };
}

void run(const Options &options) {
  Clock::time_point start = Clock::now();
  runtime::LoadedExecutable loaded =
      check(runtime::readExecutableFile(options.file, options.level));
  if (options.describe) return options.json ? describeAsJson(loaded) : describe(loaded);
  const std::shared_ptr<const runtime::BatchExecutable> batch = loaded.batch;
  const Session session = opened(std::move(loaded), options.threads);
  double loadMs = millis(start);

  const std::vector<Array> feeds =
      tools::batchValues(*batch, options.batch, options.values, options.archive);
  std::vector<Array> results;
  for (int i = 0; i < options.repeat; ++i) {
    Clock::time_point begin = Clock::now();
    results = check(session(feeds));
    if (options.times) std::fprintf(stderr, "run %d: %.3f ms\n", i + 1, millis(begin));
  }
  if (options.times)
    std::fprintf(stderr, "%.1f MiB loaded in %.3f ms\n",
                 static_cast<double>(std::filesystem::file_size(options.file)) / (1 << 20), loadMs);
  const tools::Named named = tools::namedOutputs(batch->largest(), results);
  if (!options.save.empty()) npy::writeArchive(options.save, {named.begin(), named.end()});
  if (options.json) return tools::printResultsAsJson(named);
  tools::printResults(named, options.limit);
}

/// Says what went wrong.
int tell() {
  std::fflush(stdout);
  std::fprintf(stderr, "%s\n", tools::toldException("weir-run").c_str());
  return 1;
}

} // namespace

int main(int argc, char **argv) {
  CLI::App app{"Runs a .weirx file that weir compile has written."};
  app.name("weir-run");
  Options options;
  app.add_option("file", options.file, "the .weirx file")->required();
  auto *values = app.add_option("--input", options.values,
                                "NAME=VALUE: zeros, ones, random, iota, or numbers separated by "
                                "commas; what is not given is random");
  app.add_option("--inputs", options.archive, "a .npz file of inputs by name")->excludes(values);
  app.add_option("--save", options.save, "a .npz file to write the results to");
  app.add_option("--batch", options.batch,
                 "rows of this run, of a file compiled for a batch range; else those of the values "
                 "given, or the most")
      ->check(tools::atLeast(1));
  app.add_option("--cpu", options.level, "take this level of the file")
      ->check(CLI::IsMember({"x86-64-v3", "x86-64-v4"}));
  tools::addThreads(app, options.threads);
  app.add_option("--repeat", options.repeat, "runs; variables go on from one to the next")
      ->capture_default_str()
      ->check(tools::atLeast(1));
  app.add_option("--limit", options.limit, "elements printed of each value")
      ->capture_default_str()
      ->check(tools::atLeast(0));
  app.add_flag("--json", options.json, "as JSON, every element");
  app.add_flag("--times", options.times, "print load and run times to standard error");
  app.add_flag("--describe", options.describe, "list inputs, outputs and variables instead");
  tools::addExample(app, "weir-run model.weirx --describe\n"
                         "weir-run model.weirx --input x=iota --times\n"
                         "weir-run range.weirx --batch 3\n"
                         "weir-run model.weirx --inputs values.npz --save results.npz");
  return tools::parseAndRun(
      app, {argv + 1, argv + argc},
      [&] {
        run(options);
        return 0;
      },
      tell);
}
