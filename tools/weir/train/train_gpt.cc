// `weir train gpt`: a character GPT on a text file.
#include "frontend/data/readers.h"
#include "frontend/data/text.h"
#include "frontend/models/char_gpt.h"
#include "tools/weir/commands.h"
#include "tools/weir/train/training_loop.h"

#include <cmath>
#include <cstdio>
#include <filesystem>

namespace weir::tools {

namespace {

struct GptOptions {
  std::string text = "/usr/share/doc/jargon-text/jargon.txt.gz";
  models::CharGptOptions model;
  models::CharGptTraining training;
  int64_t sampleLength = 500;
  double temperature = 0.8;
};

/// The first nine tenths train, the last one validates.
struct Corpus {
  data::CharTokenizer tokenizer;
  std::vector<int32_t> training, validation;

  explicit Corpus(const std::string &text) : tokenizer(text) {
    std::vector<int32_t> tokens = tokenizer.encode(text);
    auto cut = tokens.begin() + static_cast<int64_t>(tokens.size() * 0.9);
    training.assign(tokens.begin(), cut);
    validation.assign(cut, tokens.end());
  }
};

double evaluateWindows(Program &evaluation, const std::vector<data::TextBatch> &windows) {
  double sum = 0;
  int64_t count = 0;
  for (const data::TextBatch &batch : windows) {
    Array losses = evaluation.run({{"tokens", batch.tokens}, {"targets", batch.targets}})["losses"];
    for (int64_t i = 0; i < batch.count; ++i) sum += losses.at(i);
    count += batch.count;
  }
  return count ? sum / count : NAN;
}

/// Draws from softmax(logits / temperature); temperature 0 takes the largest.
int32_t draw(const Array &logits, double temperature, data::Philox &random) {
  auto values = logits.toDoubles();
  auto best = std::max_element(values.begin(), values.end());
  if (temperature <= 0) return static_cast<int32_t>(best - values.begin());
  double top = *best, total = 0;
  for (double &v : values) total += v = std::exp((v - top) / temperature);
  double left = random.uniform() * total;
  for (size_t i = 0; i < values.size(); ++i)
    if ((left -= values[i]) < 0) return static_cast<int32_t>(i);
  return static_cast<int32_t>(values.size() - 1);
}

std::string sampleText(const Program &trained, const Corpus &corpus, const GptOptions &options,
                       uint64_t seed) {
  Program sampler = models::charGptSampling(options.model).compile();
  sampler.copyVariables(trained);
  data::Philox random(data::streamKey(seed, "sample"));
  int64_t context = options.model.context;
  // Validation text's first characters are the prompt: the model has not seen them.
  std::vector<int32_t> text(corpus.validation.begin(),
                            corpus.validation.begin() +
                                std::min<size_t>(8, corpus.validation.size()));
  size_t prompt = text.size();
  while (static_cast<int64_t>(text.size() - prompt) < options.sampleLength) {
    auto start = std::max<int64_t>(0, static_cast<int64_t>(text.size()) - context);
    std::vector<int32_t> window(text.begin() + start, text.end());
    auto last = static_cast<int32_t>(window.size() - 1);
    window.resize(context, 0);
    Array logits = sampler.run({{"tokens", Array::from<int32_t>({1, context}, window)},
                                {"position", Array::scalar<int32_t>(last)}})["logits"];
    text.push_back(draw(logits, options.temperature, random));
  }
  return corpus.tokenizer.decode(text);
}

std::map<std::string, std::string> configOf(const GptOptions &o, const TrainOptions &train,
                                            const Corpus &corpus) {
  return {{"model", "gpt"},
          {"vocabulary", std::to_string(o.model.vocabulary)},
          {"layers", std::to_string(o.model.layers)},
          {"heads", std::to_string(o.model.heads)},
          {"features", std::to_string(o.model.features)},
          {"context", std::to_string(o.model.context)},
          {"batch", std::to_string(o.training.batch)},
          {"steps", std::to_string(train.steps)},
          {"seed", std::to_string(train.seed)},
          {"text_bytes", std::to_string(corpus.training.size() + corpus.validation.size())}};
}

void trainGpt(GptOptions options, const TrainOptions &train) {
  std::filesystem::create_directories(train.folder);
  Corpus corpus(data::readFile(options.text));
  options.model.vocabulary = corpus.tokenizer.size();
  options.training.steps = train.steps;
  std::fprintf(stderr, "%s: %zu characters, %ld distinct; %zu train, %zu validate\n",
               options.text.c_str(), corpus.training.size() + corpus.validation.size(),
               static_cast<long>(corpus.tokenizer.size()), corpus.training.size(),
               corpus.validation.size());

  CompileOptions compile{.threads = static_cast<int>(train.threads)};
  Program program =
      models::charGptTraining(options.model, options.training, train.seed).compile(compile);
  constexpr int64_t evaluationBatch = 64;
  Program evaluation = models::charGptEvaluation(options.model, evaluationBatch).compile(compile);
  std::vector<data::TextBatch> windows =
      data::evaluationWindows(corpus.validation, evaluationBatch, options.model.context);
  data::WindowSampler sampler(corpus.training, options.training.batch, options.model.context,
                              train.seed);

  TrainTask task;
  task.title = "character GPT on " + std::filesystem::path(options.text).filename().string();
  task.config = configOf(options, train, corpus);
  task.nextBatch = [&] {
    data::TextBatch batch = sampler.next();
    return Feeds{{"tokens", batch.tokens}, {"targets", batch.targets}};
  };
  task.samplerState = [&] { return std::to_string(sampler.random.position); };
  task.restoreSampler = [&](const std::string &state) {
    sampler.random.position = std::stoull(state);
  };
  task.validationLoss = [&](const Program &trained) {
    evaluation.copyVariables(trained);
    return evaluateWindows(evaluation, windows);
  };
  task.unitsPerStep = options.training.batch * options.model.context;
  task.unit = "tokens";

  TrainResult result = runTraining(program, task, train);
  if (result.interrupted) return reportInterrupted(train);
  if (options.sampleLength > 0)
    std::printf("---- sample ----\n%s\n----------------\n",
                sampleText(program, corpus, options, train.seed).c_str());
  std::printf("validation loss %.4f nats/char\n", result.validationLoss);
  reportTraining(program, task, train, result);
}

} // namespace

void addTrainGpt(CLI::App &train) {
  auto *app = train.add_subcommand("gpt", "a character GPT on a text file (plain or gzip)");
  auto options = std::make_shared<GptOptions>();
  auto common = std::make_shared<TrainOptions>(TrainOptions{.folder = "weir-gpt", .steps = 2000});
  app->add_option("--text", options->text, "text to learn; the last tenth validates")
      ->capture_default_str();
  app->add_option("--layers", options->model.layers, "transformer blocks")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app->add_option("--heads", options->model.heads, "attention heads; divides --features")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app->add_option("--features", options->model.features, "width of the model")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app->add_option("--context", options->model.context, "characters seen at once")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app->add_option("--batch", options->training.batch, "windows a step")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app->add_option("--rate", options->training.peakRate, "learning rate after the warm-up")
      ->capture_default_str();
  app->add_option("--sample", options->sampleLength, "characters to write at the end")
      ->capture_default_str();
  app->add_option("--temperature", options->temperature, "of the sample; 0 takes the likeliest")
      ->capture_default_str();
  addCommonTrainOptions(*app, *common);
  app->callback([=] { trainGpt(*options, *common); });
}

} // namespace weir::tools
