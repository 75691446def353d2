// Executables for a batch of any size from 1 to N: one for each of some sizes, of which a run takes
// the one that fits (executor/batch_session.h). An executable of one size is the range 1..1 in
// which nothing has a batch dim.
#pragma once

#include "runtime/artifact/executable.h"

#include <absl/status/status.h>

#include <memory>

namespace weir::runtime {

/// The dims that a user sees of an input, output or variable: on a mesh those of all pieces
/// together.
template <typename Port> const std::vector<int64_t> &wholeDims(const Port &port) {
  return port.whole.sharding.empty() ? port.dims : port.whole.dims;
}

struct BatchExecutable {
  struct Size {
    int64_t rows = 0;
    std::shared_ptr<const Executable> executable;
  };
  std::vector<Size> sizes; ///< ascending; the last is N
  /// Of each input and output: elements of its leading dim for each row; 0 where it is the same for
  /// every batch.
  std::vector<int64_t> inputs, outputs;

  static BatchExecutable ofOneSize(std::shared_ptr<const Executable> executable);

  int64_t most() const { return sizes.back().rows; }
  const Executable &largest() const { return *sizes.back().executable; }
  /// Is there an input whose leading dim is to be chosen?
  bool isRange() const;
  /// "f32[1..16, 8]", or "f32[3, 2]" of a port that is the same for every batch.
  std::string inputType(size_t input) const;
  std::string outputType(size_t output) const;
};

/// `dims` of a port of `all` rows for another number of rows.
std::vector<int64_t> dimsOfRows(std::vector<int64_t> dims, int64_t leading, int64_t rows);

/// The sizes that cover 1..most: all up to 8, then each an eighth more than the one before, so that
/// a batch between two of them costs little more as the larger.
std::vector<int64_t> batchSizes(int64_t most);

/// OK, or an invalid-argument status: no sizes, sizes that do not ascend, executables that are
/// malformed or differ in more than their rows.
absl::Status verify(const BatchExecutable &batch);

} // namespace weir::runtime
