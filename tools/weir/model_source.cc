// Models by name, from text, or from .weir and .onnx files.
#include "tools/weir/model_source.h"
#include "tools/weir/status.h"

#include "frontend/import/onnx/onnx.h"
#include "frontend/import/stablehlo/stablehlo.h"
#include "frontend/import/text/guard.h"
#include "frontend/models/char_gpt.h"
#include "frontend/models/char_lstm.h"
#include "frontend/models/lenet.h"
#include "frontend/models/mlp.h"
#include "frontend/proto/graph_file.h"
#include "ir/dialect/weir.h"
#include "passes/pipelines/pipelines.h"
#include "tools/weir/onnx_sizes.h"
#include "tools/weir/safe_parse.h"

#include "mlir/Parser/Parser.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"

#include <functional>
#include <map>

namespace weir::tools {

namespace {

const std::map<std::string, std::function<Graph()>> &zoo() {
  static const std::map<std::string, std::function<Graph()>> models = {
      {"gpt", [] { return models::charGptTraining({}, {}, 1); }},
      {"gpt-eval", [] { return models::charGptEvaluation({}, 64); }},
      {"lenet", [] { return models::lenetTraining({}, nn::adam(1e-3), 1); }},
      {"lenet-eval", [] { return models::lenetEvaluation({}); }},
      {"lstm", [] { return models::charLstmTraining({}, {}, 1); }},
      {"lstm-eval", [] { return models::charLstmEvaluation({}, 64); }},
      {"mlp", [] { return models::mlpTraining({.sizes = {784, 128, 10}}, nn::adam(1e-3), 1); }},
      {"mlp-eval", [] { return models::mlpEvaluation({.sizes = {784, 128, 10}}); }},
  };
  return models;
}

Model emptyModel() {
  Model model;
  mlir::DialectRegistry registry;
  passes::registerDialects(registry);
  model.context = std::make_unique<mlir::MLIRContext>(registry);
  model.context->loadAllAvailableDialects();
  return model;
}

std::string nameOf(const std::string &source) {
  return source == "-" ? "standard input" : source;
}

/// The bytes of a file or of standard input.
std::string readBytes(const std::string &source) {
  auto buffer = llvm::MemoryBuffer::getFileOrSTDIN(source, /*IsText=*/false);
  if (!buffer)
    fail(source + ": " + buffer.getError().message() +
         "; a model is a file, - or a name that weir " + "inspect --help lists");
  return (*buffer)->getBuffer().str();
}

/// Text of weir; StableHLO is imported.
std::string weirText(const std::string &source, std::string text, bool widen) {
  if (!stablehlo::isStablehlo(text)) return text;
  return stablehlo::Module::parse(text, source, {.widen = widen})
      .graph()
      .toMlir(/*locations=*/true);
}

mlir::OwningOpRef<mlir::ModuleOp> parseText(const std::string &source, const std::string &text,
                                            mlir::MLIRContext *context) {
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(llvm::MemoryBuffer::getMemBufferCopy(text, source), llvm::SMLoc());
  mlir::SourceMgrDiagnosticHandler handler(sources, context);
  auto module = mlir::parseSourceFile<mlir::ModuleOp>(sources, context);
  if (!module) fail(source + " is not a valid graph");
  return module;
}

/// What commands rely on, whoever wrote the file.
void checkPorts(mlir::func::FuncOp main, const std::string &source) {
  auto isPort = [](mlir::Type type) {
    auto tensor = mlir::dyn_cast<mlir::RankedTensorType>(type);
    return tensor && tensor.hasStaticShape() && ir::dtypeOf(tensor);
  };
  if (!llvm::all_of(main.getArgumentTypes(), isPort) ||
      !llvm::all_of(main.getResultTypes(), isPort))
    fail(source + ": arguments and results of @main must be static tensors");
  for (unsigned i = 0; i < main.getNumResults(); ++i)
    if (auto updates = main.getResultAttrOfType<mlir::IntegerAttr>(i, ir::kUpdatesAttr))
      if (updates.getInt() < 0 || updates.getInt() >= main.getNumArguments())
        fail(source + ": result " + std::to_string(i) + " updates argument " +
             std::to_string(updates.getInt()) + ", which there is not");
}

/// What MLIR's parser is given is looked at first, by us and by a child process.
std::string readText(const std::string &source, std::string bytes, bool widen) {
  const std::string name = nameOf(source);
  text::checkText(bytes, name);
  const auto seconds = static_cast<int>(20 + (bytes.size() >> 20));
  tryInChild(name, seconds, [&] {
    Model scratch = emptyModel();
    if (stablehlo::isStablehlo(bytes))
      stablehlo::Module::parse(bytes, name);
    else
      parseText(name, bytes, scratch.context.get());
  });
  return weirText(name, std::move(bytes), widen);
}

void refuseSizes(const ModelOptions &options) {
  if (options.dims.empty() && options.shapes.empty()) return;
  fail(options.source +
       ": its sizes are fixed; --dim and --shape are for open dims of ONNX models");
}

} // namespace

void addModelOptions(CLI::App &command, ModelOptions &options) {
  std::string names;
  for (const auto &[name, build] : zoo()) names += (names.empty() ? "" : ", ") + name;
  command
      .add_option("model", options.source,
                  "a .weir file, an .onnx model, a file of weir or StableHLO text, - for standard "
                  "input, or one of " +
                      names)
      ->required();
  command.add_option("--dim", options.dims, "NAME=SIZE of an open dim of an ONNX model: batch=8");
  command.add_option("--shape", options.shapes,
                     "INPUT=SIZES of an input of an ONNX model: x=1x3x224x224");
}

Model loadModel(const ModelOptions &options, bool widen) {
  const std::string &source = options.source;
  if (source.ends_with(".onnx")) {
    const onnx::Model file = onnx::Model::read(source);
    const onnx::ImportOptions import{.sizes = onnxSizes(file, options)};
    std::string text = file.graph(import).toMlir(/*locations=*/true);
    Model model = emptyModel();
    model.module = parseText(source, text, model.context.get());
    return model;
  }
  refuseSizes(options);
  auto known = zoo().find(source);
  if (known != zoo().end()) {
    Model model = emptyModel();
    std::string text = known->second().toMlir(/*locations=*/true);
    model.module = parseText(source, text, model.context.get());
    return model;
  }
  std::string bytes = readBytes(source);
  if (bytes.starts_with("WEIRX"))
    fail(source + " is compiled; weir run, weir bench and weir-run take it");
  const bool isGraphFile = graph_file::isGraphFile(bytes);
  if (!isGraphFile) bytes = readText(source, std::move(bytes), widen);
  Model model = emptyModel();
  if (!isGraphFile)
    model.module = parseText(nameOf(source), bytes, model.context.get());
  else if (source == "-")
    model.module =
        graph_file::importGraph(bytes, *model.context, "standard input", nullptr, &model.values);
  else
    model.module = graph_file::read(source, *model.context, Location::current(), &model.values);
  const std::string name = nameOf(source);
  if (!model.main()) fail(name + " has no function @main");
  checkPorts(model.main(), name);
  return model;
}

} // namespace weir::tools
