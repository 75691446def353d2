// `weir convert`: a graph from one format to another.
#include "frontend/api/error.h"
#include "frontend/build/diagnostics.h"
#include "frontend/export/stablehlo/stablehlo_text.h"
#include "frontend/proto/graph_file.h"
#include "ir/dialect/weir.h"
#include "passes/pipelines/pipelines.h"
#include "runtime/base/safetensors.h"
#include "tools/weir/commands.h"
#include "tools/weir/files.h"
#include "tools/weir/model_source.h"
#include "tools/weir/status.h"

#include <cstdio>
#include <filesystem>

namespace weir::tools {

namespace {

struct ConvertOptions {
  ModelOptions model;
  std::string target, format, weights;
};

/// What --to says, or the ending of the target.
std::string formatOf(const ConvertOptions &options) {
  if (!options.format.empty()) return options.format;
  for (const auto &[ending, format] : {std::pair(".weir", "weir"),
                                       {".stablehlo", "stablehlo"},
                                       {".stablehlo.mlir", "stablehlo"},
                                       {".mlir", "mlir"}})
    if (options.target.ends_with(ending)) return format;
  fail("cannot tell the format of " + options.target +
       ": name it .weir, .mlir or .stablehlo, or say --to");
}

/// StableHLO has no word for derivatives that are still to be taken.
std::string stablehloOf(Model &model, const std::string &source) {
  bool requests = false;
  model.module->walk([&](mlir::Operation *op) {
    auto weirOp = mlir::dyn_cast<ir::WeirOp>(op);
    requests |= weirOp && weirOp.family() == ir::Family::Autodiff;
    requests |= mlir::isa<ir::SweepOp>(op);
  });
  build::DiagnosticCollector collector(*model.context);
  if (requests && failed(passes::lower(*model.module, passes::Level::Source, passes::Level::Graph)))
    collector.raise("differentiating " + source, Location::current());
  return stablehlo::exportText(*model.module);
}

/// Text holds no values of variables: they go to the weights file, or it is said that they are
/// lost.
void keepValues(const Model &model, const ConvertOptions &options) {
  if (model.values.empty()) return;
  if (options.weights.empty()) {
    std::fprintf(stderr,
                 "note: the values of %zu variables are not part of the text; --weights writes "
                 "them to a safetensors file\n",
                 model.values.size());
    return;
  }
  runtime::NamedTensors tensors;
  for (const auto &[name, value] : model.values) tensors.emplace_back(name, value.expanded());
  check(runtime::writeSafetensors(
      (std::filesystem::path(options.target).parent_path() / options.weights).string(), tensors));
}

void convert(const ConvertOptions &options) {
  const std::string format = formatOf(options);
  if (!options.weights.empty() && options.target == "-")
    fail("--weights needs an output file that it lies beside");
  Model model = loadModel(options.model);
  if (format != "weir") keepValues(model, options);
  if (format == "stablehlo")
    writeOutput(options.target, stablehloOf(model, options.model.source));
  else if (format == "mlir")
    writeOutput(options.target, textOf(*model.module));
  else if (options.target == "-")
    writeOutput(options.target, graph_file::exportGraph(*model.module, nullptr, Location::current(),
                                                        &model.values));
  else
    graph_file::write(options.target, *model.module, options.weights, Location::current(),
                      &model.values);
}

} // namespace

void addConvert(CLI::App &app) {
  auto *command = app.add_subcommand("convert", "write a graph in another format");
  auto options = std::make_shared<ConvertOptions>();
  addModelOptions(*command, options->model);
  command
      ->add_option("output", options->target,
                   "a file named .weir (protobuf, any language reads it), .mlir (weir text) or "
                   ".stablehlo (text for JAX and XLA), or - for standard output")
      ->required();
  command->add_option("--to", options->format, "the format, whatever the file is called")
      ->check(CLI::IsMember({"weir", "mlir", "stablehlo"}));
  command->add_option("--weights", options->weights,
                      "a safetensors file beside the output for the values of variables and, with "
                      ".weir, constants of 1 KiB and more");
  addExample(*command, "weir convert gpt gpt.weir\nweir convert model.onnx model.stablehlo --dim "
                       "batch=8\nweir convert gpt2 gpt2.weir --size medium --load "
                       "model.safetensors --weights gpt2.safetensors\nweir convert model.weir - "
                       "--to mlir | less");
  command->callback([=] { convert(*options); });
}

} // namespace weir::tools
