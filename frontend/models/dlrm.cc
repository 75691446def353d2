#include "frontend/models/dlrm.h"

#include "frontend/nn/losses.h"

#include <cmath>

namespace weir::models {
namespace {

/// Distinct values of the 26 categorical features in the Criteo Kaggle data.
const std::vector<int64_t> kCriteoKaggle = {
    1460, 583,   10131227, 2202608, 305,  24,   12517, 633,     3,  93145, 5683,   8351593, 3194,
    27,   14992, 5461306,  10,      5652, 2173, 4,     7046547, 18, 15,    286181, 105,     142572};

DlrmOptions completed(DlrmOptions o) {
  if (o.tables.empty()) o.tables = kCriteoKaggle;
  return o;
}

/// Dense layers NAME.0, NAME.2, ...: between them are the activations.
std::vector<TorchLinear> mlp(Graph &graph, const std::string &name, int64_t in,
                             std::vector<int64_t> sizes, DType dtype, Location at) {
  std::vector<TorchLinear> layers;
  for (size_t i = 0; i < sizes.size(); ++i) {
    const double stddev = std::sqrt(2.0 / static_cast<double>(in + sizes[i]));
    layers.emplace_back(graph, name + "." + std::to_string(2 * i), in, sizes[i],
                        nn::LinearOptions{.weight = nn::normal(stddev), .dtype = dtype}, at);
    in = sizes[i];
  }
  return layers;
}

} // namespace

Dlrm::Dlrm(Graph &graph, const DlrmOptions &given, Location at) {
  const DlrmOptions o = completed(given);
  for (size_t i = 0; i < o.tables.size(); ++i) {
    const double limit = 1 / std::sqrt(static_cast<double>(o.tables[i]));
    tables.emplace_back(graph, "emb_l." + std::to_string(i), o.tables[i], o.features,
                        nn::EmbeddingOptions{nn::uniform(-limit, limit), o.dtype}, at);
  }
  std::vector<int64_t> sizes = o.bottom;
  sizes.push_back(o.features);
  bottom = mlp(graph, "bot_l", o.dense, sizes, o.dtype, at);
  const auto vectors = static_cast<int64_t>(o.tables.size()) + 1;
  sizes = o.top;
  sizes.push_back(1);
  top = mlp(graph, "top_l", vectors * (vectors - 1) / 2 + o.features, sizes, o.dtype, at);
}

Tensor Dlrm::operator()(Arg dense, Arg categories) const {
  CallScope scope(dense.at);
  const Shape &shape = categories.tensor.shape(categories.at);
  if (shape.size() != 2 || shape[1] != static_cast<int64_t>(tables.size()))
    throw Error("dlrm: categories are " + categories.tensor.type().str() + ", but must be [b, " +
                    std::to_string(tables.size()) + "]",
                categories.at, {noteOn(categories.tensor, "categories")});
  Tensor x = dense.tensor;
  for (const TorchLinear &layer : bottom) x = relu(layer(x));
  std::vector<Tensor> vectors = {expandDims(x, 1)};
  const std::vector<Tensor> columns = split(categories.tensor, shape[1], 1);
  for (size_t i = 0; i < tables.size(); ++i) vectors.push_back(tables[i](columns[i]));
  const Tensor all = concatenate(vectors, 1); // [b, vectors, features]
  const Tensor products = dot(all, all, {{0}, {0}, {2}, {2}});
  const int64_t n = all.dim(1);
  std::vector<int32_t> pairs; // below the diagonal
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < i; ++j) pairs.push_back(static_cast<int32_t>(i * n + j));
  const auto count = static_cast<int64_t>(pairs.size());
  const Tensor chosen = take(reshape(products, {shape[0], n * n}),
                             x.graph().constant(Array::from<int32_t>({count}, pairs)), 1);
  Tensor h = concatenate({x, chosen}, 1);
  for (size_t i = 0; i < top.size(); ++i) h = i + 1 < top.size() ? relu(top[i](h)) : top[i](h);
  return squeeze(h, 1);
}

static Tensor logitsOf(Graph &graph, const DlrmOptions &model, int64_t batch) {
  const auto tables = static_cast<int64_t>(completed(model).tables.size());
  Tensor dense = graph.input("dense", model.dtype, {batch, model.dense}),
         categories = graph.input("categories", i32, {batch, tables});
  return Dlrm(graph, model)(dense, categories);
}

Graph dlrmForward(const DlrmOptions &model, int64_t batch, Location at) {
  CallScope scope(at);
  Graph graph;
  Tensor logits = logitsOf(graph, model, batch);
  graph.output("logits", logits);
  graph.output("probability", logistic(logits));
  return graph;
}

Graph dlrmTraining(const DlrmOptions &model, int64_t batch, const nn::Optimizer &optimizer,
                   uint64_t seed, Location at) {
  CallScope scope(at);
  Graph graph(seed);
  Tensor logits = logitsOf(graph, model, batch);
  Tensor loss = nn::binaryCrossEntropy(logits, graph.input("y", model.dtype, {batch}));
  graph.output("loss", loss);
  nn::minimize(graph, loss, optimizer);
  return graph;
}

} // namespace weir::models
