// Compiles, computes what must come out, writes both.
#include "tests/cuda/suite/writer.h"

#include "frontend/import/npy/npy.h"
#include "frontend/models/char_gpt.h"
#include "frontend/models/mlp.h"
#include "frontend/models/moe_transformer.h"
#include "frontend/models/resnet.h"
#include "ir/dialect/library.h"
#include "ir/reference/interpreter.h"
#include "passes/pipelines/pipelines.h"
#include "runtime/artifact/file/executable_file.h"
#include "tests/cuda/lowered.h"
#include "tools/values/values.h"

#include "mlir/Parser/Parser.h"

#include <algorithm>
#include <stdexcept>

namespace weir::suite {

namespace {

using Arrays = std::map<std::string, Array>;

void writeCase(const std::string &stem, runtime::Executable executable, const Arrays &arrays) {
  auto shared = std::make_shared<const runtime::Executable>(std::move(executable));
  auto written = runtime::writeExecutableFile(stem + ".weirx", {{runtime::kCudaLevel, shared}}, {});
  if (!written.ok()) throw std::runtime_error(std::string(written.message()));
  npy::writeArchive(stem + ".npz", arrays);
}

Feeds feedsOf(const Program &program, int64_t classes) {
  Feeds feeds;
  for (const Program::Port &input : program.inputs()) {
    Array value = tools::randomValue({input.name, f32, input.type.shape}, 1);
    if (!runtime::isFloat(input.type.dtype)) {
      std::vector<double> numbers = value.toDoubles();
      for (double &number : numbers) number = double(int64_t(std::abs(number) * 1000) % classes);
      value = Array::from<double>(input.type.shape, numbers);
    }
    feeds.emplace(input.name, value.cast(input.type.dtype));
  }
  return feeds;
}

} // namespace

void writeOps(const std::string &folder, const testing::Row &row,
              const std::vector<std::string> &forms) {
  testing::TestContext context;
  int number = 0;
  for (const auto &[dtype, sample] : testing::samplesOf(row)) {
    auto module = testing::buildModule(context.get(), sample.args, sample.build);
    std::vector<Array> inputs = testing::randomInputs(sample.args, 11);
    auto expected = ir::interpretWithBounds(*module, "main", inputs);
    testing::namePorts(*module);
    auto executable = passes::compileModule(*module, {.gpuForms = forms});
    if (failed(expected) || failed(executable))
      throw std::runtime_error(row.op + ": " + context.takeMessages());
    Arrays arrays;
    for (size_t i = 0; i < inputs.size(); ++i) arrays["in:x" + std::to_string(i)] = inputs[i];
    for (size_t i = 0; i < expected->size(); ++i) {
      const std::string name = "out:y" + std::to_string(i);
      arrays[name] = (*expected)[i].value;
      arrays["bound:" + name] = (*expected)[i].bound;
    }
    std::string name = row.op.substr(5); // after "weir."
    std::ranges::replace(name, '.', '_');
    writeCase(folder + "/op_" + name + "_" + std::to_string(number++), std::move(*executable),
              arrays);
  }
}

void writeProgram(const std::string &folder, const std::string &name, const Graph &graph,
                  const Feeds &feeds, const std::vector<std::string> &forms) {
  testing::TestContext context;
  mlir::DialectRegistry registry;
  passes::registerDialects(registry);
  context.get()->appendDialectRegistry(registry);
  context.get()->loadAllAvailableDialects();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(graph.toMlir(), context.get());
  if (!module) throw std::runtime_error(name + ": " + context.takeMessages());
  // A bare machine has the driver and no library.
  module->getOperation()->setAttr(ir::kLibrariesAttr,
                                  mlir::StringAttr::get(context.get(), ir::kNoLibraries));
  auto executable = passes::compileModule(*module, {.gpuForms = forms});
  if (failed(executable)) throw std::runtime_error(name + ": " + context.takeMessages());
  Program cpu = graph.compile();
  Arrays arrays;
  for (const auto &[port, value] : feeds) arrays["in:" + port] = value;
  for (const Program::Port &variable : cpu.variables())
    arrays["var:" + variable.name] = cpu.variable(variable.name);
  const Fetched fetched = cpu.run(feeds);
  for (const auto &[port, value] : fetched.all()) arrays["out:" + port] = value;
  for (const Program::Port &variable : cpu.variables())
    arrays["new:" + variable.name] = cpu.variable(variable.name);
  writeCase(folder + "/" + name, std::move(*executable), arrays);
}

void writePrograms(const std::string &folder, const std::vector<std::string> &forms, bool small) {
  auto write = [&](const std::string &name, const Graph &graph, int64_t classes) {
    writeProgram(folder, name, graph, feedsOf(graph.compile({.interpret = true}), classes), forms);
  };
  models::MlpClassifier mlp{.sizes = {64, 256, 128, 10}, .batch = 64};
  models::CharGptOptions gpt{.vocabulary = 65, .layers = 4, .features = 128, .context = 64};
  models::CharGptTraining training;
  models::ResNetOptions resnet{.width = 16, .classes = 10};
  int64_t images = 8, side = 64;
  models::MoeTransformerOptions moe{.vocabulary = 256, .layers = 2, .features = 128, .hidden = 128};
  int64_t windows = 4, length = 64;
  if (small) {
    mlp = {.sizes = {12, 16, 5}, .batch = 8};
    gpt = {.vocabulary = 11, .layers = 1, .heads = 2, .features = 16, .context = 8};
    training.batch = 2;
    resnet = {.blocks = {1, 1}, .width = 4, .classes = 5};
    images = 2, side = 16;
    moe.vocabulary = 11, moe.layers = 1, moe.features = 16, moe.hidden = 16, moe.experts = 4;
    moe.heads = 2, moe.keyHeads = 1;
    windows = 2, length = 8;
  }
  write("program_mlp", models::mlpTraining(mlp, nn::adam(1e-3), 1), mlp.sizes.back());
  write("program_gpt", models::charGptTraining(gpt, training, 1), gpt.vocabulary);
  write("program_resnet", models::resnetTraining(resnet, images, side, nn::momentum(0.01), 1),
        resnet.classes);
  write("program_moe", models::moeTransformerTraining(moe, windows, length, nn::adam(1e-3), 1),
        moe.vocabulary);
}

} // namespace weir::suite
