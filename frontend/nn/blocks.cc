// Reshapes, a sum, a gather of all blocks in another order, and a transpose: the partitioner knows
// what each is on devices that have a block each.
#include "frontend/nn/blocks.h"

#include "frontend/api/graph.h"
#include "frontend/api/ops.h"
#include "frontend/nn/need.h"

#include <numeric>

namespace weir::nn {
namespace {

/// A block on each device.
Tensor placed(const Tensor &blocks, const std::string &axis) {
  std::vector<std::string> axes(static_cast<size_t>(blocks.rank()));
  axes[0] = axis;
  return shard(blocks, axes);
}

/// The order of dims in which dim `from` is at `to`.
std::vector<int64_t> moved(int64_t rank, int64_t from, int64_t to) {
  std::vector<int64_t> order(static_cast<size_t>(rank));
  std::iota(order.begin(), order.end(), 0);
  order.erase(order.begin() + from);
  order.insert(order.begin() + to, from);
  return order;
}

/// x's dim `dim` as `count` parts and what is in each.
Tensor inParts(const char *name, const Tensor &x, int64_t dim, int64_t count, Location at) {
  if (dim < 0 || dim >= x.rank() || count < 1 || x.dim(dim) % count)
    throw Error(std::string(name) + ": dim " + std::to_string(dim) + " of " + x.type().str() +
                    " does not divide into " + std::to_string(count) + " parts",
                at, {noteOn(x, "the tensor")});
  Shape shape = x.shape();
  shape[static_cast<size_t>(dim)] /= count;
  shape.insert(shape.begin() + dim, count);
  return reshape(x, shape);
}

} // namespace

Tensor toBlocks(Arg x, int64_t dim, const std::string &axis, int64_t count) {
  CallScope scope(x.at);
  const Tensor parts = inParts("toBlocks", need("toBlocks", x), dim, count, x.at);
  return placed(transpose(parts, moved(parts.rank(), dim, 0)), axis);
}

Tensor fromBlocks(Arg blocks, int64_t dim) {
  CallScope scope(blocks.at);
  const Tensor x = need("fromBlocks", blocks);
  Shape shape = x.shape();
  shape.erase(shape.begin());
  shape.at(static_cast<size_t>(dim)) *= x.dim(0);
  return reshape(transpose(x, moved(x.rank(), 0, dim)), shape);
}

Tensor sumBlocks(Arg blocks, const std::string &axis) {
  CallScope scope(blocks.at);
  const Tensor x = placed(need("sumBlocks", blocks), axis);
  return placed(broadcastTo(reduceSum(x, 0, true), x.shape()), axis);
}

Tensor shiftBlocks(Arg blocks, const std::string &axis, int64_t distance) {
  CallScope scope(blocks.at);
  const Tensor x = placed(need("shiftBlocks", blocks), axis);
  const int64_t count = x.dim(0);
  std::vector<int32_t> from;
  for (int64_t i = 0; i < count; ++i)
    from.push_back(static_cast<int32_t>(((i + distance) % count + count) % count));
  return placed(take(x, x.graph().constant(Array::from<int32_t>({count}, from))), axis);
}

Tensor exchangeBlocks(Arg blocks, int64_t dim, const std::string &axis) {
  CallScope scope(blocks.at);
  const Tensor x = placed(need("exchangeBlocks", blocks), axis);
  const Tensor parts = inParts("exchangeBlocks", x, dim + 1, x.dim(0), blocks.at);
  std::vector<int64_t> order(static_cast<size_t>(parts.rank()));
  std::iota(order.begin(), order.end(), 0);
  std::swap(order.front(), order[static_cast<size_t>(dim + 1)]);
  return placed(reshape(transpose(parts, order), x.shape()), axis);
}

} // namespace weir::nn
