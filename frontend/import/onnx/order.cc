// TopK and counting n-grams.
#include "frontend/import/onnx/node.h"

namespace weir::onnx {
namespace {

TensorList topKRule(Node &node) {
  node.expectOperands(1, 2);
  const Tensor x = node[0];
  const int64_t axis = node.dim(node.integer("axis", -1), x.rank());
  const int64_t k = node.version < 10 ? node.integer("k") : node.ints(1, "k").at(0);
  if (k < 0 || k > x.dim(axis))
    node.fail("takes " + std::to_string(k) + " of " + std::to_string(x.dim(axis)) + " elements");
  const Tensor position = node.graph.iota(i32, x.shape(), axis);
  const auto sorted = sort({x, position}, axis, 1, node.flag("largest", true));
  return {sliceDim(sorted[0], axis, 0, k), convert(sliceDim(sorted[1], axis, 0, k), i64)};
}

/// One n-gram of the pool: where it is in the vocabulary and what becomes of its count.
struct Gram {
  std::vector<int64_t> words;
  int64_t index;
  double weight;
};

std::vector<Gram> gramsOf(Node &node, int64_t shortest, int64_t longest) {
  const Shape starts = node.ints("ngram_counts"), indexes = node.ints("ngram_indexes");
  const Shape pool = node.ints("pool_int64s");
  if (pool.empty()) node.fail("pools of strings are not supported");
  const std::vector<double> weights = node.reals("weights");
  std::vector<Gram> grams;
  size_t number = 0;
  for (size_t i = 0; i < starts.size(); ++i) {
    const auto n = static_cast<int64_t>(i + 1);
    const int64_t end = i + 1 < starts.size() ? starts[i + 1] : static_cast<int64_t>(pool.size());
    if (starts[i] < 0 || end > static_cast<int64_t>(pool.size()))
      node.fail("ngram_counts do not fit the pool");
    for (int64_t at = starts[i]; at + n <= end; at += n, ++number) {
      if (n < shortest || n > longest) continue;
      grams.push_back(
          {part(pool, at, at + n), indexes.at(number), weights.empty() ? 1.0 : weights.at(number)});
    }
  }
  return grams;
}

/// How often each n-gram of the pool occurs in each row, with up to max_skip_count words between
/// two of its words.
TensorList tfIdf(Node &node) {
  node.expectOperands(1, 1);
  const Tensor given = node[0];
  const Tensor x = given.rank() == 1 ? expandDims(given, 0) : given;
  if (x.rank() != 2) node.fail("needs a row or rows of words");
  const int64_t longest = node.integer("max_gram_length");
  const auto grams = gramsOf(node, node.integer("min_gram_length"), longest);
  const std::string mode = node.string("mode", "TF");
  const Shape indexes = node.ints("ngram_indexes");
  int64_t size = 0;
  for (int64_t index : indexes) size = std::max(size, index + 1);
  node.limit("ngram_indexes", {size, 1 << 8});
  const int64_t rows = x.dim(0), length = x.dim(1);
  TensorList columns(static_cast<size_t>(size), node.graph.full({rows}, 0, f32));
  for (const Gram &gram : grams) {
    const auto n = static_cast<int64_t>(gram.words.size());
    Tensor count = node.graph.full({rows}, 0, f32);
    for (int64_t skip = 0; skip <= (n == 1 ? 0 : node.integer("max_skip_count")); ++skip) {
      const int64_t places = length - (n - 1) * (skip + 1);
      if (places <= 0) break;
      Tensor all = node.graph.full({rows, places}, 1, i1);
      for (int64_t w = 0; w < n; ++w) {
        const int64_t from = w * (skip + 1);
        all = all & (sliceDim(x, 1, from, from + places) == gram.words[static_cast<size_t>(w)]);
      }
      count = count + reduceSum(convert(all, f32), 1);
    }
    Tensor &column = columns.at(static_cast<size_t>(gram.index));
    if (mode == "TF")
      column = column + count;
    else
      column = convert(count > 0, f32) * (mode == "TFIDF" ? gram.weight : 1.0);
    if (mode == "TFIDF") column = count * gram.weight;
  }
  for (Tensor &column : columns) column = expandDims(column, -1);
  const Tensor y = concatenate(columns, 1);
  return {given.rank() == 1 ? reshape(y, {size}) : y};
}

} // namespace

void addOrderRules(Rules &rules) {
  const Rules own = {{"TfIdfVectorizer", tfIdf}, {"TopK", topKRule}};
  rules.insert(own.begin(), own.end());
}

} // namespace weir::onnx
