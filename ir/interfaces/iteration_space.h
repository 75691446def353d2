// IterationSpace: the one fact behind shape rules, verification, FLOPs, lowering, fusion and
// sharding.
//
// A list of loops and, for every dimension of every operand and result, how it runs along them. It
// is computed from operand types and attributes alone, before an op exists, so that the frontend,
// the verifier and result type inference share one rule and one error message. Dumps read
// ([m,k],[k,n])->[m,n] sum={k}.
#pragma once

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/ValueRange.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"

#include <string>

namespace weir::ir {

enum class LoopKind { Parallel, Sum, Max, Min, Prod, And, Or };

struct Loop {
  int64_t size;
  LoopKind kind = LoopKind::Parallel;
};

/// One term of an affine dimension: `stride` times the loop's counter.
struct AffineTerm {
  int loop;
  int64_t stride;
};

/// How one dimension runs.
struct DimMap {
  enum Kind {
    Along,   ///< equal to the counter of loops[0]
    Affine,  ///< (sum of terms plus offset) / divisor, where whole; slices, pads, windows
    Product, ///< ordered product of `loops`, outermost first; reshape
    Indexed, ///< position given by data; gather. Never split.
    Whole    ///< every point needs all of it; sort. Never split.
  };
  Kind kind;
  int64_t size;
  llvm::SmallVector<int, 2> loops;
  llvm::SmallVector<AffineTerm, 2> terms;
  int64_t offset = 0;
  int64_t divisor = 1;

  static DimMap along(int loop, int64_t size) { return {Along, size, {loop}, {}}; }
  static DimMap affine(llvm::ArrayRef<AffineTerm> terms, int64_t offset, int64_t size,
                       int64_t divisor = 1) {
    return {Affine, size, {}, llvm::SmallVector<AffineTerm, 2>(terms), offset, divisor};
  }
  static DimMap product(llvm::ArrayRef<int> loops, int64_t size) {
    return {Product, size, llvm::SmallVector<int, 2>(loops), {}};
  }
  static DimMap indexed(int64_t size) { return {Indexed, size, {}, {}}; }
  static DimMap whole(int64_t size) { return {Whole, size, {}, {}}; }
};

using TensorMap = llvm::SmallVector<DimMap, 4>;

struct IterationSpace {
  llvm::SmallVector<Loop, 4> loops;
  llvm::SmallVector<TensorMap, 3> operands, results;

  /// Number of points: the product of all loop sizes.
  int64_t points() const;
  /// Sizes of result `r`.
  llvm::SmallVector<int64_t> resultShape(unsigned r = 0) const;
  std::string str() const;
};

using EmitError = llvm::function_ref<mlir::InFlightDiagnostic()>;

/// Builds an IterationSpace from operands; sizes are those of static ranked tensors.
class IterationSpaceBuilder {
public:
  IterationSpaceBuilder(mlir::ValueRange operands, unsigned numResults = 1);

  llvm::ArrayRef<int64_t> shape(unsigned operand) const;
  /// Adds a loop that runs along no dimension yet.
  int loop(int64_t size, LoopKind kind = LoopKind::Parallel);
  void setOperand(unsigned operand, unsigned dim, DimMap map);
  void operandAlong(unsigned operand, unsigned dim, int loop);
  void result(DimMap map, unsigned r = 0) { space.results[r].push_back(std::move(map)); }
  void resultAlong(int loop, unsigned r = 0);
  /// A parallel loop that is also the next dimension of the result.
  int parallel(int64_t size);
  IterationSpace take() { return std::move(space); }

private:
  mlir::ValueRange values;
  IterationSpace space;
};

/// Sizes as users read them: [4, 8].
std::string shapeString(llvm::ArrayRef<int64_t> shape);
/// Type as users read it: f32[4, 8].
std::string typeString(mlir::Type type);

} // namespace weir::ir
