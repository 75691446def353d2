#include "frontend/models/gpt2_decoder.h"

#include "frontend/models/weights.h"

#include <algorithm>

namespace weir::models {

constexpr int64_t kChunk = 32;

static Program load(const std::string &weights, const Gpt2Options &model, int64_t chunk,
                    const CompileOptions &compile, Location at) {
  Graph graph = gpt2Extension(model, 1, chunk, at);
  loadWeights(graph, weights, at);
  return graph.compile(compile, at);
}

static CompileOptions sharing(CompileOptions options, const Program &program) {
  options.shareVariables = &program;
  return options;
}

Gpt2Decoder::Gpt2Decoder(const std::string &weights, CompileOptions compile, Location at)
    : model(gpt2OptionsOf(weights, at)), chunk(std::min(kChunk, model.context)),
      prompt(load(weights, model, chunk, compile, at)),
      step(gpt2Extension(model, 1, 1, at).compile(sharing(compile, prompt), at)) {}

Array Gpt2Decoder::extend(std::span<const int32_t> tokens, Location at) {
  CallScope scope(at);
  if (tokens.empty()) throw Error("gpt2: there are no tokens to go on from", at);
  if (position + static_cast<int64_t>(tokens.size()) > model.context)
    throw Error("gpt2: " + std::to_string(position) + " tokens and " +
                    std::to_string(tokens.size()) + " more do not fit the context of " +
                    std::to_string(model.context),
                at);
  for (int32_t token : tokens)
    if (token < 0 || token >= model.vocabulary)
      throw Error("gpt2: token " + std::to_string(token) + " is not one of " +
                      std::to_string(model.vocabulary),
                  at);
  Array logits;
  while (!tokens.empty()) {
    const Array start = Array::scalar(static_cast<int32_t>(position));
    // A chunk lies within the context whole; what it has beyond the tokens is overwritten later.
    const bool isChunk = tokens.size() > 1 && position + chunk <= model.context && chunk > 1;
    const auto count = isChunk ? std::min<size_t>(tokens.size(), static_cast<size_t>(chunk)) : 1;
    std::vector<int32_t> part(tokens.begin(), tokens.begin() + static_cast<ptrdiff_t>(count));
    part.resize(isChunk ? static_cast<size_t>(chunk) : 1, 0);
    Feeds feeds{{"tokens", Array::from<int32_t>({1, static_cast<int64_t>(part.size())}, part)},
                {"start", start}};
    if (isChunk) feeds.emplace("last", Array::scalar(static_cast<int32_t>(count - 1)));
    logits = (isChunk ? prompt : step).run(feeds, {}, at)["logits"];
    position += static_cast<int64_t>(count);
    tokens = tokens.subspan(count);
  }
  return logits.reshaped({model.vocabulary});
}

} // namespace weir::models
