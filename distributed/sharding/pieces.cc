// Boxes of dense tensors, run by run along the last dim.
#include "distributed/sharding/pieces.h"

#include <cstring>

namespace weir::distributed {

using runtime::DType;
using runtime::HostTensor;

namespace {

using Shape = std::vector<int64_t>;

struct Box {
  Shape start, size;
};

Box boxOf(const Shape &shape, const Sharding &sharding, const Mesh &mesh, int64_t device) {
  Box box;
  for (size_t d = 0; d < shape.size(); ++d) {
    Piece piece = pieceOf(shape[d], sharding.dims[d], mesh, device);
    box.start.push_back(piece.offset);
    box.size.push_back(piece.count);
  }
  return box;
}

int64_t offsetOf(const Shape &shape, const Shape &start, const Shape &index) {
  int64_t offset = 0;
  for (size_t d = 0; d < shape.size(); ++d) offset = offset * shape[d] + start[d] + index[d];
  return offset;
}

/// Calls `run(offset in a, offset in b, elements)` for what lies side by side in both.
template <typename F>
void forEachRun(const Shape &a, const Shape &aStart, const Shape &b, const Shape &bStart,
                const Shape &size, F run) {
  for (int64_t extent : size)
    if (extent == 0) return;
  const int64_t length = size.empty() ? 1 : size.back();
  const size_t outer = size.empty() ? 0 : size.size() - 1;
  Shape index(size.size(), 0);
  while (true) {
    run(offsetOf(a, aStart, index), offsetOf(b, bStart, index), length);
    size_t d = outer;
    while (d > 0 && ++index[d - 1] == size[d - 1]) index[--d] = 0;
    if (d == 0) return;
  }
}

} // namespace

void copyBox(const HostTensor &from, const Shape &fromStart, HostTensor &to, const Shape &toStart,
             const Shape &size) {
  const size_t bytes = runtime::dtypeBytes(from.dtype());
  auto *target = static_cast<char *>(to.mutableRaw());
  auto *source = static_cast<const char *>(from.raw());
  forEachRun(from.dims(), fromStart, to.dims(), toStart, size,
             [&](int64_t f, int64_t t, int64_t count) {
               std::memcpy(target + t * bytes, source + f * bytes, count * bytes);
             });
}

void forEachOwnRun(const Shape &shape, const Sharding &sharding, const Mesh &mesh, int64_t device,
                   const std::function<void(int64_t, int64_t, int64_t)> &run) {
  const std::vector<int64_t> position = mesh.coordinates(device);
  for (size_t axis = 0; axis < position.size(); ++axis)
    if (position[axis] != 0 && !sharding.uses(static_cast<int>(axis))) return;
  const Box box = boxOf(shape, sharding, mesh, device);
  int64_t piece = 0, whole = 0, length = 0;
  forEachRun(localShape(shape, sharding, mesh), Shape(shape.size(), 0), shape, box.start, box.size,
             [&](int64_t p, int64_t w, int64_t count) {
               if (length && p == piece + length && w == whole + length) {
                 length += count;
                 return;
               }
               if (length) run(piece, whole, length);
               piece = p, whole = w, length = count;
             });
  if (length) run(piece, whole, length);
}

HostTensor cutPiece(const HostTensor &tensor, const Sharding &sharding, const Mesh &mesh,
                    int64_t device, Padding padding) {
  if (localShape(tensor.dims(), sharding, mesh) == tensor.dims() &&
      heldElements(tensor.dims(), sharding, mesh, device) == tensor.size())
    return tensor;
  return cutPiece(static_cast<const std::byte *>(tensor.raw()), tensor.dtype(), tensor.dims(),
                  sharding, mesh, device, padding);
}

HostTensor cutPiece(const std::byte *elements, DType dtype, const Shape &shape,
                    const Sharding &sharding, const Mesh &mesh, int64_t device, Padding padding) {
  const Box box = boxOf(shape, sharding, mesh, device);
  const Shape local = localShape(shape, sharding, mesh);
  HostTensor piece(dtype, local);
  int fill = 0;
  if (padding == Padding::Poison) fill = dtype == DType::I1 ? 1 : 0xff;
  if (box.size != local && piece.bytes()) std::memset(piece.mutableRaw(), fill, piece.bytes());
  const size_t bytes = runtime::dtypeBytes(dtype);
  auto *target = static_cast<std::byte *>(piece.mutableRaw());
  forEachRun(local, Shape(local.size(), 0), shape, box.start, box.size,
             [&](int64_t p, int64_t w, int64_t count) {
               std::memcpy(target + p * bytes, elements + w * bytes, count * bytes);
             });
  return piece;
}

int64_t heldElements(const Shape &shape, const Sharding &sharding, const Mesh &mesh,
                     int64_t device) {
  int64_t count = 1;
  for (int64_t size : boxOf(shape, sharding, mesh, device).size) count *= size;
  return count;
}

std::vector<HostTensor> cutTensor(const HostTensor &tensor, const Sharding &sharding,
                                  const Mesh &mesh, Padding padding) {
  std::vector<HostTensor> pieces;
  for (int64_t device = 0; device < mesh.devices(); ++device)
    pieces.push_back(cutPiece(tensor, sharding, mesh, device, padding));
  return pieces;
}

std::optional<HostTensor> joinPieces(const std::vector<HostTensor> &pieces, const Shape &shape,
                                     const Sharding &sharding, const Mesh &mesh) {
  HostTensor whole(pieces[0].dtype(), shape);
  const Shape none(shape.size(), 0);
  for (int64_t device = 0; device < mesh.devices(); ++device) {
    Box box = boxOf(shape, sharding, mesh, device);
    copyBox(pieces[size_t(device)], none, whole, box.start, box.size);
  }
  const size_t bytes = runtime::dtypeBytes(whole.dtype());
  auto *joined = static_cast<const char *>(whole.raw());
  bool isSame = true;
  for (int64_t device = 0; device < mesh.devices(); ++device) {
    const HostTensor &piece = pieces[size_t(device)];
    auto *mine = static_cast<const char *>(piece.raw());
    Box box = boxOf(shape, sharding, mesh, device);
    forEachRun(piece.dims(), none, shape, box.start, box.size,
               [&](int64_t p, int64_t w, int64_t count) {
                 isSame &= std::memcmp(mine + p * bytes, joined + w * bytes, count * bytes) == 0;
               });
  }
  if (!isSame) return std::nullopt;
  return whole;
}

} // namespace weir::distributed
