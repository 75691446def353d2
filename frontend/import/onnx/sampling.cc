#include "frontend/import/onnx/sampling.h"

namespace weir::onnx {

Tensor asRows(const Tensor &images) {
  const int64_t n = images.dim(0), c = images.dim(1);
  return transpose(reshape(images, {n, c, product(images.shape(), 2)}), {0, 2, 1});
}

Tensor readAt(const Tensor &rows, const Shape &spatial, const TensorList &at) {
  Tensor index, inside;
  for (size_t d = 0; d < spatial.size(); ++d) {
    const Tensor within = (at[d] >= 0) & (at[d] < spatial[d]);
    inside = d ? inside & within : within;
    index = d ? index * spatial[d] + at[d] : at[d];
  }
  const Tensor safe = select(inside, index, zerosLike(index));
  const Tensor read = gather(rows, safe, 1, 1);
  return select(expandDims(inside, -1), read, zerosLike(read));
}

Tensor interpolate(const Tensor &rows, const Shape &spatial, const TensorList &at) {
  const size_t dims = spatial.size();
  if (dims > 4) throw Error("interpolates in more than 4 dims", Location::current());
  TensorList low;
  for (const Tensor &coordinate : at) low.push_back(floor(coordinate));
  Tensor sum;
  for (size_t corner = 0; corner < size_t(1) << dims; ++corner) {
    TensorList places;
    Tensor weight;
    for (size_t d = 0; d < dims; ++d) {
      const bool high = corner >> d & 1;
      const Tensor fraction = at[d] - low[d];
      const Tensor share = high ? fraction : 1.0 - fraction;
      weight = d ? weight * share : share;
      places.push_back(convert(high ? low[d] + 1.0 : low[d], i64));
    }
    const Tensor part = readAt(rows, spatial, places) * expandDims(weight, -1);
    sum = corner ? sum + part : part;
  }
  return sum;
}

} // namespace weir::onnx
