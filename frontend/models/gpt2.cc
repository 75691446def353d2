#include "frontend/models/gpt2.h"

#include "frontend/models/cached_attention.h"
#include "frontend/models/char_graphs.h"
#include "frontend/models/torch_parts.h"
#include "frontend/nn/blocked_attention.h"

#include "runtime/base/safetensors.h"

#include <charconv>
#include <cmath>
#include <map>

namespace weir::models {

Gpt2Options gpt2(const std::string &size, Location at) {
  static const std::map<std::string, Gpt2Options> known = {
      {"small", {}},
      {"medium", {.layers = 24, .heads = 16, .features = 1024}},
      {"large", {.layers = 36, .heads = 20, .features = 1280}},
      {"xl", {.layers = 48, .heads = 25, .features = 1600}},
  };
  if (auto found = known.find(size); found != known.end()) return found->second;
  throw Error("gpt2: there is no size '" + size + "'; there are small, medium, large and xl", at);
}

Gpt2Options gpt2OptionsOf(const std::string &path, Location at) {
  auto file = runtime::SafetensorsFile::open(path);
  if (!file.ok()) throw Error(std::string(file.status().message()), at);
  Gpt2Options options{.vocabulary = 0, .context = 0, .layers = 0, .heads = 0};
  for (const auto &entry : file->entries()) {
    const std::string name = entry.name.starts_with("transformer.")
                                 ? entry.name.substr(std::string("transformer.").size())
                                 : entry.name;
    if (entry.dims.size() == 2 && name == "wte.weight") {
      options.vocabulary = entry.dims[0];
      options.features = entry.dims[1];
    }
    if (entry.dims.size() == 2 && name == "wpe.weight") options.context = entry.dims[0];
    options.layers += name.starts_with("h.") && name.ends_with(".ln_1.weight");
  }
  if (!options.vocabulary || !options.context)
    throw Error(path + ": has no tables wte.weight and wpe.weight, so it is not a GPT-2", at);
  options.heads = std::max<int64_t>(options.features / 64, 1);
  if (auto heads = file->metadata().find("n_head"); heads != file->metadata().end()) {
    const std::string &text = heads->second;
    auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), options.heads);
    if (code != std::errc() || end != text.data() + text.size() || options.heads < 1)
      throw Error(path + ": n_head is '" + text + "'", at);
  }
  return options;
}

Gpt2::Norm Gpt2::norm(Graph &graph, const std::string &name, Location at) const {
  const TensorType type{options.dtype, {options.features}};
  return {nn::parameter(graph, name + ".weight", type, nn::ones(), at),
          nn::parameter(graph, name + ".bias", type, nn::zeros(), at)};
}

Tensor Gpt2::normed(const Norm &norm, const Tensor &x) const {
  return nn::layerNorm(x, norm.weight, norm.bias, 1e-5);
}

Gpt2::Gpt2(Graph &graph, const Gpt2Options &o, Location at)
    : options(o), tokenTable(graph, "wte", o.vocabulary, o.features, {.dtype = o.dtype}, at),
      positionTable(graph, "wpe", o.context, o.features, {nn::normal(0.01), o.dtype}, at) {
  if (o.heads < 1 || o.features % o.heads)
    throw Error("gpt2: " + std::to_string(o.features) + " features do not divide into " +
                    std::to_string(o.heads) + " heads",
                at);
  const double residual = 0.02 / std::sqrt(2.0 * static_cast<double>(o.layers));
  const int64_t f = o.features;
  auto linear = [&](const std::string &name, int64_t in, int64_t out, double stddev) {
    return nn::Linear(graph, name, in, out, {.weight = nn::normal(stddev), .dtype = o.dtype}, at);
  };
  for (int64_t i = 0; i < o.layers; ++i) {
    const std::string name = "h." + std::to_string(i);
    blocks.push_back({norm(graph, name + ".ln_1", at),
                      linear(name + ".attn.c_attn", f, 3 * f, 0.02),
                      linear(name + ".attn.c_proj", f, f, residual),
                      norm(graph, name + ".ln_2", at), linear(name + ".mlp.c_fc", f, 4 * f, 0.02),
                      linear(name + ".mlp.c_proj", 4 * f, f, residual)});
  }
  finalNorm = norm(graph, "ln_f", at);
}

Tensor Gpt2::run(Tensor h, const Mix &mix) const {
  for (size_t i = 0; i < blocks.size(); ++i) {
    const Block &block = blocks[i];
    CallScope scope(Location::current(), "h." + std::to_string(i));
    std::vector<Tensor> parts = split(block.qkv(normed(block.norm1, h)), 3);
    for (Tensor &part : parts) part = splitHeads(part, options.heads);
    h = h + block.out(joinHeads(mix(i, parts[0], parts[1], parts[2])));
    h = h + block.down(nn::gelu(block.up(normed(block.norm2, h))));
  }
  return normed(finalNorm, h);
}

void Gpt2::checkTokens(const Arg &tokens) const {
  const Shape &shape = tokens.tensor.shape(tokens.at);
  if (shape.size() != 2 || shape[1] > options.context)
    throw Error("gpt2: tokens are " + tokens.tensor.type().str() +
                    ", but must be [b, t] with t <= " + std::to_string(options.context),
                tokens.at);
}

Tensor Gpt2::operator()(Arg tokens) const {
  CallScope scope(tokens.at);
  checkTokens(tokens);
  const Tensor positions = sliceDim(positionTable.weight, 0, 0, tokens.tensor.dim(1));
  return logits(run(tokenTable(tokens.tensor) + positions,
                    [](size_t, const Tensor &q, const Tensor &k, const Tensor &v) {
                      return nn::selfAttention(q, k, v, /*causal=*/true);
                    }));
}

Tensor Gpt2::extend(Arg tokens, Arg start) const {
  CallScope scope(tokens.at);
  checkTokens(tokens);
  const CachedAttention cache(tokens.tensor, start.tensor, options.context, options.dtype);
  auto mix = [&](size_t layer, const Tensor &q, const Tensor &k, const Tensor &v) {
    return cache("h." + std::to_string(layer) + ".cache", q, k, v);
  };
  const int64_t t = tokens.tensor.dim(1);
  const Tensor positions = dynamicSlice(positionTable.weight, {start, 0}, {t, options.features});
  return run(tokenTable(tokens.tensor) + positions, mix);
}

Tensor Gpt2::logits(Arg hidden) const {
  CallScope scope(hidden.at);
  return timesTransposed(hidden.tensor, tokenTable.weight);
}

Graph gpt2Forward(const Gpt2Options &model, int64_t batch, int64_t length, Location at) {
  CallScope scope(at);
  Graph graph;
  Tensor tokens = graph.input("tokens", i32, {batch, length});
  graph.output("logits", Gpt2(graph, model)(tokens));
  return graph;
}

Graph gpt2Training(const Gpt2Options &model, int64_t batch, int64_t length,
                   const nn::Optimizer &optimizer, uint64_t seed, Location at) {
  CallScope scope(at);
  Graph graph(seed);
  Tensor tokens = graph.input("tokens", i32, {batch, length}),
         targets = graph.input("targets", i32, {batch, length});
  Tensor loss = nn::crossEntropy(Gpt2(graph, model)(tokens), targets);
  graph.output("loss", loss);
  nn::minimize(graph, loss, optimizer);
  return graph;
}

Graph gpt2Extension(const Gpt2Options &model, int64_t batch, int64_t length, Location at) {
  return extension<Gpt2>(model, batch, length, at);
}

} // namespace weir::models
