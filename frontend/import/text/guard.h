// What is checked of MLIR text before MLIR's parser, which recurses, sees it.
#pragma once

#include <string>
#include <string_view>

namespace weir::text {

inline constexpr size_t kMostBytes = size_t(1) << 30;
inline constexpr int kDeepest = 400;

/// Throws weir::Error, naming the line, when the text is larger than kMostBytes or its brackets
/// nest deeper than kDeepest.
void checkText(std::string_view text, const std::string &file);

} // namespace weir::text
