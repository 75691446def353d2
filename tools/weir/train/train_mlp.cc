// `weir train mlp`: a classifier of fixed-size rows, from a CSV file or MNIST's idx files.
#include "frontend/data/readers.h"
#include "frontend/data/text.h"
#include "frontend/models/mlp.h"
#include "tools/weir/commands.h"
#include "tools/weir/train/training_loop.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <sstream>

namespace weir::tools {

namespace {

struct MlpTrainOptions {
  std::string data, labels;
  std::vector<int64_t> hidden = {128};
  int64_t batch = 64, epochs = 60;
  double rate = 1e-3, scale = 16;
  std::string holdOut = "fifth";
};

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

Score evaluateRows(Program &evaluation, const data::LabelledRows &rows, int64_t batch) {
  Score score;
  auto labels = rows.labels.data<int32_t>();
  for (int64_t start = 0; start < rows.rows(); start += batch) {
    std::vector<int64_t> indices;
    for (int64_t i = 0; i < batch; ++i) indices.push_back(std::min(start + i, rows.rows() - 1));
    data::LabelledRows part = rows.pick(indices);
    Array logits = evaluation.run({{"x", part.features}, {"y", part.labels}}, {"logits"})["logits"];
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

void trainMlp(const MlpTrainOptions &options, TrainOptions train) {
  data::LabelledRows rows = options.labels.empty() ? data::readCsv(options.data, options.scale)
                                                   : data::readIdx(options.data, options.labels);
  Split split = splitRows(rows, options.holdOut);
  if (split.test.rows() == 0)
    throw Error(options.data + " has too few rows to hold some out", Location::current());
  std::filesystem::create_directories(train.folder);
  if (train.steps == 0)
    train.steps = options.epochs * std::max<int64_t>(1, split.training.rows() / options.batch);

  models::MlpClassifier model{.batch = std::min(options.batch, split.training.rows())};
  model.sizes = {rows.features.dims()[1]};
  model.sizes.insert(model.sizes.end(), options.hidden.begin(), options.hidden.end());
  model.sizes.push_back(countClasses(rows));
  std::fprintf(stderr, "%s: %ld rows train, %ld test; layers %s\n", options.data.c_str(),
               static_cast<long>(split.training.rows()), static_cast<long>(split.test.rows()),
               join(model.sizes).c_str());

  CompileOptions compile{.threads = static_cast<int>(train.threads)};
  nn::Schedule rate = nn::warmupCosine(options.rate, std::max<int64_t>(1, train.steps / 20),
                                       train.steps, options.rate / 100);
  Program program = models::mlpTraining(model, nn::adam(rate), train.seed).compile(compile);
  Program evaluation = models::mlpEvaluation(model).compile(compile);
  data::EpochSampler sampler(split.training.rows(), model.batch, train.seed);
  Score score;

  TrainTask task;
  task.title =
      "MLP " + join(model.sizes) + " on " + std::filesystem::path(options.data).filename().string();
  task.config = {{"model", "mlp"},
                 {"sizes", join(model.sizes)},
                 {"batch", std::to_string(model.batch)},
                 {"steps", std::to_string(train.steps)},
                 {"seed", std::to_string(train.seed)},
                 {"rows", std::to_string(rows.rows())}};
  task.nextBatch = [&] {
    data::LabelledRows batch = split.training.pick(sampler.next());
    return Feeds{{"x", batch.features}, {"y", batch.labels}};
  };
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
    score = evaluateRows(evaluation, split.test, model.batch);
    return score.loss;
  };
  task.unitsPerStep = model.batch;
  task.unit = "rows";

  TrainResult result = runTraining(program, task, train);
  if (result.interrupted) return reportInterrupted(train);
  std::printf("test accuracy %.2f %%  test loss %.4f\n", 100 * score.accuracy, score.loss);
  reportTraining(program, task, train, result);
}

} // namespace

void addTrainMlp(CLI::App &train) {
  auto *app =
      train.add_subcommand("mlp", "a classifier on a CSV file (label last) or MNIST's idx files");
  auto options = std::make_shared<MlpTrainOptions>();
  auto common = std::make_shared<TrainOptions>(TrainOptions{.folder = "weir-mlp", .steps = 0});
  app->add_option("--data", options->data,
                  "CSV of numbers with the label last, or an idx file of images")
      ->required();
  app->add_option("--labels", options->labels, "idx file of labels, when --data is one of images");
  app->add_option("--hidden", options->hidden, "sizes of the hidden layers")
      ->delimiter(',')
      ->capture_default_str();
  app->add_option("--batch", options->batch, "rows a step")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app->add_option("--epochs", options->epochs, "passes over the rows, when --steps is not given")
      ->capture_default_str();
  app->add_option("--rate", options->rate, "highest learning rate (Adam, cosine)")
      ->capture_default_str();
  app->add_option("--scale", options->scale, "CSV features are divided by this")
      ->capture_default_str();
  app->add_option("--hold-out", options->holdOut,
                  "rows to test on: fifth (every fifth row) or last-fifth")
      ->capture_default_str()
      ->check(CLI::IsMember({"fifth", "last-fifth"}));
  addCommonTrainOptions(*app, *common);
  app->callback([=] { trainMlp(*options, *common); });
}

} // namespace weir::tools
