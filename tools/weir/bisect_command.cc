// `weir bisect`: the first pass, or compiled kernel, that changes what a graph means, and a
// reproducer of a few ops.
#include "frontend/build/diagnostics.h"
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
#include <nlohmann/json.hpp>

namespace weir::tools {

namespace {

using Kind = passes::BisectResult::Kind;

struct BisectCommand {
  ModelOptions model;
  std::string inputs, pass, folder = "weir-bisect";
  uint64_t seed = 1;
  bool json = false;
};

/// Throws unless there are passes of these names.
void checkPipeline(const std::string &text) {
  std::string message;
  llvm::raw_string_ostream stream(message);
  mlir::OpPassManager manager(mlir::ModuleOp::getOperationName());
  if (succeeded(mlir::parsePassPipeline(text, manager, stream))) return;
  const size_t from = message.find("error: ");
  if (from != std::string::npos) message = message.substr(from + 7);
  fail("--pass " + text + ": " + message.substr(0, message.find('\n')) +
       "; weir-opt --help lists the passes");
}

passes::BisectResult search(Model &model, const std::vector<Array> &values,
                            const BisectCommand &command) {
  passes::BisectOptions options;
  if (!command.pass.empty()) {
    passes::registerAllPasses();
    checkPipeline(command.pass);
    options.run = false;
    options.pipeline = [&](mlir::OpPassManager &pm) {
      return mlir::parsePassPipeline(command.pass, pm, llvm::errs());
    };
  }
  build::DiagnosticCollector collector(*model.context);
  auto result = passes::bisect(*model.module, values, options);
  if (failed(result))
    collector.raise("interpreting or compiling " + command.model.source, Location::current());
  return std::move(*result);
}

/// Writes graph and inputs; how to run them.
std::string writeReproducer(const passes::BisectResult &result, const std::string &folder) {
  makeFolder(folder);
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

/// What was found, in a sentence.
std::string told(const passes::BisectResult &result) {
  const std::string passes = std::to_string(result.passesCompared) + " passes",
                    launches = std::to_string(result.launchesCompared) + " launches";
  switch (result.kind) {
  case Kind::Agree:
    return "nothing differs: " + passes + " and " + launches + " agree with the interpreter";
  case Kind::Pass:
    return "first difference after the pass " + result.where + ": " + result.difference;
  case Kind::Launch:
    return passes + " agree; kernel " + result.where + " of " +
           (result.place.empty() ? "an unknown line" : result.place) +
           " differs as compiled: " + result.difference;
  case Kind::Outputs:
    return passes + " and " + launches +
           " agree, but the run's outputs differ (memory plan or schedule): " + result.difference;
  }
  return "";
}

void printJson(const passes::BisectResult &result, const std::string &again) {
  nlohmann::ordered_json json = {{"agrees", result.kind == Kind::Agree},
                                 {"found", told(result)},
                                 {"passes_compared", result.passesCompared},
                                 {"launches_compared", result.launchesCompared}};
  if (!again.empty()) json["where"] = result.where, json["reproduce"] = again;
  std::printf("%s\n", json.dump(1).c_str());
}

void bisect(const BisectCommand &command) {
  Model model = loadModel(command.model);
  std::vector<Array> values = argumentValues(arguments(model.main()), command.inputs, command.seed);
  const passes::BisectResult result = search(model, values, command);
  const bool agrees = result.kind == Kind::Agree;
  const std::string again = agrees ? "" : writeReproducer(result, command.folder);
  if (command.json) {
    printJson(result, again);
  } else {
    if (!result.reference.empty())
      std::printf("the graph asks for derivatives: the rest is compared with it after %s\n",
                  result.reference.c_str());
    std::printf("%s\n", told(result).c_str());
    if (!agrees)
      std::printf("reduced to %ld ops; to see it again:\n  %s\n", static_cast<long>(result.ops),
                  again.c_str());
  }
  if (!agrees) throw ExitStatus{1};
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
  command->add_flag("--json", options->json, "as JSON");
  addExample(
      *command,
      "weir bisect model.mlir\nweir bisect model.mlir --pass weir-simplify --inputs values.npz");
  command->callback([=] { bisect(*options); });
}

} // namespace weir::tools
