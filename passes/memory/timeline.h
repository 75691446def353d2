// What is live when, a step at a time: the memory plan without offsets, so that
// a change can be tried in microseconds before any IR is touched.
//
// A step is an op of @main's block; views are none, they are their operand's
// bytes. A tensor is what lies in the arena: arguments, constants and what is
// written straight into variables and fetches take no part. A change runs steps
// once more, later, on tensors of their own, and whoever comes after reads
// those.
#pragma once

#include "passes/memory/plan.h"

namespace weir::passes {

/// Steps `again`, ascending, are run once more just before step `before`.
struct Change {
  int before = 0;
  llvm::SmallVector<int> again;
  double nanos = 0; ///< about how long that takes
  double gain = 0;  ///< about how many bytes it frees, summed over the steps
                    ///< over the target
};

struct Timeline {
  struct Tensor {
    mlir::Value value; ///< null for a copy that is not written yet
    int origin = -1;   ///< what was made first and has the same bits: itself,
                       ///< unless a copy
    int64_t bytes = 0;
    int made = 0, last = 0; ///< steps
  };
  struct Step {
    mlir::Operation *op = nullptr; ///< to be copied where `isAgain`
    bool isAgain = false, isRepeatable = false;
    double nanos = 0;
    int64_t inside = 0;                                ///< bytes of values inside its regions
    llvm::SmallVector<int, 6> reads;                   ///< each tensor once
    llvm::SmallVector<int, 2> makes;                   ///< tensors
    llvm::SmallVector<std::pair<int, int>, 1> inPlace; ///< [made, read]: bytes it may take over
  };
  struct Profile {
    int64_t peak = 0;
    int at = 0;        ///< the step of the peak
    double excess = 0; ///< bytes over the target, summed over the steps
    std::vector<int64_t> live;
  };

  Profile profile(int64_t target) const;
  /// No order and no recomputation needs less: what one step reads and makes.
  int64_t lowerBound() const;
  /// `changes` have no step in common.
  void apply(llvm::ArrayRef<Change> changes);
  /// The opposite: whoever reads what the again step that makes `tensor` makes
  /// reads the last copy made before it. False if there is no such step any
  /// more.
  bool dropAgain(int tensor);
  void measureLives();

  std::vector<Step> steps;
  std::vector<Tensor> tensors;

private:
  void add(const Change &change);
  void dropUnread();
  bool isMade(int tensor) const;
  void readInstead(Step &step, const llvm::DenseMap<int, int> &copies) const;
  int64_t taken(const Step &step, int at) const;
};

/// Marks launches that a memory budget added.
inline constexpr llvm::StringLiteral kAgainAttr = "weir.again";

/// `plan` is of `main`.
Timeline readTimeline(mlir::func::FuncOp main, const MemoryPlan &plan);
/// Adds what the changes since the timeline was read, or written, run again to
/// `main`.
void writeTimeline(Timeline &timeline, mlir::func::FuncOp main);

} // namespace weir::passes
