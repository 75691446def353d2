// Batches of labelled rows, in order or shuffled anew each epoch.
#pragma once

#include "frontend/data/readers.h"

#include <array>
#include <optional>

namespace weir::data {

/// What becomes of the rows that do not fill a batch at the end of an epoch.
enum class LastBatch {
  Drop,  ///< They are left out (of this epoch: shuffling chooses others in the next).
  Keep,  ///< A smaller batch.
  Repeat ///< A full batch whose last rows repeat the last one; `count` says how many are its own.
};

struct LoaderOptions {
  int64_t batch = 32;
  bool shuffle = true;
  uint64_t seed = 0;
  LastBatch last = LastBatch::Drop;
};

/// Goes through the rows epoch by epoch. The same seed gives the same batches.
class Loader {
public:
  /// Errors: a batch below 1, or no rows, or fewer than a batch where the last is dropped.
  Loader(LabelledRows rows, LoaderOptions options = {}, Location at = Location::current());

  struct Batch {
    LabelledRows rows;
    int64_t count; ///< Rows that are not repetitions.
  };
  /// The next batch; nothing at the end of an epoch, after which the next epoch begins.
  std::optional<Batch> next();
  /// Batches of one epoch.
  int64_t batches() const;
  int64_t epoch() const { return epochs; }
  /// Epoch and place in it: what to save, and to pass to restore() for the same batches from here.
  std::array<int64_t, 2> state() const { return {epochs, position}; }
  void restore(std::array<int64_t, 2> state);

private:
  void order();

  LabelledRows rows;
  LoaderOptions options;
  std::vector<int64_t> indices;
  int64_t epochs = 0, position = 0;
};

} // namespace weir::data
