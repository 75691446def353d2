// Classifiers to train from .weir files and text: the graph grows by labels and a loss.
#include "frontend/build/graph_bytes.h"
#include "ir/dialect/weir.h"
#include "tools/weir/ports.h"
#include "tools/weir/status.h"
#include "tools/weir/train/train_file.h"

#include <algorithm>
#include <filesystem>

namespace weir::tools {

namespace {

class GraphClassifier : public FileClassifier {
public:
  explicit GraphClassifier(const FileOptions &given)
      : FileClassifier(given), model(loadModel(options.model)) {
    findInputs(model.main());
    findOutput(model.main());
    bytes = graph_file::exportGraph(*model.module, nullptr, Location::current(), &model.values);
  }

  int64_t fixedBatch() const override { return input.shape[0]; }

  Classifier build(int64_t features, int64_t classes, int64_t batch, const nn::Optimizer &optimizer,
                   uint64_t) override {
    checkRow(input.name, typeText(), input.shape, features);
    Classifier made{std::filesystem::path(source()).filename(), "",
                    build::graphFrom(bytes, source()), build::graphFrom(bytes, source())};
    made.input = {input.name, input.dtype, input.shape};
    made.label = label.empty() ? made.training.uniqueName("y") : label;
    made.loss = freshOutput("loss");
    made.logits = freshOutput("logits");
    for (Graph *graph : {&made.training, &made.evaluation}) {
      const Tensor y = label.empty() ? graph->input(made.label, i32, {batch})
                                     : graph->tensor(label),
                   out = graph->tensor(output);
      const Scores scores = score(out, output, y, classes);
      made.shape = std::to_string(features) + " to " + std::to_string(out.dim(1));
      graph->output(made.loss, scores.loss);
      graph->output(made.logits, scores.logits);
      if (graph == &made.training) nn::minimize(*graph, scores.loss, optimizer);
    }
    return made;
  }

  void save(const Program &trained) const override {
    graph_file::Values values = model.values;
    for (auto &[name, value] : values) value = graph_file::Value::of(trained.variable(name));
    graph_file::write(options.save, *model.module, options.weights, Location::current(), &values);
  }

private:
  const std::string &source() const { return options.model.source; }
  std::string typeText() const { return runtime::typeStr(input.dtype, input.shape); }

  /// Rows of numbers and, where the graph knows of them, labels i32[batch]; the rest are variables.
  void findInputs(mlir::func::FuncOp main) {
    const std::vector<Port> ports = arguments(main);
    std::vector<Port> rows, others;
    for (unsigned i = 0; i < ports.size(); ++i) {
      if (main.getArgAttr(i, ir::kVariableAttr))
        checkVariable(ports[i]);
      else if (runtime::isFloat(ports[i].dtype) && !ports[i].shape.empty())
        rows.push_back(ports[i]);
      else
        others.push_back(ports[i]);
    }
    if (rows.size() != 1)
      fail(source() + " has " + std::to_string(rows.size()) +
           " inputs of numbers f32[batch, ...]; a classifier to train has one");
    input = rows[0];
    for (const Port &port : others) {
      const bool isLabels = port.dtype == i32 && port.shape == Shape{input.shape[0]};
      if (!isLabels || !label.empty())
        fail(source() + ": input " + port.name + " is " + runtime::typeStr(port.dtype, port.shape) +
             "; a classifier to train takes rows and, at most, their labels");
      label = port.name;
    }
    if (ports.size() == rows.size() + others.size())
      fail(source() + " has no variables to train; what ONNX models learn is constant in a .weir "
                      "file: train the .onnx file");
  }

  void checkVariable(const Port &port) const {
    if (!model.values.count(port.name))
      fail(source() + ": variable " + port.name +
           " has no value to start from; --load gives values from a safetensors file");
  }

  /// The one that --logits names, or the first with a row for each of the input.
  void findOutput(mlir::func::FuncOp main) {
    const std::vector<Port> ports = results(main);
    for (unsigned i = 0; i < ports.size(); ++i) {
      if (main.getResultAttr(i, ir::kUpdatesAttr))
        fail(source() + " updates " + ports[i].name +
             " itself, as training graphs do; weir train takes the classifier alone");
      const Shape &shape = ports[i].shape;
      const bool isScores = shape.size() == 2 && shape[0] == input.shape[0];
      outputs.push_back(ports[i].name);
      if (output.empty() && (options.logits.empty() ? isScores : ports[i].name == options.logits))
        output = ports[i].name;
    }
    if (output.empty())
      fail(source() + " has no output " +
           (options.logits.empty() ? "f32[" + std::to_string(input.shape[0]) + ", classes]"
                                   : options.logits));
  }

  std::string freshOutput(const std::string &wish) const {
    std::string name = wish;
    for (int i = 1; std::ranges::find(outputs, name) != outputs.end(); ++i)
      name = wish + "_" + std::to_string(i);
    return name;
  }

  Model model;
  Port input;
  std::vector<std::string> outputs;
  std::string label, output, bytes;
};

} // namespace

std::unique_ptr<FileClassifier> graphClassifier(const FileOptions &options) {
  return std::make_unique<GraphClassifier>(options);
}

} // namespace weir::tools
