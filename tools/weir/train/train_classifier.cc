// `weir train mlp` and `weir train lenet`: classifiers of fixed-size rows and of small images, from
// a CSV file or MNIST's idx files.
#include "tools/weir/train/train_classifier.h"

#include "frontend/build/program_state.h"
#include "frontend/data/readers.h"
#include "frontend/data/text.h"
#include "frontend/models/lenet.h"
#include "frontend/models/mlp.h"
#include "tools/weir/commands.h"
#include "tools/weir/files.h"
#include "tools/weir/status.h"
#include "tools/weir/train/ranks.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <sstream>

namespace weir::tools {

namespace {

struct Split {
  data::LabelledRows training, test;
};

/// "fifth": every fifth row (index mod 5 = 4) is tested; "last-fifth": the last fifth of the rows.
Split splitRows(const data::LabelledRows &rows, const std::string &holdOut) {
  std::vector<int64_t> train, test;
  for (int64_t i = 0; i < rows.rows(); ++i) {
    bool held = holdOut == "fifth" ? i % 5 == 4 : i >= rows.rows() - rows.rows() / 5;
    (held ? test : train).push_back(i);
  }
  return {rows.pick(train), rows.pick(test)};
}

struct Score {
  double loss = 0, accuracy = 0;
};

Feeds feedsOf(const Classifier &model, const data::LabelledRows &rows) {
  Array x = rows.features;
  if (!model.input.shape.empty()) x = x.reshaped(model.input.shape).cast(model.input.dtype);
  return {{model.input.name, x}, {model.label, rows.labels}};
}

Score evaluateRows(const Classifier &model, Program &evaluation, const data::LabelledRows &rows,
                   int64_t batch) {
  Score score;
  auto labels = rows.labels.data<int32_t>();
  for (int64_t start = 0; start < rows.rows(); start += batch) {
    std::vector<int64_t> indices;
    for (int64_t i = 0; i < batch; ++i) indices.push_back(std::min(start + i, rows.rows() - 1));
    Array logits =
        evaluation.run(feedsOf(model, rows.pick(indices)), {model.logits})[Name(model.logits)];
    std::vector<double> values = logits.toDoubles();
    int64_t classes = logits.dims()[1];
    for (int64_t i = 0; i < batch && start + i < rows.rows(); ++i) {
      auto row = values.begin() + i * classes;
      auto best = std::max_element(row, row + classes);
      double total = 0;
      for (int64_t c = 0; c < classes; ++c) total += std::exp(row[c] - *best);
      int32_t label = labels[start + i];
      score.loss += std::log(total) + *best - row[label];
      score.accuracy += best - row == label;
    }
  }
  return {score.loss / rows.rows(), score.accuracy / rows.rows()};
}

std::string join(const std::vector<int64_t> &sizes) {
  std::string text;
  for (int64_t size : sizes) text += (text.empty() ? "" : ",") + std::to_string(size);
  return text;
}

int64_t countClasses(const data::LabelledRows &rows) {
  auto labels = rows.labels.data<int32_t>();
  return labels.empty() ? 1 : *std::max_element(labels.begin(), labels.end()) + 1;
}

/// Labels number classes from 0; a last column of other numbers is not one of labels.
void checkLabels(const data::LabelledRows &rows, const std::string &file) {
  const int64_t most = std::max<int64_t>(rows.rows(), 1000);
  for (int32_t label : rows.labels.data<int32_t>())
    if (label < 0 || label >= most)
      fail(file + ": label " + std::to_string(label) + " is no class: " +
           (label < 0 ? "they are numbered from 0"
                      : "there are only " + std::to_string(rows.rows()) + " rows"));
}

} // namespace

static void trainOn(const Ranks &ranks, const ClassifierOptions &options,
                    const ClassifierFor &build) {
  TrainOptions train = ranks.options();
  data::LabelledRows rows = options.labels.empty() ? data::readCsv(options.data, options.scale)
                                                   : data::readIdx(options.data, options.labels);
  checkLabels(rows, options.labels.empty() ? options.data : options.labels);
  Split split = splitRows(rows, options.holdOut);
  if (split.test.rows() == 0) fail(options.data + " has too few rows to hold some out");
  makeFolder(train.folder);
  if (train.steps == 0)
    train.steps = options.epochs * std::max<int64_t>(1, split.training.rows() / options.batch);

  const int64_t batch = std::min(options.batch, split.training.rows());
  nn::Schedule rate = nn::warmupCosine(options.rate, std::max<int64_t>(1, train.steps / 20),
                                       train.steps, options.rate / 100);
  const nn::Optimizer adam = nn::adam(rate);
  Classifier model = build(rows.features.dims()[1], countClasses(rows), batch,
                           train.scalesLoss() ? adam.scaled() : adam, train.seed);
  std::fprintf(stderr, "%s: %ld rows train, %ld test; %s %s\n", options.data.c_str(),
               static_cast<long>(split.training.rows()), static_cast<long>(split.test.rows()),
               model.name.c_str(), model.shape.c_str());

  const CompileOptions compile = ranks.compileOptions();
  ranks.place(model.training);
  ranks.place(model.evaluation);
  Program program = model.training.compile(compile), evaluation = model.evaluation.compile(compile);
  printNotes(program.state()->backend->notes);
  data::EpochSampler sampler(split.training.rows(), batch, train.seed);
  Score score;

  TrainTask task;
  task.title = model.name + " " + model.shape + " on " +
               std::filesystem::path(options.data).filename().string();
  task.config = {{"model", model.name},
                 {"sizes", model.shape},
                 {"batch", std::to_string(batch)},
                 {"steps", std::to_string(train.steps)},
                 {"seed", std::to_string(train.seed)},
                 {"precision", train.precision},
                 {"rows", std::to_string(rows.rows())}};
  task.nextBatch = [&] { return feedsOf(model, split.training.pick(sampler.next())); };
  task.samplerState = [&] {
    return std::to_string(sampler.state()[0]) + " " + std::to_string(sampler.state()[1]);
  };
  task.restoreSampler = [&](const std::string &text) {
    std::array<uint64_t, 2> state{};
    std::istringstream(text) >> state[0] >> state[1];
    sampler.restore(state);
  };
  task.validationLoss = [&](const Program &trained) {
    evaluation.copyVariables(trained);
    score = evaluateRows(model, evaluation, split.test, batch);
    return score.loss;
  };
  task.unitsPerStep = batch;
  task.unit = "rows";
  task.loss = model.loss;

  if (options.reportsStart && !train.resume) {
    task.validationLoss(program);
    std::fprintf(train.reportFile(), "before training: test accuracy %.2f %%  test loss %.4f\n",
                 100 * score.accuracy, score.loss);
  }
  TrainResult result = runTraining(program, task, train);
  if (result.interrupted) return reportInterrupted(train);
  std::fprintf(train.reportFile(), "test accuracy %.2f %%  test loss %.4f\n", 100 * score.accuracy,
               score.loss);
  reportTraining(program, task, train, result);
  if (options.finish) options.finish(program);
}

void trainClassifier(const ClassifierOptions &options, const TrainOptions &train,
                     const ClassifierFor &build) {
  onRanks(train, [&](const Ranks &ranks) { trainOn(ranks, options, build); });
}

namespace {

Classifier mlp(const std::vector<int64_t> &hidden, int64_t features, int64_t classes, int64_t batch,
               const nn::Optimizer &optimizer, uint64_t seed) {
  models::MlpClassifier model{.sizes = {features}, .batch = batch};
  model.sizes.insert(model.sizes.end(), hidden.begin(), hidden.end());
  model.sizes.push_back(classes);
  return {"mlp", join(model.sizes), models::mlpTraining(model, optimizer, seed),
          models::mlpEvaluation(model)};
}

Classifier lenet(int64_t features, int64_t classes, int64_t batch, const nn::Optimizer &optimizer,
                 uint64_t seed) {
  const auto side = static_cast<int64_t>(std::lround(std::sqrt(static_cast<double>(features))));
  if (side * side != features)
    fail("train lenet: rows of " + std::to_string(features) + " numbers are not square images");
  models::LeNetOptions model{.side = side, .classes = classes, .batch = batch};
  return {"lenet", join({side, side, classes}), models::lenetTraining(model, optimizer, seed),
          models::lenetEvaluation(model)};
}

} // namespace

void addClassifierOptions(CLI::App &app, ClassifierOptions &options) {
  app.add_option("--data", options.data,
                 "CSV of numbers with the label last, or an idx file of images")
      ->required();
  app.add_option("--labels", options.labels, "idx file of labels, when --data is one of images");
  app.add_option("--batch", options.batch, "rows a step")->capture_default_str()->check(atLeast(1));
  app.add_option("--epochs", options.epochs, "passes over the rows, when --steps is not given")
      ->capture_default_str()
      ->check(atLeast(0));
  app.add_option("--rate", options.rate, "highest learning rate (Adam, cosine)")
      ->capture_default_str()
      ->check(aboveZero());
  app.add_option("--scale", options.scale, "CSV features are divided by this")
      ->capture_default_str()
      ->check(aboveZero());
  app.add_option("--hold-out", options.holdOut,
                 "rows to test on: fifth (every fifth row) or last-fifth")
      ->capture_default_str()
      ->check(CLI::IsMember({"fifth", "last-fifth"}));
}

void addTrainMlp(CLI::App &train) {
  auto *app =
      train.add_subcommand("mlp", "a classifier on a CSV file (label last) or MNIST's idx files");
  auto options = std::make_shared<ClassifierOptions>();
  auto common = std::make_shared<TrainOptions>(TrainOptions{.folder = "weir-mlp", .steps = 0});
  addClassifierOptions(*app, *options);
  app->add_option("--hidden", options->hidden, "sizes of the hidden layers")
      ->delimiter(',')
      ->check(atLeast(1))
      ->capture_default_str();
  addCommonTrainOptions(*app, *common);
  addExample(
      *app,
      "weir train mlp --data digits.csv\n"
      "weir train mlp --data images-idx3-ubyte.gz --labels labels-idx1-ubyte.gz --hidden 256,128\n"
      "weir train mlp --data digits.csv --epochs 20 --rate 3e-3 --out digits --json");
  app->callback([=] {
    trainClassifier(*options, *common, [=](auto... rows) { return mlp(options->hidden, rows...); });
  });
}

void addTrainLeNet(CLI::App &train) {
  auto *app =
      train.add_subcommand("lenet", "LeNet-5 on MNIST's idx files, or square images in CSV");
  auto options = std::make_shared<ClassifierOptions>(ClassifierOptions{.epochs = 10, .rate = 2e-3});
  auto common = std::make_shared<TrainOptions>(TrainOptions{.folder = "weir-lenet", .steps = 0});
  addClassifierOptions(*app, *options);
  addCommonTrainOptions(*app, *common);
  addExample(*app, "weir train lenet --data images-idx3-ubyte.gz --labels labels-idx1-ubyte.gz\n"
                   "weir train lenet --data images-idx3-ubyte.gz --labels labels-idx1-ubyte.gz "
                   "--hold-out last-fifth --epochs 3");
  app->callback([=] { trainClassifier(*options, *common, lenet); });
}

} // namespace weir::tools
