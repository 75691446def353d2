// The few operations that kernels are made of, over index scalars, scalars and rank-1 vectors, with
// constants shared at the kernel's entry. Keeps the heavy dialect headers in one file; knows
// nothing of weir.
//
// "Lanes" is the length of a vector; 1 stands for a scalar. Element types are those of the graph;
// a value has the computed type of its element, memory the stored one: i1 is a byte in memory; f16
// and bf16 are f32 as values, always numbers that the narrow type holds, and bf16 is i16 in memory;
// unsigned is signless in both.
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
  /// `element`, of a graph's element type, in every lane.
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
  /// As it lies in memory.
  mlir::Value loadStored(mlir::Value memref, mlir::Value at, int64_t lanes, mlir::Value mask);
  mlir::Value gather(mlir::Value memref, mlir::Value base, mlir::Value offsets, mlir::Value mask,
                     mlir::Type element);
  /// A value of the memref's computed or stored type; f32 is rounded where the memref is narrower.
  void store(mlir::Value value, mlir::Value memref, mlir::Value at, mlir::Value mask);
  /// Stores a whole vector, at a multiple of its size, past the caches; see fenceStreams.
  void stream(mlir::Value value, mlir::Value memref, mlir::Value at);
  /// Makes streamed vectors visible to other threads before the kernel ends; nothing without any.
  void fenceStreams();
  /// `value` as a number that `element` holds: f32 rounded to f16 or bf16, others as they are.
  mlir::Value round(mlir::Value value, mlir::Type element);
  /// `count` elements at byte `offset` of the scratch.
  mlir::Value view(mlir::Value scratch, int64_t offset, int64_t count, mlir::Type element);

  /// The scratch from byte `offset` on.
  mlir::Value part(mlir::Value scratch, int64_t offset);
  /// `count` elements that live as long as the kernel runs, in registers where the code allows.
  mlir::Value local(int64_t count, mlir::Type element);
  /// An index to be replaced when it is known.
  mlir::Value pendingIndex();

  /// scf.for; the builder stays where it is.
  mlir::Operation *loop(mlir::Value low, mlir::Value high, int64_t step,
                        mlir::ValueRange inits = {});
  /// A block of its own, inlined where it stands.
  mlir::Operation *scope(mlir::TypeRange results = {});
  /// scf.if with both regions, each ended.
  mlir::Operation *branch(mlir::Value condition);
  /// scf.while without values: the first region ends in `goOnIf`, the second in a yield.
  mlir::Operation *whileLoop();
  void goOnIf(mlir::Value condition);
  void yield(mlir::ValueRange values);

  static int64_t lanesOf(mlir::Value value);
  static mlir::Type elementOf(mlir::Value value);
  static mlir::Type withLanes(mlir::Type element, int64_t lanes);
  /// The type of `element` in memory: i8 for i1, i16 for bf16, signless for unsigned.
  static mlir::Type stored(mlir::Type element);
  /// The type of `element` in values: f32 for f16 and bf16, signless for unsigned.
  static mlir::Type computed(mlir::Type element);
  static int64_t bytesOf(mlir::Type element);
  std::optional<int64_t> known(mlir::Value value) const;

private:
  mlir::Value shared(mlir::TypedAttr attr);
  mlir::Value gatherNarrow(mlir::Value memref, mlir::Value base, mlir::Value offsets,
                           mlir::Value mask);
  mlir::Value fromStored(mlir::Value value, mlir::Type element);

  mlir::Block *entry;
  bool streamed = false;
  llvm::DenseMap<mlir::Attribute, mlir::Value> constants;
  llvm::DenseSet<mlir::Value> rounded; // f32 known to be numbers of a narrower type
};

} // namespace weir::codegen
