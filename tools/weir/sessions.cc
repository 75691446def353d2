#include "tools/weir/sessions.h"

#include "frontend/build/diagnostics.h"
#include "passes/pipelines/pipelines.h"
#include "runtime/artifact/file/executable_file.h"
#include "runtime/device/cpu/thread_pool.h"
#include "runtime/executor/open.h"
#include "tools/weir/commands.h"
#include "tools/weir/levels.h"
#include "tools/weir/status.h"
#include "tools/weir/train/progress.h"

#include <filesystem>
#include <fstream>

namespace weir::tools {

bool isExecutableFile(const std::string &path) {
  std::error_code code;
  if (!std::filesystem::is_regular_file(path, code)) return false; // a pipe is read once
  char start[5] = {};
  std::ifstream stream(path, std::ios::binary);
  return stream.read(start, sizeof start) && std::string_view(start, sizeof start) == "WEIRX";
}

void refuseSizesOfExecutable(const ModelOptions &options) {
  ModelOptions sizes = options;
  sizes.batch = 0; // of a file for a range of batches
  if (!sizes.dims.empty() || !sizes.shapes.empty() || isSized(sizes))
    fail(options.source + " is compiled: its sizes are fixed");
  if (!options.weights.empty())
    fail(options.source + " is compiled: --load is for weir compile, which keeps the values");
}

/// The executable of one size of the batch, which --batch picks, takes the largest's place.
static void pickSize(runtime::LoadedExecutable &loaded, const ModelOptions &options) {
  if (!options.batch) return;
  if (!loaded.batch->isRange()) fail(options.source + " is compiled: its sizes are fixed");
  std::string sizes;
  for (const runtime::BatchExecutable::Size &size : loaded.batch->sizes) {
    if (size.rows == options.batch) return void(loaded.executable = size.executable);
    sizes += (sizes.empty() ? "" : ", ") + std::to_string(size.rows);
  }
  fail(options.source + " has no executable for a batch of " + std::to_string(options.batch) +
       " alone; those that it has are for " + sizes);
}

OpenModel openModel(const ModelOptions &options, const SessionSettings &settings) {
  OpenModel open;
  if (isExecutableFile(options.source)) {
    refuseSizesOfExecutable(options);
    if (settings.memoryBudget) fail(options.source + " is compiled: --memory-budget is too late");
    Stopwatch watch;
    auto loaded = check(runtime::readExecutableFile(options.source, settings.level));
    pickSize(loaded, options);
    open.level = loaded.cpu;
    open.session = check(runtime::openSession(std::move(loaded), settings.threads));
    open.seconds = watch.seconds();
    return open;
  }
  Model model = loadModel(options);
  checkLevel(model, options.source, passes::Level::Source);
  Stopwatch watch;
  open.level = settings.level.empty() ? "host" : settings.level;
  open.isCompiledHere = true;
  build::DiagnosticCollector collector(*model.context);
  auto executable = passes::compileModule(
      *model.module, {.cpu = open.level, .memoryBudget = settings.memoryBudget});
  if (failed(executable)) collector.raise("compiling " + options.source, Location::current());
  printNotes(collector.remarks());
  runtime::SessionOptions session;
  if (settings.threads > 0) session.pool = std::make_shared<runtime::ThreadPool>(settings.threads);
  open.session = check(runtime::Session::create(
      std::make_shared<const runtime::Executable>(std::move(*executable)), std::move(session)));
  for (const auto &[name, value] : model.values)
    check(open.session->setVariable(name, value.expanded()));
  open.seconds = watch.seconds();
  return open;
}

template <typename Entries> static std::vector<Port> portsOf(const Entries &entries) {
  std::vector<Port> ports;
  for (const auto &entry : entries) ports.push_back({entry.name, entry.dtype, wholeDims(entry)});
  return ports;
}

std::vector<Port> inputPorts(const runtime::Executable &executable) {
  return portsOf(executable.inputs);
}

std::vector<Port> variablePorts(const runtime::Executable &executable) {
  return portsOf(executable.variables);
}

} // namespace weir::tools
