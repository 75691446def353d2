// Ops whose number of results depends on values: which boxes to keep, which elements are distinct.
// Shapes are static, so the values must be known while importing: initializers, or values given to
// the importer.
#include "frontend/import/onnx/node.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace weir::onnx {

namespace {

struct Box {
  float y0, x0, y1, x1;
  float area() const { return (y1 - y0) * (x1 - x0); }
};

/// Box i of rows of four: two corners, any of both diagonals, or the middle and the sizes.
Box boxAt(const std::vector<double> &rows, size_t i, bool hasMiddle) {
  const auto a = static_cast<float>(rows[4 * i]), b = static_cast<float>(rows[4 * i + 1]),
             c = static_cast<float>(rows[4 * i + 2]), d = static_cast<float>(rows[4 * i + 3]);
  if (hasMiddle) return {b - d / 2, a - c / 2, b + d / 2, a + c / 2};
  return {std::min(a, c), std::min(b, d), std::max(a, c), std::max(b, d)};
}

bool overlap(const Box &a, const Box &b, float threshold) {
  const float height = std::min(a.y1, b.y1) - std::max(a.y0, b.y0),
              width = std::min(a.x1, b.x1) - std::max(a.x0, b.x0);
  if (height <= 0 || width <= 0 || a.area() <= 0 || b.area() <= 0) return false;
  const float both = height * width;
  return both / (a.area() + b.area() - both) > threshold;
}

/// One element of an optional operand.
double numberAt(Node &node, size_t i, const std::string &what, double otherwise) {
  if (!node.has(i)) return otherwise;
  const Array array = node.array(i, what);
  if (array.size() != 1) node.fail(what + " must be one element");
  return array.at(0);
}

/// Boxes of one class in the order of their scores, without those that overlap a better one.
std::vector<int64_t> kept(const std::vector<Box> &boxes, const std::vector<double> &scores,
                          size_t most, float threshold, double least) {
  std::vector<int64_t> order;
  for (size_t i = 0; i < boxes.size(); ++i)
    if (scores[i] > least) order.push_back(static_cast<int64_t>(i));
  std::ranges::stable_sort(order, std::greater<>(),
                           [&](int64_t i) { return scores[static_cast<size_t>(i)]; });
  std::vector<int64_t> chosen;
  for (int64_t i : order) {
    if (chosen.size() >= most) break;
    const bool isFree = std::ranges::none_of(chosen, [&](int64_t j) {
      return overlap(boxes[static_cast<size_t>(i)], boxes[static_cast<size_t>(j)], threshold);
    });
    if (isFree) chosen.push_back(i);
  }
  return chosen;
}

TensorList nonMaxSuppression(Node &node) {
  node.expectOperands(2, 5);
  const Array boxes = node.array(0, "the list of boxes"),
              scores = node.array(1, "the list of scores");
  if (boxes.rank() != 3 || scores.rank() != 3 || boxes.dims()[2] != 4 ||
      boxes.dims()[0] != scores.dims()[0] || boxes.dims()[1] != scores.dims()[2])
    node.fail("needs boxes [n, count, 4] and scores [n, classes, count]");
  const auto most =
      static_cast<size_t>(std::max(0.0, numberAt(node, 2, "the number of boxes of a class", 0)));
  const auto threshold = static_cast<float>(numberAt(node, 3, "the overlap that is allowed", 0));
  const double least = numberAt(node, 4, "the least score", -INFINITY);
  const bool hasMiddle = node.flag("center_point_box");
  const std::vector<double> rows = boxes.toDoubles(), numbers = scores.toDoubles();
  const int64_t count = boxes.dims()[1], classes = scores.dims()[1];
  node.limit("the number of pairs of boxes",
             {count, std::min(count, static_cast<int64_t>(std::min<size_t>(most, 1u << 26)))});
  std::vector<int64_t> chosen; // rows of batch, class, box
  for (int64_t n = 0; n < boxes.dims()[0]; ++n) {
    std::vector<Box> of;
    for (int64_t i = 0; i < count; ++i)
      of.push_back(boxAt(rows, static_cast<size_t>(n * count + i), hasMiddle));
    for (int64_t c = 0; c < classes; ++c) {
      const auto from = numbers.begin() + (n * classes + c) * count;
      for (int64_t i : kept(of, {from, from + count}, most, threshold, least))
        chosen.insert(chosen.end(), {n, c, i});
    }
  }
  const auto total = static_cast<int64_t>(chosen.size()) / 3;
  return {node.graph.constant(Array::from<int64_t>({total, 3}, chosen))};
}

/// x as slices along `axis`: elements of slice i one after the other.
std::vector<std::vector<double>> slicesOf(const Array &x, int64_t axis) {
  const Shape &dims = x.dims();
  const int64_t size = dims[static_cast<size_t>(axis)], inner = product(dims, axis + 1);
  std::vector<std::vector<double>> slices(static_cast<size_t>(size));
  for (int64_t i = 0; i < x.size(); ++i)
    slices[static_cast<size_t>(i / inner % size)].push_back(x.at(i));
  return slices;
}

TensorList unique(Node &node) {
  node.expectOperands(1, 1);
  Array known = node.array(0, "the operand");
  constexpr int64_t most = int64_t(1) << 22;
  if (known.size() > most) node.fail("looks at more than " + std::to_string(most) + " elements");
  Tensor x = node[0];
  const int64_t axis = node.has("axis") ? node.dim(node.integer("axis"), x.rank()) : 0;
  if (!node.has("axis")) x = flat(x), known = known.reshaped({known.size()});
  struct Entry {
    int64_t first, count = 0, place = 0;
  };
  std::map<std::vector<double>, Entry> entries;
  const std::vector<std::vector<double>> slices = slicesOf(known, axis);
  for (size_t i = 0; i < slices.size(); ++i)
    ++entries.try_emplace(slices[i], Entry{static_cast<int64_t>(i)}).first->second.count;
  std::vector<Entry *> order;
  for (auto &[slice, entry] : entries) order.push_back(&entry);
  if (!node.flag("sorted", true)) std::ranges::sort(order, {}, &Entry::first);
  std::vector<int64_t> first, inverse, counts;
  for (Entry *entry : order) {
    entry->place = static_cast<int64_t>(first.size());
    first.push_back(entry->first);
    counts.push_back(entry->count);
  }
  for (const auto &slice : slices) inverse.push_back(entries.at(slice).place);
  auto list = [&](const std::vector<int64_t> &values) {
    return node.graph.constant(Array::from<int64_t>({static_cast<int64_t>(values.size())}, values));
  };
  return {gather(x, list(first), axis), list(first), list(inverse), list(counts)};
}

} // namespace

void addSelectionRules(Rules &rules) {
  const Rules own = {{"NonMaxSuppression", nonMaxSuppression}, {"Unique", unique}};
  rules.insert(own.begin(), own.end());
}

} // namespace weir::onnx
