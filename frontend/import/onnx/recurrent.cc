// RNN, GRU and LSTM in ONNX's own order of gates, with any activations, peepholes, clipping and
// lengths. One scan for each direction; the products with the inputs are one matmul in front.
#include "frontend/import/onnx/node.h"

#include "frontend/api/control.h"

#include <algorithm>

namespace weir::onnx {
namespace {

using Activation = std::function<Tensor(const Tensor &)>;

Activation activationOf(Node &node, const std::string &name, std::optional<double> alpha,
                        std::optional<double> beta) {
  std::string low = name;
  std::transform(low.begin(), low.end(), low.begin(), [](unsigned char c) { return tolower(c); });
  const double a = alpha.value_or(low == "leakyrelu" ? 0.01 : low == "hardsigmoid" ? 0.2 : 1.0);
  const double b = beta.value_or(low == "hardsigmoid" ? 0.5 : 0.0);
  if (low == "sigmoid") return [](const Tensor &x) { return logistic(x); };
  if (low == "tanh") return [](const Tensor &x) { return tanh(x); };
  if (low == "relu") return [](const Tensor &x) { return relu(x); };
  if (low == "affine") return [=](const Tensor &x) { return x * a + b; };
  if (low == "leakyrelu") return [=](const Tensor &x) { return select(x >= 0, x, x * a); };
  if (low == "thresholdedrelu") return [=](const Tensor &x) { return select(x >= a, x, 0.0); };
  if (low == "scaledtanh") return [=](const Tensor &x) { return tanh(x * b) * a; };
  if (low == "hardsigmoid") return [=](const Tensor &x) { return clamp(x * a + b, 0.0, 1.0); };
  if (low == "elu")
    return [=](const Tensor &x) { return select(x > 0, x, expm1(min(x, 0.0)) * a); };
  if (low == "softsign") return [](const Tensor &x) { return x / (abs(x) + 1.0); };
  if (low == "softplus") return [](const Tensor &x) { return logAddExp(x, zerosLike(x)); };
  node.fail("activation '" + name + "' is not supported");
}

/// One direction of one layer, everything laid out for a step.
struct Cell {
  Tensor input;               ///< [in, gates * hidden]
  Tensor recurrent;           ///< [gates * hidden, hidden]
  Tensor bias, recurrentBias; ///< [gates * hidden]; empty without.
  Tensor peephole;            ///< [3 * hidden]; empty without.
  int64_t hidden = 0;
  std::vector<Activation> activations;
  double clip = 0;   ///< 0: none.
  bool flag = false; ///< linear_before_reset or input_forget
  Tensor bounded(const Tensor &x) const { return clip > 0 ? clamp(x, -clip, clip) : x; }
  /// Gate `g` of [..., gates * hidden].
  Tensor gate(const Tensor &all, int64_t g) const {
    return sliceDim(all, -1, g * hidden, (g + 1) * hidden);
  }
};

/// Hidden state, and the cell's for LSTM.
using State = TensorList;
/// The state after a step; `x` is the product with the input, with its bias.
using Step = State (*)(const Cell &, const Tensor &x, const State &);

Tensor product(const Tensor &h, const Tensor &matrix) {
  return matmul(h, transpose(matrix));
}

Tensor withBias(const Tensor &x, const Tensor &bias) {
  return bias.empty() ? x : x + bias;
}

State rnnStep(const Cell &cell, const Tensor &x, const State &s) {
  const Tensor y = x + withBias(product(s[0], cell.recurrent), cell.recurrentBias);
  return {cell.activations[0](cell.bounded(y))};
}

/// Gates z, r, h.
State gruStep(const Cell &cell, const Tensor &x, const State &s) {
  const Tensor &h = s[0];
  auto part = [&](const Tensor &matrix, int64_t g, int64_t count) {
    return sliceDim(matrix, 0, g * cell.hidden, (g + count) * cell.hidden);
  };
  const Tensor &rb = cell.recurrentBias;
  auto bias = [&](int64_t g) { return rb.empty() ? rb : part(rb, g, 1); };
  auto recur = [&](const Tensor &from, int64_t g) {
    return withBias(product(from, part(cell.recurrent, g, 1)), bias(g));
  };
  const Activation &f = cell.activations[0], &g = cell.activations[1];
  const Tensor z = f(cell.bounded(cell.gate(x, 0) + recur(h, 0)));
  const Tensor r = f(cell.bounded(cell.gate(x, 1) + recur(h, 1)));
  const Tensor from = cell.flag ? r * recur(h, 2) : recur(r * h, 2);
  const Tensor n = g(cell.bounded(cell.gate(x, 2) + from));
  return {(1.0 - z) * n + z * h};
}

/// Gates i, o, f, c.
State lstmStep(const Cell &cell, const Tensor &x, const State &s) {
  const Tensor all = x + withBias(product(s[0], cell.recurrent), cell.recurrentBias);
  auto peep = [&](const Tensor &gate, int64_t p, const Tensor &c) {
    return cell.peephole.empty() ? gate : gate + cell.gate(cell.peephole, p) * c;
  };
  const Activation &f = cell.activations[0], &g = cell.activations[1], &h = cell.activations[2];
  const Tensor i = f(cell.bounded(peep(cell.gate(all, 0), 0, s[1])));
  const Tensor forget = cell.flag ? 1.0 - i : f(cell.bounded(peep(cell.gate(all, 2), 2, s[1])));
  const Tensor next = forget * s[1] + i * g(cell.bounded(cell.gate(all, 3)));
  const Tensor o = f(cell.bounded(peep(cell.gate(all, 1), 1, next)));
  return {o * h(next), next};
}

/// Which op: gates, activations, states, and where the operands are.
struct Kind {
  int64_t gates;
  std::vector<std::string> activations;
  size_t states;
  Step step;
  const char *flag;
};

Cell cellOf(Node &node, const Kind &kind, int64_t direction) {
  Cell cell;
  auto mine = [&](size_t i) { return squeeze(sliceDim(node[i], 0, direction, direction + 1), 0); };
  cell.input = transpose(mine(1));
  cell.recurrent = mine(2);
  cell.hidden = cell.recurrent.dim(1);
  const int64_t width = kind.gates * cell.hidden;
  if (cell.recurrent.dim(0) != width || cell.input.dim(1) != width)
    node.fail("the weights must have " + std::to_string(width) + " rows");
  if (node.has(3)) {
    cell.bias = sliceDim(mine(3), 0, 0, width);
    cell.recurrentBias = sliceDim(mine(3), 0, width, 2 * width);
  }
  if (kind.states == 2 && node.has(7)) cell.peephole = mine(7);
  auto names = node.strings("activations");
  const auto alphas = node.reals("activation_alpha"), betas = node.reals("activation_beta");
  const size_t each = kind.activations.size();
  for (size_t i = 0; i < each; ++i) {
    const size_t at = static_cast<size_t>(direction) * each + i;
    auto number = [&](const std::vector<double> &list) {
      return at < list.size() ? std::optional(list[at]) : std::nullopt;
    };
    const std::string &name = at < names.size() ? names[at] : kind.activations[i];
    cell.activations.push_back(activationOf(node, name, number(alphas), number(betas)));
  }
  cell.clip = node.real("clip", 0.0);
  cell.flag = kind.flag && node.flag(kind.flag);
  return cell;
}

/// x [t, b, ...] with the first lengths[b] steps of each sequence turned around.
Tensor turned(const Tensor &x, const Tensor &lengths) {
  if (lengths.empty()) return reverse(x, {0});
  const int64_t t = x.dim(0), b = x.dim(1);
  const Tensor step = x.graph().iota(i64, {b, t}, 1), last = reshape(lengths, {b, 1}) - 1;
  const Tensor from = select(step <= last, last - step, step);
  return transpose(gather(transpose(x, {1, 0, 2}), from, 1, 1), {1, 0, 2});
}

/// All steps of one direction: [t, b, hidden] and the last state.
std::pair<Tensor, State> runCell(const Cell &cell, const Kind &kind, const Tensor &x,
                                 const State &begin, const Tensor &lengths) {
  const int64_t t = x.dim(0), b = x.dim(1);
  const Tensor products = withBias(matmul(x, cell.input), cell.bias);
  TensorList xs{products};
  if (!lengths.empty())
    xs.push_back(expandDims(x.graph().iota(i64, {t, b}, 0) < reshape(lengths, {1, b}), -1));
  auto body = [&](const TensorList &carries, const TensorList &slices) {
    State next = kind.step(cell, slices[0], carries);
    Tensor y = next[0];
    if (slices.size() > 1) {
      y = select(slices[1], y, zerosLike(y));
      for (size_t i = 0; i < next.size(); ++i) next[i] = select(slices[1], next[i], carries[i]);
    }
    return Scanned{next, {y}};
  };
  const Scanned done = scan(begin, xs, body);
  return {done.ys[0], done.carries};
}

TensorList recurrent(Node &node, const Kind &kind) {
  node.expectOperands(3, 8);
  const bool batchFirst = node.flag("layout");
  const Tensor x = batchFirst ? transpose(node[0], {1, 0, 2}) : node[0];
  if (x.rank() != 3 || node[1].rank() != 3 || node[2].rank() != 3)
    node.fail("operands and weights must have 3 dims");
  const std::string way = node.string("direction", "forward");
  const int64_t directions = way == "bidirectional" ? 2 : 1;
  if (node[1].dim(0) != directions || node[2].dim(0) != directions)
    node.fail("the weights must be for " + std::to_string(directions) + " directions");
  Tensor lengths;
  if (node.has(4)) lengths = convert(node[4], i64);
  TensorList all;
  std::vector<TensorList> last(kind.states);
  for (int64_t d = 0; d < directions; ++d) {
    const Cell cell = cellOf(node, kind, d);
    State begin;
    for (size_t s = 0; s < kind.states; ++s) {
      Tensor state = node.graph.full({x.dim(1), cell.hidden}, 0, x.dtype());
      if (node.has(5 + s)) {
        const Tensor given = batchFirst ? transpose(node[5 + s], {1, 0, 2}) : node[5 + s];
        state = squeeze(sliceDim(given, 0, d, d + 1), 0);
      }
      begin.push_back(state);
    }
    const bool back = way == "reverse" || d == 1;
    auto [ys, ends] = runCell(cell, kind, back ? turned(x, lengths) : x, begin, lengths);
    if (back) ys = turned(ys, lengths);
    all.push_back(expandDims(ys, batchFirst ? 2 : 1));
    for (size_t s = 0; s < kind.states; ++s)
      last[s].push_back(expandDims(ends[s], batchFirst ? 1 : 0));
  }
  Tensor y = concatenate(all, batchFirst ? 2 : 1);
  if (batchFirst) y = transpose(y, {1, 0, 2, 3});
  TensorList results{y};
  for (const TensorList &list : last) results.push_back(concatenate(list, batchFirst ? 1 : 0));
  return results;
}

TensorList rnn(Node &node) {
  return recurrent(node, {1, {"Tanh"}, 1, rnnStep, nullptr});
}

TensorList gru(Node &node) {
  return recurrent(node, {3, {"Sigmoid", "Tanh"}, 1, gruStep, "linear_before_reset"});
}

TensorList lstm(Node &node) {
  return recurrent(node, {4, {"Sigmoid", "Tanh", "Tanh"}, 2, lstmStep, "input_forget"});
}

} // namespace

void addRecurrentRules(Rules &rules) {
  const Rules own = {{"GRU", gru}, {"LSTM", lstm}, {"RNN", rnn}};
  rules.insert(own.begin(), own.end());
}

} // namespace weir::onnx
