// Whole tensors and what the devices of a mesh hold of them: cutting and joining on the host.
#pragma once

#include "distributed/sharding/sharding.h"
#include "runtime/base/host_tensor.h"

#include <functional>
#include <optional>
#include <vector>

namespace weir::distributed {

/// What fills a piece behind its elements: zeros, or NaN (-1 of integers), so that who reads them
/// is found out.
enum class Padding { Zeros, Poison };

/// What `device` holds of a tensor; the tensor itself where that is all of it.
runtime::HostTensor cutPiece(const runtime::HostTensor &tensor, const Sharding &sharding,
                             const Mesh &mesh, int64_t device, Padding padding);
/// The same of elements of a tensor of `shape` anywhere in memory; only those of the piece are
/// read.
runtime::HostTensor cutPiece(const std::byte *elements, runtime::DType dtype,
                             const std::vector<int64_t> &shape, const Sharding &sharding,
                             const Mesh &mesh, int64_t device, Padding padding);
/// One for each device.
std::vector<runtime::HostTensor> cutTensor(const runtime::HostTensor &tensor,
                                           const Sharding &sharding, const Mesh &mesh,
                                           Padding padding = Padding::Poison);
/// The tensor of `shape` whose pieces the devices hold; nothing where two of them hold different
/// bits of one element.
std::optional<runtime::HostTensor> joinPieces(const std::vector<runtime::HostTensor> &pieces,
                                              const std::vector<int64_t> &shape,
                                              const Sharding &sharding, const Mesh &mesh);

/// Calls `run(offset in the piece, offset in the tensor, elements)` for what `device` holds of a
/// tensor of `shape`, the longest runs that lie side by side in both. Nothing where another device
/// with a lower number holds the same: over all devices every element comes once.
void forEachOwnRun(const std::vector<int64_t> &shape, const Sharding &sharding, const Mesh &mesh,
                   int64_t device, const std::function<void(int64_t, int64_t, int64_t)> &run);

/// Elements of a tensor of `shape` that `device` holds, without padding.
int64_t heldElements(const std::vector<int64_t> &shape, const Sharding &sharding, const Mesh &mesh,
                     int64_t device);

/// Copies the box of `size` elements at `fromStart` of `from` to `toStart` of `to`.
void copyBox(const runtime::HostTensor &from, const std::vector<int64_t> &fromStart,
             runtime::HostTensor &to, const std::vector<int64_t> &toStart,
             const std::vector<int64_t> &size);

} // namespace weir::distributed
