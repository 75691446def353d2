// Recurrent layers: LSTM and GRU, one step at a time or over a sequence with scan. The products
// with the inputs of all steps are one matmul in front of the loop.
#pragma once

#include "frontend/nn/init.h"

namespace weir::nn {

struct RecurrentOptions {
  /// Of both matrices; none: uniform in ±1/sqrt(hidden), as PyTorch's.
  Initializer weight;
  DType dtype = f32;
};
struct LstmOptions : RecurrentOptions {
  /// Initial bias of the forget gate: 1 lets a new cell remember. Source: Jozefowicz et al. 2015.
  double forgetBias = 1;
};

/// Long short-term memory with a forget gate.
///   (i, f, g, o) = x·input + h·recurrent + bias, a quarter of the columns each, in this order
///   c' = σ(f)·c + σ(i)·tanh(g)
///   h' = σ(o)·tanh(c')
/// Source: Hochreiter & Schmidhuber 1997, Gers et al. 2000; the order of gates is PyTorch's.
/// Parameters: NAME.input [in, 4·hidden], NAME.recurrent [hidden, 4·hidden], NAME.bias [4·hidden].
class Lstm {
public:
  struct State {
    Tensor hidden, cell; ///< [b, hidden]
  };
  struct Sequence {
    Tensor outputs; ///< [b, t, hidden], the hidden state after each step
    State last;
  };

  Lstm(Graph &graph, const std::string &name, int64_t in, int64_t hidden, LstmOptions options = {},
       Location at = Location::current());
  State zeroState(int64_t batch, Location at = Location::current()) const;
  /// One step: x [b, in].
  State step(Arg x, const State &state) const;
  /// All steps of x [b, t, in], from zeros.
  Sequence operator()(Arg x) const;
  /// `reverse`: from the last step to the first; outputs keep their positions.
  Sequence operator()(Arg x, const State &initial, bool reverse = false) const;

  std::string name;
  Tensor input, recurrent, bias;

private:
  /// `projected`: x·input + bias, [b, 4·hidden].
  State advance(const Tensor &projected, const State &state) const;
};

/// Gated recurrent unit, the reset gate behind the product, which may then be one with the others.
///   (r, z, n) = x·input + bias, (hr, hz, hn) = h·recurrent; a third of the columns each
///   r' = σ(r + hr), z' = σ(z + hz), n' = tanh(n + r'·(hn + resetBias))
///   h' = (1 - z')·n' + z'·h
/// Source: Cho et al. 2014, in the form of cuDNN and PyTorch, whose two other recurrent biases only
/// add to `bias`.
/// Parameters: NAME.input [in, 3·hidden], NAME.recurrent [hidden, 3·hidden], NAME.bias [3·hidden],
/// NAME.reset_bias [hidden].
class Gru {
public:
  struct Sequence {
    Tensor outputs; ///< [b, t, hidden]
    Tensor last;    ///< [b, hidden]
  };

  Gru(Graph &graph, const std::string &name, int64_t in, int64_t hidden,
      RecurrentOptions options = {}, Location at = Location::current());
  Tensor zeroState(int64_t batch, Location at = Location::current()) const;
  /// One step: x [b, in], hidden [b, hidden] -> hidden.
  Tensor step(Arg x, const Tensor &hidden) const;
  /// All steps of x [b, t, in], from zeros.
  Sequence operator()(Arg x) const;
  Sequence operator()(Arg x, const Tensor &initial, bool reverse = false) const;

  std::string name;
  Tensor input, recurrent, bias, resetBias;

private:
  Tensor advance(const Tensor &projected, const Tensor &hidden) const;
};

} // namespace weir::nn
