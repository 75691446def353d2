// `weir train lstm`: a character LSTM on a text file.
#include "frontend/models/char_lstm.h"
#include "tools/weir/commands.h"
#include "tools/weir/train/train_text.h"

namespace weir::tools {

namespace {

struct LstmTrainOptions {
  TextOptions text;
  models::CharLstmOptions model;
  models::CharLstmTraining training;
};

void trainLstm(LstmTrainOptions options, const TrainOptions &train) {
  options.training.steps = train.steps;
  if (train.scalesLoss()) options.training.lossScale.emplace();
  trainText(options.text, train, options.model.context, [&](int64_t vocabulary) -> TextModel {
    models::CharLstmOptions &model = options.model;
    model.vocabulary = vocabulary;
    return {"character LSTM",
            {{"model", "lstm"},
             {"layers", std::to_string(model.layers)},
             {"features", std::to_string(model.features)}},
            options.training.batch,
            model.context,
            models::charLstmTraining(model, options.training, train.seed),
            [model](int64_t batch) { return models::charLstmEvaluation(model, batch); },
            [model](const Program &trained) {
              return windowSampler(models::charLstmSampling(model), model.context, trained);
            }};
  });
}

} // namespace

void addTrainLstm(CLI::App &train) {
  auto *app = train.add_subcommand("lstm", "a character LSTM on a text file (plain or gzip)");
  auto options = std::make_shared<LstmTrainOptions>();
  auto common = std::make_shared<TrainOptions>(TrainOptions{.folder = "weir-lstm", .steps = 2000});
  addTextOptions(*app, options->text);
  app->add_option("--layers", options->model.layers, "LSTM layers")
      ->capture_default_str()
      ->check(atLeast(1));
  app->add_option("--features", options->model.features, "width of embedding and state")
      ->capture_default_str()
      ->check(atLeast(1));
  addWindowOptions(*app, options->model, options->training);
  addCommonTrainOptions(*app, *common);
  addExample(*app, "weir train lstm --steps 500\n"
                   "weir train lstm --text book.txt --features 256 --sample 1000 --out book");
  app->callback([=] { trainLstm(*options, *common); });
}

} // namespace weir::tools
