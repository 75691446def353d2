// `weir run`: one run of a graph, compiled or interpreted op by op, or of a .weirx file, on values
// given on the command line.
#include "distributed/session/mesh_trace.h"
#include "distributed/session/open.h"
#include "frontend/build/diagnostics.h"
#include "frontend/import/npy/npy.h"
#include "frontend/weir.h"
#include "ir/collective/spmd.h"
#include "ir/dialect/weir.h"
#include "ir/reference/interpreter.h"
#include "passes/debug/numerics.h"
#include "passes/pipelines/pipelines.h"
#include "runtime/device/open/open.h"
#include "runtime/device/session/device_session.h"
#include "runtime/executor/open.h"
#include "tools/values/results.h"
#include "tools/weir/commands.h"
#include "tools/weir/files.h"
#include "tools/weir/gpu_options.h"
#include "tools/weir/levels.h"
#include "tools/weir/model_source.h"
#include "tools/weir/ports.h"
#include "tools/weir/rank.h"
#include "tools/weir/sessions.h"
#include "tools/weir/status.h"

#include <cstdio>
#include <set>

namespace weir::tools {

namespace {

struct RunOptions {
  ModelOptions model;
  std::vector<std::string> values; ///< NAME=VALUE
  std::string archive, save, trace;
  std::vector<std::string> printAfter;
  std::string device = "cpu";
  GpuOptions gpu;
  bool interpret = false, checkNumerics = false, json = false;
  int64_t limit = 16;
  int threads = 0;
};

/// Whether `op` is asked for: by name ("dot"), or by file:line of any frame of its location.
/// `seen` gets what it is asked by.
bool isAskedFor(mlir::Operation *op, const std::vector<std::string> &asked,
                std::set<std::string> &seen) {
  for (const std::string &what : asked) {
    bool found = op->getName().stripDialect() == what || op->getName().getStringRef() == what;
    op->getLoc()->walk([&](mlir::Location loc) {
      if (auto at = mlir::dyn_cast<mlir::FileLineColLoc>(loc)) {
        std::string place = at.getFilename().str() + ":" + std::to_string(at.getLine());
        found |= place == what || llvm::StringRef(place).ends_with("/" + what);
      }
      return mlir::WalkResult::advance();
    });
    if (found) {
      seen.insert(what);
      return true;
    }
  }
  return false;
}

[[noreturn]] void raise(const passes::NumericsReport &report) {
  std::vector<Note> notes;
  for (const auto &line : llvm::drop_begin(report.lines))
    notes.push_back({Place(line.file, line.line), line.text});
  const auto &first = report.lines.front();
  throw Error("numerics: " + first.text, Place(first.file, first.line), std::move(notes), "");
}

std::vector<Array> interpretMain(Model &model, const std::vector<Array> &values,
                                 const RunOptions &options) {
  const passes::ForwardOps forward(*model.module);
  passes::NumericsWatch watch(forward);
  build::DiagnosticCollector collector(*model.context);
  if (failed(passes::lower(*model.module, passes::Level::Source, passes::Level::Resolved)))
    collector.raise("differentiating " + options.model.source, Location::current());
  std::set<std::string> seen;
  ir::InterpretOptions interpretOptions;
  if (!options.printAfter.empty())
    interpretOptions.observe = [&](mlir::Operation *op, llvm::ArrayRef<Array> opResults) {
      if (!isAskedFor(op, options.printAfter, seen)) return;
      for (const Array &value : opResults)
        std::printf("%s = %s\n", op->getName().getStringRef().str().c_str(),
                    value.str(options.limit).c_str());
    };
  if (options.checkNumerics)
    interpretOptions.inspect = [&](mlir::Operation *op, llvm::ArrayRef<Array> operands,
                                   llvm::ArrayRef<Array> results) {
      watch.see(op, op->getLoc(), operands, results);
    };
  auto outputs = ir::interpret(*model.module, "main", values, interpretOptions);
  if (failed(outputs)) collector.raise("interpreting " + options.model.source, Location::current());
  for (const std::string &what : options.printAfter)
    if (!seen.count(what))
      std::fprintf(stderr, "note: no op called %s ran, nor one of that line\n", what.c_str());
  if (auto report = passes::reportOf(watch, *outputs)) raise(*report);
  return *outputs;
}

/// Runs a session of either kind: outputs, then new values of variables, in the order of the
/// results of `main`. `ran` gets the run before it is asked for its results.
template <typename AnySession>
std::vector<Array> runSession(AnySession &session, mlir::func::FuncOp main,
                              const std::vector<Array> &values,
                              const std::function<void(const absl::Status &)> &ran = nullptr) {
  std::vector<Port> argumentPorts = arguments(main), resultPorts = results(main);
  std::vector<Array> feeds;
  for (unsigned i = 0; i < values.size(); ++i)
    if (main.getArgAttr(i, ir::kVariableAttr))
      check(session.setVariable(argumentPorts[i].name, values[i]));
    else
      feeds.push_back(values[i]);
  auto outputs = session.run(feeds);
  if (ran) ran(outputs.status());
  std::vector<Array> fetched = check(std::move(outputs)), all;
  size_t next = 0;
  for (unsigned i = 0; i < resultPorts.size(); ++i)
    all.push_back(main.getResultAttr(i, ir::kUpdatesAttr)
                      ? check(session.getVariable(resultPorts[i].name))
                      : fetched[next++]);
  return all;
}

std::shared_ptr<const runtime::Executable> compileModel(Model &model, const RunOptions &options,
                                                        const passes::PipelineOptions &pipeline) {
  build::DiagnosticCollector collector(*model.context);
  auto executable = passes::compileModule(*model.module, pipeline);
  if (failed(executable)) collector.raise("compiling " + options.model.source, Location::current());
  return std::make_shared<const runtime::Executable>(std::move(*executable));
}

/// All devices of a mesh in this process, or the one of this rank.
std::vector<Array> runOnMesh(std::shared_ptr<const runtime::Executable> executable,
                             mlir::func::FuncOp main, const std::vector<Array> &values,
                             const RunOptions &options, const Rank &rank) {
  auto session = check(distributed::openMeshSession({.executable = std::move(executable)},
                                                    rank.communicator, rank.threads));
  if (options.trace.empty()) return runSession(*session, main, values);
  auto tracing = check(distributed::MeshTrace::start(*session));
  return runSession(*session, main, values, [&](const absl::Status &) {
    const auto traced = check(tracing->finish());
    if (rank.isFirst) writeText(options.trace, traced.file);
    std::fprintf(stderr, "%s\n", traced.str().c_str());
  });
}

std::vector<Array> runCompiled(Model &model, const std::vector<Array> &values,
                               const RunOptions &options, const Rank &rank) {
  std::optional<passes::NumericsChecker> checker;
  if (options.checkNumerics) checker.emplace(*model.module);
  auto executable = compileModel(model, options, {});
  if (!executable->mesh.empty())
    return runOnMesh(std::move(executable), model.main(), values, options, rank);
  runtime::SessionOptions settings;
  if (options.threads > 0) settings.pool = std::make_shared<runtime::ThreadPool>(options.threads);
  auto session = check(runtime::Session::create(std::move(executable), std::move(settings)));
  runtime::TraceRecorder recorder;
  if (!options.trace.empty()) session->setTrace(&recorder);
  if (!checker)
    return runSession(*session, model.main(), values, [&](const absl::Status &) {
      if (!options.trace.empty()) writeText(options.trace, runtime::chromeTrace(recorder));
    });
  checker->attach(*model.module, session->executable());
  session->setObserver(&*checker);
  return runSession(*session, model.main(), values, [&](const absl::Status &status) {
    if (!status.ok() && checker->report()) raise(*checker->report());
  });
}

std::vector<Array> runOnDevice(Model &model, const std::vector<Array> &values,
                               const RunOptions &options) {
  runtime::OpenDevice open = check(runtime::openDevice(options.device));
  applyGpuOptions(*model.module, options.gpu, /*isForGpu=*/true);
  auto executable = compileModel(model, options, {.gpuForms = open.forms});
  auto session = check(runtime::DeviceSession::create(std::move(executable), open.device));
  return runSession(*session, model.main(), values);
}

std::vector<Array> valuesFor(const std::vector<Port> &ports, const RunOptions &options) {
  return options.archive.empty() ? argumentValues(ports, options.values)
                                 : argumentValues(ports, options.archive, 0);
}

/// Names that --inputs or --input have values for.
std::set<std::string> givenNames(const RunOptions &options) {
  std::set<std::string> names;
  if (!options.archive.empty())
    for (const auto &[name, value] : npy::readArchive(options.archive)) names.insert(name);
  for (const std::string &word : options.values) names.insert(word.substr(0, word.find('=')));
  return names;
}

/// Variables that the file has no values for are zeros.
template <typename AnySession> void fillVariables(AnySession &session) {
  for (const Port &port : variablePorts(session.executable()))
    if (!session.getVariable(port.name).ok())
      check(session.setVariable(port.name, Array(port.dtype, port.shape)));
}

Named runFileOnDevice(const RunOptions &options) {
  if (options.model.batch) fail(options.model.source + " is compiled: its sizes are fixed");
  auto loaded = check(runtime::readExecutableFile(options.model.source, runtime::kCudaLevel));
  auto device = check(runtime::openDevice(options.device)).device;
  auto session = check(runtime::DeviceSession::create(loaded.executable, device));
  for (size_t i = 0; i < loaded.values.size(); ++i)
    check(session->setVariable(loaded.executable->variables[i].name, loaded.values[i]));
  fillVariables(*session);
  return namedOutputs(session->executable(),
                      check(session->run(valuesFor(inputPorts(session->executable()), options))));
}

/// Any batch, of a file for a range of them.
Named runFileOnCpu(runtime::LoadedExecutable loaded, const RunOptions &options) {
  auto session = check(runtime::openBatchSession(std::move(loaded), options.threads));
  const runtime::BatchExecutable &batch = session->executable();
  fillVariables(session->largest());
  return namedOutputs(batch.largest(),
                      check(session->run(batchValues(batch, options.model.batch, options.values,
                                                     options.archive))));
}

Named runFileOnMesh(const runtime::LoadedExecutable &loaded, const RunOptions &options,
                    const Rank &rank) {
  const std::vector<Array> feeds =
      batchValues(*loaded.batch, options.model.batch, options.values, options.archive);
  auto session = check(distributed::openMeshSession(loaded, rank.communicator, rank.threads));
  if (loaded.values.empty()) fillVariables(*session);
  return namedOutputs(session->executable(), check(session->run(feeds)));
}

Named evaluate(Model &model, const RunOptions &options, const Rank &rank) {
  std::vector<Port> inputs = arguments(model.main());
  std::vector<Array> values = valuesFor(inputs, options);
  const std::set<std::string> given = givenNames(options);
  for (size_t i = 0; i < inputs.size(); ++i)
    if (auto stored = model.values.find(inputs[i].name);
        stored != model.values.end() && !given.count(inputs[i].name))
      values[i] = stored->second.expanded();
  std::vector<Port> ports = results(model.main());
  std::vector<Array> outputs = options.interpret ? interpretMain(model, values, options)
                               : runtime::isCpu(options.device)
                                   ? runCompiled(model, values, options, rank)
                                   : runOnDevice(model, values, options);
  Named named;
  for (size_t i = 0; i < ports.size(); ++i) named.push_back({ports[i].name, outputs[i]});
  return named;
}

void show(const Named &results, const RunOptions &options, const Rank &rank) {
  if (!rank.isFirst) return;
  if (!options.save.empty()) npy::writeArchive(options.save, {results.begin(), results.end()});
  if (options.json) return printResultsAsJson(results);
  printResults(results, options.limit);
}

/// Seconds that a rank waits for one that does not come.
constexpr double kPatience = 120;

void runFile(const RunOptions &options) {
  refuseSizesOfExecutable(options.model);
  const Rank alone{.threads = options.threads};
  if (!runtime::isCpu(options.device)) return show(runFileOnDevice(options), options, alone);
  auto loaded = check(runtime::readExecutableFile(options.model.source));
  if (loaded.executable->mesh.empty())
    return show(runFileOnCpu(std::move(loaded), options), options, alone);
  asRank(options.threads, kPatience,
         [&](const Rank &rank) { show(runFileOnMesh(loaded, options, rank), options, rank); });
}

void runModel(const RunOptions &options) {
  Model model = loadModel(options.model);
  if (!options.interpret) checkLevel(model, options.model.source, passes::Level::Source);
  auto runAs = [&](const Rank &rank) { show(evaluate(model, options, rank), options, rank); };
  const bool isOnMesh = (*model.module)->hasAttr(ir::spmd::kMeshAttr);
  if (options.interpret || !isOnMesh) return runAs({.threads = options.threads});
  asRank(options.threads, kPatience, runAs);
}

void run(const RunOptions &options) {
  const bool isFile = isExecutableFile(options.model.source);
  if (!runtime::isCpu(options.device) && (options.interpret || options.checkNumerics))
    fail("--interpret and --check-numerics need the CPU");
  if (runtime::isCpu(options.device) && options.gpu.precision == "tf32") refuseTf32();
  if (isFile && (options.gpu.precision == "tf32" || options.gpu.libraries == "none"))
    fail(options.model.source + " is compiled: --precision and --libraries are for weir compile");
  const bool isPlain = runtime::isCpu(options.device) && !options.checkNumerics;
  if (!options.model.mesh.empty() && isFile)
    fail(options.model.source + " is compiled: --mesh is for weir compile");
  if (!options.model.mesh.empty() && (options.interpret || !isPlain))
    fail("--mesh is for graphs that are compiled here, for the CPU, without --check-numerics");
  if (!options.trace.empty() && (isFile || options.interpret || !isPlain))
    fail("--trace is for graphs that are compiled here, for the CPU, without --check-numerics");
  if (isFile && (options.interpret || options.checkNumerics))
    fail(options.model.source + " is compiled: there are no ops left to interpret or to check");
  if (!options.printAfter.empty() && !options.interpret)
    fail("--print-after needs --interpret: compiled kernels have no ops left");
  isFile ? runFile(options) : runModel(options);
}

} // namespace

void addRun(CLI::App &app) {
  auto *command =
      app.add_subcommand("run", "run a graph or a .weirx file once and print what it returns");
  auto options = std::make_shared<RunOptions>();
  addModelOptions(*command, options->model);
  addMeshOptions(*command, options->model);
  auto *values = command->add_option(
      "--input", options->values,
      "NAME=VALUE for an input or variable: zeros, ones, random, iota, or numbers separated by "
      "commas; what is not given is random");
  command->add_option("--inputs", options->archive, "a .npz file of inputs and variables by name")
      ->excludes(values);
  command->add_option("--save", options->save, "a .npz file to write the results to");
  addThreads(*command, options->threads);
  command->add_option("--trace", options->trace,
                      "a file for the Perfetto UI: when each kernel and collective ran, on every "
                      "device of a mesh; says what of communication kernels do not hide");
  command->add_flag("--json", options->json, "results as JSON, every element");
  command->add_flag("--interpret", options->interpret,
                    "op by op with the reference interpreter, no compilation");
  command->add_option("--print-after", options->printAfter,
                      "with --interpret: values of ops by name (dot) or place (model.cc:42)");
  command->add_flag("--check-numerics", options->checkNumerics,
                    "find the op that makes the first NaN or infinity, with its values");
  addDevice(*command, options->device);
  addGpuOptions(*command, options->gpu);
  command->add_option("--limit", options->limit, "elements printed of each value")
      ->capture_default_str()
      ->check(atLeast(0));
  addExample(*command, "weir run model.mlir --input x=1,2,3\nweir run gpt --device cuda:1\nweir "
                       "run model.onnx --dim batch=2 "
                       "--inputs values.npz --save results.npz\nweir run model.weirx --json\nweir "
                       "run range.weirx --batch 3 --input x=random\nweir "
                       "run model.mlir --interpret --print-after dot\nweir run model.mlir --mesh "
                       "data=2,model=2 --shard w=[{},{model}]");
  command->callback([=] { run(*options); });
}

} // namespace weir::tools
