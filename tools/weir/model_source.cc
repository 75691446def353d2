// Models by name, from text, or from .weir and .onnx files.
#include "tools/weir/model_source.h"
#include "tools/flags/flags.h"
#include "tools/weir/status.h"

#include "frontend/api/initial_values.h"
#include "frontend/build/diagnostics.h"
#include "frontend/import/onnx/onnx.h"
#include "frontend/import/stablehlo/stablehlo.h"
#include "frontend/import/text/guard.h"
#include "frontend/models/parallel.h"
#include "frontend/models/weights.h"
#include "frontend/models/zoo.h"
#include "frontend/proto/graph_file.h"
#include "ir/collective/spmd.h"
#include "ir/dialect/weir.h"
#include "passes/pipelines/pipelines.h"
#include "runtime/base/safetensors.h"
#include "tools/weir/onnx_sizes.h"
#include "tools/weir/ports.h"
#include "tools/weir/safe_parse.h"

#include "mlir/Parser/Parser.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>

namespace weir::tools {

namespace {

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
  build::DiagnosticCollector collector(*context);
  auto module = mlir::parseSourceString<mlir::ModuleOp>(
      text, mlir::ParserConfig(context, /*verifyAfterParse=*/true), source);
  if (!module) collector.raise("parsing " + source, Location::current());
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

void refuseSizes(const ModelOptions &options, bool isZoo) {
  if (!options.dims.empty() || !options.shapes.empty())
    fail(options.source +
         ": its sizes are fixed; --dim and --shape are for open dims of ONNX models");
  if (isSized(options) && !isZoo)
    fail(options.source + ": --size, --batch, --length and --draw are for models by name");
}

bool isZooName(const std::string &name) {
  return std::ranges::any_of(models::zoo(), [&](const auto &entry) { return entry.name == name; });
}

/// A model by name. Values only where they are asked for: the largest have billions.
Model zooModel(const ModelOptions &options) {
  Graph graph = models::zooGraph({.name = options.source,
                                  .size = options.size,
                                  .batch = options.batch,
                                  .length = options.length});
  if (!options.mesh.empty()) models::parallelize(graph, Mesh(options.mesh), {.zero = options.zero});
  Model model = emptyModel();
  model.module = parseText(options.source, graph.toMlir(/*locations=*/true), model.context.get());
  if (!options.weights.empty()) models::loadWeights(graph, options.weights);
  if (!options.weights.empty() || options.draw)
    for (const auto &[name, value] : initialValues(graph))
      model.values.emplace(name, graph_file::Value::of(value));
  return model;
}

/// Values of variables that a safetensors file has under their names.
void loadValues(Model &model, const std::string &path) {
  auto file = check(runtime::SafetensorsFile::open(path));
  size_t loaded = 0;
  for (unsigned i = 0; i < model.main().getNumArguments(); ++i) {
    auto name = model.main().getArgAttrOfType<mlir::StringAttr>(i, ir::kVariableAttr);
    if (!name) continue;
    for (const auto &entry : file.entries()) {
      if (entry.name != name.getValue()) continue;
      auto type = mlir::cast<mlir::RankedTensorType>(model.main().getArgumentTypes()[i]);
      if (entry.dtype != *ir::dtypeOf(type) || llvm::ArrayRef(entry.dims) != type.getShape())
        fail(path + ": tensor '" + entry.name + "' is " +
             runtime::typeStr(entry.dtype, entry.dims) + ", but the variable is " +
             ir::typeString(type));
      model.values.insert_or_assign(entry.name, graph_file::Value::of(file.tensor(entry)));
      ++loaded;
    }
  }
  if (!loaded) fail(path + ": has no tensor with the name of a variable");
}

/// A model from a file, or from standard input.
Model fileModel(const std::string &source, bool widen) {
  std::string bytes = readBytes(source);
  if (bytes.starts_with("WEIRX") && source == "-")
    fail("standard input is compiled; weir run, weir bench and weir-run take it as a file");
  if (bytes.starts_with("WEIRX"))
    fail(source + " is compiled; weir run, weir bench, weir inspect and weir-run take it");
  if (bytes.empty()) fail(nameOf(source) + " is empty");
  if (!graph_file::isGraphFile(bytes) && bytes.find('\0') != std::string::npos)
    fail(nameOf(source) + " is neither text nor a file that Weir knows: .weir, .weirx, .onnx");
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

Model onnxModel(const ModelOptions &options) {
  const onnx::Model file = onnx::Model::read(options.source);
  const onnx::ImportOptions import{.sizes = onnxSizes(file, options)};
  std::string text = file.graph(import).toMlir(/*locations=*/true);
  Model model = emptyModel();
  model.module = parseText(options.source, text, model.context.get());
  return model;
}

/// What is said of a file's mesh: inputs are split along their first dim over an axis data, and as
/// --shard says.
void placeOnMesh(Model &model, const ModelOptions &options, bool isZoo) {
  if (options.mesh.empty()) {
    if (options.zero || !options.shardings.empty()) fail("--zero and --shard need --mesh");
    return;
  }
  const Mesh mesh(options.mesh);
  mlir::OpBuilder b(model.context.get());
  (*model.module)->setAttr(ir::spmd::kMeshAttr, b.getStringAttr(mesh.str()));
  mlir::func::FuncOp main = model.main();
  const std::vector<Port> ports = arguments(main);
  auto say = [&](unsigned i, const std::string &sharding) {
    main.setArgAttr(i, ir::spmd::kShardingAttr, b.getStringAttr(sharding));
  };
  const bool hasData = ("," + mesh.str()).find(",data=") != std::string::npos;
  if (!isZoo && options.zero) fail("--zero is for models by name; say --shard for others");
  for (unsigned i = 0; i < ports.size() && !isZoo && hasData; ++i) {
    if (main.getArgAttr(i, ir::kVariableAttr) || ports[i].shape.empty()) continue;
    std::string text = "[{data}";
    for (size_t d = 1; d < ports[i].shape.size(); ++d) text += ",{}";
    say(i, text + "]");
  }
  for (const std::string &word : options.shardings) {
    const std::string name = word.substr(0, word.find('='));
    auto at = std::ranges::find_if(ports, [&](const Port &port) { return port.name == name; });
    if (at == ports.end() || name.size() == word.size())
      fail("--shard " + word + ": NAME=[{data},{}] with the name of an input or variable");
    say(static_cast<unsigned>(at - ports.begin()), word.substr(name.size() + 1));
  }
}

void addSourceOptions(CLI::App &command, ModelOptions &options, const std::string &orNames) {
  command
      .add_option("model", options.source,
                  "a .weir file, an .onnx model, a file of weir or StableHLO text, - for standard "
                  "input" +
                      orNames)
      ->required();
  command.add_option("--dim", options.dims, "NAME=SIZE of an open dim of an ONNX model: batch=8");
  command.add_option("--shape", options.shapes,
                     "INPUT=SIZES of an input of an ONNX model: x=1x3x224x224");
}

} // namespace

void addFileOptions(CLI::App &command, ModelOptions &options) {
  addSourceOptions(command, options, "");
}

void addModelOptions(CLI::App &command, ModelOptions &options) {
  std::string names;
  for (const models::ZooEntry &entry : models::zoo())
    names += (names.empty() ? "" : ", ") + entry.name;
  addSourceOptions(command, options, ", or one of " + names);
  command.add_option("--size", options.size,
                     "of a model by name: small, medium, large or xl of gpt2, ...");
  command
      .add_option("--batch", options.batch,
                  "of a model by name, or of an ONNX model that leaves it open")
      ->check(atLeast(1));
  command
      .add_option("--length", options.length,
                  "of a model by name: tokens, or pixels of an image's side")
      ->check(atLeast(1));
  command.add_option("--load", options.weights,
                     "a safetensors file: values of variables by their names");
  command.add_flag("--draw", options.draw, "draw the initial values of a model by name");
}

bool isSized(const ModelOptions &options) {
  return !options.size.empty() || options.batch || options.length || options.draw;
}

bool takesBatch(const ModelOptions &options) {
  return isZooName(options.source) || options.source.ends_with(".onnx");
}

void addMeshOptions(CLI::App &command, ModelOptions &options) {
  command.add_option(
      "--mesh", options.mesh,
      "devices along named axes: data=2,model=2. Of a model by name, data splits the "
      "batch, sequence the tokens of a window, model the matrices of a transformer, "
      "expert the experts of mixtures; of others, data splits inputs");
  command
      .add_option("--zero", options.zero,
                  "of a model by name, with an axis data: 1 splits optimizer state over it, 2 also "
                  "gradients, 3 also parameters")
      ->check(CLI::Range(0, 3));
  command.add_option("--shard", options.shardings,
                     "NAME=SHARDING of an input or variable: w=[{},{model}]");
}

Model loadModel(const ModelOptions &options, bool widen) {
  const bool isZoo = isZooName(options.source), isOnnx = options.source.ends_with(".onnx");
  if (!isOnnx) refuseSizes(options, isZoo);
  Model model = isZoo    ? zooModel(options)
                : isOnnx ? onnxModel(options)
                         : fileModel(options.source, widen);
  if (!isZoo && !options.weights.empty()) loadValues(model, options.weights);
  placeOnMesh(model, options, isZoo);
  return model;
}

std::string textOf(mlir::ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module->print(stream, mlir::OpPrintingFlags().enableDebugInfo());
  return text + "\n";
}

} // namespace weir::tools
