#include "frontend/nn/recurrent.h"

#include "frontend/api/control.h"
#include "frontend/api/ops.h"
#include "frontend/nn/need.h"

#include <cmath>

namespace weir::nn {
namespace {

Initializer weightOf(const RecurrentOptions &options, int64_t hidden) {
  if (options.weight) return options.weight;
  const double limit = 1 / std::sqrt(static_cast<double>(hidden));
  return uniform(-limit, limit);
}

/// Zeros, but `value` in part 1 of `parts`.
Initializer secondPart(double value, size_t parts) {
  return [=](const TensorType &type, uint64_t) {
    std::vector<double> elements(static_cast<size_t>(type.shape[0]), 0.0);
    const size_t part = elements.size() / parts;
    std::fill(elements.begin() + static_cast<int64_t>(part),
              elements.begin() + static_cast<int64_t>(2 * part), value);
    return Array::from<double>(type.shape, elements).cast(type.dtype);
  };
}

int64_t checkSizes(const std::string &name, int64_t in, int64_t hidden, Location at) {
  if (in >= 1 && hidden >= 1) return hidden;
  throw Error(name + ": " + std::to_string(in) + " inputs and " + std::to_string(hidden) +
                  " hidden features; each must be at least 1",
              at);
}

/// x as [b, in] (rank 2) or [b, t, in] (rank 3).
Tensor needFeatures(const char *layer, const Arg &x, int64_t rank, int64_t in) {
  const Tensor t = need(layer, x);
  if (t.rank() == rank && t.dim(-1) == in) return t;
  throw Error(std::string(layer) + ": the input is " + t.type().str() + ", but must be [b, " +
                  (rank == 3 ? "t, " : "") + std::to_string(in) + "]",
              x.at, {noteOn(t, "the input")});
}

void checkState(const char *layer, const Tensor &state, int64_t batch, int64_t hidden,
                Location at) {
  if (state.shape(at) == Shape{batch, hidden}) return;
  throw Error(std::string(layer) + ": the state is " + state.type().str() + ", but must be [" +
                  std::to_string(batch) + ", " + std::to_string(hidden) + "]",
              at, {noteOn(state, "the state")});
}

/// x·weight + bias of all steps, steps first: [b, t, in] -> [t, b, gates].
Tensor projectSteps(const Tensor &x, const Tensor &weight, const Tensor &bias) {
  return matmul(transpose(x, {1, 0, 2}), weight) + bias;
}

Tensor batchFirst(const Tensor &ys) {
  return transpose(ys, {1, 0, 2});
}

} // namespace

Lstm::Lstm(Graph &graph, const std::string &name, int64_t in, int64_t hidden, LstmOptions o,
           Location at)
    : name(name),
      input(parameter(graph, name + ".input", {o.dtype, {in, 4 * checkSizes(name, in, hidden, at)}},
                      weightOf(o, hidden), at)),
      recurrent(parameter(graph, name + ".recurrent", {o.dtype, {hidden, 4 * hidden}},
                          weightOf(o, hidden), at)),
      bias(parameter(graph, name + ".bias", {o.dtype, {4 * hidden}}, secondPart(o.forgetBias, 4),
                     at)) {}

Lstm::State Lstm::zeroState(int64_t batch, Location at) const {
  const Tensor zeros = input.graph().zeros({batch, recurrent.dim(0)}, input.dtype(), at);
  return {zeros, zeros};
}

Lstm::State Lstm::advance(const Tensor &projected, const State &state) const {
  const std::vector<Tensor> gates = split(projected + matmul(state.hidden, recurrent), 4);
  Tensor cell = logistic(gates[1]) * state.cell + logistic(gates[0]) * tanh(gates[2]);
  return {logistic(gates[3]) * tanh(cell), cell};
}

Lstm::State Lstm::step(Arg x, const State &state) const {
  CallScope scope(x.at, name);
  const Tensor t = needFeatures("lstm", x, 2, input.dim(0));
  for (const Tensor &part : {state.hidden, state.cell})
    checkState("lstm", part, t.dim(0), recurrent.dim(0), x.at);
  return advance(matmul(t, input) + bias, state);
}

Lstm::Sequence Lstm::operator()(Arg x) const {
  const Tensor t = needFeatures("lstm", x, 3, input.dim(0));
  return (*this)(x, zeroState(t.dim(0), x.at));
}

Lstm::Sequence Lstm::operator()(Arg x, const State &initial, bool reverse) const {
  CallScope scope(x.at, name);
  const Tensor t = needFeatures("lstm", x, 3, input.dim(0));
  for (const Tensor &part : {initial.hidden, initial.cell})
    checkState("lstm", part, t.dim(0), recurrent.dim(0), x.at);
  Scanned all = scan(
      {initial.hidden, initial.cell}, {projectSteps(t, input, bias)},
      [&](const TensorList &carries, const TensorList &xs) -> Scanned {
        State next = advance(xs[0], {carries[0], carries[1]});
        return {{next.hidden, next.cell}, {next.hidden}};
      },
      {.reverse = reverse}, x.at);
  return {batchFirst(all.ys[0]), {all.carries[0], all.carries[1]}};
}

Gru::Gru(Graph &graph, const std::string &name, int64_t in, int64_t hidden, RecurrentOptions o,
         Location at)
    : name(name),
      input(parameter(graph, name + ".input", {o.dtype, {in, 3 * checkSizes(name, in, hidden, at)}},
                      weightOf(o, hidden), at)),
      recurrent(parameter(graph, name + ".recurrent", {o.dtype, {hidden, 3 * hidden}},
                          weightOf(o, hidden), at)),
      bias(parameter(graph, name + ".bias", {o.dtype, {3 * hidden}}, zeros(), at)),
      resetBias(parameter(graph, name + ".reset_bias", {o.dtype, {hidden}}, zeros(), at)) {}

Tensor Gru::zeroState(int64_t batch, Location at) const {
  return input.graph().zeros({batch, recurrent.dim(0)}, input.dtype(), at);
}

Tensor Gru::advance(const Tensor &projected, const Tensor &hidden) const {
  const std::vector<Tensor> a = split(projected, 3), b = split(matmul(hidden, recurrent), 3);
  Tensor reset = logistic(a[0] + b[0]), keep = logistic(a[1] + b[1]);
  Tensor candidate = tanh(a[2] + reset * (b[2] + resetBias));
  return (1 - keep) * candidate + keep * hidden;
}

Tensor Gru::step(Arg x, const Tensor &hidden) const {
  CallScope scope(x.at, name);
  const Tensor t = needFeatures("gru", x, 2, input.dim(0));
  checkState("gru", hidden, t.dim(0), recurrent.dim(0), x.at);
  return advance(matmul(t, input) + bias, hidden);
}

Gru::Sequence Gru::operator()(Arg x) const {
  const Tensor t = needFeatures("gru", x, 3, input.dim(0));
  return (*this)(x, zeroState(t.dim(0), x.at));
}

Gru::Sequence Gru::operator()(Arg x, const Tensor &initial, bool reverse) const {
  CallScope scope(x.at, name);
  const Tensor t = needFeatures("gru", x, 3, input.dim(0));
  checkState("gru", initial, t.dim(0), recurrent.dim(0), x.at);
  Scanned all = scan(
      {initial}, {projectSteps(t, input, bias)},
      [&](const TensorList &carries, const TensorList &xs) -> Scanned {
        Tensor next = advance(xs[0], carries[0]);
        return {{next}, {next}};
      },
      {.reverse = reverse}, x.at);
  return {batchFirst(all.ys[0]), all.carries[0]};
}

} // namespace weir::nn
