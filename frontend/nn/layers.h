// Layers: objects that own parameters (variables of the graph, named after the layer) and are
// called on tensors. All are compositions of primitive ops; fusion finds softmax, layer norm and
// attention again.
#pragma once

#include "frontend/nn/functional.h"
#include "frontend/nn/init.h"

namespace weir::nn {

struct LinearOptions {
  bool bias = true;
  Initializer weight = xavier();
  DType dtype = f32;
};

/// x·weight + bias: [..., in] -> [..., out]. Parameters: NAME.weight [in, out], NAME.bias [out].
class Linear {
public:
  Linear(Graph &graph, const std::string &name, int64_t in, int64_t out, LinearOptions options = {},
         Location at = Location::current());
  Tensor operator()(Arg x) const;
  std::string name;
  Tensor weight, bias; ///< bias is empty without options.bias.
};

struct EmbeddingOptions {
  Initializer weight = normal(0.02);
  DType dtype = f32;
};

/// Rows of a table by index: [...] -> [..., features]. Parameter: NAME.weight [count, features].
class Embedding {
public:
  Embedding(Graph &graph, const std::string &name, int64_t count, int64_t features,
            EmbeddingOptions options = {}, Location at = Location::current());
  Tensor operator()(Arg indices) const;
  std::string name;
  Tensor weight;
};

/// Over the last dim, with scale and shift. Parameters: NAME.scale, NAME.shift [features].
class LayerNorm {
public:
  LayerNorm(Graph &graph, const std::string &name, int64_t features, double epsilon = 1e-5,
            DType dtype = f32, Location at = Location::current());
  Tensor operator()(Arg x) const;
  std::string name;
  Tensor scale, shift;
  double epsilon;
};

struct AttentionOptions {
  bool causal = true;
  bool bias = false;
  Initializer weight = normal(0.02);    ///< query, key, value
  Initializer outWeight = normal(0.02); ///< output projection
  DType dtype = f32;
};

/// Multi-head self-attention: [b, t, features] -> [b, t, features]; from t = 1024 on in blocks
/// (blocked_attention.h), in memory that grows with t.
/// Parameters: NAME.qkv [features, 3·features], NAME.out [features, features].
class Attention {
public:
  Attention(Graph &graph, const std::string &name, int64_t features, int64_t heads,
            AttentionOptions options = {}, Location at = Location::current());
  Tensor operator()(Arg x) const;
  std::string name;
  Linear qkv, out;
  int64_t heads;
  bool causal;
};

enum class Activation { Relu, Gelu, Tanh, Logistic, Silu }; ///< Silu: x · logistic(x)
Tensor activate(Activation activation, const Tensor &x);

struct MlpOptions {
  Activation activation = Activation::Relu;
  Initializer weight = kaiming();
  DType dtype = f32;
};

/// Linear layers with an activation between them: [..., sizes[0]] -> [..., sizes.back()].
/// Parameters: NAME.0.weight, NAME.0.bias, NAME.1.weight, ...
class Mlp {
public:
  Mlp(Graph &graph, const std::string &name, const std::vector<int64_t> &sizes,
      MlpOptions options = {}, Location at = Location::current());
  Tensor operator()(Arg x) const;
  std::string name;
  std::vector<Linear> layers;
  Activation activation;
};

/// Keys for dropout and other randomness in a graph: a different one each run and each call of
/// next(). The run count is a variable (NAME.runs), so a restored checkpoint continues the same
/// sequence.
class RandomKeys {
public:
  RandomKeys(Graph &graph, const std::string &name = "random", Location at = Location::current());
  Tensor next(Location at = Location::current());

private:
  Tensor runs;
  uint32_t stream;
};

} // namespace weir::nn
