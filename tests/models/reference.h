// The layers of the papers as plain loops over rows of f64, for tests; nothing is shared with
// frontend/nn.
#pragma once

#include "frontend/weir.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

namespace weir::reference {

using Row = std::vector<double>;
using Rows = std::vector<Row>;

/// A variable of a program as rows over its last dim; a vector is one row.
inline Rows rowsOf(const Array &array) {
  const std::vector<double> all = array.toDoubles();
  const auto width = static_cast<size_t>(array.dims().back());
  Rows rows;
  for (size_t i = 0; i < all.size(); i += width)
    rows.emplace_back(all.begin() + static_cast<ptrdiff_t>(i),
                      all.begin() + static_cast<ptrdiff_t>(i + width));
  return rows;
}

inline double dot(const Row &a, const Row &b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

inline Row plus(Row a, const Row &b) {
  for (size_t i = 0; i < a.size(); ++i) a[i] += b[i];
  return a;
}

/// weight [out, in].
inline Row linear(const Row &x, const Rows &weight) {
  Row y;
  for (const Row &row : weight) y.push_back(dot(row, x));
  return y;
}

/// weight [in, out].
inline Row linearT(const Row &x, const Rows &weight) {
  Row y(weight[0].size(), 0);
  for (size_t i = 0; i < x.size(); ++i)
    for (size_t j = 0; j < y.size(); ++j) y[j] += x[i] * weight[i][j];
  return y;
}

inline Row rmsNorm(Row x, const Row &scale, double epsilon) {
  const double factor = 1 / std::sqrt(dot(x, x) / static_cast<double>(x.size()) + epsilon);
  for (size_t i = 0; i < x.size(); ++i) x[i] *= factor * scale[i];
  return x;
}

inline Row softmax(Row x) {
  const double top = *std::max_element(x.begin(), x.end());
  double total = 0;
  for (double &v : x) total += v = std::exp(v - top);
  for (double &v : x) v /= total;
  return x;
}

inline Row relu(Row x) {
  for (double &v : x) v = std::max(v, 0.0);
  return x;
}

/// Rows of queries, keys and values with `heads` heads beside each other; keyHeads divides heads.
/// score(head, query, key) is added; -inf hides a key.
inline Rows attend(const Rows &q, const Rows &k, const Rows &v, size_t heads, size_t keyHeads,
                   double scale, const std::function<double(size_t, size_t, size_t)> &score) {
  const size_t d = q[0].size() / heads;
  Rows out(q.size(), Row(q[0].size(), 0));
  for (size_t head = 0; head < heads; ++head) {
    const size_t source = head / (heads / keyHeads) * d;
    for (size_t i = 0; i < q.size(); ++i) {
      Row scores(k.size(), 0);
      for (size_t j = 0; j < k.size(); ++j) {
        for (size_t c = 0; c < d; ++c) scores[j] += q[i][head * d + c] * k[j][source + c];
        scores[j] = scores[j] * scale + score(head, i, j);
      }
      scores = softmax(scores);
      for (size_t j = 0; j < k.size(); ++j)
        for (size_t c = 0; c < d; ++c) out[i][head * d + c] += scores[j] * v[j][source + c];
    }
  }
  return out;
}

/// The largest |a - b| over all elements.
inline double difference(const Array &got, const Rows &expected) {
  const std::vector<double> values = got.toDoubles();
  double worst = 0;
  size_t at = 0;
  for (const Row &row : expected)
    for (double value : row) worst = std::max(worst, std::abs(value - values.at(at++)));
  return at == values.size() ? worst : INFINITY;
}

} // namespace weir::reference
