// Cumulative ops and the linear recurrence along leading, middle and trailing dims, both ways; sort
// by one and several keys, with equal ones.
#include "tests/ops/op_table.h"

#include <algorithm>
#include <cmath>

namespace weir::testing {

using runtime::DType;
using Dims = std::vector<int64_t>;

namespace {
struct Along {
  Dims shape;
  int64_t dim;
  bool reverse;
  std::string name() const {
    return shapeName(shape) + " dim " + std::to_string(dim) + (reverse ? " reversed" : "");
  }
};
} // namespace

static std::vector<Along> lines() {
  return {{{7}, 0, false},    {{3, 5}, 1, false},  {{3, 5}, 0, true},     {{2, 3, 5}, 1, true},
          {{2, 67}, 1, true}, {{67, 3}, 0, false}, {{1}, 0, false},       {{0, 3}, 0, false},
          {{3, 0}, 0, true},  {{4, 33}, 0, true},  {{2, 5, 17}, 1, false}};
}

/// For each element, `combine` of all from the start of its line to itself, in order.
static Plains prefixes(const Plain &x, const Along &a,
                       const std::function<double(const std::vector<double> &)> &combine) {
  return {Plain::make(a.shape, [&](const Dims &index) {
    std::vector<double> values;
    Dims at = index;
    int64_t last = a.shape[a.dim] - 1;
    for (int64_t k = 0; k <= last; ++k) {
      at[a.dim] = a.reverse ? last - k : k;
      values.push_back(x.at(at));
      if (at == index) break;
    }
    return combine(values);
  })};
}

template <class OpT>
static void cumulative(std::vector<Row> &rows, const std::vector<DType> &dtypes, Range range,
                       Range integers,
                       const std::function<double(const std::vector<double> &)> &combine) {
  rows.push_back({OpT::getOperationName().str(), dtypes, [=](DType dtype) {
                    std::vector<Sample> samples;
                    for (const Along &a : lines())
                      samples.push_back(
                          {a.name(),
                           {{dtype, a.shape, runtime::isFloat(dtype) ? range : integers}},
                           single([=](auto &b, auto loc, auto x) {
                             return OpT::create(b, loc, x[0], a.dim, a.reverse);
                           }),
                           [=](const Plains &x) { return prefixes(x[0], a, combine); }});
                    return samples;
                  }});
}

static void addCumulative(std::vector<Row> &rows) {
  using List = const std::vector<double> &;
  Range any{-2, 2}, distinct{-2, 2, Range::Equals}, small{-9, 9};
  cumulative<ir::CumulativeSumOp>(rows, kNumeric, any, small, [](List x) {
    double sum = 0;
    for (double v : x) sum += v;
    return sum;
  });
  cumulative<ir::CumulativeProdOp>(rows, kNumeric, {0.8, 1.2}, {-1, 1}, [](List x) {
    double product = 1;
    for (double v : x) product *= v;
    return product;
  });
  cumulative<ir::CumulativeMaxOp>(rows, kNumeric, distinct, small,
                                  [](List x) { return *std::max_element(x.begin(), x.end()); });
  cumulative<ir::CumulativeMinOp>(rows, kNumeric, distinct, small,
                                  [](List x) { return *std::min_element(x.begin(), x.end()); });
  cumulative<ir::CumulativeLogsumexpOp>(rows, kFloats, any, small, [](List x) {
    double sum = 0;
    for (double v : x) sum += std::exp(v);
    return std::log(sum);
  });
}

/// s_i is the sum of every b_j before it, times all a in between.
static Plains recurrence(const Plain &a, const Plain &b, const Along &along) {
  return {Plain::make(along.shape, [&](const Dims &index) {
    double sum = 0, factor = 1;
    int64_t step = along.reverse ? 1 : -1;
    Dims at = index;
    for (; at[along.dim] >= 0 && at[along.dim] < along.shape[along.dim]; at[along.dim] += step) {
      sum += factor * b.at(at);
      factor *= a.at(at);
    }
    return sum;
  })};
}

static void addRecurrence(std::vector<Row> &rows) {
  rows.push_back({"weir.linear_recurrence", kFloats, [](DType dtype) {
                    std::vector<Sample> samples;
                    for (const Along &a : lines())
                      samples.push_back(
                          {a.name(),
                           {{dtype, a.shape, {-1.1, 1.1}}, {dtype, a.shape}},
                           single([=](auto &b, auto loc, auto x) {
                             return ir::LinearRecurrenceOp::create(b, loc, x[0], x[1], a.dim,
                                                                   a.reverse);
                           }),
                           [=](const Plains &x) { return recurrence(x[0], x[1], a); }});
                    return samples;
                  }});
}

namespace {
struct Sorting {
  Along along; // `reverse`: descending
  std::vector<DType> others;
  int64_t keys = 1;
};
} // namespace

/// The rank of each element is the number of those that come before it.
static Plains sorted(const Plains &x, const Sorting &s) {
  const Along &a = s.along;
  auto before = [&](const Dims &one, const Dims &two) {
    for (int64_t key = 0; key < s.keys; ++key) {
      double p = x[key].at(one), q = x[key].at(two);
      if (p != q) return a.reverse ? p > q : p < q;
    }
    return one[a.dim] < two[a.dim];
  };
  Plains results = x;
  Plain::make(a.shape, [&](const Dims &index) {
    Dims to = index, other = index;
    to[a.dim] = 0;
    for (other[a.dim] = 0; other[a.dim] < a.shape[a.dim]; ++other[a.dim])
      to[a.dim] += before(other, index);
    int64_t flat = 0;
    for (size_t d = 0; d < to.size(); ++d) flat = flat * a.shape[d] + to[d];
    for (size_t i = 0; i < x.size(); ++i) results[i].values[flat] = x[i].at(index);
    return 0.0;
  });
  return results;
}

static void addSort(std::vector<Row> &rows) {
  rows.push_back(
      {"weir.sort", kAny, [](DType dtype) {
         std::vector<Sample> samples;
         auto add = [&](const Sorting &s) {
           Sample sample{s.along.name() + " keys " + std::to_string(s.keys), {}, {}, {}};
           // Floats are distinct, so that derivatives exist; integers repeat.
           auto argument = [&](DType of) {
             sample.args.push_back(
                 {of, s.along.shape,
                  runtime::isFloat(of) ? Range{-4, 4, Range::Equals} : Range{-3, 3}});
           };
           argument(dtype);
           for (DType other : s.others) argument(other);
           sample.build = [=](mlir::OpBuilder &b, mlir::Location loc, mlir::ValueRange x) {
             auto op = ir::SortOp::create(b, loc, x, s.along.dim, s.keys, s.along.reverse);
             return llvm::SmallVector<mlir::Value>(op.getResults());
           };
           sample.reference = [=](const Plains &x) { return sorted(x, s); };
           samples.push_back(sample);
         };
         add({{{7}, 0, false}, {}});
         add({{{3, 5}, 1, true}, {}});
         add({{{5, 3}, 0, false}, {}});
         add({{{2, 37}, 1, false}, {DType::I32}});
         add({{{2, 5, 3}, 1, true}, {DType::F64, DType::I64}});
         add({{{3, 11}, 1, false}, {dtype, DType::I32}, 2});
         add({{{4, 9}, 0, true}, {DType::I1, DType::F64}, 3});
         add({{{1}, 0, false}, {}});
         add({{{0, 3}, 0, false}, {}});
         add({{{3, 0}, 0, false}, {}});
         return samples;
       }});
}

void addOrderedRows(std::vector<Row> &rows) {
  addCumulative(rows);
  addRecurrence(rows);
  addSort(rows);
}

} // namespace weir::testing
