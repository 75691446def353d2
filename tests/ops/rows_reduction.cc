// Reductions over leading, trailing, middle and all dims, argmax, argmin, and dots with every kind
// of dim.
#include "tests/ops/op_table.h"

#include <cmath>

namespace weir::testing {

using runtime::DType;
using Dims = std::vector<int64_t>;

static bool contains(const Dims &dims, int64_t d) {
  return std::find(dims.begin(), dims.end(), d) != dims.end();
}

/// Calls `visit` with each index below `dims`.
static void each(const Dims &dims, const std::function<void(const Dims &)> &visit) {
  Plain::make(dims, [&](const Dims &index) {
    visit(index);
    return 0.0;
  });
}

using Combine = double (*)(double, double);

static Plains reduce(const Plain &x, const Dims &dims, double identity, Combine combine) {
  Dims kept, reduced;
  for (size_t d = 0; d < x.dims.size(); ++d)
    (contains(dims, d) ? reduced : kept).push_back(x.dims[d]);
  return {Plain::make(kept, [&](const Dims &outer) {
    double total = identity;
    each(reduced, [&](const Dims &inner) {
      Dims at;
      for (size_t d = 0, o = 0, i = 0; d < x.dims.size(); ++d)
        at.push_back(contains(dims, d) ? inner[i++] : outer[o++]);
      total = combine(total, x.at(at));
    });
    return total;
  })};
}

template <class OpT>
static void reduction(std::vector<Row> &rows, const std::vector<DType> &dtypes, Range range,
                      Range integers, std::function<double(DType)> identity, Combine combine) {
  rows.push_back(
      {OpT::getOperationName().str(), dtypes, [=](DType dtype) {
         auto sample = [=](Dims shape, Dims dims) {
           return Sample{
               shapeName(shape) + " dims " + shapeName(dims),
               {{dtype, shape, runtime::isFloat(dtype) ? range : integers}},
               single([=](auto &b, auto loc, auto x) { return OpT::create(b, loc, x[0], dims); }),
               [=](const Plains &x) { return reduce(x[0], dims, identity(dtype), combine); }};
         };
         return std::vector<Sample>{
             sample({7}, {0}),       sample({3, 5}, {1}),    sample({3, 5}, {0}),
             sample({3, 5}, {0, 1}), sample({2, 3, 5}, {1}), sample({2, 3, 5}, {0, 2}),
             sample({1}, {0}),       sample({3}, {}),        sample({2, 67}, {1}),
             sample({67, 2}, {0}),   sample({0, 3}, {1}),    sample({2, 0}, {1})};
       }});
}

static double lowest(DType dtype) {
  if (dtype == DType::I1 || runtime::isUnsigned(dtype)) return 0;
  return runtime::isFloat(dtype) ? -INFINITY : -std::exp2(8 * runtime::dtypeBytes(dtype) - 1);
}
static double highest(DType dtype) {
  if (dtype == DType::I1) return 1;
  int digits = 8 * runtime::dtypeBytes(dtype) - !runtime::isUnsigned(dtype);
  return runtime::isFloat(dtype) ? INFINITY : std::exp2(digits) - 1;
}

static void addReductions(std::vector<Row> &rows) {
  Range any{-2, 2}, distinct{-2, 2, Range::Equals}, nearOne{0.8, 1.2}, small{-9, 9};
  auto constant = [](double value) { return [=](DType) { return value; }; };
  reduction<ir::ReduceSumOp>(rows, kNumeric, any, small, constant(0),
                             [](double a, double b) { return a + b; });
  reduction<ir::ReduceProdOp>(rows, kNumeric, nearOne, {-1, 1}, constant(1),
                              [](double a, double b) { return a * b; });
  reduction<ir::ReduceMaxOp>(rows, kNumeric, distinct, small, lowest,
                             [](double a, double b) { return a < b ? b : a; });
  reduction<ir::ReduceMinOp>(rows, kNumeric, distinct, small, highest,
                             [](double a, double b) { return b < a ? b : a; });
  auto allOnes = [](DType dtype) { return dtype == DType::I1 ? 1.0 : -1.0; };
  reduction<ir::ReduceAndOp>(rows, kBitwise, any, small, allOnes,
                             [](double a, double b) { return double(int64_t(a) & int64_t(b)); });
  reduction<ir::ReduceOrOp>(rows, kBitwise, any, small, constant(0),
                            [](double a, double b) { return double(int64_t(a) | int64_t(b)); });
}

/// `sign` is -1 for the smallest.
template <class OpT> static void addArg(std::vector<Row> &rows, double sign) {
  rows.push_back(
      {OpT::getOperationName().str(), kNumeric, [=](DType dtype) {
         auto sample = [=](Dims shape, int64_t dim) {
           return Sample{
               shapeName(shape) + " dim " + std::to_string(dim),
               {{dtype, shape,
                 runtime::isFloat(dtype) ? Range{-2, 2, Range::Equals} : Range{-2, 2}}},
               single([=](auto &b, auto loc, auto x) { return OpT::create(b, loc, x[0], dim); }),
               [=](const Plains &x) {
                 Dims kept = shape;
                 kept.erase(kept.begin() + dim);
                 return Plains{Plain::make(kept, [&](Dims index) {
                   index.insert(index.begin() + dim, 0);
                   int64_t best = 0;
                   double extreme = sign * x[0].at(index);
                   for (int64_t k = shape[dim] - 1; k >= 0; --k) {
                     index[dim] = k;
                     double value = sign * x[0].at(index);
                     if (value >= extreme) extreme = value, best = k;
                   }
                   return best;
                 })};
               }};
         };
         return std::vector<Sample>{sample({7}, 0),     sample({3, 5}, 0), sample({3, 5}, 1),
                                    sample({2, 67}, 1), sample({1}, 0),    sample({0, 3}, 1)};
       }});
}

namespace {
struct DotDims {
  Dims lhs, rhs, lhsBatch, rhsBatch, lhsContract, rhsContract;
};
} // namespace

static Plains dot(const Plain &lhs, const Plain &rhs, const DotDims &d) {
  Dims shape, inner, lhsFree, rhsFree;
  for (int64_t k : d.lhsBatch) shape.push_back(d.lhs[k]);
  for (size_t k = 0; k < d.lhs.size(); ++k)
    if (!contains(d.lhsBatch, k) && !contains(d.lhsContract, k))
      lhsFree.push_back(k), shape.push_back(d.lhs[k]);
  for (size_t k = 0; k < d.rhs.size(); ++k)
    if (!contains(d.rhsBatch, k) && !contains(d.rhsContract, k))
      rhsFree.push_back(k), shape.push_back(d.rhs[k]);
  for (int64_t k : d.lhsContract) inner.push_back(d.lhs[k]);
  return {Plain::make(shape, [&](const Dims &outer) {
    double total = 0;
    each(inner, [&](const Dims &in) {
      Dims l(d.lhs.size()), r(d.rhs.size());
      size_t at = 0;
      for (size_t k = 0; k < d.lhsBatch.size(); ++k)
        l[d.lhsBatch[k]] = r[d.rhsBatch[k]] = outer[at++];
      for (int64_t k : lhsFree) l[k] = outer[at++];
      for (int64_t k : rhsFree) r[k] = outer[at++];
      for (size_t k = 0; k < in.size(); ++k) l[d.lhsContract[k]] = r[d.rhsContract[k]] = in[k];
      total += lhs.at(l) * rhs.at(r);
    });
    return total;
  })};
}

static void addDot(std::vector<Row> &rows) {
  rows.push_back({"weir.dot", kNumeric, [](DType dtype) {
                    auto sample = [=](const char *name, DotDims d) {
                      return Sample{
                          name,
                          {{dtype, d.lhs, rangeFor(dtype)}, {dtype, d.rhs, rangeFor(dtype)}},
                          single([=](auto &b, auto loc, auto x) {
                            return ir::DotOp::create(b, loc, x[0], x[1], d.lhsBatch, d.rhsBatch,
                                                     d.lhsContract, d.rhsContract);
                          }),
                          [=](const Plains &x) { return dot(x[0], x[1], d); }};
                    };
                    return std::vector<Sample>{
                        sample("matmul", {{3, 5}, {5, 7}, {}, {}, {1}, {0}}),
                        sample("rhs transposed", {{3, 5}, {7, 5}, {}, {}, {1}, {1}}),
                        sample("lhs transposed", {{5, 3}, {5, 7}, {}, {}, {0}, {0}}),
                        sample("batched", {{2, 3, 5}, {2, 5, 7}, {0}, {0}, {2}, {1}}),
                        sample("heads", {{2, 3, 4, 5}, {2, 6, 4, 5}, {0, 2}, {0, 2}, {3}, {3}}),
                        sample("two contracted", {{2, 3, 5}, {5, 3, 4}, {}, {}, {1, 2}, {1, 0}}),
                        sample("matrix by vector", {{3, 5}, {5}, {}, {}, {1}, {0}}),
                        sample("vector by matrix", {{5}, {5, 3}, {}, {}, {0}, {0}}),
                        sample("inner", {{67}, {67}, {}, {}, {0}, {0}}),
                        sample("outer", {{3}, {5}, {}, {}, {}, {}}),
                        sample("batched inner", {{3, 5}, {3, 5}, {0}, {0}, {1}, {1}}),
                        sample("wider than a tile", {{13, 17}, {17, 71}, {}, {}, {1}, {0}}),
                        sample("ones", {{1, 1}, {1, 1}, {}, {}, {1}, {0}}),
                        sample("nothing contracted over", {{3, 0}, {0, 2}, {}, {}, {1}, {0}}),
                        sample("no rows", {{0, 3}, {3, 2}, {}, {}, {1}, {0}}),
                    };
                  }});
}

void addReductionRows(std::vector<Row> &rows) {
  addReductions(rows);
  addArg<ir::ArgmaxOp>(rows, 1);
  addArg<ir::ArgminOp>(rows, -1);
  addDot(rows);
}

} // namespace weir::testing
