// Images read along grids: GridSample, AffineGrid, Col2Im, DeformConv and RoiAlign.
#include "frontend/import/onnx/sampling.h"
#include "frontend/import/onnx/windows.h"

#include <algorithm>
#include <cmath>

namespace weir::onnx {
namespace {

/// Coordinates mirrored at both ends until they are inside.
Tensor reflected(const Tensor &x, int64_t size, bool corners) {
  const double low = corners ? 0 : -0.5;
  const double high = static_cast<double>(size) - (corners ? 1.0 : 0.5), span = high - low;
  if (span <= 0) return zerosLike(x);
  const Tensor away = abs(x - low);
  const Tensor turns = floor(away / span), rest = away - turns * span;
  const Tensor odd = turns - floor(turns / 2.0) * 2.0;
  return select(odd == 0, rest + low, high - rest);
}

/// What a mode of padding makes of coordinates outside.
Tensor padded(Node &node, const Tensor &x, int64_t size, const std::string &padding, bool corners) {
  if (padding == "zeros") return x;
  const double last = static_cast<double>(size - 1);
  if (padding == "border") return clamp(x, 0.0, last);
  if (padding == "reflection") return clamp(reflected(x, size, corners), 0.0, last);
  node.fail("padding_mode '" + padding + "' is not supported");
}

/// Keys' cubic convolution with a = -0.75 for a distance below 1 and below 2.
Tensor cubicWeight(const Tensor &t, int64_t tap) {
  const double a = -0.75;
  const Tensor d = abs(t - static_cast<double>(tap));
  if (tap == 0 || tap == 1) return ((d * (a + 2) - (a + 3)) * d) * d + 1.0;
  return ((d * a - 5 * a) * d + 8 * a) * d - 4 * a;
}

Tensor sampleCubic(Node &node, const Tensor &rows, const Shape &spatial, const TensorList &at,
                   const std::string &padding, bool corners) {
  if (spatial.size() != 2) node.fail("cubic sampling is for two spatial dims");
  Tensor sum;
  for (int64_t tap = 0; tap < 16; ++tap) {
    TensorList places;
    Tensor weight;
    for (size_t d = 0; d < 2; ++d) {
      const int64_t offset = (d ? tap % 4 : tap / 4) - 1;
      const Tensor low = floor(at[d]);
      const Tensor share = cubicWeight(at[d] - low, offset);
      weight = d ? weight * share : share;
      const Tensor place = low + static_cast<double>(offset);
      places.push_back(convert(padded(node, place, spatial[d], padding, corners), i64));
    }
    const Tensor part = readAt(rows, spatial, places) * expandDims(weight, -1);
    sum = tap ? sum + part : part;
  }
  return sum;
}

TensorList gridSample(Node &node) {
  node.expectOperands(2, 2);
  const Tensor x = node[0], grid = convert(node[1], x.dtype() == f64 ? f64 : f32);
  const int64_t n = x.dim(0), c = x.dim(1), dims = x.rank() - 2;
  if (dims < 1 || grid.rank() != x.rank() || grid.dim(-1) != dims)
    node.fail("the grid does not fit the operand");
  const Shape spatial = part(x.shape(), 2), out = part(grid.shape(), 1, grid.rank() - 1);
  const bool corners = node.flag("align_corners");
  const std::string padding = node.string("padding_mode", "zeros");
  const std::string mode = node.string("mode", node.version < 20 ? "bilinear" : "linear");
  TensorList at;
  for (int64_t d = 0; d < dims; ++d) {
    const auto size = static_cast<double>(spatial[static_cast<size_t>(d)]);
    // The last coordinate of the grid is the first dim.
    const int64_t from = dims - 1 - d;
    const Tensor g = reshape(sliceDim(grid, -1, from, from + 1), {n, product(out)});
    at.push_back(corners ? (g + 1.0) * ((size - 1) / 2) : ((g + 1.0) * size - 1.0) / 2.0);
  }
  const Tensor rows = asRows(widened(x));
  Tensor y;
  if (mode == "cubic" || mode == "bicubic") {
    y = sampleCubic(node, rows, spatial, at, padding, corners);
  } else {
    for (size_t d = 0; d < at.size(); ++d) {
      if (mode == "nearest") at[d] = roundEven(at[d]);
      at[d] = padded(node, at[d], spatial[d], padding, corners);
    }
    if (mode == "nearest") {
      for (Tensor &place : at) place = convert(place, i64);
      y = readAt(rows, spatial, at);
    } else if (mode == "linear" || mode == "bilinear") {
      y = interpolate(rows, spatial, at);
    } else {
      node.fail("mode '" + mode + "' is not supported");
    }
  }
  return {convert(reshape(transpose(y, {0, 2, 1}), joined({n, c}, out)), x.dtype())};
}

TensorList affineGrid(Node &node) {
  node.expectOperands(2, 2);
  const Tensor theta = node[0];
  const Shape size = node.ints(1, "the size"), spatial = part(size, 2);
  const auto dims = static_cast<int64_t>(spatial.size());
  if (dims < 1 || theta.rank() != 3 || theta.dim(1) != dims || theta.dim(2) != dims + 1)
    node.fail("theta does not fit the size");
  const bool corners = node.flag("align_corners");
  TensorList base;
  for (int64_t d = dims - 1; d >= 0; --d) {
    const auto n = static_cast<double>(spatial[static_cast<size_t>(d)]);
    const Tensor place = node.graph.iota(theta.dtype(), spatial, d);
    const Tensor unit =
        corners ? place * (n > 1 ? 2 / (n - 1) : 0.0) - 1.0 : (place * 2.0 + 1.0) / n - 1.0;
    base.push_back(reshape(unit, {product(spatial), 1}));
  }
  base.push_back(node.graph.full({product(spatial), 1}, 1, theta.dtype()));
  const Tensor grid = matmul(concatenate(base, 1), transpose(theta, {0, 2, 1}));
  return {reshape(grid, joined(joined({theta.dim(0)}, spatial), {dims}))};
}

TensorList col2Im(Node &node) {
  node.expectOperands(3, 3);
  const Tensor x = node[0];
  const Shape image = node.ints(1, "the image's shape"), block = node.ints(2, "the block's shape");
  const size_t n = image.size();
  if (x.rank() != 3 || block.size() != n || product(block) < 1 || x.dim(1) % product(block) != 0)
    node.fail("the blocks do not fit the operand");
  Windows w{{}, block, entries(node, "strides", n, 1), entries(node, "dilations", n, 1), {}, {}};
  const Shape pads = entries(node, "pads", 2 * n, 0);
  w.low = part(pads, 0, static_cast<int64_t>(n));
  w.high = part(pads, static_cast<int64_t>(n));
  Shape out, order{0, 1};
  for (size_t i = 0; i < n; ++i) {
    w.dims.push_back(static_cast<int64_t>(2 + i));
    const int64_t extent = (block[i] - 1) * w.dilations[i] + 1;
    out.push_back((image[i] + w.low[i] + w.high[i] - extent) / w.strides[i] + 1);
    order.push_back(static_cast<int64_t>(2 + n + i));
  }
  for (size_t i = 0; i < n; ++i) order.push_back(static_cast<int64_t>(2 + i));
  const Shape apart = joined(joined({x.dim(0), x.dim(1) / product(block)}, block), out);
  return {fold(transpose(reshape(x, apart), order), w, image)};
}

/// A convolution whose elements are read where offsets say.
TensorList deformConv(Node &node) {
  node.expectOperands(3, 5);
  const Tensor x = node[0], filters = node[1], offset = node[2];
  if (x.rank() != 4 || filters.rank() != 4 || offset.rank() != 4)
    node.fail("needs two spatial dims");
  const Window w = windowOf(node, x, part(filters.shape(), 2));
  const int64_t n = x.dim(0), c = x.dim(1), h = w.out[0], wd = w.out[1];
  const int64_t taps = w.sizes[0] * w.sizes[1], groups = node.integer("group", 1);
  const int64_t parts = node.integer("offset_group", 1);
  if (parts < 1 || c % parts != 0 || groups < 1 || c % groups != 0)
    node.fail("channels do not divide into groups");
  const Tensor moves = reshape(offset, {n * parts, taps, 2, h, wd});
  TensorList at;
  for (int64_t d = 0; d < 2; ++d) {
    const auto i = static_cast<size_t>(d);
    const Shape shape{1, taps, h, wd};
    const Tensor tap = node.graph.iota(i64, shape, 1);
    const Tensor step = d ? tap % w.sizes[1] : tap / w.sizes[1];
    const Tensor place =
        node.graph.iota(i64, shape, 2 + d) * w.strides[i] - w.low[i] + step * w.dilations[i];
    const Tensor moved = squeeze(sliceDim(moves, 2, d, d + 1), 2) + convert(place, x.dtype());
    at.push_back(reshape(moved, {n * parts, taps * h * wd}));
  }
  const Tensor rows = asRows(reshape(x, {n * parts, c / parts, x.dim(2), x.dim(3)}));
  Tensor read = interpolate(rows, part(x.shape(), 2), at); // [n * parts, taps * h * w, c / parts]
  if (node.has(4)) read = read * reshape(node[4], {n * parts, taps * h * wd, 1});
  const Tensor columns = transpose(reshape(read, {n, parts, taps, h * wd, c / parts}),
                                   {0, 1, 4, 2, 3}); // [n, parts, c / parts, taps, h * w]
  const int64_t outs = filters.dim(0);
  const Tensor weights = reshape(filters, {1, groups, outs / groups, c / groups * taps});
  const Tensor y = matmul(weights, reshape(columns, {n, groups, c / groups * taps, h * wd}));
  const Tensor image = reshape(y, {n, outs, h, wd});
  return {node.has(3) ? image + perChannel(node[3], 4) : image};
}

/// Averages of points inside the bins of each region.
TensorList roiAlign(Node &node) {
  node.expectOperands(3, 3);
  const Tensor x = node[0], rois = node[1];
  if (x.rank() != 4 || rois.rank() != 2) node.fail("needs [n, c, h, w] and regions [count, 4]");
  const int64_t height = node.integer("output_height", 1), width = node.integer("output_width", 1);
  const int64_t ratio = node.integer("sampling_ratio", 0), count = rois.dim(0);
  if (ratio < 1) node.fail("the number of points of a bin depends on the regions");
  const double scale = node.real("spatial_scale", 1.0);
  const bool half = node.version >= 16 &&
                    node.string("coordinate_transformation_mode", "half_pixel") == "half_pixel";
  auto edge = [&](int64_t i) { return sliceDim(rois, 1, i, i + 1) * scale - (half ? 0.5 : 0.0); };
  const Shape points{1, height, ratio, width, ratio};
  TensorList at;
  Tensor outside;
  for (int64_t d = 0; d < 2; ++d) {
    const int64_t bins = d ? width : height;
    const Tensor begin = edge(1 - d);
    Tensor span = edge(3 - d) - begin;
    if (!half) span = max(span, 1.0);
    const Tensor bin = node.graph.iota(x.dtype(), points, 1 + 2 * d);
    const Tensor inner = node.graph.iota(x.dtype(), points, 2 + 2 * d);
    const Tensor unit =
        (bin + (inner + 0.5) / static_cast<double>(ratio)) / static_cast<double>(bins);
    const Tensor place =
        reshape(begin, {count, 1, 1, 1, 1}) + reshape(span, {count, 1, 1, 1, 1}) * unit;
    const auto size = static_cast<double>(x.dim(2 + d));
    const Tensor far = (place < -1.0) | (place > size);
    outside = d ? outside | far : far;
    at.push_back(reshape(clamp(place, 0.0, size - 1), {count, product(points)}));
  }
  const Tensor rows = take(asRows(x), wrapIndices(node[2], x.dim(0)));
  Tensor read = interpolate(rows, part(x.shape(), 2), at);
  const Tensor far = expandDims(reshape(outside, {count, product(points)}), -1);
  read =
      reshape(select(far, zerosLike(read), read), {count, height, ratio, width, ratio, x.dim(1)});
  const std::vector<int64_t> inner{2, 4};
  if (node.string("mode", "avg") != "avg") node.fail("only averages are supported");
  return {transpose(mean(read, inner), {0, 3, 1, 2})};
}

} // namespace

void addImageRules(Rules &rules) {
  const Rules own = {
      {"AffineGrid", affineGrid}, {"Col2Im", col2Im},     {"DeformConv", deformConv},
      {"GridSample", gridSample}, {"RoiAlign", roiAlign},
  };
  rules.insert(own.begin(), own.end());
}

} // namespace weir::onnx
