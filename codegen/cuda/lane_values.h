// What a thread of a warp computes from its place: its lane, constants that differ by lane, and
// what crosses lanes. Intrinsics of NVVM by name, so that no dialect is needed for six of them.
#pragma once

#include "codegen/cuda/target.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"

namespace weir::codegen::cuda {

class LaneValues {
public:
  explicit LaneValues(mlir::OpBuilder &b) : b(b), loc(b.getUnknownLoc()) {}

  /// Reads the lane at the start of the kernel; moves the builder behind.
  void start(mlir::Block *entry, mlir::Location at);

  /// The lane of an n-periodic vector that this thread has, as index and as i32.
  mlir::Value laneIndex(int64_t count);
  mlir::Value lane(int64_t count);
  /// Whether the thread's number is below `count`.
  mlir::Value isBelow(int64_t count);
  mlir::Value i32(int64_t value);
  /// Of a constant vector, the thread's element: start + step · lane where it is one.
  mlir::Value constant(mlir::DenseElementsAttr elements);
  /// The thread's bit of 32, and number of up to 32 that are below 32: immediates and shifts.
  mlir::Value bit(uint32_t bits);
  mlir::Value smallNumber(llvm::ArrayRef<int64_t> numbers);
  /// Element `index` of a table.
  mlir::Value lookUp(mlir::DenseElementsAttr table, mlir::Value index);

  /// What the thread `source` has in `x`. All threads of the warp take part.
  mlir::Value fromLane(mlir::Value x, mlir::Value source);
  /// Whether any thread has it.
  mlir::Value any(mlir::Value condition);
  mlir::Operation *barrier();

private:
  mlir::Value call(mlir::Type result, llvm::StringRef intrinsic, mlir::ValueRange arguments);
  mlir::Value atEntry(llvm::function_ref<mlir::Value()> make);
  mlir::Value shuffleWord(mlir::Value word, mlir::Value source);
  mlir::Value constantOf(mlir::Attribute element);
  mlir::Value chain(mlir::DenseElementsAttr elements, mlir::Value at);

  mlir::OpBuilder &b;

public:
  mlir::Location loc; // Of what is emitted.

private:
  mlir::Value thread;                     // i32
  mlir::Operation *afterThread = nullptr; // New entry values go before it.
  llvm::DenseMap<int64_t, mlir::Value> laneIndices, laneNumbers, belows;
};

} // namespace weir::codegen::cuda
