// Ops that move elements without computing: transpose, concatenate, split, expand, tile, pad, and
// the blocks of images.
#include "frontend/import/onnx/node.h"

#include <algorithm>

namespace weir::onnx {
namespace {

TensorList transposeRule(Node &node) {
  node.expectOperands(1, 1);
  return {transpose(node[0], node.ints("perm"))};
}

TensorList concat(Node &node) {
  if (node.size() == 0) node.fail("needs an operand");
  const int64_t rank = node[0].rank();
  const int64_t axis = node.version < 4 ? node.integer("axis", 1) : node.integer("axis");
  return {concatenate(node.operands(), node.dim(axis, rank))};
}

TensorList splitRule(Node &node) {
  node.expectOperands(1, 2);
  const Tensor x = node[0];
  const int64_t axis = node.dim(node.integer("axis", 0), x.rank());
  std::optional<Shape> sizes;
  if (node.version == 1 && node.has(1))
    sizes = node.ints(1, "the sizes");
  else
    sizes = node.intsSince(13, 1, "split");
  if (!sizes || sizes->empty()) {
    const int64_t parts = node.integer("num_outputs", static_cast<int64_t>(node.results()));
    if (parts < 1) node.fail("splits into no parts");
    node.limit("num_outputs", {parts, 1 << 10});
    const int64_t chunk = (x.dim(axis) + parts - 1) / parts;
    Shape chunks;
    for (int64_t at = 0, i = 0; i < parts; ++i, at += chunks.back())
      chunks.push_back(std::max<int64_t>(0, std::min(chunk, x.dim(axis) - at)));
    sizes = chunks;
  }
  TensorList results;
  int64_t at = 0;
  for (int64_t size : *sizes) {
    if (size < 0 || at + size > x.dim(axis)) node.fail("the sizes are not those of the operand");
    results.push_back(sliceDim(x, axis, at, at + size));
    at += size;
  }
  if (at != x.dim(axis)) node.fail("the sizes are not those of the operand");
  return results;
}

/// Both ways, as NumPy broadcasts: a size 1 of `shape` keeps x's.
TensorList expand(Node &node) {
  node.expectOperands(2, 2);
  const Tensor x = node[0];
  Shape shape = node.ints(1, "the shape");
  const auto rank = std::max(x.shape().size(), shape.size());
  shape.insert(shape.begin(), rank - shape.size(), 1);
  for (size_t i = 0; i < x.shape().size(); ++i) {
    int64_t &size = shape[rank - 1 - i];
    if (size == 1) size = x.shape()[x.shape().size() - 1 - i];
  }
  return {broadcastTo(x, shape)};
}

TensorList tile(Node &node) {
  node.expectOperands(2, 3);
  const Tensor x = node[0];
  Shape repeats;
  if (node.version < 6) {
    repeats.assign(static_cast<size_t>(x.rank()), 1);
    const int64_t count = node.ints(1, "the repeats").at(0);
    repeats.at(static_cast<size_t>(node.dim(node.ints(2, "the axis").at(0), x.rank()))) = count;
  } else {
    repeats = node.ints(1, "the repeats");
  }
  if (static_cast<int64_t>(repeats.size()) != x.rank())
    node.fail("needs as many repeats as the operand has dims");
  Shape apart, wide, shape;
  for (size_t i = 0; i < repeats.size(); ++i) {
    apart.insert(apart.end(), {1, x.shape()[i]});
    wide.insert(wide.end(), {repeats[i], x.shape()[i]});
    shape.push_back(repeats[i] * x.shape()[i]);
  }
  return {reshape(broadcastTo(reshape(x, apart), wide), shape)};
}

/// Positions of the source for each place of the padded dim.
Array sources(Node &node, const std::string &mode, int64_t size, int64_t low, int64_t high) {
  std::vector<int64_t> at;
  node.limit("a pad", {std::abs(low)});
  node.limit("a pad", {std::abs(high)});
  node.limit("the operand", {size});
  if (size == 0) node.fail("pads an empty dim from its elements");
  for (int64_t i = -low; i < size + high; ++i) {
    int64_t place = i;
    if (mode == "edge") {
      place = std::clamp<int64_t>(i, 0, size - 1);
    } else if (mode == "wrap") {
      place = ((i % size) + size) % size;
    } else { // reflect
      const int64_t period = std::max<int64_t>(1, 2 * (size - 1));
      place = ((i % period) + period) % period;
      if (place >= size) place = period - place;
    }
    at.push_back(place);
  }
  return Array::from<int64_t>({static_cast<int64_t>(at.size())}, at);
}

TensorList padRule(Node &node) {
  node.expectOperands(1, 4);
  Tensor x = node[0];
  const bool operands = node.version >= 11;
  const Shape pads =
      operands ? node.ints(1, "the pads") : node.ints(node.version == 1 ? "paddings" : "pads");
  Shape axes = operands && node.has(3) ? node.ints(3, "the axes") : upTo(x.rank());
  if (pads.size() != 2 * axes.size()) node.fail("needs two pads for each dim");
  const auto rank = static_cast<size_t>(x.rank());
  Shape low(rank, 0), high(rank, 0);
  for (size_t i = 0; i < axes.size(); ++i) {
    const auto d = static_cast<size_t>(node.dim(axes[i], x.rank()));
    low[d] = pads[i];
    high[d] = pads[i + axes.size()];
  }
  const std::string mode = node.string("mode", "constant");
  if (mode == "constant") {
    Tensor value = node.graph.scalar(operands ? 0.0 : node.real("value", 0.0), x.dtype());
    if (operands && node.has(2)) value = reshape(node[2], {});
    return {padOrCrop(x, value, low, high)};
  }
  if (mode != "edge" && mode != "reflect" && mode != "wrap")
    node.fail("mode '" + mode + "' is not supported");
  for (size_t d = 0; d < rank; ++d)
    if (low[d] != 0 || high[d] != 0)
      x = gather(x, node.graph.constant(sources(node, mode, x.shape()[d], low[d], high[d])),
                 static_cast<int64_t>(d));
  return {x};
}

TensorList depthToSpace(Node &node) {
  node.expectOperands(1, 1);
  const Tensor x = node[0];
  const int64_t b = node.integer("blocksize");
  if (x.rank() != 4 || b < 1 || x.dim(1) % (b * b) != 0)
    node.fail("needs [n, channels, h, w] with channels divisible by the block");
  const int64_t n = x.dim(0), c = x.dim(1) / (b * b), h = x.dim(2), w = x.dim(3);
  const bool crd = node.string("mode", "DCR") == "CRD";
  const Tensor blocks = crd ? transpose(reshape(x, {n, c, b, b, h, w}), {0, 1, 4, 2, 5, 3})
                            : transpose(reshape(x, {n, b, b, c, h, w}), {0, 3, 4, 1, 5, 2});
  return {reshape(blocks, {n, c, h * b, w * b})};
}

TensorList spaceToDepth(Node &node) {
  node.expectOperands(1, 1);
  const Tensor x = node[0];
  const int64_t b = node.integer("blocksize");
  if (x.rank() != 4 || b < 1 || x.dim(2) % b != 0 || x.dim(3) % b != 0)
    node.fail("needs [n, channels, h, w] with h and w divisible by the block");
  const int64_t n = x.dim(0), c = x.dim(1), h = x.dim(2) / b, w = x.dim(3) / b;
  const bool crd = node.string("mode", "DCR") == "CRD";
  const Shape order = crd ? Shape{0, 1, 3, 5, 2, 4} : Shape{0, 3, 5, 1, 2, 4};
  return {reshape(transpose(reshape(x, {n, c, h, b, w, b}), order), {n, c * b * b, h, w})};
}

TensorList trilu(Node &node) {
  node.expectOperands(1, 2);
  const Tensor x = node[0];
  if (x.rank() < 2) node.fail("needs a matrix");
  const Shape last = part(x.shape(), x.rank() - 2);
  const Tensor row = node.graph.iota(i64, last, 0), column = node.graph.iota(i64, last, 1);
  Tensor shifted = column;
  if (node.has(1)) shifted = column - reshape(node[1], {});
  const Tensor kept = node.flag("upper", true) ? shifted >= row : shifted <= row;
  return {select(broadcastTo(kept, x.shape()), x, zerosLike(x))};
}

/// Each axis cut or padded to its size, around the middle.
TensorList centerCropPad(Node &node) {
  node.expectOperands(2, 2);
  Tensor x = node[0];
  const Shape sizes = node.ints(1, "the shape");
  const Shape axes = node.has("axes") ? node.ints("axes") : upTo(x.rank());
  if (axes.size() != sizes.size()) node.fail("needs a size for each axis");
  for (size_t i = 0; i < axes.size(); ++i) {
    const int64_t d = node.dim(axes[i], x.rank()), extra = sizes[i] - x.dim(d);
    if (extra < 0) {
      const int64_t start = -extra / 2;
      x = sliceDim(x, d, start, start + sizes[i]);
    } else if (extra > 0) {
      Shape low(static_cast<size_t>(x.rank()), 0), high = low;
      low[static_cast<size_t>(d)] = extra / 2;
      high[static_cast<size_t>(d)] = extra - extra / 2;
      x = pad(x, node.graph.scalar(0, x.dtype()), low, high);
    }
  }
  return {x};
}

} // namespace

void addLayoutRules(Rules &rules) {
  const Rules own = {
      {"CenterCropPad", centerCropPad},
      {"Concat", concat},
      {"DepthToSpace", depthToSpace},
      {"Expand", expand},
      {"Pad", padRule},
      {"SpaceToDepth", spaceToDepth},
      {"Split", splitRule},
      {"Tile", tile},
      {"Transpose", transposeRule},
      {"Trilu", trilu},
  };
  rules.insert(own.begin(), own.end());
}

} // namespace weir::onnx
