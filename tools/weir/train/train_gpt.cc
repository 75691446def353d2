// `weir train gpt`: a character GPT on a text file.
#include "frontend/models/char_gpt.h"
#include "tools/weir/commands.h"
#include "tools/weir/train/train_text.h"

namespace weir::tools {

namespace {

struct GptOptions {
  TextOptions text;
  models::CharGptOptions model;
  models::CharGptTraining training;
};

void trainGpt(GptOptions options, const TrainOptions &train) {
  options.training.steps = train.steps;
  if (train.scalesLoss()) options.training.lossScale.emplace();
  trainText(options.text, train, options.model.context, [&](int64_t vocabulary) -> TextModel {
    models::CharGptOptions &model = options.model;
    model.vocabulary = vocabulary;
    return {"character GPT",
            {{"model", "gpt"},
             {"layers", std::to_string(model.layers)},
             {"heads", std::to_string(model.heads)},
             {"features", std::to_string(model.features)}},
            options.training.batch,
            model.context,
            models::charGptTraining(model, options.training, train.seed),
            [model](int64_t batch) { return models::charGptEvaluation(model, batch); },
            [model](const Program &trained) -> NextLogits {
              auto decoder =
                  std::make_shared<models::TextDecoder>(models::charGptDecoder(model, trained));
              return [=](const std::vector<int32_t> &text) { return (*decoder)(text); };
            }};
  });
}

} // namespace

void addTrainGpt(CLI::App &train) {
  auto *app = train.add_subcommand("gpt", "a character GPT on a text file (plain or gzip)");
  auto options = std::make_shared<GptOptions>();
  auto common = std::make_shared<TrainOptions>(TrainOptions{.folder = "weir-gpt", .steps = 2000});
  addTextOptions(*app, options->text);
  app->add_option("--layers", options->model.layers, "transformer blocks")
      ->capture_default_str()
      ->check(atLeast(1));
  app->add_option("--heads", options->model.heads, "attention heads; divides --features")
      ->capture_default_str()
      ->check(atLeast(1));
  app->add_option("--features", options->model.features, "width of the model")
      ->capture_default_str()
      ->check(atLeast(1));
  addWindowOptions(*app, options->model, options->training);
  addCommonTrainOptions(*app, *common);
  addExample(*app, "weir train gpt --steps 200\n"
                   "weir train gpt --text book.txt --layers 6 --features 192 --out book\n"
                   "weir train gpt --text book.txt --layers 6 --features 192 --out book --resume");
  app->callback([=] { trainGpt(*options, *common); });
}

} // namespace weir::tools
