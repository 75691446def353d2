// A loss curve as an SVG file that opens in any browser.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace weir::tools {

struct LossCurves {
  std::string title;
  std::vector<float> training;                        ///< one a step
  std::vector<std::pair<int64_t, double>> validation; ///< after how many steps, loss
};

/// The picture: training loss (thin) with its running mean, validation loss as dots with the last
/// value written out.
std::string lossChart(const LossCurves &curves);

} // namespace weir::tools
