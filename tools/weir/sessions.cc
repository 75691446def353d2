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

OpenModel openModel(const ModelOptions &options, const SessionSettings &settings) {
  OpenModel open;
  if (isExecutableFile(options.source)) {
    if (!options.dims.empty() || !options.shapes.empty() || isSized(options))
      fail(options.source + " is compiled: its sizes are fixed");
    if (!options.weights.empty())
      fail(options.source + " is compiled: --load is for weir compile, which keeps the values");
    if (settings.memoryBudget) fail(options.source + " is compiled: --memory-budget is too late");
    Stopwatch watch;
    auto loaded = check(runtime::readExecutableFile(options.source, settings.level));
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
  for (const auto &entry : entries) ports.push_back({entry.name, entry.dtype, entry.dims});
  return ports;
}

std::vector<Port> inputPorts(const runtime::Executable &executable) {
  return portsOf(executable.inputs);
}

std::vector<Port> variablePorts(const runtime::Executable &executable) {
  return portsOf(executable.variables);
}

} // namespace weir::tools
