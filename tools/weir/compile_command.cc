// `weir compile`: a model to a .weirx file, which weir-run and libweir_runtime run without any
// compiler; or the part of that way from one level of IR to another.
#include "frontend/build/diagnostics.h"
#include "frontend/import/npy/npy.h"
#include "ir/dialect/weir.h"
#include "passes/pipelines/pipelines.h"
#include "runtime/artifact/file/executable_file.h"
#include "runtime/artifact/schedule_text.h"
#include "tools/values/results.h"
#include "tools/weir/commands.h"
#include "tools/weir/files.h"
#include "tools/weir/gpu_options.h"
#include "tools/weir/levels.h"
#include "tools/weir/model_source.h"
#include "tools/weir/ports.h"
#include "tools/weir/status.h"
#include "tools/weir/train/progress.h"

#include <charconv>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

namespace weir::tools {

namespace {

constexpr int64_t kMostRows = 1 << 20;

struct CompileOptions {
  ModelOptions model;
  std::string output, values;
  std::vector<std::string> devices = {"cpu"};
  GpuOptions gpu;
  std::string batch;                    ///< "8", or "1..8"
  std::vector<std::string> batchInputs; ///< by name
  std::vector<std::string> cpus = {"x86-64-v4", "x86-64-v3"};
  std::vector<std::string> inputs; ///< NAME=VALUE of variables
  int64_t memoryBudget = 0;
  std::string from = "source", to = "weirx", dumpTo;
  bool json = false;
};

/// Levels of IR by the names that --from and --to take.
const std::map<std::string, passes::Level> kLevels = {{"source", passes::Level::Source},
                                                      {"graph", passes::Level::Graph},
                                                      {"sharded", passes::Level::Sharded},
                                                      {"kernels", passes::Level::Kernels}};

/// One for each variable; those of the file, or none, when nothing is said of them.
std::vector<Array> variableValues(Model &model, const CompileOptions &options) {
  mlir::func::FuncOp main = model.main();
  std::vector<Port> ports = arguments(main), variables;
  for (unsigned i = 0; i < ports.size(); ++i)
    if (main.getArgAttr(i, ir::kVariableAttr)) variables.push_back(ports[i]);
  if (!options.inputs.empty()) return argumentValues(variables, options.inputs);
  if (options.values.empty()) {
    std::vector<Array> stored;
    for (const Port &port : variables)
      if (auto found = model.values.find(port.name); found != model.values.end())
        stored.push_back(found->second.expanded());
    return stored.size() == variables.size() ? stored : std::vector<Array>();
  }
  std::map<std::string, Array> arrays = npy::readArchive(options.values);
  std::vector<Array> values;
  for (const Port &port : variables) {
    auto found = arrays.find(port.name);
    if (found == arrays.end()) fail(options.values + ": has no value for variable " + port.name);
    if (found->second.dims() != port.shape || found->second.dtype() != port.dtype)
      fail(options.values + ": " + port.name + " is " + found->second.typeStr() +
           ", but the variable is " + runtime::typeStr(port.dtype, port.shape));
    values.push_back(found->second);
  }
  return values;
}

/// --to a level of IR.
void lowerToLevel(Model &model, const CompileOptions &options) {
  const passes::Level from = kLevels.at(options.from), to = kLevels.at(options.to);
  if (to < from) fail("--to " + options.to + " comes before --from " + options.from);
  const passes::PipelineOptions pipeline{.dumpTo = options.dumpTo,
                                         .memoryBudget = options.memoryBudget};
  build::DiagnosticCollector collector(*model.context);
  if (failed(passes::lower(*model.module, from, to, pipeline)))
    collector.raise("lowering " + options.model.source + " to " + options.to, Location::current());
  writeOutput(options.output, textOf(*model.module));
}

/// The levels of the file that are asked for: of processors, and the one for GPUs.
std::vector<std::string> fileLevels(const CompileOptions &options) {
  std::vector<std::string> levels;
  for (const std::string &device : options.devices)
    if (device == runtime::kCudaLevel)
      levels.push_back(device);
    else
      levels.insert(levels.end(), options.cpus.begin(), options.cpus.end());
  return levels;
}

/// The N of "1..N"; 0 for the words of a size that is fixed. `problem` says what is wrong.
int64_t batchRange(const std::string &text, std::string *problem = nullptr) {
  const size_t dots = text.find("..");
  const std::string_view from = std::string_view(text).substr(0, dots),
                         to = dots == std::string::npos ? from
                                                        : std::string_view(text).substr(dots + 2);
  int64_t low = 0, high = 0;
  auto parse = [](std::string_view word, int64_t &number) {
    auto [end, code] = std::from_chars(word.data(), word.data() + word.size(), number);
    return code == std::errc() && end == word.data() + word.size() && number > 0;
  };
  const bool isRange = dots != std::string::npos;
  if (problem && (!parse(from, low) || !parse(to, high)))
    *problem = "a size like 8, or a range like 1..8, is expected";
  else if (problem && isRange && low != 1)
    *problem = "a range of batches begins at 1: 1.." + std::string(to);
  else if (problem && isRange && high > kMostRows)
    *problem = "a range of batches ends at " + std::to_string(kMostRows) + " at most";
  return isRange && parse(to, high) ? high : 0;
}

/// What cannot be had for several devices.
void checkMesh(const CompileOptions &options) {
  if (options.model.mesh.empty()) return;
  if (kLevels.at(options.from) > passes::Level::Graph)
    fail("--mesh is for a source or a graph; what comes --from " + options.from +
         " is for a mesh or it is not");
  if (batchRange(options.batch))
    fail("--batch " + options.batch + " is for one device; compile for a mesh with one batch");
  if (llvm::is_contained(options.devices, runtime::kCudaLevel))
    fail("--mesh is for the CPU: files for cuda are for one device");
}

/// A batch of its model for models that come in any; others have theirs.
void setBatch(CompileOptions &options) {
  const int64_t most = batchRange(options.batch);
  if (most && (options.to != "weirx" || kLevels.at(options.from) > passes::Level::Graph))
    fail("--batch " + options.batch + " makes a .weirx file of a source or a graph; --from and " +
         "--to are for one batch");
  if (most && llvm::is_contained(options.devices, runtime::kCudaLevel))
    fail("--batch " + options.batch + " is for the CPU; compile for cuda with one batch");
  if (!options.batchInputs.empty() && !most)
    fail("--batch-input says which inputs a range of batches is about: add --batch 1..N");
  if (!options.batch.empty() && (!most || takesBatch(options.model)))
    options.model.batch = most ? most : std::stoll(options.batch);
}

runtime::BatchExecutable compileLevel(const CompileOptions &options, Model &model,
                                      const std::string &level, bool isFirst) {
  passes::PipelineOptions pipeline{.from = kLevels.at(options.from),
                                   .memoryBudget = options.memoryBudget};
  if (level == runtime::kCudaLevel)
    pipeline.gpuForms = {"ptx", "sm_80", "sm_90"};
  else
    pipeline.cpu = level;
  if (isFirst) pipeline.dumpTo = options.dumpTo;
  mlir::OwningOpRef<mlir::ModuleOp> module = model.module->clone();
  build::DiagnosticCollector collector(*model.context);
  auto batch =
      passes::compileSizes(*module, {batchRange(options.batch), options.batchInputs}, pipeline);
  if (failed(batch))
    collector.raise("compiling " + options.model.source + " for " + level, Location::current());
  if (isFirst) printNotes(collector.remarks());
  return std::move(*batch);
}

void report(const CompileOptions &options, const runtime::BatchExecutable &batch,
            const std::vector<Array> &values) {
  const runtime::Executable &largest = batch.largest();
  std::printf("%s: %.1f KiB, %s, %s, %s, %s", options.output.c_str(),
              double(std::filesystem::file_size(options.output)) / 1024,
              counted(largest.kernels.size(), "kernel").c_str(),
              counted(largest.inputs.size(), "input").c_str(),
              counted(largest.outputs.size(), "output").c_str(),
              counted(largest.variables.size(), "variable").c_str());
  if (!largest.variables.empty()) std::printf(values.empty() ? " without values" : " with values");
  if (!largest.mesh.empty())
    std::printf(", for the %lld devices of %s",
                static_cast<long long>(runtime::meshDevices(largest.mesh)),
                meshText(largest).c_str());
  if (batch.isRange())
    std::printf(", a batch of 1 to %lld by %zu sizes", static_cast<long long>(batch.most()),
                batch.sizes.size());
  std::printf("\n");
}

void reportAsJson(const CompileOptions &options,
                  const std::vector<runtime::LevelExecutable> &levels,
                  const std::vector<Array> &values) {
  nlohmann::ordered_json json = {{"file", options.output},
                                 {"bytes", std::filesystem::file_size(options.output)}};
  json["levels"] = fileLevels(options);
  json["kernels"] = levels.front().batch.largest().kernels.size();
  json.update(describe(levels.front().batch));
  json["values"] = !values.empty();
  std::printf("%s\n", json.dump(1).c_str());
}

void compile(CompileOptions options) {
  if (options.json && (options.to != "weirx" || options.output == "-"))
    fail("--json tells of a .weirx file: it goes neither with --to nor with -o -");
  setBatch(options);
  checkMesh(options);
  Model model = loadModel(options.model);
  checkLevel(model, options.model.source, kLevels.at(options.from));
  applyGpuOptions(*model.module, options.gpu,
                  llvm::is_contained(options.devices, runtime::kCudaLevel));
  if (options.to != "weirx") return lowerToLevel(model, options);
  std::vector<runtime::LevelExecutable> levels;
  const std::vector<Array> values = variableValues(model, options);
  const std::string name = std::filesystem::path(options.model.source).stem();
  model.module->setName(name);
  for (const std::string &level : fileLevels(options))
    levels.emplace_back(level, compileLevel(options, model, level, levels.empty()));
  const bool isPiped = options.output == "-";
  check(runtime::writeExecutableFile(isPiped ? "/dev/stdout" : options.output, levels, values));
  const runtime::BatchExecutable &batch = levels.front().batch;
  const runtime::Executable &first = batch.largest();
  if (!options.dumpTo.empty())
    writeText(options.dumpTo + "/schedule.txt", runtime::scheduleText(first));
  if (isPiped) return;
  if (options.json) return reportAsJson(options, levels, values);
  report(options, batch, values);
}

} // namespace

void addCompile(CLI::App &app) {
  auto *command = app.add_subcommand(
      "compile", "compile a graph to a .weirx file, which runs without a compiler: weir-run FILE");
  auto options = std::make_shared<CompileOptions>();
  addModelOptions(*command, options->model);
  addMeshOptions(*command, options->model);
  command->remove_option(command->get_option("--batch"));
  command
      ->add_option("--batch", options->batch,
                   "1..N: one file for every batch of 1 to N rows, which weir-run and the runtime "
                   "take without compiling; rows must not depend on each other. Or a size: of a "
                   "model by name, or of an ONNX model that leaves it open")
      ->check([](const std::string &text) {
        std::string problem;
        batchRange(text, &problem);
        return problem;
      });
  command
      ->add_option("--batch-input", options->batchInputs,
                   "with --batch 1..N, inputs whose leading dim is the batch, separated by commas; "
                   "else those where it is N")
      ->delimiter(',')
      ->allow_extra_args(false);
  command->add_option("-o,--output", options->output, "the file to write; - for standard output")
      ->required();
  command
      ->add_option("--device", options->devices,
                   "what the file is for: cpu, cuda (PTX, and cubins for sm_80 and sm_90 where "
                   "ptxas is found), or cpu,cuda")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::IsMember({"cpu", "cuda"}))
      ->capture_default_str();
  addGpuOptions(*command, options->gpu);
  command
      ->add_option("--cpu", options->cpus,
                   "processor levels, the most demanding first; the best that runs is taken when "
                   "the file is loaded")
      ->delimiter(',')
      ->check(CLI::IsMember({"x86-64-v3", "x86-64-v4"}))
      ->capture_default_str();
  auto *values = command->add_option("--values", options->values,
                                     "a .npz file with the values of all variables");
  command
      ->add_option("--input", options->inputs,
                   "NAME=VALUE for a variable: zeros, ones, random, iota, or numbers separated by "
                   "commas")
      ->excludes(values);
  addMemoryBudget(*command, options->memoryBudget);
  command->add_option("--from", options->from, "the level of IR that the model is at")
      ->check(CLI::IsMember({"source", "graph", "sharded", "kernels"}))
      ->capture_default_str();
  command
      ->add_option("--to", options->to,
                   "where to stop: weirx, or a level of IR, which is written as text (-o - prints "
                   "it) that --from goes on with")
      ->check(CLI::IsMember({"graph", "sharded", "kernels", "weirx"}))
      ->capture_default_str();
  command->add_flag("--json", options->json, "what the file holds, as JSON");
  command->add_option("--dump-to", options->dumpTo,
                      "write the IR after each pass to numbered files in this folder, large "
                      "constants left out, and the schedule");
  addExample(
      *command,
      "weir compile model.onnx -o model.weirx --shape x=1x3x224x224\nweir compile mlp-eval -o "
      "mlp.weirx --values weights.npz\nweir compile model.weir -o model.weirx --cpu "
      "x86-64-v3\nweir compile model.onnx -o model.weirx --batch 1..16\nweir "
      "compile mlp --to kernels -o mlp.mlir && weir compile mlp.mlir --from kernels -o "
      "mlp.weirx\nweir "
      "compile model.weir -o model.weirx --device cpu,cuda\nweir compile gpt -o gpt.weirx --mesh "
      "data=2,model=2");
  command->callback([=] { compile(*options); });
}

} // namespace weir::tools
