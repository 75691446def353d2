#include "frontend/nn/moe.h"

#include "frontend/data/philox.h"
#include "frontend/nn/need.h"

#include <cmath>
#include <cstring>

namespace weir::nn {
namespace {

/// One drawing for each slice of the first dim, so that fans are those of one expert.
Initializer eachSlice(const Initializer &init) {
  return [=](const TensorType &type, uint64_t key) {
    Array all(type.dtype, type.shape);
    const TensorType slice{type.dtype, Shape(type.shape.begin() + 1, type.shape.end())};
    auto *out = static_cast<std::byte *>(all.mutableRaw());
    for (int64_t i = 0; i < type.shape[0]; ++i) {
      const Array part = init(slice, data::streamKey(key, "expert" + std::to_string(i)));
      std::memcpy(out, part.raw(), part.bytes());
      out += part.bytes();
    }
    return all;
  };
}

int64_t checkOptions(const std::string &name, int64_t experts, const MoeOptions &o, Location at) {
  if (o.topK < 1 || o.topK > experts)
    throw Error(name + ": topK is " + std::to_string(o.topK) + " of " + std::to_string(experts) +
                    " experts",
                at);
  if (!(o.capacityFactor > 0))
    throw Error(name + ": capacityFactor is " + std::to_string(o.capacityFactor) +
                    ", but must be positive",
                at);
  return experts;
}

/// How many elements of `experts` are each of 0, 1, ..., count-1.
Tensor histogram(const Tensor &experts, int64_t count) {
  return scatterAdd(experts.graph().zeros({count}, i32), experts, onesLike(experts), 0);
}

/// The row of each choice among experts · room rows; experts · room where there is none left.
/// `chosen` [choices]: the expert, in order of precedence; `assigned`: its histogram.
Tensor assignRows(const Tensor &chosen, const Tensor &assigned, int64_t room) {
  Graph graph = chosen.graph();
  const Tensor position = graph.iota(i32, chosen.shape());
  // Sorted by expert, stably: a choice's rank is its distance from the expert's first one.
  const std::vector<Tensor> sorted = sort({chosen, position}, 0, 1);
  const Tensor first = cumsum(assigned, 0) - assigned;
  const Tensor rank = position - take(first, sorted[0]);
  const Tensor row = select(rank < room, sorted[0] * room + rank, room * assigned.dim(0));
  return scatterSet(zerosLike(chosen), sorted[1], row, 0);
}

} // namespace

Moe::Moe(Graph &graph, const std::string &name, int64_t features, int64_t hidden, int64_t experts,
         MoeOptions o, Location at)
    : name(name),
      router(parameter(graph, name + ".router",
                       {o.dtype == f64 ? f64 : f32, {features, checkOptions(name, experts, o, at)}},
                       o.routerWeight, at)),
      up(parameter(graph, name + ".up", {o.dtype, {experts, features, hidden}}, eachSlice(o.weight),
                   at)),
      down(parameter(graph, name + ".down", {o.dtype, {experts, hidden, features}},
                     eachSlice(o.weight), at)),
      options(std::move(o)) {
  if (options.bias) {
    upBias = parameter(graph, name + ".up_bias", {options.dtype, {experts, hidden}}, zeros(), at);
    downBias =
        parameter(graph, name + ".down_bias", {options.dtype, {experts, features}}, zeros(), at);
  }
  if (options.gated)
    gate = parameter(graph, name + ".gate", {options.dtype, {experts, features, hidden}},
                     eachSlice(options.weight), at);
}

int64_t Moe::capacity(int64_t tokens) const {
  // The experts of a token are distinct: none can be chosen by more than all tokens.
  const double room = std::ceil(options.capacityFactor * static_cast<double>(tokens) *
                                static_cast<double>(options.topK) / static_cast<double>(experts()));
  return room < static_cast<double>(tokens) ? static_cast<int64_t>(room) : tokens;
}

Tensor Moe::runExperts(const Tensor &rows, int64_t room) const {
  const Tensor x = reshape(rows, {experts(), room, rows.dim(1)});
  auto linear = [](const Tensor &in, const Tensor &weight, const Tensor &bias) {
    const Tensor y = matmul(in, weight);
    return bias.empty() ? y : y + expandDims(bias, 1);
  };
  Tensor h = linear(x, up, upBias);
  h = gate.empty() ? activate(options.activation, h)
                   : activate(options.activation, matmul(x, gate)) * h;
  return reshape(linear(h, down, downBias), rows.shape());
}

Moe::Result Moe::operator()(Arg x) const {
  CallScope scope(x.at, name);
  const Tensor in = need("moe", x);
  const int64_t features = router.dim(0);
  if (in.rank() < 1 || in.dim(-1) != features)
    throw Error("moe: the input is " + in.type().str() + ", but its last dim must be " +
                    std::to_string(features),
                x.at, {noteOn(in, "the input")});
  Graph graph = in.graph();
  const int64_t count = in.size() / features, k = options.topK, room = capacity(count);
  const Tensor tokens = reshape(in, {count, features});
  const Tensor p = softmax(matmul(convert(tokens, router.dtype()), router));
  auto [weights, choices] = topK(p, k);
  if (options.normalize && k > 1) weights = weights / sum(weights, -1, true);

  const Tensor chosen = reshape(transpose(choices), {k * count}); // first choices, second, ...
  const Tensor assigned = histogram(chosen, experts());
  const std::vector<Tensor> row = split(assignRows(chosen, assigned, room), k, 0);
  Tensor rows = graph.zeros({experts() * room, features}, in.dtype());
  for (const Tensor &to : row) rows = scatterAdd(rows, to, tokens, 0); // no row: dropped
  const Tensor answers = runExperts(rows, room);
  Tensor output = zerosLike(tokens);
  for (int64_t i = 0; i < k; ++i) {
    const Tensor &from = row[static_cast<size_t>(i)];
    const Tensor weight =
        select(from < experts() * room, reshape(sliceDim(weights, 1, i, i + 1), {count}), 0);
    output = output + expandDims(convert(weight, in.dtype()), 1) * take(answers, from);
  }

  const Tensor firsts = convert(histogram(sliceDim(chosen, 0, 0, count), experts()), p.dtype());
  const double scale = static_cast<double>(experts()) / static_cast<double>(count);
  return {reshape(output, in.shape()), sum(firsts * mean(p, 0)) * scale, assigned,
          sum(max(assigned - room, 0))};
}

} // namespace weir::nn
