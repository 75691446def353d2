#include "frontend/data/loader.h"

#include "frontend/data/philox.h"

#include <algorithm>
#include <numeric>

namespace weir::data {

Loader::Loader(LabelledRows data, LoaderOptions options, Location at)
    : rows(std::move(data)), options(options) {
  const int64_t least = options.last == LastBatch::Drop ? options.batch : 1;
  if (options.batch < 1 || rows.rows() < least)
    throw Error("loader: batches of " + std::to_string(options.batch) + " out of " +
                    std::to_string(rows.rows()) + " rows",
                at);
  order();
}

void Loader::order() {
  indices.resize(static_cast<size_t>(rows.rows()));
  std::iota(indices.begin(), indices.end(), 0);
  if (!options.shuffle) return;
  // Fisher and Yates, with a key for each epoch: any epoch can be entered without those before it.
  Philox random(streamKey(options.seed, "epoch" + std::to_string(epochs)));
  for (size_t k = indices.size(); k > 1; --k) std::swap(indices[k - 1], indices[random.below(k)]);
}

int64_t Loader::batches() const {
  const int64_t more = options.last == LastBatch::Drop ? 0 : options.batch - 1;
  return (rows.rows() + more) / options.batch;
}

std::optional<Loader::Batch> Loader::next() {
  if (position == batches()) {
    restore({epochs + 1, 0});
    return std::nullopt;
  }
  const int64_t first = position++ * options.batch,
                count = std::min(options.batch, rows.rows() - first);
  std::vector<int64_t> chosen(indices.begin() + first, indices.begin() + first + count);
  if (options.last == LastBatch::Repeat)
    chosen.resize(static_cast<size_t>(options.batch), chosen.back());
  return Batch{rows.pick(chosen), count};
}

void Loader::restore(std::array<int64_t, 2> state) {
  epochs = state[0];
  position = state[1];
  order();
}

} // namespace weir::data
