// Constants, and what follows from shapes alone: these are known while importing.
#include "frontend/import/onnx/node.h"

#include <cstring>

namespace weir::onnx {
namespace {

ValueList constantRule(Node &node) {
  Importer &importer = node.importer;
  if (node.has("value")) return {importer.constant(node.array("value"))};
  if (const auto *sparse = node.attribute("sparse_value"))
    return {importer.constant(arrayOf(sparse->sparse_tensor(), importer.file.folder))};
  if (node.has("value_int"))
    return {importer.constant(Array::scalar<int64_t>(node.integer("value_int")))};
  if (node.has("value_float"))
    return {importer.constant(Array::scalar<float>(static_cast<float>(node.real("value_float"))))};
  if (node.has("value_ints")) {
    const Shape values = node.ints("value_ints");
    return {importer.constant(Array::from<int64_t>({static_cast<int64_t>(values.size())}, values))};
  }
  if (node.has("value_floats")) {
    const auto reals = node.reals("value_floats");
    const std::vector<float> values(reals.begin(), reals.end());
    return {importer.constant(Array::from<float>({static_cast<int64_t>(values.size())}, values))};
  }
  node.fail("has no value of a supported type");
}

ValueList shapeRule(Node &node) {
  node.expectOperands(1, 1);
  const Shape shape = node[0].shape();
  const auto rank = static_cast<int64_t>(shape.size());
  auto bound = [&](const char *name, int64_t fallback) {
    const int64_t at = node.integer(name, fallback);
    return std::clamp<int64_t>(at < 0 ? at + rank : at, 0, rank);
  };
  const int64_t start = bound("start", 0), end = std::max(start, bound("end", rank));
  const Shape list = part(shape, start, end);
  return {node.importer.constant(Array::from<int64_t>({end - start}, list))};
}

ValueList sizeRule(Node &node) {
  node.expectOperands(1, 1);
  return {node.importer.constant(Array::scalar<int64_t>(node[0].size()))};
}

/// The dims that Reshape asks for; 0 keeps one, -1 is what is left.
TensorList reshapeRule(Node &node) {
  node.expectOperands(1, 2);
  const Tensor x = node[0];
  Shape shape = node.version >= 5 ? node.ints(1, "the shape") : node.ints("shape");
  if (!node.flag("allowzero"))
    for (size_t i = 0; i < shape.size(); ++i)
      if (shape[i] == 0) {
        if (static_cast<int64_t>(i) >= x.rank()) node.fail("keeps a dim that is not there");
        shape[i] = x.shape()[i];
      }
  return {reshape(x, shape)};
}

TensorList flatten(Node &node) {
  node.expectOperands(1, 1);
  const Tensor x = node[0];
  const int64_t given = node.integer("axis", 1);
  const int64_t axis = given == x.rank() ? given : node.dim(given, x.rank());
  return {reshape(x, {product(x.shape(), 0, axis), product(x.shape(), axis)})};
}

TensorList squeezeRule(Node &node) {
  node.expectOperands(1, 2);
  const Tensor x = node[0];
  const std::optional<Shape> axes = node.axes(13, 1);
  Shape shape;
  for (int64_t d = 0; d < x.rank(); ++d) {
    const bool drop =
        axes ? std::find(axes->begin(), axes->end(), d) != axes->end() : x.dim(d) == 1;
    if (drop && x.dim(d) != 1) node.fail("dim " + std::to_string(d) + " is not of size 1");
    if (!drop) shape.push_back(x.dim(d));
  }
  return {reshape(x, shape)};
}

TensorList unsqueeze(Node &node) {
  node.expectOperands(1, 2);
  const Tensor x = node[0];
  const std::optional<Shape> axes = node.intsSince(13, 1, "axes");
  if (!axes) node.fail("needs axes");
  const int64_t rank = x.rank() + static_cast<int64_t>(axes->size());
  std::vector<bool> added(static_cast<size_t>(rank), false);
  for (int64_t axis : *axes) {
    auto place = added.begin() + node.dim(axis, rank);
    if (*place) node.fail("adds a dim twice");
    *place = true;
  }
  Shape shape;
  size_t next = 0;
  for (bool one : added) shape.push_back(one ? 1 : x.shape().at(next++));
  return {reshape(x, shape)};
}

} // namespace

void addShapeRules(Rules &rules) {
  const Rules own = {
      {"Constant", constantRule}, {"Flatten", flatten}, {"Reshape", reshapeRule},
      {"Shape", shapeRule},       {"Size", sizeRule},   {"Squeeze", squeezeRule},
      {"Unsqueeze", unsqueeze},
  };
  rules.insert(own.begin(), own.end());
}

} // namespace weir::onnx
