// `weir train FILE`: a classifier trained further.
#include "tools/weir/train/train_file.h"

#include "tools/weir/commands.h"
#include "tools/weir/files.h"
#include "tools/weir/status.h"

namespace weir::tools {

void FileClassifier::checkRow(const std::string &input, const std::string &type, const Shape &shape,
                              int64_t features) const {
  int64_t row = 1;
  for (size_t d = 1; d < shape.size(); ++d) row *= shape[d];
  if (shape.empty() || row != features)
    fail("rows of the data have " + std::to_string(features) + " numbers, but input " + input +
         " is " + type);
}

FileClassifier::Scores FileClassifier::score(const Tensor &out, const std::string &name,
                                             const Tensor &y, int64_t classes) const {
  const int64_t batch = y.dim(0);
  if (out.rank() != 2 || out.dim(0) != batch || out.dim(1) < classes ||
      !runtime::isFloat(out.dtype()))
    fail("output " + name + " is " + out.type().str() + ", but logits of this data are f32[" +
         std::to_string(batch) + ", " + std::to_string(classes) +
         "] or wider; say which output with --logits");
  // Softmax of the logarithm of probabilities gives them back.
  Tensor logits = options.probabilities ? log(max(out, 1e-30)) : out;
  Tensor loss = nn::crossEntropy(logits, y);
  return {logits, loss};
}

namespace {

void trainFile(const FileOptions &options, ClassifierOptions classifier,
               const TrainOptions &train) {
  if (!options.save.empty()) checkWritable(options.save);
  const bool isOnnx = options.model.source.ends_with(".onnx");
  const auto file = isOnnx ? onnxClassifier(options) : graphClassifier(options);
  const int64_t fixed = file->fixedBatch();
  if (fixed) classifier.batch = fixed;
  if (!options.save.empty())
    classifier.finish = [&](const Program &trained) {
      file->save(trained);
      std::fprintf(train.reportFile(), "written      %s, the model with its trained weights\n",
                   options.save.c_str());
    };
  trainClassifier(classifier, train,
                  [&](int64_t features, int64_t classes, int64_t batch,
                      const nn::Optimizer &optimizer, uint64_t seed) {
                    if (fixed && batch != fixed)
                      fail(classifier.data + ": " + std::to_string(batch) +
                           " rows to train on, but " + options.model.source + " takes batches of " +
                           std::to_string(fixed));
                    return file->build(features, classes, batch, optimizer, seed);
                  });
}

} // namespace

void addTrainFile(CLI::App &train) {
  auto *app = train.add_subcommand(
      "file", "a classifier from a file, further: weir train model.onnx --data rows.csv");
  auto file = std::make_shared<FileOptions>();
  auto options =
      std::make_shared<ClassifierOptions>(ClassifierOptions{.epochs = 10, .reportsStart = true});
  auto common = std::make_shared<TrainOptions>(TrainOptions{.folder = "weir-train", .steps = 0});
  addFileOptions(*app, file->model);
  app->add_option("--load", file->model.weights,
                  "a safetensors file: values of variables by their names");
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
                   "weir train trained.weir --data digits.csv --epochs 3 --save better.weir\n"
                   "weir train model.mlir --load start.safetensors --data digits.csv\n"
                   "weir train model.onnx --data images-idx3-ubyte.gz --labels "
                   "labels-idx1-ubyte.gz --epochs 3");
  app->callback([=] { trainFile(*file, *options, *common); });
}

} // namespace weir::tools
