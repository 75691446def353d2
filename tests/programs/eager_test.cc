// One source, two graphs: a function template runs at once on the tape (the dynamic graph) and is
// captured as a graph that is compiled (the static one); values and gradients are equal.
// features: A5
#include "tests/programs/eager.h"

namespace weir::testing {
namespace {

/// Cross-entropy of a perceptron with two layers: x, one-hot labels, and four parameters.
struct MlpLoss {
  template <typename Tensor> Tensor operator()(const std::vector<Tensor> &p) const {
    Tensor hidden = tanh(matmul(p[0], p[2]) + p[3]);
    Tensor logits = matmul(hidden, p[4]) + p[5];
    return mean(logsumexp(logits) - reduceSum(logits * p[1], -1));
  }
};

/// Causal attention of one head over [b, t, d], a layer norm behind it, and a gelu.
struct Block {
  template <typename Tensor> Tensor operator()(const std::vector<Tensor> &p) const {
    const Tensor &x = p[0], &mask = p[4];
    Tensor q = matmul(x, p[1]), k = matmul(x, p[2]), v = matmul(x, p[3]);
    Tensor scores = dot(q, k, {{0}, {0}, {2}, {2}}) * (1 / std::sqrt(4.0));
    scores = select(mask > 0.5, scores, -1e30);
    Tensor e = exp(scores - stopGradient(reduceMax(scores, -1, true)));
    Tensor y = x + matmul(e / reduceSum(e, -1, true), v);
    Tensor centred = y - mean(y, -1, true);
    Tensor normed = centred * rsqrt(mean(square(centred), -1, true) + 1e-5);
    Tensor gelu = normed * 0.5 * (1 + erf(normed * std::sqrt(0.5)));
    return sum(square(gelu));
  }
};

/// A C++ loop and a C++ branch: the tape runs them, the graph is what they leave behind.
struct Unrolled {
  template <typename Tensor> Tensor operator()(const std::vector<Tensor> &p) const {
    Tensor x = p[0];
    for (int64_t i = 0; i < p[1].dim(0); ++i) {
      Tensor rate = sliceDim(p[1], 0, i, i + 1);
      x = i % 2 ? rate * x * (1 - x) : sin(rate * x);
    }
    return sum(concatenate(split(x, 2, 0), 0) / (1 + square(x)));
  }
};

/// Everything else that the two have in common.
struct Assorted {
  template <typename Tensor> Tensor operator()(const std::vector<Tensor> &p) const {
    Tensor a = transpose(pad(reverse(p[0], {1}), 0.5, {1, 0}, {0, 1}, {0, 1})); // [6, 3]
    Tensor b = expandDims(squeeze(reshape(p[1], {1, -1}), 0), 0);               // [1, 3]
    Tensor y = max(a, b) / (abs(a) + 1) + pow(abs(a) + 1, b) - min(a, b) * logistic(b) +
               atan2(a, b + 2) + log1p(square(a)) * expm1(b * 0.1) + relu(b) * cbrt(a + 3) -
               clamp(a, -0.5, 0.5) * sqrt(square(b) + 1) + cos(a) * tan(b * 0.3);
    return reduceMax(y, {0, 1}) + reduceMin(y) + reduceSum(reduceProd(y, 1)) + variance(y) +
           sum(slice(y, {0, 1}, {4, 3}, {2, 1})) + sum(floor(y));
  }
};

/// LeNet's first half: convolution and pooling.
struct Convolution {
  template <typename Tensor> Tensor operator()(const std::vector<Tensor> &p) const {
    Tensor y = relu(convolution(p[0], p[1], {{1, 1}, {1, 1}, {1, 1}, {}, {}}));
    Tensor pooled = reduceMax(unfold(y, -1e30, {{3, 4}, {2, 2}, {2, 2}, {}, {}, {}}), {-1, -2});
    return sum(pooled * cumsum(pooled, 3)) + sum(sort(reshape(pooled, {-1}), 0) * p[2]);
  }
};

template <typename F> void expectSameBothWays(F f, const std::vector<Array> &inputs) {
  expectSame(f, f, inputs);
}

TEST(OneSource, MlpLoss) {
  Array labels = Array::from<double>({3, 2}, {1, 0, 0, 1, 1, 0});
  expectSameBothWays(MlpLoss(), {randomArray({3, 4}, 1), labels, randomArray({4, 5}, 2),
                                 randomArray({5}, 3), randomArray({5, 2}, 4), randomArray({2}, 5)});
}

TEST(OneSource, AttentionBlock) {
  Array mask(f64, {3, 3});
  for (int64_t k = 0; k < 9; ++k) mask.mutableData<double>()[k] = k % 3 <= k / 3;
  expectSameBothWays(Block(), {randomArray({2, 3, 4}, 1), randomArray({4, 4}, 2),
                               randomArray({4, 4}, 3), randomArray({4, 4}, 4), mask});
}

TEST(OneSource, LoopsAndBranchesOfTheHost) {
  expectSameBothWays(Unrolled(), {randomArray({6}, 1), randomArray({5}, 2)});
}

TEST(OneSource, EverythingElse) {
  expectSameBothWays(Assorted(), {randomArray({2, 3}, 1), randomArray({3}, 2)});
}

TEST(OneSource, Convolution) {
  expectSameBothWays(Convolution(), {randomArray({2, 1, 2, 4, 4}, 1),
                                     randomArray({1, 3, 2, 3, 3}, 2), randomArray({24}, 3)});
}

} // namespace
} // namespace weir::testing
