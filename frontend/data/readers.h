// Readers of the data that examples train on: CSV of numbers, MNIST's idx, text; gzipped or not (by
// content). All throw weir::Error with the path when a file is missing, truncated or not what it
// should be.
#pragma once

#include "frontend/api/array.h"
#include "frontend/api/error.h"

namespace weir::data {

/// The bytes of a file, uncompressed when it is gzip.
std::string readFile(const std::string &path, Location at = Location::current());

/// Rows of features with a label each.
struct LabelledRows {
  Array features; ///< f32[rows, width]
  Array labels;   ///< i32[rows]
  int64_t rows() const { return labels.size(); }
  /// The rows numbered in `indices`, in that order.
  LabelledRows pick(const std::vector<int64_t> &indices) const;
};

/// Comma-separated numbers, the label last; features are divided by `scale`. A header line is
/// skipped.
LabelledRows readCsv(const std::string &path, double scale = 1, Location at = Location::current());
/// MNIST's pair of idx files; pixels become 0..1, images rows of height·width.
LabelledRows readIdx(const std::string &imagesPath, const std::string &labelsPath,
                     Location at = Location::current());

} // namespace weir::data
