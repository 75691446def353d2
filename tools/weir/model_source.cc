// Models by name or from text.
#include "tools/weir/model_source.h"

#include "frontend/import/onnx/onnx.h"
#include "frontend/import/stablehlo/stablehlo.h"
#include "frontend/models/char_gpt.h"
#include "frontend/models/char_lstm.h"
#include "frontend/models/lenet.h"
#include "frontend/models/mlp.h"
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

std::string readText(const std::string &source, bool widen) {
  auto model = zoo().find(source);
  if (model != zoo().end()) return model->second().toMlir(/*locations=*/true);
  if (source.ends_with(".onnx"))
    return onnx::Model::read(source).graph().toMlir(/*locations=*/true);
  auto buffer = llvm::MemoryBuffer::getFileOrSTDIN(source, /*IsText=*/true);
  if (!buffer)
    throw Error(source + ": " + buffer.getError().message() + "; " + modelSourceHelp(),
                Location::current());
  std::string text = (*buffer)->getBuffer().str();
  if (!stablehlo::isStablehlo(text)) return text;
  return stablehlo::Module::parse(text, source, {.widen = widen})
      .graph()
      .toMlir(/*locations=*/true);
}

} // namespace

std::string modelSourceHelp() {
  std::string names;
  for (const auto &[name, build] : zoo()) names += (names.empty() ? "" : ", ") + name;
  return "a file of weir or StableHLO text or an .onnx model, - for standard input, or one of " +
         names;
}

Model loadModel(const std::string &source, bool widen) {
  Model model;
  mlir::DialectRegistry registry;
  passes::registerDialects(registry);
  model.context = std::make_unique<mlir::MLIRContext>(registry);
  model.context->loadAllAvailableDialects();
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(llvm::MemoryBuffer::getMemBufferCopy(readText(source, widen), source),
                             llvm::SMLoc());
  mlir::SourceMgrDiagnosticHandler handler(sources, model.context.get());
  model.module = mlir::parseSourceFile<mlir::ModuleOp>(sources, model.context.get());
  if (!model.module) throw Error(source + " is not a valid graph", Location::current());
  if (!model.main()) throw Error(source + " has no function @main", Location::current());
  return model;
}

} // namespace weir::tools
