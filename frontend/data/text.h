// Text as tokens: one token for each distinct byte, and windows of tokens for training and
// evaluation.
#pragma once

#include "frontend/api/array.h"
#include "frontend/api/error.h"
#include "frontend/data/philox.h"

namespace weir::data {

/// Byte <-> token. Tokens number the distinct bytes of a text in ascending order.
class CharTokenizer {
public:
  explicit CharTokenizer(std::string_view text);
  int64_t size() const { return static_cast<int64_t>(alphabet.size()); }
  /// Throws Error for a byte that the text did not have.
  std::vector<int32_t> encode(std::string_view text, Location at = Location::current()) const;
  std::string decode(const std::vector<int32_t> &tokens) const;
  const std::string &bytes() const { return alphabet; }

private:
  std::string alphabet;
  std::array<int32_t, 256> tokenOf;
};

/// Windows of text and the same windows one token later.
struct TextBatch {
  Array tokens, targets; ///< i32[batch, context]
  int64_t count; ///< The first `count` rows are windows; the others repeat the last one to fill the
                 ///< batch.
};

/// Random windows; where it stands is `random`, which can be saved and restored.
class WindowSampler {
public:
  WindowSampler(std::vector<int32_t> tokens, int64_t batch, int64_t context, uint64_t seed,
                Location at = Location::current());
  TextBatch next();
  Philox random;

private:
  std::vector<int32_t> tokens;
  int64_t batch, context;
};

/// All windows that do not overlap, from the start, in batches; a rest shorter than a window is
/// left out.
std::vector<TextBatch> evaluationWindows(const std::vector<int32_t> &tokens, int64_t batch,
                                         int64_t context);

/// Rows in a new random order each epoch, in full batches. State: epoch's key position and the
/// place in it.
class EpochSampler {
public:
  EpochSampler(int64_t rows, int64_t batch, uint64_t seed);
  /// Indices of the next batch.
  std::vector<int64_t> next();
  int64_t epoch() const { return epochs; }
  /// What to save, and to pass to restore() for the same batches from here.
  std::array<uint64_t, 2> state() const;
  void restore(std::array<uint64_t, 2> state);

private:
  void shuffle();
  int64_t rows, batch, epochs = 0, position = 0;
  uint64_t seed;
  std::vector<int64_t> order;
};

} // namespace weir::data
