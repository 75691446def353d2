// Graphs of the benchmark rows.
#include "tools/bench/graphs.h"

#include <cmath>

namespace weir::bench {

namespace {

/// Fixed pseudo-random values of about unit size times `scale`.
Array values(Shape shape, uint64_t key, double scale) {
  return nn::normal(scale)({f32, std::move(shape)}, key);
}

} // namespace

Graph mlpTrain() {
  Graph g(1);
  Tensor x = g.input("x", f32, {kMlpBatch, 784}), y = g.input("y", i32, {kMlpBatch});
  nn::Mlp net(g, "net", {784, 512, 512, 10});
  Tensor loss = nn::crossEntropy(net(x), y);
  g.output("loss", loss);
  g.minimize(loss, nn::sgd(0.01));
  return g;
}

double mlpTrainFlops() {
  return 2.0 * kMlpBatch * (784 * 512 * 2 + 512 * 512 * 3 + 512 * 10 * 3);
}

Graph gptTrain(const GptShape &s) {
  Graph g(1);
  int64_t d = s.features;
  Tensor tokens = g.input("tokens", i32, {s.batch, s.context}),
         targets = g.input("targets", i32, {s.batch, s.context});
  nn::Embedding wte(g, "wte", s.vocabulary, d), wpe(g, "wpe", s.context, d);
  Tensor x = wte(tokens) + wpe.weight;
  nn::LinearOptions linear{.weight = nn::normal(0.02)};
  for (int64_t i = 0; i < s.layers; ++i) {
    std::string name = "block." + std::to_string(i);
    nn::LayerNorm ln1(g, name + ".ln1", d), ln2(g, name + ".ln2", d);
    nn::Attention attention(g, name + ".attention", d, s.heads, {.bias = true});
    nn::Linear up(g, name + ".up", d, 4 * d, linear), down(g, name + ".down", 4 * d, d, linear);
    x = x + attention(ln1(x));
    x = x + down(nn::gelu(up(ln2(x))));
  }
  nn::LayerNorm last(g, "ln", d);
  nn::Linear head(g, "head", d, s.vocabulary, {.bias = false, .weight = nn::normal(0.02)});
  Tensor loss = nn::crossEntropy(head(last(x)), targets);
  g.output("loss", loss);
  g.minimize(loss, nn::adamW(3e-4, {.weightDecay = 0.01, .decayMatricesOnly = false}));
  return g;
}

double gptTrainFlops(const GptShape &s) {
  double d = s.features, tokens = s.batch * s.context;
  double dots = 2 * tokens * (12 * d * d * s.layers + d * s.vocabulary);
  double attention = 4 * tokens * s.context * d * s.layers;
  return 3 * (dots + attention);
}

Graph matmul(int64_t n) {
  Graph g;
  g.output("c", weir::matmul(g.input("a", f32, {n, n}), g.input("b", f32, {n, n})));
  return g;
}

Graph softmaxRows() {
  Graph g;
  g.output("y", nn::softmax(g.input("x", f32, {4096, 1024})));
  return g;
}

Graph layerNormRows() {
  Graph g;
  Tensor x = g.input("x", f32, {4096, 1024}), scale = g.input("scale", f32, {1024}),
         shift = g.input("shift", f32, {1024});
  g.output("y", nn::layerNorm(x, scale, shift));
  return g;
}

Graph elementwiseChain() {
  Graph g;
  Shape shape{16384, 1024};
  Tensor x = g.input("x", f32, shape), r = g.input("r", f32, shape);
  Tensor b = g.input("b", f32, {1024}), s = g.input("s", f32, {1024});
  Tensor y = nn::gelu(x + b) * s + r;
  g.output("y", relu(y) * 0.5 - x + 1.0);
  return g;
}

Graph whileMillion() {
  Graph g;
  Tensor x = g.input("x", f32, {8});
  g.output("y",
           forLoop(g.scalar(0, i64), g.scalar(1000000, i64), {x},
                   [](Tensor, const TensorList &c) { return TensorList{c[0] * 0.999 + 1.0}; })[0]);
  return g;
}

Graph whileOnSum() {
  Graph g;
  Tensor x = g.input("x", f32, {8});
  g.output("y", whileLoop(
                    x - x, [](Tensor c) { return sum(c) < 799999.5; },
                    [](Tensor c) { return c + 1.0; }));
  return g;
}

constexpr int64_t kLstmSteps = 64, kLstmBatch = 32, kLstmSize = 256;

Graph lstmTrain() {
  Graph g;
  Tensor xs = g.input("xs", f32, {kLstmSteps, kLstmBatch, kLstmSize});
  auto weights = [&](const std::string &name, uint64_t key) {
    return g.variable(name, values({kLstmSize, 4 * kLstmSize}, key, 0.05));
  };
  Tensor bias = g.variable("bias", Array::zeros(f32, {4 * kLstmSize}));
  Function loss([&g, xs](Tensor input, Tensor recurrent, Tensor bias) {
    Tensor zero = g.zeros({kLstmBatch, kLstmSize});
    Scanned all = scan({zero, zero}, {weir::matmul(xs, input) + bias},
                       [&](const TensorList &c, const TensorList &x) {
                         auto gates = split(x[0] + weir::matmul(c[0], recurrent), 4);
                         Tensor cell =
                             logistic(gates[1]) * c[1] + logistic(gates[0]) * tanh(gates[2]);
                         Tensor hidden = logistic(gates[3]) * tanh(cell);
                         return Scanned{{hidden, cell}, {hidden}};
                       });
    return mean(square(all.ys[0]));
  });
  Tensor input = weights("input", 2), recurrent = weights("recurrent", 3);
  Results all = valueAndGrad(loss, {0, 1, 2})(input, recurrent, bias);
  const char *names[] = {"loss", "input_grad", "recurrent_grad", "bias_grad"};
  for (int i = 0; i < 4; ++i) g.output(names[i], all[i]);
  return g;
}

double lstmTrainFlops() {
  return 2.0 * kLstmSteps * kLstmBatch * 4 * kLstmSize * kLstmSize * (3 + 2);
}

Graph smallOps() {
  Graph g;
  Tensor x = g.input("x", f32, {16, 16}), w = g.constant(values({16, 16}, 3, 0.25));
  for (int i = 0; i < 500; ++i) x = tanh(weir::matmul(x, w));
  g.output("y", x);
  return g;
}

Graph tinyCall() {
  Graph g;
  g.output("y", g.input("x", f32, {16}) + 1.0);
  return g;
}

} // namespace weir::bench
