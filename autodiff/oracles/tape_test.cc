// The tape by itself: first and second order against central differences and dual numbers, what
// backward() means, and an MLP that learns. No compiler is involved. features: A5
#include "autodiff/oracles/central_differences.h"
#include "autodiff/oracles/dual.h"
#include "autodiff/oracles/tape.h"

#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <random>
#include <sstream>

namespace weir::tape {
namespace {

using autodiff::Dual, autodiff::Vector, autodiff::relativeError;
template <typename T> using List = std::vector<Tensor<T>>;

/// A scalar of f's result in which every element counts differently.
template <typename T, typename F> Tensor<T> lossOf(F f, const List<T> &x) {
  Tensor<T> y = f(x), weights = zerosLike(y);
  for (int64_t k = 0; k < y.size(); ++k) weights.data()[k] = T(std::cos(1.0 + k));
  return sum(y * weights);
}

/// Tensors of `shapes` filled from v, with tangents from `direction` for dual numbers.
template <typename T> List<T> tensors(const List<double> &like, const Vector &v, const Vector &t) {
  List<T> xs;
  size_t k = 0;
  for (const Tensor<double> &model : like) {
    Tensor<T> x = Tensor<T>::full(model.shape(), 0);
    for (T &element : x.data()) {
      if constexpr (std::is_same_v<T, double>)
        element = v[k];
      else
        element = T(v[k], t[k]);
      ++k;
    }
    xs.push_back(x.requireGrad());
  }
  return xs;
}
template <typename T> Vector numbers(const List<T> &xs, bool tangents) {
  Vector v;
  for (const Tensor<T> &x : xs)
    for (const T &element : x.data()) {
      if constexpr (std::is_same_v<T, double>)
        v.push_back(element);
      else
        v.push_back(tangents ? element.tangent : element.value);
    }
  return v;
}

/// f is generic over the element type: a list of tensors -> a tensor.
template <typename F> void check(F f, const std::vector<Shape> &shapes, double low = 0.3) {
  std::mt19937 random(7);
  std::uniform_real_distribution<double> value(low, 0.95), slope(-1, 1);
  List<double> like;
  Vector x, direction;
  for (const Shape &shape : shapes) {
    like.push_back(Tensor<double>::full(shape, 0));
    for (int64_t k = 0; k < product(shape); ++k)
      x.push_back(value(random)), direction.push_back(slope(random));
  }
  auto scalar = [&](const Vector &v) {
    return lossOf(f, tensors<double>(like, v, direction)).item();
  };
  List<double> in = tensors<double>(like, x, direction);
  List<double> first = grad(lossOf(f, in), in, true);
  EXPECT_LE(relativeError(numbers(first, false), autodiff::centralGradient(scalar, x, 1e-5)), 1e-7);

  // The Hessian times a direction: the tape of the tape, and the tape over dual numbers.
  List<double> along = tensors<double>(like, direction, direction);
  Tensor<double> slopes = 0;
  for (size_t i = 0; i < in.size(); ++i) slopes = slopes + sum(first[i] * along[i]);
  Vector second = numbers(grad(slopes, in), false);
  List<Dual<double>> duals = tensors<Dual<double>>(like, x, direction);
  Tensor<Dual<double>> loss = lossOf(f, duals);
  EXPECT_LE(relativeError({loss.data()[0].tangent}, {slopes.item()}), 1e-12);
  EXPECT_LE(relativeError(numbers(grad(loss, duals), true), second), 1e-10);
}

TEST(Tape, ElementaryFunctions) {
  check(
      [](auto x) {
        auto a = x[0], b = x[1];
        return exp(a) + expm1(b) * log(a) - log1p(a) / sqrt(b) + cbrt(a) * sin(b) -
               cos(a) * tan(b) + tanh(a) * erf(b) + erfc(a) * abs(-b) + pow(a, b) + atan2(a, b) +
               rem(b, a) + max(a, b) * min(a, 0.5) + logistic(a) * rsqrt(b) +
               relu(a - b) * square(b);
      },
      {{2, 3}, {3}});
  check([](auto x) { return erfInv(x[0]) + lgamma(x[0]) * digamma(x[0]) + zeta(3, x[0]); }, {{4}});
  check([](auto x) { return select(x[0] > x[1], x[0] * x[1], exp(x[1])) + clamp(x[0], .4, .6); },
        {{5}, {5}});
}

TEST(Tape, LayoutAndReductions) {
  check(
      [](auto x) {
        auto a = transpose(x[0], {2, 0, 1}); // [4, 2, 3]
        auto b = pad(slice(reverse(a, {0}), {1, 0, 0}, {4, 2, 3}, {2, 1, 1}), x[1], {1, 0, 0},
                     {0, 0, 1}, {1, 0, 0}); // [4, 2, 4]
        auto c = concatenate(split(b, 2, -1), 0) * broadcastTo(x[1], {8, 2, 2});
        return reshape(c, {-1}) * reshape(broadcast(x[1], {8, 4}, {}), {32});
      },
      {{2, 3, 4}, {}});
  check(
      [](auto x) {
        return reduceSum(square(x[0]), {0}) * reduceMax(x[0], 0) + reduceMin(x[0], 0) +
               variance(x[0], 0) * reduceProd(x[0], 0) + logsumexp(x[0], 0);
      },
      {{5, 3}});
}

TEST(Tape, Contractions) {
  check([](auto x) { return matmul(matmul(x[0], x[1]), x[2]); }, {{2, 1, 3, 4}, {5, 4, 2}, {2}});
  check([](auto x) { return dot(x[0], x[1], {{1}, {0}, {0, 3}, {3, 1}}); },
        {{3, 2, 4, 2}, {2, 2, 3, 3}});
}

TEST(Tape, IndexingAndOrder) {
  using Numbers = std::vector<double>;
  check(
      [](const auto &x) {
        auto index = [&](const Shape &shape, const Numbers &values) {
          auto t = std::decay_t<decltype(x[0])>::full(shape, 0);
          for (size_t k = 0; k < values.size(); ++k) t.data()[k] = values[k];
          return t;
        };
        auto i = index({2, 3}, {0, 2, 2, 1, 9, -1}), j = index({3}, {1, 1, 0});
        auto picked = gather(x[0], i, 1, 1); // [2, 3, 4]
        auto y = scatterAdd(x[0], i, picked * picked, 1, 1) * scatterSet(x[0], j, x[1], 1);
        return y * scatterMul(x[0], j, x[1], 1) +
               scatterMax(x[0], j, x[1], 1) * scatterMin(x[0], j, x[1], 1);
      },
      {{2, 3, 4}, {2, 3, 4}});
  check(
      [](const auto &x) {
        return sort(x[0] * x[0], 0, true) * cumsum(x[0], 0) +
               cumprod(x[0], 1, true) * cummax(x[0], 0) +
               cummin(x[0], 1) * cumlogsumexp(x[0], 1, true) +
               linearRecurrence(x[0], x[1], 0, true) *
                   dynamicUpdateSlice(x[0], dynamicSlice(x[1], {9, 1}, {2, 1}), {1, -3});
      },
      {{5, 3}, {5, 3}});
}

TEST(Tape, WindowsAndConvolution) {
  const ConvolutionWindow window{{2, 1}, {1, -1}, {2, 1}, {1, 2}, {2, 1}};
  check([&](auto x) { return convolution(x[0], x[1], window); },
        {{2, 2, 2, 4, 3}, {2, 3, 2, 2, 3}});
  const Windows w{{1}, {3}, {2}, {}, {1}, {1}};
  check([&](auto x) { return reduceMax(unfold(x[0], -1, w), 2); }, {{2, 7}});
  check([&](auto x) { return fold(square(x[0]), w, {7}); }, {{2, 4, 3}});
}

TEST(Tape, ConvolutionIsTheSumItSays) {
  Tensor<double> x({1, 1, 1, 4}, {1, 2, 3, 4}), w({1, 1, 1, 2}, {10, 1});
  EXPECT_EQ(convolution(x, w, {{}, {1}, {0}, {}, {}}).data(), (Vector{1, 12, 23, 34}));
  EXPECT_EQ(convolution(x, w, {{2}, {0}, {0}, {2}, {2}}).data(), (Vector{12, 23, 34}));
}

TEST(Tape, BackwardAddsUpInLeaves) {
  Tensor<double> x = 3, y = 2;
  x.requireGrad();
  Tensor<double> twice = x + x, loss = twice * y * x; // y is a constant
  loss.backward();
  EXPECT_EQ(x.grad().item(), 24);
  loss.backward();
  EXPECT_EQ(x.grad().item(), 48);
  EXPECT_EQ(y.grad().item(), 0);
  x.zeroGrad();
  EXPECT_EQ(x.grad().item(), 0);
  EXPECT_EQ(grad(loss, {twice})[0].item(), 6); // of a value on the way, too
}

TEST(Tape, NothingIsRecordedWhereNobodyAsks) {
  Tensor<double> x = 3;
  x.requireGrad();
  {
    NoGrad guard;
    (x * x).backward();
  }
  (stopGradient(x) * 2 + floor(x)).backward();
  EXPECT_EQ(x.grad().item(), 0);
  EXPECT_THROW((x * x).requireGrad(), std::invalid_argument);
  EXPECT_THROW(broadcastTo(x, {2}).backward(), std::invalid_argument);
  EXPECT_THROW(broadcastTo(x, {2}) + broadcastTo(x, {3}), std::invalid_argument);
}

TEST(Tape, EqualExtremesShareTheGradient) {
  Tensor<double> x({4}, {5, 1, 5, 5}), y = 1;
  x.requireGrad();
  y.requireGrad();
  reduceMax(x, 0).backward();
  EXPECT_LE(relativeError(x.grad().data(), {1. / 3, 0, 1. / 3, 1. / 3}), 1e-15);
  max(y, 1).backward();
  EXPECT_EQ(y.grad().item(), 0.5);
}

TEST(Tape, FourthDerivativeOfSine) {
  Tensor<double> x = 0.7;
  Tensor<double> y = sin(x.requireGrad());
  for (int i = 0; i < 4; ++i) y = grad(y, {x}, true)[0];
  EXPECT_NEAR(y.item(), std::sin(0.7), 1e-15);
}

TEST(Tape, ALongLoopIsLetGoWithoutRecursion) {
  Tensor<double> x = 1;
  x.requireGrad();
  Tensor<double> y = x;
  for (int i = 0; i < 200000; ++i) y = y * 1.00001;
  y.backward();
  EXPECT_NEAR(x.grad().item(), std::exp(200000 * std::log(1.00001)), 1e-9);
}

/// Rows of features, and a class for each.
struct Rows {
  Tensor<double> x, y;
};

/// Points of two interleaved half circles.
Rows moons(int64_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> angle(0, M_PI);
  std::normal_distribution<double> noise(0, 0.1);
  Vector x, y;
  for (int64_t k = 0; k < n; ++k) {
    const double a = angle(random), side = static_cast<double>(k % 2);
    x.push_back((side != 0 ? 1 - std::cos(a) : std::cos(a)) + noise(random));
    x.push_back((side != 0 ? 0.5 - std::sin(a) : std::sin(a)) + noise(random));
    y.push_back(side);
  }
  return {Tensor<double>({n, 2}, x), Tensor<double>({n}, y)};
}

/// Handwritten digits of 8x8 pixels: every fifth row, or the others.
Rows digits(std::istream &file, bool fifth) {
  Vector x, y;
  int64_t row = 0;
  for (std::string line; std::getline(file, line);) {
    if (!std::isdigit(static_cast<unsigned char>(line[0]))) continue; // the header
    if ((row++ % 5 == 4) != fifth) continue;
    std::istringstream fields(line);
    for (std::string field; std::getline(fields, field, ',');) x.push_back(std::stod(field) / 16);
    y.push_back(std::lround(16 * x.back()));
    x.pop_back();
  }
  const auto n = static_cast<int64_t>(y.size());
  return {Tensor<double>({n, static_cast<int64_t>(x.size()) / n}, x), Tensor<double>({n}, y)};
}

struct Mlp {
  List<double> parameters;
  explicit Mlp(const Shape &sizes) {
    std::mt19937 random(3);
    for (size_t i = 0; i + 1 < sizes.size(); ++i) {
      std::normal_distribution<double> draw(0, std::sqrt(2.0 / sizes[i]));
      Tensor<double> weight = Tensor<double>::full({sizes[i], sizes[i + 1]}, 0);
      for (double &w : weight.data()) w = draw(random);
      parameters.push_back(weight.requireGrad());
      parameters.push_back(Tensor<double>::full({sizes[i + 1]}, 0).requireGrad());
    }
  }
  Tensor<double> operator()(Tensor<double> x) const {
    for (size_t i = 0; i < parameters.size(); i += 2) {
      x = matmul(x, parameters[i]) + parameters[i + 1];
      if (i + 2 < parameters.size()) x = tanh(x);
    }
    return x;
  }
  /// Cross-entropy.
  Tensor<double> loss(const Rows &rows) const {
    Tensor<double> logits = (*this)(rows.x);
    return mean(logsumexp(logits) - reduceSum(logits * oneHot(rows.y, logits.dim(1)), 1));
  }
  double accuracy(const Rows &rows) const {
    NoGrad guard;
    Tensor<double> best = sliceDim(argsort((*this)(rows.x), 1, true), 1, 0, 1);
    return mean(squeeze(best, 1) == rows.y).item();
  }
  /// Gradient descent on all rows at once, with momentum.
  void train(const Rows &rows, int steps, double rate) {
    List<double> velocities;
    for (const Tensor<double> &w : parameters) velocities.push_back(zerosLike(w));
    for (int step = 0; step < steps; ++step) {
      loss(rows).backward();
      for (size_t i = 0; i < parameters.size(); ++i) {
        const Tensor<double> slope = parameters[i].grad();
        std::vector<double> &v = velocities[i].data(), &w = parameters[i].data();
        for (size_t k = 0; k < w.size(); ++k) {
          v[k] = 0.9 * v[k] + slope.data()[k];
          w[k] -= rate * v[k];
        }
        parameters[i].zeroGrad();
      }
    }
  }
};

TEST(Tape, TrainsAnMlp) {
  const Rows train = moons(256, 1), test = moons(256, 2);
  Mlp net({2, 24, 24, 2});
  const double before = net.loss(train).item();
  net.train(train, 150, 0.1);
  EXPECT_LT(net.loss(train).item(), 0.2 * before);
  EXPECT_GE(net.accuracy(test), 0.97);
}

TEST(Tape, TrainsAnMlpOnDigits) {
  const char *shared = std::getenv("WEIR_SHARED");
  const std::string path = std::string(shared ? shared : "") + "/data/digits.csv";
  std::ifstream first(path), second(path);
  if (!first) GTEST_SKIP() << "digits.csv is not there";
  const Rows train = digits(first, false), test = digits(second, true);
  Mlp net({train.x.dim(1), 32, 10});
  net.train(train, 120, 0.2);
  EXPECT_GE(net.accuracy(test), 0.95);
}

} // namespace
} // namespace weir::tape
