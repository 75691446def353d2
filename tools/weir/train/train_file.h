// Classifiers that come in a file, and are trained further with softmax cross-entropy on an output.
#pragma once

#include "tools/weir/model_source.h"
#include "tools/weir/train/train_classifier.h"

namespace weir::tools {

struct FileOptions {
  ModelOptions model;
  std::string logits, save, weights;
  bool probabilities = false;
};

/// The model's single input takes rows of the data, in its own shape; its first dim is the batch.
class FileClassifier {
public:
  explicit FileClassifier(const FileOptions &options) : options(options) {}
  virtual ~FileClassifier() = default;
  /// That of the file; 0 where it takes any.
  virtual int64_t fixedBatch() const = 0;
  virtual Classifier build(int64_t features, int64_t classes, int64_t batch,
                           const nn::Optimizer &optimizer, uint64_t seed) = 0;
  /// Writes the model alone, with what it has learned, to options.save.
  virtual void save(const Program &trained) const = 0;

protected:
  /// Throws unless rows of `features` numbers fill `shape` but for its first dim.
  void checkRow(const std::string &input, const std::string &type, const Shape &shape,
                int64_t features) const;
  struct Scores {
    Tensor logits, loss;
  };
  /// Of the labels y i32[batch]. Throws where `out`, the model's output `name`, are no scores of
  /// these classes.
  Scores score(const Tensor &out, const std::string &name, const Tensor &y, int64_t classes) const;

  const FileOptions options;
};

/// An .onnx file: its float initializers become variables.
std::unique_ptr<FileClassifier> onnxClassifier(const FileOptions &options);
/// A .weir file, or text: its own variables are trained.
std::unique_ptr<FileClassifier> graphClassifier(const FileOptions &options);

} // namespace weir::tools
