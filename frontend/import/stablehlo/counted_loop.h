// JAX prints scan and fori_loop as stablehlo.while with a counter. This finds how often such a loop
// runs, and which values it reads and writes slice by slice.
#pragma once

#include "frontend/import/stablehlo/scalar_evaluator.h"

namespace weir::stablehlo {

/// Rows start, start + step, ... of a tensor's first dim, one an iteration; step is 1 or -1.
struct RowSequence {
  int64_t start = 0, step = 1;
  /// The lowest row of `trips` ones.
  int64_t lowest(int64_t trips) const { return step > 0 ? start : start - (trips - 1); }
};

/// dynamic_slice of one row of a value that the loop does not change.
struct RowRead {
  mlir::Operation *slice;
  mlir::Value from; ///< what the loop starts with, or a value from outside
  RowSequence rows;
};

/// A carry that only has one row replaced, and is not read: its rows are collected.
struct RowWrite {
  unsigned carry;
  mlir::Operation *update;
  RowSequence rows;
};

struct CountedLoop {
  int64_t trips = 0;
  std::vector<bool> invariant; ///< of each carry: the body hands it on as it is
  std::vector<RowRead> reads;
  std::vector<RowWrite> writes;
};

/// Nothing when the number of trips depends on data, or on ops that are not evaluated here.
/// `loop` is a well-formed stablehlo.while (see isWellFormedLoop).
std::optional<CountedLoop> countLoop(mlir::Operation *loop);

/// Two regions of one block each, whose arguments, results and types agree with the operands.
bool isWellFormedLoop(mlir::Operation *loop);

} // namespace weir::stablehlo
