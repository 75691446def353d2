#include "tools/weir/sampling.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

namespace weir::tools {

int32_t drawToken(const Array &logits, const Sampling &sampling, data::Philox &random) {
  std::vector<double> values = logits.toDoubles();
  const auto best = std::max_element(values.begin(), values.end());
  if (sampling.temperature <= 0) return static_cast<int32_t>(best - values.begin());
  double least = -std::numeric_limits<double>::infinity();
  if (sampling.topK > 0 && sampling.topK < logits.size()) {
    std::vector<double> sorted = values;
    std::nth_element(sorted.begin(), sorted.begin() + (sampling.topK - 1), sorted.end(),
                     std::greater<>());
    least = sorted[static_cast<size_t>(sampling.topK - 1)];
  }
  const double top = *best;
  double total = 0;
  for (double &v : values) total += v = v < least ? 0 : std::exp((v - top) / sampling.temperature);
  double left = random.uniform() * total;
  int32_t last = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] <= 0) continue;
    last = static_cast<int32_t>(i);
    if ((left -= values[i]) < 0) break;
  }
  return last;
}

} // namespace weir::tools
