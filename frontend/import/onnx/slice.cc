// Slice, and reversing parts of sequences.
#include "frontend/import/onnx/node.h"

#include <algorithm>

namespace weir::onnx {
namespace {

/// One dim of x from `start` towards `end` by `step`, with ONNX's clamping.
Tensor sliceOne(Node &node, const Tensor &x, int64_t d, int64_t start, int64_t end, int64_t step) {
  const int64_t size = x.dim(d);
  if (step == 0) node.fail("a step is 0");
  auto clamped = [&](int64_t at, int64_t least, int64_t most) {
    return std::clamp<int64_t>(at < 0 ? std::max(at, -size - 1) + size : at, least, most);
  };
  Shape low(static_cast<size_t>(x.rank()), 0), high = x.shape(),
                                               steps(static_cast<size_t>(x.rank()), 1);
  const auto at = static_cast<size_t>(d);
  if (step > 0) {
    low[at] = clamped(start, 0, size);
    high[at] = std::max(low[at], clamped(end, 0, size));
    steps[at] = std::min(step, std::max<int64_t>(size, 1));
    return slice(x, low, high, steps);
  }
  const int64_t first = clamped(start, -1, size - 1), last = clamped(end, -1, size - 1);
  const int64_t stride = step < -size ? std::max<int64_t>(size, 1) : -step;
  const int64_t count = first > last ? (first - last + stride - 1) / stride : 0;
  low[at] = count ? first - (count - 1) * stride : 0;
  high[at] = count ? first + 1 : 0;
  steps[at] = stride;
  return reverse(slice(x, low, high, steps), {d});
}

TensorList sliceRule(Node &node) {
  node.expectOperands(1, 5);
  Tensor x = node[0];
  const bool operands = node.version >= 10;
  const Shape starts = operands ? node.ints(1, "the starts") : node.ints("starts");
  const Shape ends = operands ? node.ints(2, "the ends") : node.ints("ends");
  Shape axes = upTo(static_cast<int64_t>(starts.size())), steps(starts.size(), 1);
  if (!operands && node.has("axes")) axes = node.ints("axes");
  if (operands && node.has(3)) axes = node.ints(3, "the axes");
  if (operands && node.has(4)) steps = node.ints(4, "the steps");
  if (ends.size() != starts.size() || axes.size() != starts.size() || steps.size() != starts.size())
    node.fail("starts, ends, axes and steps must be as many");
  for (size_t i = 0; i < starts.size(); ++i)
    x = sliceOne(node, x, node.dim(axes[i], x.rank()), starts[i], ends[i], steps[i]);
  return {x};
}

/// The first lengths[b] steps of sequence b the other way round.
TensorList reverseSequence(Node &node) {
  node.expectOperands(2, 2);
  const Tensor x = node[0];
  const int64_t time = node.dim(node.integer("time_axis", 0), x.rank());
  const int64_t batch = node.dim(node.integer("batch_axis", 1), x.rank());
  if (time + batch != 1) node.fail("time and batch must be the first two dims");
  const Tensor swapped = time == 0 ? transpose(x, joined({1, 0}, part(upTo(x.rank()), 2))) : x;
  const int64_t b = swapped.dim(0), t = swapped.dim(1);
  const Tensor lengths = reshape(convert(node[1], i64), {b, 1});
  const Tensor step = node.graph.iota(i64, {b, t}, 1);
  const Tensor from = select(step < lengths, lengths - 1 - step, step);
  const Tensor turned = gather(swapped, from, 1, 1);
  return {time == 0 ? transpose(turned, joined({1, 0}, part(upTo(x.rank()), 2))) : turned};
}

} // namespace

void addSliceRules(Rules &rules) {
  const Rules own = {{"ReverseSequence", reverseSequence}, {"Slice", sliceRule}};
  rules.insert(own.begin(), own.end());
}

} // namespace weir::onnx
