// What `weir train` of a text model shares: corpus, windows, validation, a sample at the end.
#pragma once

#include "tools/weir/train/training_loop.h"

#include "tools/flags/flags.h"

namespace weir::tools {

/// Flags of every text model.
struct TextOptions {
  std::string text = "/usr/share/doc/jargon-text/jargon.txt.gz";
  int64_t sampleLength = 500;
  double temperature = 0.8;
};
void addTextOptions(CLI::App &app, TextOptions &options);

/// --context, --batch and --rate of a model that has them.
template <typename Model, typename Training>
void addWindowOptions(CLI::App &app, Model &model, Training &training) {
  app.add_option("--context", model.context, "characters seen at once")
      ->capture_default_str()
      ->check(atLeast(1));
  app.add_option("--batch", training.batch, "windows a step")
      ->capture_default_str()
      ->check(atLeast(1));
  app.add_option("--rate", training.peakRate, "learning rate after the warm-up")
      ->capture_default_str()
      ->check(aboveZero());
}

/// Logits after all of `text`, of which every call sees one token more.
using NextLogits = std::function<Array(const std::vector<int32_t> &text)>;
/// Those of `graph` (see charLstmSampling) with the parameters of `trained`: the last window is
/// computed again for every token.
NextLogits windowSampler(const Graph &graph, int64_t context, const Program &trained);

/// A model for a vocabulary, with the graphs that frontend/models/char_gpt.h describes.
struct TextModel {
  std::string title;                         ///< "character GPT"
  std::map<std::string, std::string> config; ///< what a checkpoint depends on
  int64_t batch = 0, context = 0;
  Graph training;
  std::function<Graph(int64_t batch)> evaluation;
  std::function<NextLogits(const Program &trained)> sampler;
};
using TextModelMaker = std::function<TextModel(int64_t vocabulary)>;

/// Trains on the first nine tenths of options.text in windows of `context` tokens, validates on the
/// last one, reports and samples.
void trainText(const TextOptions &options, const TrainOptions &train, int64_t context,
               const TextModelMaker &make);

} // namespace weir::tools
