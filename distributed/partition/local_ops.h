// What the program of one device is made of besides the graph's own ops: cuts, paddings and masks
// of pieces, computed from where the device is on the mesh.
#pragma once

#include "distributed/sharding/sharding.h"
#include "ir/collective/spmd.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace weir::distributed {

/// Emits ops of one device at the builder's place.
class LocalOps {
public:
  LocalOps(mlir::ImplicitLocOpBuilder &b, const Mesh &mesh) : b(b), mesh(mesh) {}

  /// Position of this device in its group: an i32 scalar.
  mlir::Value position(const std::vector<int> &axes);
  /// `value` with zeros behind its elements along `dim`, or cut off, to `size`.
  mlir::Value resized(mlir::Value value, int64_t dim, int64_t size);
  /// Which elements of a dim of `size`, split by `axes`, the device has: i32 scalars.
  struct Span {
    mlir::Value start, count;
  };
  Span spanOf(int64_t size, const std::vector<int> &axes);
  mlir::Value number(int32_t value);
  /// An i32 scalar * by + plus.
  mlir::Value scaled(mlir::Value scalar, int64_t by, int64_t plus);
  /// A scalar everywhere.
  mlir::Value spread(mlir::Value scalar, llvm::ArrayRef<int64_t> shape);
  mlir::Value splat(mlir::RankedTensorType type, double value);
  /// The device's piece of `dim`, which one axis splits; the dim is a multiple of it.
  mlir::Value pieceOf(mlir::Value value, int64_t dim, int axis);
  /// `value` on the first device of each group, zeros on the others.
  mlir::Value onFirst(mlir::Value value, const std::vector<int> &axes);
  /// `value` with what is padding along `dim` (of `size` elements in all, split by `axes`) replaced
  /// by what changes no result of `combiner`.
  mlir::Value masked(mlir::Value value, int64_t dim, int64_t size, const std::vector<int> &axes,
                     Combiner combiner);

private:
  mlir::Value identity(mlir::RankedTensorType type, Combiner combiner);

  mlir::ImplicitLocOpBuilder &b;
  const Mesh &mesh;
};

/// `to` stands for the collective `from`: its reason, and how often it was done before.
template <typename Op> Op keepNotes(Op to, mlir::Operation *from) {
  for (llvm::StringRef name : {ir::spmd::kReasonAttr, ir::spmd::kAgainAttr})
    if (mlir::Attribute note = from->getAttr(name)) to->setAttr(name, note);
  return to;
}

} // namespace weir::distributed
