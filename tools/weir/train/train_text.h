// What `weir train` of a text model shares: corpus, windows, validation, a sample at the end.
#pragma once

#include "tools/weir/train/training_loop.h"

#include <CLI/CLI.hpp>

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
      ->check(CLI::PositiveNumber);
  app.add_option("--batch", training.batch, "windows a step")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--rate", training.peakRate, "learning rate after the warm-up")
      ->capture_default_str();
}

/// A model for a vocabulary, with the graphs that frontend/models/char_gpt.h describes.
struct TextModel {
  std::string title;                         ///< "character GPT"
  std::map<std::string, std::string> config; ///< what a checkpoint depends on
  int64_t batch = 0, context = 0;
  Graph training;
  std::function<Graph(int64_t batch)> evaluation;
  std::function<Graph()> sampling;
};
using TextModelMaker = std::function<TextModel(int64_t vocabulary)>;

/// Trains on the first nine tenths of options.text, validates on the last one, reports and samples.
void trainText(const TextOptions &options, const TrainOptions &train, const TextModelMaker &make);

} // namespace weir::tools
