// The tensor of the tape (tape.h): recording, backward(), and what works element by element.
//
// Each operation computes at once and, while gradients are recorded, notes how a cotangent of its
// result flows to each input; backward() walks the notes from the last to the first. Cotangents are
// made of the same operations, so any order of derivative is there, and T may be Dual<double> as
// well as double. It is an oracle for the compiler's derivatives and shares no code with them.
//
// Integers and truth values are numbers like others. Errors throw std::invalid_argument. Made to be
// read, not to be fast.
#pragma once

#include "autodiff/oracles/special.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace weir::tape {

using Shape = std::vector<int64_t>;

inline thread_local bool recording = true;

/// While it lives, operations of this thread are not recorded.
class NoGrad {
public:
  explicit NoGrad(bool off = true) : before(recording) { recording = before && !off; }
  ~NoGrad() { recording = before; }
  NoGrad(const NoGrad &) = delete;
  NoGrad &operator=(const NoGrad &) = delete;

private:
  bool before;
};

inline int64_t product(const Shape &shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t(1), std::multiplies<>());
}
inline void require(bool holds, const char *what) {
  if (!holds) throw std::invalid_argument(std::string("tape: ") + what);
}
/// The shape that both broadcast to, as NumPy says.
inline Shape common(const Shape &a, const Shape &b) {
  Shape shape = a.size() < b.size() ? b : a;
  const Shape &other = a.size() < b.size() ? a : b;
  for (size_t d = 0; d < other.size(); ++d) {
    int64_t &size = shape[shape.size() - other.size() + d];
    require(size == other[d] || size == 1 || other[d] == 1, "shapes do not broadcast");
    if (size == 1) size = other[d];
  }
  return shape;
}
/// The plain number in a scalar, whatever tangents it carries.
template <typename T> double numberOf(const T &v) {
  if constexpr (requires { v.value; })
    return numberOf(v.value);
  else
    return static_cast<double>(v);
}
/// Calls visit(index) for each index below `shape`, row-major.
template <typename F> void forEachIndex(const Shape &shape, F visit) {
  Shape index(shape.size(), 0);
  for (int64_t left = product(shape); left > 0; --left) {
    visit(index);
    for (size_t d = shape.size(); d-- > 0 && ++index[d] == shape[d];) index[d] = 0;
  }
}
/// Position of `at` in row-major order, or -1 outside of `shape`.
inline int64_t flat(const Shape &at, const Shape &shape) {
  int64_t position = 0;
  for (size_t d = 0; d < shape.size(); ++d) {
    if (at[d] < 0 || at[d] >= shape[d]) return -1;
    position = position * shape[d] + at[d];
  }
  return position;
}
/// For each element of one tensor the position of an element of another, or -1.
using Positions = std::shared_ptr<const Shape>;

/// Elementary functions of a scalar, found here for numbers and by their arguments for others.
namespace scalar {
using autodiff::digamma, autodiff::erfInv, autodiff::zeta;
using std::atan2, std::cbrt, std::cos, std::erf, std::erfc, std::exp, std::expm1, std::fmod,
    std::lgamma, std::log, std::log1p, std::pow, std::sin, std::sqrt, std::tan, std::tanh;
} // namespace scalar

// An operation on one tensor: its value for an element v; the cotangent of x from that of y.
#define WEIR_TAPE_UNARY(name, value, cotangent)                                                    \
  friend Tensor name(const Tensor &x) {                                                            \
    using namespace scalar;                                                                        \
    return map(                                                                                    \
        x, [](const T &v) -> T { return value; },                                                  \
        [](const Tensor &ct, const List &in, const Tensor &y, size_t) -> Tensor {                  \
          [[maybe_unused]] const Tensor &x = in[0];                                                \
          return cotangent;                                                                        \
        });                                                                                        \
  }
