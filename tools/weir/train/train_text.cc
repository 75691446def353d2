// Training a text model, from the file to the report.
#include "tools/weir/train/train_text.h"

#include "frontend/build/program_state.h"
#include "frontend/data/readers.h"
#include "frontend/data/text.h"
#include "tools/weir/commands.h"
#include "tools/weir/files.h"
#include "tools/weir/sampling.h"
#include "tools/weir/status.h"
#include "tools/weir/train/progress.h"
#include "tools/weir/train/ranks.h"

#include <cmath>
#include <cstdio>
#include <filesystem>

namespace weir::tools {

namespace {

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

std::string sampleText(const Program &trained, const Corpus &corpus, const TextModel &model,
                       const TextOptions &options, uint64_t seed) {
  const NextLogits next = model.sampler(trained);
  data::Philox random(data::streamKey(seed, "sample"));
  // Validation text's first characters are the prompt: the model has not seen them.
  std::vector<int32_t> text(corpus.validation.begin(),
                            corpus.validation.begin() +
                                std::min<ptrdiff_t>(8, std::ssize(corpus.validation)));
  Array logits = next(text);
  Stopwatch watch;
  for (int64_t i = 0; i < options.sampleLength; ++i) {
    text.push_back(drawToken(logits, {.temperature = options.temperature}, random));
    if (i + 1 < options.sampleLength) logits = next(text);
  }
  std::fprintf(stderr, "sample: %ld characters, %s a second\n",
               static_cast<long>(options.sampleLength),
               count(static_cast<double>(options.sampleLength) / watch.seconds()).c_str());
  return corpus.tokenizer.decode(text);
}

std::map<std::string, std::string> configOf(const TextModel &model, const TrainOptions &train,
                                            const Corpus &corpus) {
  std::map<std::string, std::string> config = {
      {"vocabulary", std::to_string(corpus.tokenizer.size())},
      {"context", std::to_string(model.context)},
      {"batch", std::to_string(model.batch)},
      {"steps", std::to_string(train.steps)},
      {"seed", std::to_string(train.seed)},
      {"precision", train.precision},
      {"text_bytes", std::to_string(corpus.training.size() + corpus.validation.size())}};
  config.insert(model.config.begin(), model.config.end());
  return config;
}

/// Each part must have a window and the character after it.
void checkLength(const Corpus &corpus, int64_t context, const std::string &file) {
  const size_t least = std::min(corpus.training.size(), corpus.validation.size());
  if (static_cast<int64_t>(least) > context) return;
  fail(file + " is too short: windows of --context " + std::to_string(context) + " need " +
       std::to_string(context + 1) + " characters, but its last tenth, which validates, has " +
       std::to_string(corpus.validation.size()));
}

} // namespace

NextLogits windowSampler(const Graph &graph, int64_t context, const Program &trained) {
  auto program = std::make_shared<Program>(graph.compile());
  program->copyVariables(trained);
  return [=](const std::vector<int32_t> &text) {
    const auto start = std::max<int64_t>(0, std::ssize(text) - context);
    std::vector<int32_t> window(text.begin() + start, text.end());
    const auto last = static_cast<int32_t>(window.size() - 1);
    window.resize(static_cast<size_t>(context), 0);
    return program->run({{"tokens", Array::from<int32_t>({1, context}, window)},
                         {"position", Array::scalar<int32_t>(last)}})["logits"];
  };
}

void addTextOptions(CLI::App &app, TextOptions &options) {
  app.add_option("--text", options.text, "text to learn; the last tenth validates")
      ->capture_default_str();
  app.add_option("--sample", options.sampleLength, "characters to write at the end")
      ->capture_default_str()
      ->check(atLeast(0));
  app.add_option("--temperature", options.temperature, "of the sample; 0 takes the likeliest")
      ->capture_default_str()
      ->check(atLeast(0));
}

static void trainOn(const Ranks &ranks, const TextOptions &options, int64_t context,
                    const TextModelMaker &make) {
  const TrainOptions &train = ranks.options();
  makeFolder(train.folder);
  Corpus corpus(data::readFile(options.text));
  checkLength(corpus, context, options.text);
  std::fprintf(stderr, "%s: %zu characters, %ld distinct; %zu train, %zu validate\n",
               options.text.c_str(), corpus.training.size() + corpus.validation.size(),
               static_cast<long>(corpus.tokenizer.size()), corpus.training.size(),
               corpus.validation.size());
  TextModel model = make(corpus.tokenizer.size());

  const CompileOptions compile = ranks.compileOptions();
  ranks.place(model.training);
  Program program = model.training.compile(compile);
  printNotes(program.state()->backend->notes);
  constexpr int64_t evaluationBatch = 64;
  Graph evaluationGraph = model.evaluation(evaluationBatch);
  ranks.place(evaluationGraph);
  Program evaluation = evaluationGraph.compile(compile);
  std::vector<data::TextBatch> windows =
      data::evaluationWindows(corpus.validation, evaluationBatch, model.context);
  data::WindowSampler sampler(corpus.training, model.batch, model.context, train.seed);

  TrainTask task;
  task.title = model.title + " on " + std::filesystem::path(options.text).filename().string();
  task.config = configOf(model, train, corpus);
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
  task.unitsPerStep = model.batch * model.context;
  task.unit = "tokens";

  TrainResult result = runTraining(program, task, train);
  if (result.interrupted) return reportInterrupted(train);
  if (options.sampleLength > 0)
    std::fprintf(train.reportFile(), "---- sample ----\n%s\n----------------\n",
                 sampleText(program, corpus, model, options, train.seed).c_str());
  std::fprintf(train.reportFile(), "validation loss %.4f nats/char\n", result.validationLoss);
  reportTraining(program, task, train, result);
}

void trainText(const TextOptions &options, const TrainOptions &train, int64_t context,
               const TextModelMaker &make) {
  onRanks(train, [&](const Ranks &ranks) { trainOn(ranks, options, context, make); });
}

} // namespace weir::tools
