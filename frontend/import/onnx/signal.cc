// Windows, Fourier transforms as products with matrices of roots of unity, and mel filters.
#include "frontend/import/onnx/node.h"

#include <cmath>
#include <numbers>

namespace weir::onnx {
namespace {

/// A sum of cosines over one period.
TensorList cosineWindow(Node &node, const std::vector<double> &coefficients) {
  node.expectOperands(1, 1);
  const int64_t size = node.ints(0, "the size").at(0);
  const DType dtype = node.dtype(node.integer("output_datatype", 1));
  if (size < 0) node.fail("the size is negative");
  const int64_t period = node.flag("periodic", true) ? size : size - 1;
  const Tensor angle = node.graph.iota(f64, {size}) *
                       (2 * std::numbers::pi / static_cast<double>(std::max<int64_t>(period, 1)));
  Tensor y = node.graph.full({size}, coefficients[0], f64);
  for (size_t k = 1; k < coefficients.size(); ++k)
    y = y + cos(angle * static_cast<double>(k)) * coefficients[k];
  return {convert(y, dtype)};
}

TensorList hann(Node &node) {
  return cosineWindow(node, {0.5, -0.5});
}
TensorList hamming(Node &node) {
  return cosineWindow(node, {25.0 / 46, -21.0 / 46});
}
TensorList blackman(Node &node) {
  return cosineWindow(node, {0.42, -0.5, 0.08});
}

/// Complex numbers as two tensors; an empty imaginary part is 0.
struct Complex {
  Tensor re, im;
};

/// The first `bins` of a transform of `length` along the last dim.
Complex fourier(const Complex &x, int64_t length, int64_t bins, bool inverse) {
  Graph graph = x.re.graph();
  std::vector<double> cosines, sines;
  for (int64_t i = 0; i < length; ++i)
    for (int64_t k = 0; k < bins; ++k) {
      const double turn = static_cast<double>(i * k % length) / static_cast<double>(length);
      cosines.push_back(std::cos(2 * std::numbers::pi * turn));
      sines.push_back((inverse ? 1 : -1) * std::sin(2 * std::numbers::pi * turn));
    }
  auto matrix = [&](const std::vector<double> &values) {
    return graph.constant(Array::from<double>({length, bins}, values).cast(x.re.dtype()));
  };
  const Tensor c = matrix(cosines), s = matrix(sines);
  Complex y{matmul(x.re, c), matmul(x.re, s)};
  if (!x.im.empty()) y = {y.re - matmul(x.im, s), y.im + matmul(x.im, c)};
  if (!inverse) return y;
  const double scale = 1 / static_cast<double>(length);
  return {y.re * scale, y.im * scale};
}

/// The last dim cut or filled with zeros.
Tensor withLength(const Tensor &x, int64_t length) {
  Shape low(static_cast<size_t>(x.rank()), 0), high = low;
  high.back() = length - x.dim(-1);
  return high.back() == 0 ? x : padOrCrop(x, x.graph().scalar(0, x.dtype()), low, high);
}

TensorList dft(Node &node) {
  node.expectOperands(1, 3);
  const Tensor x = node[0];
  const int64_t last = x.rank() - 1;
  int64_t axis = node.version < 20 ? node.integer("axis", 1) : -2;
  if (node.version >= 20 && node.has(2)) axis = node.ints(2, "the axis").at(0);
  axis = node.dim(axis, x.rank());
  if (axis == last) node.fail("the last dim holds real and imaginary parts");
  Shape order = upTo(last);
  order.erase(order.begin() + axis);
  order.push_back(axis);
  auto component = [&](int64_t i) {
    return transpose(squeeze(sliceDim(x, last, i, i + 1), last), order);
  };
  Complex z{component(0), x.dim(last) > 1 ? component(1) : Tensor()};
  const bool inverse = node.flag("inverse"), oneSided = node.flag("onesided");
  int64_t length = x.dim(axis);
  if (node.has(1)) length = node.ints(1, "the length").at(0);
  if (inverse && oneSided) {
    // The other half is the conjugate of the first.
    if (!node.has(1)) length = 2 * (x.dim(axis) - 1);
    const int64_t half = length / 2 + 1;
    z = {withLength(z.re, half),
         z.im.empty() ? zerosLike(withLength(z.re, half)) : withLength(z.im, half)};
    const int64_t mirrored = length - half;
    const std::vector<int64_t> dims{z.re.rank() - 1};
    z = {concatenate({z.re, reverse(sliceDim(z.re, -1, 1, 1 + mirrored), dims)}, -1),
         concatenate({z.im, -reverse(sliceDim(z.im, -1, 1, 1 + mirrored), dims)}, -1)};
  } else {
    z = {withLength(z.re, length), z.im.empty() ? z.im : withLength(z.im, length)};
  }
  if (length < 1) node.fail("the length must be at least 1");
  node.limit("the transform", {length, length});
  const Complex y = fourier(z, length, oneSided && !inverse ? length / 2 + 1 : length, inverse);
  Shape back = upTo(last - 1);
  back.insert(back.begin() + axis, last - 1);
  auto out = [&](const Tensor &t) { return expandDims(transpose(t, back), -1); };
  if (inverse && oneSided) return {out(y.re)};
  return {concatenate({out(y.re), out(y.im)}, -1)};
}

TensorList stft(Node &node) {
  node.expectOperands(2, 4);
  Tensor x = node[0];
  const int64_t step = node.ints(1, "the step").at(0);
  int64_t length = node.has(3) ? node.ints(3, "the length").at(0) : 0;
  if (length == 0 && node.has(2)) length = node[2].dim(0);
  const bool complex = x.rank() == 3 && x.dim(2) == 2;
  if (x.rank() == 2) x = expandDims(x, -1);
  if (x.rank() != 3 || length < 1 || step < 1 || x.dim(1) < length)
    node.fail("needs frames inside of the signal");
  auto frames = [&](int64_t i) {
    const Tensor signal = squeeze(sliceDim(x, 2, i, i + 1), 2);
    Tensor all =
        unfold(signal, node.graph.scalar(0, x.dtype()), {{1}, {length}, {step}, {1}, {0}, {0}});
    return node.has(2) ? all * node[2] : all;
  };
  node.limit("the transform", {length, length});
  const bool oneSided = node.flag("onesided", true) && !complex;
  const Complex z{frames(0), complex ? frames(1) : Tensor()};
  const Complex y = fourier(z, length, oneSided ? length / 2 + 1 : length, false);
  return {concatenate({expandDims(y.re, -1), expandDims(y.im, -1)}, -1)};
}

TensorList melWeights(Node &node) {
  node.expectOperands(5, 5);
  const int64_t bins = node.ints(0, "the number of bins").at(0);
  const int64_t length = node.ints(1, "the length").at(0), rate = node.ints(2, "the rate").at(0);
  const double low = node.array(3, "the lower edge").at(0),
               high = node.array(4, "the upper edge").at(0);
  if (bins < 1 || length < 1 || rate < 1) node.fail("has impossible sizes");
  node.limit("the table", {bins + 2, length});
  const int64_t spectrum = length / 2 + 1;
  auto mel = [](double hertz) { return 2595 * std::log10(1 + hertz / 700); };
  std::vector<int64_t> edges;
  for (int64_t i = 0; i < bins + 2; ++i) {
    const double m =
        mel(low) + static_cast<double>(i) * (mel(high) - mel(low)) / static_cast<double>(bins + 2);
    const double hertz = 700 * (std::pow(10, m / 2595) - 1);
    edges.push_back(static_cast<int64_t>(
        std::floor(static_cast<double>(length + 1) * hertz / static_cast<double>(rate))));
  }
  Array y = Array::zeros(f64, {spectrum, bins});
  auto data = y.mutableData<double>();
  for (int64_t b = 0; b < bins; ++b) {
    const int64_t from = edges.at(static_cast<size_t>(b)),
                  top = edges.at(static_cast<size_t>(b + 1)),
                  to = edges.at(static_cast<size_t>(b + 2));
    for (int64_t f = std::max<int64_t>(0, from); f < std::min(to, spectrum); ++f) {
      double weight = 0;
      if (f <= top) weight = top == from ? 1 : double(f - from) / double(top - from);
      if (f >= top) weight = to == top ? weight : double(to - f) / double(to - top);
      data[static_cast<size_t>(f * bins + b)] = weight;
    }
    // The middle is 1, unless the right side begins there.
    if (to <= top && top >= 0 && top < spectrum) data[static_cast<size_t>(top * bins + b)] = 1;
  }
  return {node.graph.constant(y.cast(node.dtype(node.integer("output_datatype", 1))))};
}

} // namespace

void addSignalRules(Rules &rules) {
  const Rules own = {
      {"BlackmanWindow", blackman}, {"DFT", dft},   {"HammingWindow", hamming},
      {"HannWindow", hann},         {"STFT", stft}, {"MelWeightMatrix", melWeights},
  };
  rules.insert(own.begin(), own.end());
}

} // namespace weir::onnx
