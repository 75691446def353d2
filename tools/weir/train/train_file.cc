// `weir train model.onnx`: an ONNX classifier trained further. Its float initializers become
// variables, and softmax cross-entropy is attached to its output.
#include "tools/weir/commands.h"
#include "tools/weir/onnx_sizes.h"
#include "tools/weir/status.h"
#include "tools/weir/train/freeze.h"
#include "tools/weir/train/train_classifier.h"

#include <cstdio>
#include <filesystem>

namespace weir::tools {

namespace {

struct FileOptions {
  ModelOptions model;
  std::string logits, save, weights;
  bool probabilities = false;
};

/// The model's single input takes rows of the data, in its own shape; its first dim is the batch.
class FileClassifier {
public:
  FileClassifier(const FileOptions &options, ClassifierOptions &classifier)
      : options(options), model(onnx::Model::read(options.model.source)) {
    if (model.inputs().size() != 1)
      fail(options.model.source + " has " + std::to_string(model.inputs().size()) +
           " inputs; a classifier to train has one");
    output = options.logits.empty() ? 0 : model.outputs().size();
    for (size_t i = 0; i < model.outputs().size(); ++i)
      if (model.outputs()[i].name == options.logits) output = i;
    if (output == model.outputs().size())
      fail(options.model.source + " has no output " + options.logits);
    // An open first dim takes --batch, a fixed one decides it.
    dims = onnxDims(model.inputs()[0]);
    if (dims.empty()) fail("input " + inputName() + " is " + model.inputs()[0].type);
    if (auto fixed = onnxSize(dims[0])) classifier.batch = *fixed;
  }

  Classifier build(int64_t features, int64_t classes, int64_t batch, const nn::Optimizer &optimizer,
                   uint64_t seed) {
    sizes = sizesFor(batch);
    Classifier made{std::filesystem::path(options.model.source).filename(), "", Graph(seed),
                    Graph(seed)};
    Tensor loss = attach(made.training, features, classes, batch, made.shape);
    made.training.minimize(loss, optimizer);
    attach(made.evaluation, features, classes, batch, made.shape);
    return made;
  }

  /// The model alone, with what it has learned.
  void save(const Program &trained) const {
    Graph graph;
    Tensor x = graph.input(inputName(), f32, inputShape());
    const TensorList results = model.apply(graph, {x}, import());
    for (size_t i = 0; i < results.size(); ++i) graph.output(model.outputs()[i].name, results[i]);
    writeFrozen(options.save, graph, trained, options.weights);
    std::printf("written      %s, the model with its trained weights\n", options.save.c_str());
  }

private:
  const std::string &inputName() const { return model.inputs()[0].name; }
  onnx::ImportOptions import() const { return {.sizes = sizes, .trainable = true}; }

  std::map<std::string, int64_t> sizesFor(int64_t batch) const {
    ModelOptions given = options.model;
    if (!onnxSize(dims[0])) given.dims.push_back(dims[0] + "=" + std::to_string(batch));
    return onnxSizes(model, given);
  }

  Shape inputShape() const {
    Shape shape;
    for (const std::string &dim : dims) {
      auto size = onnxSize(dim);
      shape.push_back(size ? *size : sizes.at(dim));
    }
    return shape;
  }

  Tensor attach(Graph &graph, int64_t features, int64_t classes, int64_t batch,
                std::string &shapeText) const {
    const Shape shape = inputShape();
    int64_t row = 1;
    for (size_t d = 1; d < shape.size(); ++d) row *= shape[d];
    if (row != features)
      fail("rows of the data have " + std::to_string(features) + " numbers, but input " +
           inputName() + " is " + model.inputs()[0].type);
    Tensor x = graph.input("x", f32, {batch, features}), y = graph.input("y", i32, {batch});
    Tensor out = model.apply(graph, {reshape(x, shape)}, import())[output];
    if (out.rank() != 2 || out.dim(0) != batch || out.dim(1) < classes)
      fail("output " + model.outputs()[output].name + " is " + out.type().str() +
           ", but logits of this data are f32[" + std::to_string(batch) + ", " +
           std::to_string(classes) + "] or wider; say which output with --logits");
    shapeText = std::to_string(features) + " to " + std::to_string(out.dim(1));
    // Softmax of the logarithm of probabilities gives them back.
    Tensor logits = options.probabilities ? log(max(out, 1e-30)) : out;
    Tensor loss = nn::crossEntropy(logits, y);
    graph.output("loss", loss);
    graph.output("logits", logits);
    return loss;
  }

  const FileOptions options;
  onnx::Model model;
  std::vector<std::string> dims;
  std::map<std::string, int64_t> sizes;
  size_t output = 0;
};

void trainFile(const FileOptions &options, ClassifierOptions classifier,
               const TrainOptions &train) {
  if (!options.model.source.ends_with(".onnx"))
    fail(options.model.source + ": weir train takes ONNX classifiers (a .onnx file) and the models "
                                "that weir train --help lists");
  FileClassifier file(options, classifier);
  if (!options.save.empty())
    classifier.finish = [&](const Program &trained) { file.save(trained); };
  trainClassifier(classifier, train, [&](auto... how) { return file.build(how...); });
}

} // namespace

void addTrainFile(CLI::App &train) {
  auto *app = train.add_subcommand(
      "file", "an ONNX classifier, further: weir train model.onnx --data rows.csv");
  auto file = std::make_shared<FileOptions>();
  auto options =
      std::make_shared<ClassifierOptions>(ClassifierOptions{.epochs = 10, .reportsStart = true});
  auto common = std::make_shared<TrainOptions>(TrainOptions{.folder = "weir-train", .steps = 0});
  addFileOptions(*app, file->model);
  addClassifierOptions(*app, *options);
  app->add_option("--logits", file->logits, "the output that scores classes; else the first");
  app->add_flag("--probabilities", file->probabilities,
                "that output is already a softmax: its logarithm is trained");
  app->add_option("--save", file->save, "a .weir file to write: the model with trained weights");
  app->add_option(
      "--weights", file->weights,
      "with --save: put weights of 1 KiB and more into this safetensors file beside it");
  addCommonTrainOptions(*app, *common);
  addExample(*app, "weir train model.onnx --data digits.csv --save trained.weir\n"
                   "weir train model.onnx --data images-idx3-ubyte.gz --labels "
                   "labels-idx1-ubyte.gz --epochs 3");
  app->callback([=] { trainFile(*file, *options, *common); });
}

} // namespace weir::tools