// On two, broadcast against each other.
#define WEIR_TAPE_BINARY(name, value, toA, toB)                                                    \
  friend Tensor name(const Tensor &a, const Tensor &b) {                                           \
    using namespace scalar;                                                                        \
    return zip(                                                                                    \
        a, b, [](const T &a, const T &b) -> T { return value; },                                   \
        [](const Tensor &ct, const List &in, const Tensor &y, size_t i) -> Tensor {                \
          [[maybe_unused]] const Tensor &a = in[0], &b = in[1];                                    \
          return i == 0 ? Tensor(toA) : Tensor(toB);                                               \
        });                                                                                        \
  }
// Without a derivative: of plain numbers u and v.
#define WEIR_TAPE_STEP(name, value)                                                                \
  friend Tensor name(const Tensor &x) {                                                            \
    return map(x, [](const T &element) { return T(step##name(numberOf(element))); }, nullptr);     \
  }                                                                                                \
  static double step##name(double v) {                                                             \
    return value;                                                                                  \
  }
#define WEIR_TAPE_BINARY_STEP(name, value)                                                         \
  friend Tensor name(const Tensor &a, const Tensor &b) {                                           \
    return zip(                                                                                    \
        a, b,                                                                                      \
        [](const T &a, const T &b) {                                                               \
          const double u = numberOf(a), v = numberOf(b);                                           \
          return T(static_cast<double>(value));                                                    \
        },                                                                                         \
        nullptr);                                                                                  \
  }

template <typename T> class Tensor {
public:
  using List = std::vector<Tensor>;
  /// The cotangent of input i, from that of the result y.
  using Backward =
      std::function<Tensor(const Tensor &ct, const List &inputs, const Tensor &y, size_t i)>;

  Tensor(double number = 0) : Tensor(Shape{}, {T(number)}) {}
  Tensor(Shape shape, std::vector<T> data) : node(std::make_shared<Node>()) {
    require(product(shape) == static_cast<int64_t>(data.size()), "shape and data differ in size");
    static thread_local int64_t made = 0;
    node->serial = made++;
    node->shape = std::move(shape);
    node->data = std::move(data);
  }
  static Tensor full(Shape shape, double value) {
    const int64_t size = product(shape);
    return Tensor(std::move(shape), std::vector<T>(size, T(value)));
  }

  const Shape &shape() const { return node->shape; }
  int64_t rank() const { return static_cast<int64_t>(shape().size()); }
  int64_t size() const { return static_cast<int64_t>(node->data.size()); }
  int64_t dim(int64_t d) const { return shape()[wrap(d)]; }
  const std::vector<T> &data() const { return node->data; }
  std::vector<T> &data() { return node->data; }
  double at(int64_t i) const { return numberOf(node->data[i]); }
  double item() const {
    require(size() == 1, "item() of more than one element");
    return at(0);
  }

  /// From now on backward() computes the gradient of this leaf.
  Tensor &requireGrad() {
    require(!node->backward, "only a leaf can be told to require a gradient");
    node->wants = true;
    return *this;
  }
  /// What backward() added up; zeros before.
  Tensor grad() const { return node->grad ? Tensor(node->grad) : full(shape(), 0); }
  void zeroGrad() { node->grad.reset(); }
  /// Adds d this / d leaf to the gradient of every leaf. With `createGraph` gradients can be
  /// differentiated.
  void backward(bool createGraph = false) const {
    require(size() == 1, "backward() of more than one element");
    for (auto &[n, entry] : flow({*this}, {full(shape(), 1)}, createGraph)) {
      auto &[x, ct] = entry;
      if (!x.node->backward) x.node->grad = x.node->grad ? (x.grad() + ct).node : ct.node;
    }
  }
  /// d y / d x for each x of `wrt`.
  friend List grad(const Tensor &y, const List &wrt, bool createGraph = false) {
    return pullBack({y}, {full(y.shape(), 1)}, wrt, createGraph);
  }
  /// The cotangents of `wrt` when those of `ys` are `cts`.
  static List pullBack(const List &ys, const List &cts, const List &wrt, bool createGraph = false) {
    auto all = flow(ys, cts, createGraph);
    List result;
    for (const Tensor &x : wrt) {
      auto found = all.find(x.node.get());
      result.push_back(found == all.end() ? full(x.shape(), 0) : found->second.second);
    }
    return result;
  }

  // clang-format off
  // ---- Elementwise. At a tie max and min share evenly; abs has slope 0 at 0. ----
  WEIR_TAPE_BINARY(operator+, a + b, ct, ct)
  WEIR_TAPE_BINARY(operator-, a - b, ct, -ct)
  WEIR_TAPE_BINARY(operator*, a * b, ct * b, ct * a)
  WEIR_TAPE_BINARY(operator/, a / b, ct / b, -(ct * y / b))
  WEIR_TAPE_BINARY(pow, pow(a, b), ct * select(b == 0, 0, b * pow(a, b - 1)),
                   ct * y * log(select(a == 0, 1, a)))
  WEIR_TAPE_BINARY(max, larger(a, b), ct * select(a == b, 0.5, a > b),
                   ct * select(a == b, 0.5, a < b))
  WEIR_TAPE_BINARY(atan2, atan2(a, b), ct * b / (a * a + b * b), -(ct * a / (a * a + b * b)))
  WEIR_TAPE_BINARY(rem, fmod(a, b), ct, -(ct * trunc(a / b)))
  WEIR_TAPE_BINARY(zeta, zeta(a, b), ct * 0, -(ct * a * zeta(a + 1, b)))
  WEIR_TAPE_BINARY_STEP(operator==, u == v)
  WEIR_TAPE_BINARY_STEP(operator!=, u != v)
  WEIR_TAPE_BINARY_STEP(operator<, u < v)
  WEIR_TAPE_BINARY_STEP(operator<=, u <= v)
  WEIR_TAPE_BINARY_STEP(operator>, u > v)
  WEIR_TAPE_BINARY_STEP(operator>=, u >= v)
  WEIR_TAPE_UNARY(operator-, -v, -ct)
  WEIR_TAPE_UNARY(exp, exp(v), ct * y)
  WEIR_TAPE_UNARY(expm1, expm1(v), ct * (y + 1))
  WEIR_TAPE_UNARY(log, log(v), ct / x)
  WEIR_TAPE_UNARY(log1p, log1p(v), ct / (x + 1))
  WEIR_TAPE_UNARY(sqrt, sqrt(v), ct / (2 * y))
  WEIR_TAPE_UNARY(cbrt, cbrt(v), ct / (3 * y * y))
  WEIR_TAPE_UNARY(sin, sin(v), ct * cos(x))
  WEIR_TAPE_UNARY(cos, cos(v), -(ct * sin(x)))
  WEIR_TAPE_UNARY(tan, tan(v), ct * (1 + y * y))
  WEIR_TAPE_UNARY(tanh, tanh(v), ct * (1 - y * y))
  WEIR_TAPE_UNARY(erf, erf(v), ct * (2 * std::numbers::inv_sqrtpi) * exp(-(x * x)))
  WEIR_TAPE_UNARY(erfc, erfc(v), -(ct * (2 * std::numbers::inv_sqrtpi) * exp(-(x * x))))
  WEIR_TAPE_UNARY(erfInv, erfInv(v), ct / (2 * std::numbers::inv_sqrtpi) * exp(y * y))
  WEIR_TAPE_UNARY(lgamma, lgamma(v), ct * digamma(x))
  WEIR_TAPE_UNARY(digamma, digamma(v), ct * zeta(2, x))
  WEIR_TAPE_UNARY(abs, v < T(0.0) ? -v : v == T(0.0) ? T(0.0) : v, ct * sign(x))
  WEIR_TAPE_STEP(sign, v > 0 ? 1 : v < 0 ? -1 : v)
  WEIR_TAPE_STEP(floor, std::floor(v))
  WEIR_TAPE_STEP(ceil, std::ceil(v))
  WEIR_TAPE_STEP(trunc, std::trunc(v))
  WEIR_TAPE_STEP(round, std::round(v))
  WEIR_TAPE_STEP(roundEven, std::nearbyint(v))
  WEIR_TAPE_STEP(isFinite, std::isfinite(v))
  WEIR_TAPE_STEP(logicalNot, v == 0)
  // clang-format on
  friend Tensor min(const Tensor &a, const Tensor &b) { return -max(-a, -b); }
  friend Tensor neg(const Tensor &x) { return -x; }
  friend Tensor rsqrt(const Tensor &x) { return 1 / sqrt(x); }
  friend Tensor logistic(const Tensor &x) { return 1 / (1 + exp(-x)); }
  friend Tensor square(const Tensor &x) { return x * x; }
  friend Tensor relu(const Tensor &x) { return max(x, 0); }
  friend Tensor clamp(const Tensor &x, const Tensor &lo, const Tensor &hi) {
    return min(max(x, lo), hi);
  }
  /// Where pred is not 0 onTrue, else onFalse.
  friend Tensor select(const Tensor &pred, const Tensor &onTrue, const Tensor &onFalse) {
    const Shape to = common(common(pred.shape(), onTrue.shape()), onFalse.shape());
    List in{broadcastTo(pred, to), broadcastTo(onTrue, to), broadcastTo(onFalse, to)};
    std::vector<T> data;
    for (int64_t k = 0; k < product(to); ++k)
      data.push_back(in[in[0].at(k) != 0 ? 1 : 2].data()[k]);
    return record(to, std::move(data), in,
                  [](const Tensor &ct, const List &in, const Tensor &, size_t i) {
                    return i == 0 ? 0 * ct : i == 1 ? select(in[0], ct, 0) : select(in[0], 0, ct);
                  });
  }
  /// x, but no gradient flows through it.
  friend Tensor stopGradient(const Tensor &x) { return Tensor(x.shape(), x.data()); }
  friend Tensor fullLike(const Tensor &x, double value) { return full(x.shape(), value); }
  friend Tensor zerosLike(const Tensor &x) { return full(x.shape(), 0); }
  friend Tensor onesLike(const Tensor &x) { return full(x.shape(), 1); }

  /// NumPy's broadcast_to.
  friend Tensor broadcastTo(const Tensor &x, const Shape &shape) {
    if (x.shape() == shape) return x;
    const size_t more = shape.size() - x.rank();
    require(common(x.shape(), shape) == shape, "shapes do not broadcast");
    return view(x, shape, [&](const Shape &i, Shape &at) {
      for (size_t d = 0; d < at.size(); ++d) at[d] = x.shape()[d] == 1 ? 0 : i[d + more];
    });
  }

  // ---- For operations outside the class. ----
  /// A result; `backward` is noted when someone will ask for it.
  static Tensor record(Shape shape, std::vector<T> data, const List &inputs, Backward backward) {
    Tensor y(std::move(shape), std::move(data));
    const bool wants = std::ranges::any_of(inputs, [](const Tensor &x) { return x.node->wants; });
    if (!recording || !wants || !backward) return y;
    y.node->wants = true;
    y.node->inputs = inputs;
    y.node->backward = std::move(backward);
    return y;
  }
  /// result[k] = x[from[k]], or 0.
  static Tensor pick(const Tensor &x, const Shape &shape, const Positions &from) {
    std::vector<T> data;
    data.reserve(from->size());
    for (int64_t k : *from) data.push_back(k < 0 ? T(0.0) : x.data()[k]);
    return record(shape, std::move(data), {x},
                  [from](const Tensor &ct, const List &in, const Tensor &, size_t) {
                    return collect(ct, in[0].shape(), from);
                  });
  }
  /// result[to[k]] += x[k], from 0.
  static Tensor collect(const Tensor &x, const Shape &shape, const Positions &to) {
    std::vector<T> data(product(shape), T(0.0));
    for (int64_t k = 0; k < x.size(); ++k)
      if ((*to)[k] >= 0) data[(*to)[k]] += x.data()[k];
    return record(shape, std::move(data), {x},
                  [to](const Tensor &ct, const List &in, const Tensor &, size_t) {
                    return pick(ct, in[0].shape(), to);
                  });
  }
  /// The tensor of `shape` whose element at `index` is x's at the place that place(index, at)
  /// writes to `at`, and `value` where that is outside x.
  template <typename F>
  static Tensor view(const Tensor &x, const Shape &shape, F place, const Tensor &value = 0) {
    Shape from, at(x.rank());
    bool isInside = true;
    forEachIndex(shape, [&](const Shape &index) {
      place(index, at);
      from.push_back(flat(at, x.shape()));
      isInside &= from.back() >= 0;
    });
    auto positions = std::make_shared<const Shape>(std::move(from));
    Tensor y = pick(x, shape, positions);
    if (isInside) return y;
    std::vector<T> inside;
    for (int64_t k : *positions) inside.push_back(T(k < 0 ? 0.0 : 1.0));
    return select(Tensor(shape, std::move(inside)), y, value);
  }
  /// Dim d from 0, for d that may count from the end.
  int64_t wrap(int64_t d) const {
    require(d >= -rank() && d < rank(), "dim out of range");
    return d < 0 ? d + rank() : d;
  }

private:
  struct Node {
    Shape shape;
    std::vector<T> data;
    int64_t serial = 0; // in the order of making, so that a result comes after its inputs
    bool wants = false; // a gradient
    List inputs;
    Backward backward;
    std::shared_ptr<Node> grad;

    ~Node() { // a long chain is let go one by one, not by recursion
      for (List chain = std::move(inputs); !chain.empty();) {
        Tensor last = std::move(chain.back());
        chain.pop_back();
        if (last.node.use_count() > 1) continue;
        std::ranges::move(last.node->inputs, std::back_inserter(chain));
        last.node->inputs.clear();
      }
    }
  };
  explicit Tensor(std::shared_ptr<Node> node) : node(std::move(node)) {}

  /// Everything that depends on a leaf and that ys depend on, with its cotangent.
  static auto flow(const List &ys, const List &cts, bool createGraph) {
    NoGrad guard(!createGraph);
    std::map<int64_t, std::pair<Tensor, Tensor>, std::greater<>> pending;
    auto add = [&](const Tensor &x, const Tensor &ct) {
      if (!x.node->wants) return;
      auto [entry, isNew] = pending.try_emplace(x.node->serial, x, ct);
      if (!isNew) entry->second.second = entry->second.second + ct;
    };
    for (size_t i = 0; i < ys.size(); ++i) add(ys[i], cts[i]);
    std::map<const Node *, std::pair<Tensor, Tensor>> done;
    while (!pending.empty()) {
      auto [y, ct] = std::move(pending.begin()->second);
      pending.erase(pending.begin());
      done.emplace(y.node.get(), std::pair{y, ct});
      for (size_t i = 0; i < y.node->inputs.size(); ++i)
        if (y.node->inputs[i].node->wants)
          add(y.node->inputs[i], y.node->backward(ct, y.node->inputs, y, i));
    }
    return done;
  }
  template <typename F> static Tensor map(const Tensor &x, F value, Backward backward) {
    std::vector<T> data;
    data.reserve(x.size());
    for (const T &v : x.data()) data.push_back(value(v));
    return record(x.shape(), std::move(data), {x}, std::move(backward));
  }
  template <typename F>
  static Tensor zip(const Tensor &a, const Tensor &b, F value, Backward backward) {
    const Shape to = common(a.shape(), b.shape());
    List in{broadcastTo(a, to), broadcastTo(b, to)};
    std::vector<T> data;
    data.reserve(in[0].size());
    for (int64_t k = 0; k < in[0].size(); ++k)
      data.push_back(value(in[0].data()[k], in[1].data()[k]));
    return record(to, std::move(data), in, std::move(backward));
  }
  static T larger(const T &a, const T &b) {
    if (!(a == a && b == b)) return a == a ? b : a;
    return a == b ? a * T(0.5) + b * T(0.5) : a < b ? b : a;
  }

  std::shared_ptr<Node> node;
};

#undef WEIR_TAPE_UNARY
#undef WEIR_TAPE_BINARY
#undef WEIR_TAPE_STEP
#undef WEIR_TAPE_BINARY_STEP

} // namespace weir::tape
