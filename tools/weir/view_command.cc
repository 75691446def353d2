// `weir view`: a graph as an HTML page.
#include "frontend/api/error.h"
#include "frontend/build/diagnostics.h"
#include "tools/view/view.h"
#include "tools/weir/commands.h"
#include "tools/weir/files.h"
#include "tools/weir/model_source.h"
#include "tools/weir/status.h"

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

namespace weir::tools {

namespace {

struct ViewCommand {
  ModelOptions model;
  std::string output;
  bool json = false;
  int64_t memoryBudget = 0;
};

/// "gpt" gives gpt.html here; "models/net.onnx" net.html, here too.
std::string outputFor(const ViewCommand &command) {
  if (!command.output.empty()) return command.output;
  if (command.json || command.model.source == "-") return "-";
  return std::filesystem::path(command.model.source).stem().string() + ".html";
}

void view(const ViewCommand &command) {
  Model model = loadModel(command.model);
  const std::string title = std::filesystem::path(command.model.source).filename().string();
  build::DiagnosticCollector collector(*model.context);
  auto document = viewDocument(*model.module, {.title = title == "-" ? "standard input" : title,
                                               .memoryBudget = command.memoryBudget});
  if (failed(document)) collector.raise("compiling " + command.model.source, Location::current());
  const std::string output = outputFor(command);
  writeOutput(output, command.json ? document->dump(1) + "\n" : viewPage(*document));
  if (output != "-")
    std::fprintf(stderr, "%s: %zu ops, %zu launches; open it in a browser\n", output.c_str(),
                 (*document)["graph"]["nodes"].size(), (*document)["kernels"]["nodes"].size());
}

} // namespace

void addView(CLI::App &app) {
  auto *command = app.add_subcommand(
      "view", "the graph as an HTML page: ops by module, derivatives, kernels, memory");
  auto options = std::make_shared<ViewCommand>();
  addModelOptions(*command, options->model);
  addMeshOptions(*command, options->model);
  command->add_option("-o,--output", options->output,
                      "the page; - for standard output; MODEL.html here when not given");
  command->add_flag("--json", options->json, "what the page shows, as JSON");
  addMemoryBudget(*command, options->memoryBudget);
  addExample(*command, "weir view gpt -o gpt.html\n"
                       "weir view model.onnx --dim batch=8\n"
                       "weir view gpt --mesh data=2,model=2\n"
                       "weir view model.weir -o - > page.html");
  command->callback([=] { view(*options); });
}

} // namespace weir::tools
