#include "frontend/models/gpt2_decoder.h"

#include "frontend/models/weights.h"

#include <algorithm>

namespace weir::models {

static Program load(const std::string &weights, const Gpt2Options &model,
                    const CompileOptions &compile, Location at) {
  Graph graph = gpt2Extension(model, 1, std::min(kPromptChunk, model.context), at);
  loadWeights(graph, weights, at);
  return graph.compile(compile, at);
}

static Decoder makeDecoder(const Gpt2Options &model, const Program &prompt, CompileOptions compile,
                           Location at) {
  compile.shareVariables = &prompt;
  return Decoder("gpt2", model.vocabulary, model.context, std::min(kPromptChunk, model.context),
                 prompt, gpt2Extension(model, 1, 1, at).compile(compile, at));
}

Gpt2Decoder::Gpt2Decoder(const std::string &weights, CompileOptions compile, Location at)
    : Gpt2Decoder(gpt2OptionsOf(weights, at), weights, compile, at) {}

Gpt2Decoder::Gpt2Decoder(const Gpt2Options &model, const std::string &weights,
                         const CompileOptions &compile, Location at)
    : Decoder(makeDecoder(model, load(weights, model, compile, at), compile, at)), model(model) {}

} // namespace weir::models
