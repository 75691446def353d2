// Resize and Upsample: along each axis a matrix of weights, made while importing, times the
// operand. Source of the coordinates and weights: the operators' definition.
#include "frontend/import/onnx/node.h"

#include <algorithm>
#include <cmath>

namespace weir::onnx {
namespace {

/// One axis: from `in` places to `out`, `scale` times as many.
struct Axis {
  int64_t dim, in, out;
  double scale;
  double begin = 0, end = 1; ///< The region of interest, for tf_crop_and_resize.
};

struct Method {
  std::string mode, transform, nearest;
  double a = -0.75, outside = 0;
  bool excludes = false, antialias = false;
};

/// Where place x of the result lies in the operand.
double source(const Method &m, const Axis &axis, int64_t place) {
  const auto x = static_cast<double>(place), in = static_cast<double>(axis.in);
  const double out = axis.scale * in;
  if (m.transform == "align_corners") return out == 1 ? 0 : x * (in - 1) / (out - 1);
  if (m.transform == "asymmetric") return x / axis.scale;
  if (m.transform == "tf_crop_and_resize") {
    const double span = (axis.end - axis.begin) * (in - 1);
    return (out == 1 ? span / 2 : x * span / (out - 1)) + axis.begin * (in - 1);
  }
  if (m.transform == "pytorch_half_pixel" && out == 1) return -0.5;
  const double half = (x + 0.5) / axis.scale - 0.5;
  if (m.transform == "tf_half_pixel_for_nn") return half + 0.5;
  if (m.transform != "half_pixel_symmetric") return half;
  return half + in / 2 * (1 - static_cast<double>(axis.out) / out);
}

double cubic(double distance, double a) {
  const double d = std::abs(distance);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

/// Weights of the places around the source: `ratio` in (0, 1] is its distance from the place left
/// of it; the first weight is of the place `first` after that.
struct Taps {
  int64_t first;
  std::vector<double> weights;
};

Taps tapsOf(const Method &m, double scale, double ratio) {
  if (m.mode == "nearest") {
    bool right = m.nearest == "ceil" || ratio == 1;
    if (m.nearest == "round_prefer_floor") right = ratio > 0.5;
    if (m.nearest == "round_prefer_ceil") right = ratio >= 0.5;
    return {right ? 1 : 0, {1}};
  }
  const double squeeze = m.antialias ? std::min(scale, 1.0) : 1.0;
  const double support = m.mode == "cubic" ? 2 : 1;
  Taps taps{static_cast<int64_t>(std::floor(-support / squeeze)) + 1, {}};
  double sum = 0;
  for (int64_t i = 0; i < 2 - 2 * taps.first; ++i) {
    const double distance = (static_cast<double>(taps.first + i) - ratio) * squeeze;
    taps.weights.push_back(m.mode == "cubic" ? cubic(distance, m.a)
                                             : std::max(0.0, 1 - std::abs(distance)));
    sum += taps.weights.back();
  }
  for (double &weight : taps.weights) weight /= sum;
  return taps;
}

/// f64[out, in], and which places lie outside of the operand (they get a value of their own).
std::pair<Array, std::vector<bool>> weightsOf(const Method &m, const Axis &axis) {
  Array matrix = Array::zeros(f64, {axis.out, axis.in});
  auto data = matrix.mutableData<double>();
  std::vector<bool> outside;
  for (int64_t o = 0; o < axis.out; ++o) {
    const double at = source(m, axis, o), left = std::ceil(at) - 1;
    outside.push_back(m.transform == "tf_crop_and_resize" &&
                      (at < 0 || at > static_cast<double>(axis.in - 1)));
    Taps taps = tapsOf(m, axis.scale, at - left);
    double sum = 0;
    for (size_t i = 0; i < taps.weights.size(); ++i) {
      const int64_t place = static_cast<int64_t>(left) + taps.first + static_cast<int64_t>(i);
      if (m.excludes && (place < 0 || place >= axis.in)) taps.weights[i] = 0;
      sum += taps.weights[i];
    }
    for (size_t i = 0; i < taps.weights.size(); ++i) {
      const int64_t place = static_cast<int64_t>(left) + taps.first + static_cast<int64_t>(i);
      const int64_t inside = std::clamp<int64_t>(place, 0, axis.in - 1);
      data[static_cast<size_t>(o * axis.in + inside)] +=
          m.excludes ? taps.weights[i] / sum : taps.weights[i];
    }
  }
  return {matrix, outside};
}

Tensor resizeAxis(Node &node, const Tensor &x, const Method &m, const Axis &axis, Tensor &outside) {
  node.limit("the resized dim", {axis.out, axis.in});
  const auto [matrix, far] = weightsOf(m, axis);
  if (std::find(far.begin(), far.end(), true) != far.end()) {
    Array flags(i1, {axis.out});
    std::copy(far.begin(), far.end(), flags.mutableData<bool>().begin());
    Shape shape(static_cast<size_t>(x.rank()), 1);
    shape[static_cast<size_t>(axis.dim)] = axis.out;
    const Tensor mine = node.graph.constant(flags.reshaped(shape));
    outside = outside.empty() ? mine : outside | mine;
  }
  Shape order = upTo(x.rank());
  std::rotate(order.begin() + axis.dim, order.end() - 1, order.end());
  if (m.mode == "nearest") {
    std::vector<int64_t> from;
    for (int64_t o = 0; o < axis.out; ++o)
      for (int64_t i = 0; i < axis.in; ++i)
        if (matrix.at(o * axis.in + i) != 0) from.push_back(i);
    return gather(x, node.graph.constant(Array::from<int64_t>({axis.out}, from)), axis.dim);
  }
  const bool narrow = !runtime::isFloat(x.dtype()) || x.dtype() == f16 || x.dtype() == bf16;
  const Tensor wide = narrow ? convert(x, f32) : x;
  const Tensor weights = node.graph.constant(matrix.cast(wide.dtype()));
  const Tensor y = dot(wide, weights, {{}, {}, {axis.dim}, {1}}); // the new dim is the last
  return narrow ? transpose(convert(y, x.dtype()), order) : transpose(y, order);
}

Tensor resized(Node &node, Tensor x, const Method &m, const std::vector<Axis> &axes) {
  for (const auto &[word, list] :
       {std::pair{m.mode, std::vector<std::string>{"nearest", "linear", "cubic"}},
        std::pair{m.transform,
                  std::vector<std::string>{"half_pixel", "half_pixel_symmetric", "align_corners",
                                           "pytorch_half_pixel", "asymmetric",
                                           "tf_half_pixel_for_nn", "tf_crop_and_resize"}}})
    if (std::find(list.begin(), list.end(), word) == list.end())
      node.fail("'" + word + "' is not supported");
  Tensor outside;
  for (const Axis &axis : axes) {
    if (axis.in < 1 || axis.out < 0 || !(axis.scale > 0)) node.fail("an empty dim is resized");
    if (axis.out == axis.in && axis.scale == 1 && m.transform != "tf_crop_and_resize") continue;
    x = resizeAxis(node, x, m, axis, outside);
  }
  if (outside.empty()) return x;
  return select(broadcastTo(outside, x.shape()), node.graph.scalar(m.outside, x.dtype()), x);
}

/// Scales or sizes, for the dims in `axes`.
std::vector<Axis> axesOf(Node &node, const Tensor &x, const Shape &dims) {
  const size_t scales = node.version < 11 ? 1 : 2;
  std::vector<Axis> axes;
  const bool bySize = scales == 2 && node.has(3) && node.value(3)->tensor.size() > 0;
  const Array given = bySize ? node.array(3, "the sizes") : node.array(scales, "the scales");
  if (given.size() != static_cast<int64_t>(dims.size()))
    node.fail("needs a scale or a size for each axis");
  for (size_t i = 0; i < dims.size(); ++i) {
    Axis axis{dims[i], x.dim(dims[i]), 0, 1};
    const double number = given.at(static_cast<int64_t>(i)), in = static_cast<double>(axis.in);
    axis.scale = bySize ? number / in : number;
    axis.out = static_cast<int64_t>(bySize ? number : std::floor(in * number));
    axes.push_back(axis);
  }
  const std::string policy = node.string("keep_aspect_ratio_policy", "stretch");
  if (!bySize || policy == "stretch" || axes.empty()) return axes;
  double scale = axes[0].scale;
  for (const Axis &axis : axes)
    scale = policy == "not_larger" ? std::min(scale, axis.scale) : std::max(scale, axis.scale);
  for (Axis &axis : axes) {
    axis.scale = scale;
    axis.out = static_cast<int64_t>(std::floor(scale * static_cast<double>(axis.in) + 0.5));
  }
  return axes;
}

TensorList resizeRule(Node &node) {
  node.expectOperands(1, 4);
  const Tensor x = node[0];
  Shape dims = node.has("axes") ? node.ints("axes") : upTo(x.rank());
  for (int64_t &d : dims) d = node.dim(d, x.rank());
  std::vector<Axis> axes = axesOf(node, x, dims);
  Method m{node.string("mode", "nearest"),
           node.string("coordinate_transformation_mode", "half_pixel"),
           node.string("nearest_mode", "round_prefer_floor"),
           node.real("cubic_coeff_a", -0.75),
           node.real("extrapolation_value", 0.0),
           node.flag("exclude_outside"),
           node.flag("antialias")};
  if (node.version < 11) {
    m.transform = "asymmetric";
    m.nearest = "floor";
  }
  if (m.transform == "tf_crop_and_resize") {
    const Array roi = node.array(1, "the region");
    if (roi.size() != static_cast<int64_t>(2 * axes.size()))
      node.fail("the region must have a "
                "begin and an end an axis");
    for (size_t i = 0; i < axes.size(); ++i) {
      axes[i].begin = roi.at(static_cast<int64_t>(i));
      axes[i].end = roi.at(static_cast<int64_t>(i + axes.size()));
    }
  }
  return {resized(node, x, m, axes)};
}

TensorList upsample(Node &node) {
  node.expectOperands(1, 2);
  const Tensor x = node[0];
  std::vector<double> scales = node.reals("scales");
  if (node.version >= 9) scales = node.array(1, "the scales").toDoubles();
  if (node.version < 7) scales = {1, 1, node.real("height_scale"), node.real("width_scale")};
  if (static_cast<int64_t>(scales.size()) != x.rank()) node.fail("needs a scale for each dim");
  std::vector<Axis> axes;
  for (int64_t d = 0; d < x.rank(); ++d) {
    const double scale = scales[static_cast<size_t>(d)];
    const auto out = static_cast<int64_t>(std::floor(static_cast<double>(x.dim(d)) * scale));
    axes.push_back({d, x.dim(d), out, scale});
  }
  std::string mode = node.string("mode", "nearest");
  if (mode == "bilinear") mode = "linear";
  return {resized(node, x, {mode, "asymmetric", "floor"}, axes)};
}

} // namespace

void addResizeRules(Rules &rules) {
  const Rules own = {{"Resize", resizeRule}, {"Upsample", upsample}};
  rules.insert(own.begin(), own.end());
}

} // namespace weir::onnx
