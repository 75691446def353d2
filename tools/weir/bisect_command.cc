// `weir bisect`: the first pass, or compiled kernel, that changes what a graph means, and a
// reproducer of a few ops.
#include "frontend/import/npy/npy.h"
#include "passes/debug/bisect.h"
#include "tools/weir/commands.h"
#include "tools/weir/files.h"
#include "tools/weir/model_source.h"
#include "tools/weir/ports.h"
#include "tools/weir/status.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "passes/pipelines/pipelines.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdio>
#include <filesystem>

namespace weir::tools {

namespace {

using Kind = passes::BisectResult::Kind;

struct BisectCommand {
  ModelOptions model;
  std::string inputs, pass, folder = "weir-bisect";
  uint64_t seed = 1;
};

passes::BisectResult search(Model &model, const std::vector<Array> &values,
                            const BisectCommand &command) {
  passes::BisectOptions options;
  if (!command.pass.empty()) {
    passes::registerAllPasses();
    options.run = false;
    options.pipeline = [&](mlir::OpPassManager &pm) {
      return mlir::parsePassPipeline(command.pass, pm, llvm::errs());
    };
  }
  auto result = passes::bisect(*model.module, values, options);
  if (failed(result))
    fail(command.model.source + " cannot be interpreted, or not be compiled; see above");
  return std::move(*result);
}

/// Writes graph and inputs; how to run them.
std::string writeReproducer(const passes::BisectResult &result, const std::string &folder) {
  std::filesystem::create_directories(folder);
  const std::string graph = folder + "/reproducer.mlir", inputs = folder + "/reproducer.npz";
  mlir::ModuleOp module = *result.reproducer.module;
  std::string text;
  llvm::raw_string_ostream stream(text);
  mlir::OpPrintingFlags flags;
  module.print(stream, flags.enableDebugInfo(true));
  writeText(graph, text + "\n");
  std::map<std::string, Array> arrays;
  const auto main = module.lookupSymbol<mlir::func::FuncOp>("main");
  const std::vector<Port> ports = arguments(main);
  for (size_t i = 0; i < ports.size(); ++i) arrays[ports[i].name] = result.reproducer.inputs[i];
  npy::writeArchive(inputs, arrays);
  return "weir bisect " + graph + " --inputs " + inputs +
         (result.kind == Kind::Pass ? " --pass " + result.where : "");
}

void bisect(const BisectCommand &command) {
  Model model = loadModel(command.model);
  std::vector<Array> values = argumentValues(arguments(model.main()), command.inputs, command.seed);
  passes::BisectResult result = search(model, values, command);
  if (!result.reference.empty())
    std::printf("the graph asks for derivatives: the rest is compared with it after %s\n",
                result.reference.c_str());
  switch (result.kind) {
  case Kind::Agree:
    std::printf("nothing differs: %d passes and %d launches agree with the interpreter\n",
                result.passesCompared, result.launchesCompared);
    return;
  case Kind::Pass:
    std::printf("first difference after the pass %s: %s\n", result.where.c_str(),
                result.difference.c_str());
    break;
  case Kind::Launch:
    std::printf("%d passes agree; kernel %s of %s differs as compiled: %s\n", result.passesCompared,
                result.where.c_str(),
                result.place.empty() ? "an unknown line" : result.place.c_str(),
                result.difference.c_str());
    break;
  case Kind::Outputs:
    std::printf("%d passes and %d launches agree, but the run's outputs differ (memory plan or "
                "schedule): %s\n",
                result.passesCompared, result.launchesCompared, result.difference.c_str());
    break;
  }
  const std::string again = writeReproducer(result, command.folder);
  std::printf("reduced to %ld ops; to see it again:\n  %s\n", static_cast<long>(result.ops),
              again.c_str());
  throw ExitStatus{1};
}

} // namespace

void addBisect(CLI::App &app) {
  auto *command = app.add_subcommand(
      "bisect", "find the first pass, or compiled kernel, that differs from the interpreter");
  auto options = std::make_shared<BisectCommand>();
  addModelOptions(*command, options->model);
  command->add_option("--inputs", options->inputs,
                      "a .npz file with arrays by argument name, or in0, in1, ...; what it lacks "
                      "is random");
  command->add_option("--seed", options->seed, "of random inputs")->capture_default_str();
  command->add_option("--pass", options->pass,
                      "only this pass (or pipeline, as weir-opt takes it); nothing is compiled");
  command->add_option("--out", options->folder, "folder for reproducer.mlir and reproducer.npz")
      ->capture_default_str();
  addExample(
      *command,
      "weir bisect model.mlir\nweir bisect model.mlir --pass weir-simplify --inputs values.npz");
  command->callback([=] { bisect(*options); });
}

} // namespace weir::tools
