// ONNX classifiers to train.
#include "tools/weir/onnx_sizes.h"
#include "tools/weir/status.h"
#include "tools/weir/train/freeze.h"
#include "tools/weir/train/train_file.h"

#include <filesystem>

namespace weir::tools {

namespace {

class OnnxClassifier : public FileClassifier {
public:
  explicit OnnxClassifier(const FileOptions &given)
      : FileClassifier(given), model(onnx::Model::read(options.model.source)) {
    if (!options.model.weights.empty())
      fail(options.model.source +
           ": --load is for graphs with variables; an ONNX model has values");
    if (model.inputs().size() != 1)
      fail(options.model.source + " has " + std::to_string(model.inputs().size()) +
           " inputs; a classifier to train has one");
    output = options.logits.empty() ? 0 : model.outputs().size();
    for (size_t i = 0; i < model.outputs().size(); ++i)
      if (model.outputs()[i].name == options.logits) output = i;
    if (output == model.outputs().size())
      fail(options.model.source + " has no output " + options.logits);
    dims = onnxDims(model.inputs()[0]);
    if (dims.empty()) fail("input " + inputName() + " is " + model.inputs()[0].type);
  }

  int64_t fixedBatch() const override { return onnxSize(dims[0]).value_or(0); }

  Classifier build(int64_t features, int64_t classes, int64_t batch, const nn::Optimizer &optimizer,
                   uint64_t seed) override {
    sizes = sizesFor(batch);
    Classifier made{std::filesystem::path(options.model.source).filename(), "", Graph(seed),
                    Graph(seed)};
    Tensor loss = attach(made.training, features, classes, batch, made.shape);
    nn::minimize(made.training, loss, optimizer);
    attach(made.evaluation, features, classes, batch, made.shape);
    return made;
  }

  void save(const Program &trained) const override {
    Graph graph;
    Tensor x = graph.input(inputName(), f32, inputShape());
    const TensorList results = model.apply(graph, {x}, import());
    for (size_t i = 0; i < results.size(); ++i) graph.output(model.outputs()[i].name, results[i]);
    writeFrozen(options.save, graph, trained, options.weights);
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
    checkRow(inputName(), model.inputs()[0].type, shape, features);
    Tensor x = graph.input("x", f32, {batch, features}), y = graph.input("y", i32, {batch});
    Tensor out = model.apply(graph, {reshape(x, shape)}, import())[output];
    const Scores scores = score(out, model.outputs()[output].name, y, classes);
    shapeText = std::to_string(features) + " to " + std::to_string(out.dim(1));
    graph.output("loss", scores.loss);
    graph.output("logits", scores.logits);
    return scores.loss;
  }

  onnx::Model model;
  std::vector<std::string> dims;
  std::map<std::string, int64_t> sizes;
  size_t output = 0;
};

} // namespace

std::unique_ptr<FileClassifier> onnxClassifier(const FileOptions &options) {
  return std::make_unique<OnnxClassifier>(options);
}

} // namespace weir::tools
