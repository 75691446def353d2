// The few operations that kernels are made of, over index scalars, scalars and rank-1 vectors, with
// constants shared at the kernel's entry. Keeps the heavy dialect headers in one file; knows
// nothing of weir.
//
// "Lanes" is the length of a vector; 1 stands for a scalar. i1 is a byte in memory and i1 in
// values.
#pragma once

#include "codegen/cpu/target_info.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

namespace weir::codegen {

enum class Combiner { Sum, Max, Min, Prod, And, Or };

class KernelBuilder {
public:
  KernelBuilder(mlir::Block *entry, mlir::Location loc, const TargetInfo &target)
      : b(entry, entry->end()), loc(loc), target(target), entry(entry) {}

  mlir::OpBuilder b;
  mlir::Location loc;
  const TargetInfo &target;

  mlir::Value index(int64_t value);
  /// `element` in every lane.
  mlir::Value constant(mlir::TypedAttr element, int64_t lanes = 1);
  mlir::Value constantInt(mlir::Type element, int64_t value, int64_t lanes = 1);
  /// start, start + step, ... as integers.
  mlir::Value ramp(mlir::Type element, int64_t start, int64_t step, int64_t lanes);

  // Index scalars, integers or vectors of integers.
  mlir::Value add(mlir::Value x, mlir::Value y);
  mlir::Value sub(mlir::Value x, mlir::Value y);
  mlir::Value mul(mlir::Value x, mlir::Value y);
  mlir::Value add(mlir::Value x, int64_t y);
  mlir::Value mul(mlir::Value x, int64_t y);
  mlir::Value divide(mlir::Value x, int64_t y);    // Unsigned.
  mlir::Value remainder(mlir::Value x, int64_t y); // Unsigned.
  mlir::Value min(mlir::Value x, mlir::Value y);   // Signed.
  mlir::Value clamp(mlir::Value x, int64_t low, int64_t high);
  mlir::Value inRange(mlir::Value x, int64_t low, int64_t high);
  mlir::Value lessThan(mlir::Value x, mlir::Value y); // Signed.
  mlir::Value equal(mlir::Value x, mlir::Value y);
  /// Sign-extends, truncates, or converts between index and integers; lanes stay.
  mlir::Value castInt(mlir::Value x, mlir::Type element);
  /// Any number to any number as weir.convert has it for integers from an index.
  mlir::Value fromInt(mlir::Value x, mlir::Type element);

  /// x · y + z: one rounding for floats.
  mlir::Value multiplyAdd(mlir::Value x, mlir::Value y, mlir::Value z);
  mlir::Value both(mlir::Value x, mlir::Value y); // And of masks; null is true.
  mlir::Value either(mlir::Value x, mlir::Value y);
  /// Whether two memrefs start at one address.
  mlir::Value sameAddress(mlir::Value x, mlir::Value y);
  mlir::Value select(mlir::Value condition, mlir::Value yes, mlir::Value no);
  mlir::Value splat(mlir::Value scalar, int64_t lanes);
  mlir::Value extract(mlir::Value vector, int64_t lane);
  mlir::Value insert(mlir::Value scalar, mlir::Value vector, int64_t lane);
  mlir::Value shuffle(mlir::Value x, mlir::Value y, llvm::ArrayRef<int64_t> lanes);
  /// Lane i of the result is set where i < count (an index).
  mlir::Value firstLanes(mlir::Value count, int64_t lanes);

  // Memory: flat memrefs. A null mask means all lanes.
  mlir::Value load(mlir::Value memref, mlir::Value at, int64_t lanes, mlir::Value mask,
                   mlir::Type element);
  mlir::Value gather(mlir::Value memref, mlir::Value base, mlir::Value offsets, mlir::Value mask,
                     mlir::Type element);
  void store(mlir::Value value, mlir::Value memref, mlir::Value at, mlir::Value mask);
  /// `count` elements at byte `offset` of the scratch.
  mlir::Value view(mlir::Value scratch, int64_t offset, int64_t count, mlir::Type element);

  /// scf.for; the builder stays where it is.
  mlir::Operation *loop(mlir::Value low, mlir::Value high, int64_t step,
                        mlir::ValueRange inits = {});
  /// A block of its own, inlined where it stands.
  mlir::Operation *scope(mlir::TypeRange results = {});
  /// scf.if with both regions, each ended.
  mlir::Operation *branch(mlir::Value condition);
  void yield(mlir::ValueRange values);

  static int64_t lanesOf(mlir::Value value);
  static mlir::Type elementOf(mlir::Value value);
  static mlir::Type withLanes(mlir::Type element, int64_t lanes);
  /// The type of `element` in memory: i8 for i1.
  static mlir::Type stored(mlir::Type element);
  static int64_t bytesOf(mlir::Type element);
  std::optional<int64_t> known(mlir::Value value) const;

private:
  mlir::Value shared(mlir::TypedAttr attr);
  mlir::Value gatherBytes(mlir::Value memref, mlir::Value base, mlir::Value offsets,
                          mlir::Value mask);

  mlir::Block *entry;
  llvm::DenseMap<mlir::Attribute, mlir::Value> constants;
};

} // namespace weir::codegen
