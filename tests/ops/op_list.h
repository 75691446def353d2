// ir/ops/OPS.md: every op of the dialect on a page, from its record and from what fusion makes of a
// sample of the op table. Nothing is listed by hand.
#pragma once

#include <string>

namespace weir::testing {

/// The page. `tdFiles`: the folder of ir/ops/*.td, whose summaries it quotes.
std::string opList(const std::string &tdFolder);

} // namespace weir::testing
