// Models by name, from text, or from .weir and .onnx files.
#include "tools/weir/model_source.h"

#include "frontend/import/onnx/onnx.h"
#include "frontend/import/stablehlo/stablehlo.h"
#include "frontend/models/char_gpt.h"
#include "frontend/models/char_lstm.h"
#include "frontend/models/lenet.h"
#include "frontend/models/mlp.h"
#include "frontend/proto/graph_file.h"
#include "ir/dialect/weir.h"
#include "passes/pipelines/pipelines.h"

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

/// The bytes of a file or of standard input.
std::string readBytes(const std::string &source) {
  auto buffer = llvm::MemoryBuffer::getFileOrSTDIN(source, /*IsText=*/false);
  if (!buffer)
    throw Error(source + ": " + buffer.getError().message() + "; " + modelSourceHelp(),
                Location::current());
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
  if (!module) throw Error(source + " is not a valid graph", Location::current());
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
    throw Error(source + ": arguments and results of @main must be static tensors",
                Location::current());
  for (unsigned i = 0; i < main.getNumResults(); ++i)
    if (auto updates = main.getResultAttrOfType<mlir::IntegerAttr>(i, ir::kUpdatesAttr))
      if (updates.getInt() < 0 || updates.getInt() >= main.getNumArguments())
        throw Error(source + ": result " + std::to_string(i) + " updates argument " +
                        std::to_string(updates.getInt()) + ", which there is not",
                    Location::current());
}

} // namespace

std::string modelSourceHelp() {
  std::string names;
  for (const auto &[name, build] : zoo()) names += (names.empty() ? "" : ", ") + name;
  return "a .weir file, an .onnx model, a file of weir or StableHLO text, - for standard input, or "
         "one "
         "of " +
         names;
}

Model loadModel(const std::string &source, bool widen) {
  Model model;
  mlir::DialectRegistry registry;
  passes::registerDialects(registry);
  model.context = std::make_unique<mlir::MLIRContext>(registry);
  model.context->loadAllAvailableDialects();
  auto known = zoo().find(source);
  if (known != zoo().end()) {
    model.module =
        parseText(source, known->second().toMlir(/*locations=*/true), model.context.get());
    return model;
  }
  if (source.ends_with(".onnx")) {
    std::string text = onnx::Model::read(source).graph().toMlir(/*locations=*/true);
    model.module = parseText(source, text, model.context.get());
    return model;
  }
  std::string bytes = readBytes(source);
  if (!graph_file::isGraphFile(bytes))
    model.module =
        parseText(source, weirText(source, std::move(bytes), widen), model.context.get());
  else if (source == "-")
    model.module = graph_file::importGraph(bytes, *model.context, "standard input");
  else
    model.module = graph_file::read(source, *model.context);
  if (!model.main()) throw Error(source + " has no function @main", Location::current());
  checkPorts(model.main(), source);
  return model;
}

} // namespace weir::tools
