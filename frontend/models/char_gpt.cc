#include "frontend/models/char_gpt.h"

#include "frontend/api/checkpoint.h"
#include "frontend/models/cached_attention.h"
#include "frontend/models/char_graphs.h"
#include "frontend/models/torch_parts.h"

#include <algorithm>
#include <cmath>
#include <span>

namespace weir::models {
namespace {

nn::LinearOptions linear(const CharGptOptions &options, double stddev, bool bias) {
  return {.bias = bias, .weight = nn::normal(stddev), .dtype = options.dtype};
}

} // namespace

CharGpt::CharGpt(Graph &graph, const CharGptOptions &o, Location at)
    : options(o),
      tokenTable(graph, "token", o.vocabulary, o.features, {nn::normal(0.02), o.dtype}, at),
      positionTable(graph, "position", o.context, o.features, {nn::normal(0.02), o.dtype}, at),
      finalNorm(graph, "norm", o.features, 1e-5, o.dtype, at),
      head(graph, "head", o.features, o.vocabulary, linear(o, 0.02, false), at) {
  const double residual = 0.02 / std::sqrt(2.0 * static_cast<double>(o.layers));
  for (int64_t i = 0; i < o.layers; ++i) {
    const std::string name = "block" + std::to_string(i);
    nn::AttentionOptions attention{
        .weight = nn::normal(0.02), .outWeight = nn::normal(residual), .dtype = o.dtype};
    blocks.push_back(
        {name, nn::LayerNorm(graph, name + ".norm1", o.features, 1e-5, o.dtype, at),
         nn::Attention(graph, name + ".attention", o.features, o.heads, attention, at),
         nn::LayerNorm(graph, name + ".norm2", o.features, 1e-5, o.dtype, at),
         nn::Linear(graph, name + ".up", o.features, 4 * o.features, linear(o, 0.02, true), at),
         nn::Linear(graph, name + ".down", 4 * o.features, o.features, linear(o, residual, true),
                    at)});
  }
}

void CharGpt::checkTokens(const Arg &tokens) const {
  const Shape &shape = tokens.tensor.shape(tokens.at);
  if (shape.size() != 2 || shape[1] > options.context)
    throw Error("char gpt: tokens are " + tokens.tensor.type().str() +
                    ", but must be [b, t] with t <= " + std::to_string(options.context),
                tokens.at);
}

Tensor CharGpt::operator()(Arg tokens) const {
  CallScope scope(tokens.at);
  checkTokens(tokens);
  const int64_t t = tokens.tensor.dim(1);
  Tensor h = tokenTable(tokens.tensor) + sliceDim(positionTable.weight, 0, 0, t);
  if (options.checkpointEvery <= 0) {
    for (const Block &block : blocks) h = apply(block, h);
    return head(finalNorm(h));
  }
  const auto every = static_cast<size_t>(options.checkpointEvery);
  for (size_t first = 0; first < blocks.size(); first += every) {
    std::span segment(blocks.data() + first, std::min(every, blocks.size() - first));
    h = checkpoint(Function(
        [&](Tensor x) {
          for (const Block &block : segment)
            x = checkpoint(Function([&](Tensor y) { return apply(block, y); }, "block"))(x);
          return x;
        },
        "segment"))(h);
  }
  return head(finalNorm(h));
}

Tensor CharGpt::extend(Arg tokens, Arg start) const {
  CallScope scope(tokens.at);
  checkTokens(tokens);
  const CachedAttention cache(tokens.tensor, start.tensor, options.context, options.dtype);
  Tensor h = tokenTable(tokens.tensor) + dynamicSlice(positionTable.weight, {start, 0},
                                                      {tokens.tensor.dim(1), options.features});
  for (const Block &block : blocks) {
    CallScope blockScope(Location::current(), block.name);
    std::vector<Tensor> parts = split(block.attention.qkv(block.attentionNorm(h)), 3);
    for (Tensor &part : parts) part = splitHeads(part, options.heads);
    const Tensor mixed = cache(block.name + ".cache", parts[0], parts[1], parts[2]);
    h = h + block.attention.out(joinHeads(mixed));
    h = h + block.down(nn::gelu(block.up(block.mlpNorm(h))));
  }
  return finalNorm(h);
}

Tensor CharGpt::apply(const Block &block, Tensor h) {
  CallScope scope(Location::current(), block.name);
  h = h + block.attention(block.attentionNorm(h));
  return h + block.down(nn::gelu(block.up(block.mlpNorm(h))));
}

Tensor CharGpt::loss(Arg tokens, Arg targets) const {
  CallScope scope(tokens.at);
  return nn::crossEntropy((*this)(tokens), targets);
}

Graph charGptTraining(const CharGptOptions &model, const CharGptTraining &training, uint64_t seed,
                      Location at) {
  CallScope scope(at);
  Graph graph(seed);
  const Shape shape{training.batch, model.context};
  Tensor tokens = graph.input("tokens", i32, shape), targets = graph.input("targets", i32, shape);
  CharGpt gpt(graph, model);
  Tensor loss = gpt.loss(tokens, targets);
  graph.output("loss", loss);
  nn::Schedule rate =
      nn::warmupCosine(training.peakRate, training.warmup, training.steps, training.floorRate);
  nn::AdamWOptions options{
      .beta1 = training.beta1, .beta2 = training.beta2, .weightDecay = training.weightDecay};
  nn::Optimizer optimizer = nn::adamW(rate, options);
  if (training.clip > 0) optimizer = optimizer.clipped(training.clip);
  if (training.lossScale) optimizer = optimizer.scaled(*training.lossScale);
  nn::minimize(graph, loss, optimizer);
  return graph;
}

Graph charGptEvaluation(const CharGptOptions &model, int64_t batch, Location at) {
  return windowLosses<CharGpt>(model, batch, at);
}

Graph charGptSampling(const CharGptOptions &model, Location at) {
  return nextLogits<CharGpt>(model, at);
}

Graph charGptExtension(const CharGptOptions &model, int64_t batch, int64_t length, Location at) {
  return extension<CharGpt>(model, batch, length, at);
}

Decoder charGptDecoder(const CharGptOptions &model, const Program &trained, CompileOptions compile,
                       Location at) {
  CallScope scope(at);
  const int64_t chunk = std::min(kPromptChunk, model.context);
  Program prompt = charGptExtension(model, 1, chunk, at).compile(compile, at);
  prompt.copyVariables(trained, at);
  compile.shareVariables = &prompt;
  return Decoder("char gpt", model.vocabulary, model.context, chunk, prompt,
                 charGptExtension(model, 1, 1, at).compile(compile, at));
}

} // namespace weir::models
