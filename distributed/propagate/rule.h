// The sharding rule of an op, derived from its IterationSpace: which loop (here: factor) splits
// which dim of each operand and result. Nothing is written by hand for an op; what cannot be
// derived is never split, which is slow but right.
#pragma once

#include "distributed/propagate/halo.h"

#include "ir/interfaces/iteration_space.h"

#include "mlir/IR/Operation.h"

#include <optional>

namespace weir::distributed {

/// A loop by which dims may be split.
struct Factor {
  int64_t size;
  ir::LoopKind kind = ir::LoopKind::Parallel;
  bool isSplittable = true;
  bool mustDivide = false; ///< the outermost of a dim that several loops make: pieces must be equal
  bool isUnits = false;    ///< each piece is one element
  bool isPositional = false;    ///< what a device computes of it depends on which piece it has
  std::vector<Halo> halos = {}; ///< dims of which a device reads more than its piece

  /// Can it be split by `axes`?
  bool takes(const std::vector<int> &axes, const Mesh &mesh) const;
};

/// For each dim its factor; none (-1) for one that is never split.
using DimFactors = llvm::SmallVector<int, 4>;

struct OpRule {
  llvm::SmallVector<Factor, 4> factors;
  llvm::SmallVector<DimFactors, 3> operands, results;
  bool isDerived = true; ///< false: nothing is known of this op, so all of it is replicated
};

/// The rule of an op without regions.
OpRule ruleOf(mlir::Operation *op);

/// Axes of each factor. No axis is in two of them.
using FactorAxes = llvm::SmallVector<std::vector<int>, 4>;

/// Sharding of a value whose dims run along `factors`.
Sharding shardingOf(const DimFactors &factors, const FactorAxes &axes);
/// How values that a split loop of `kind` reduces combine; none for a loop that cannot be split.
std::optional<Combiner> combinerOf(ir::LoopKind kind);

/// Is the op linear, so that it takes a partial sum to a partial sum? Rounding conversions are not.
bool isLinearIn(mlir::Operation *op, unsigned operand);
/// Are its linear operands to be partial together (a sum), not one at a time (a product)?
bool isJointlyLinear(mlir::Operation *op);
/// Does the op move elements of operand 0 only, so that partial values of any kind stay such?
bool onlyMoves(mlir::Operation *op, unsigned operand);
/// Along which operand's elements the indexed dim of operand 0 is picked; none for other ops.
std::optional<unsigned> indicesOperand(mlir::Operation *op);
/// The places from which a gather takes all slices of a dim, each once, if they are known.
std::optional<llvm::SmallVector<int64_t>> permutationOf(mlir::Operation *op);
/// A constant whose elements are all the same: a piece of it is such a constant.
bool isSplat(mlir::Value value);
/// Is it made of nothing, for any sharding at the same cost? A splat or an iota.
bool isMadeAnywhere(mlir::Value value);
/// A constant of zeros: whole and partial sum at once.
bool isZero(mlir::Value value);

} // namespace weir::distributed
