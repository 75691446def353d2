// gather and the scatters with and without batch dims, dynamic slices, and random bits. Indices run
// out of range on purpose.
#include "tests/ops/op_table.h"

namespace weir::testing {

using runtime::DType;
using Dims = std::vector<int64_t>;

namespace {

/// Shapes of one gather or scatter, and how an index of the picked value splits.
struct Take {
  Dims operand, indices;
  int64_t dim, batchDims;
  DType indexDType = DType::I32;

  Dims picked() const {
    Dims dims(operand.begin(), operand.begin() + dim);
    dims.insert(dims.end(), indices.begin() + batchDims, indices.end());
    dims.insert(dims.end(), operand.begin() + dim + 1, operand.end());
    return dims;
  }
  /// What `indices` says at `index` of the picked value.
  double position(const Plain &where, const Dims &index) const {
    Dims at(index.begin(), index.begin() + batchDims);
    at.insert(at.end(), index.begin() + dim, index.begin() + dim + indices.size() - batchDims);
    return where.at(at);
  }
  Dims source(const Dims &index, int64_t position) const {
    Dims at(index.begin(), index.begin() + dim);
    at.push_back(position);
    at.insert(at.end(), index.begin() + dim + indices.size() - batchDims, index.end());
    return at;
  }
  std::string name() const {
    return shapeName(operand) + " by " + std::string(runtime::dtypeName(indexDType)) +
           shapeName(indices) + " dim " + std::to_string(dim) + " batch " +
           std::to_string(batchDims);
  }
};

} // namespace

static std::vector<Take> takes() {
  return {
      {{5}, {3}, 0, 0},       {{5, 3}, {4}, 0, 0},          {{5, 3}, {2, 4}, 0, 0, DType::I64},
      {{3, 5}, {2}, 1, 0},    {{3, 5}, {}, 1, 0},           {{3, 5}, {3}, 1, 1},
      {{3, 5}, {3, 2}, 1, 1}, {{2, 3, 5, 2}, {2, 4}, 2, 1}, {{7, 67}, {13}, 0, 0, DType::I64},
      {{1, 3}, {2}, 0, 0},    {{4, 3}, {0}, 0, 0},          {{2, 3, 4}, {2, 3}, 2, 2},
  };
}

static Arg indicesOf(const Take &take) {
  return {take.indexDType, take.indices, {-1, double(take.operand[take.dim])}};
}

static void addTakes(std::vector<Row> &rows) {
  rows.push_back({"weir.gather", kAny, [](DType dtype) {
                    std::vector<Sample> samples;
                    for (const Take &take : takes())
                      samples.push_back(
                          {take.name(),
                           {{dtype, take.operand, rangeFor(dtype)}, indicesOf(take)},
                           single([=](auto &b, auto loc, auto x) {
                             return ir::GatherOp::create(b, loc, x[0], x[1], take.dim,
                                                         take.batchDims);
                           }),
                           [=](const Plains &x) {
                             return Plains{Plain::make(take.picked(), [&](const Dims &index) {
                               double last = take.operand[take.dim] - 1;
                               double position = std::clamp(take.position(x[1], index), 0.0, last);
                               return x[0].at(take.source(index, position));
                             })};
                           }});
                    return samples;
                  }});
}

/// Operands and updates from `range` where they are floats; `meet` takes an update into what was
/// there.
template <class OpT>
static void addScatter(std::vector<Row> &rows, const std::vector<DType> &dtypes, Range range,
                       double (*meet)(double, double)) {
  rows.push_back({OpT::getOperationName().str(), dtypes, [=](DType dtype) {
                    std::vector<Sample> samples;
                    for (const Take &take : takes())
                      samples.push_back(
                          {take.name(),
                           {{dtype, take.operand, rangeFor(dtype, range)},
                            indicesOf(take),
                            {dtype, take.picked(), rangeFor(dtype, range)}},
                           single([=](auto &b, auto loc, auto x) {
                             return OpT::create(b, loc, x[0], x[1], x[2], take.dim, take.batchDims);
                           }),
                           [=](const Plains &x) { // every element looks for its own updates
                             return Plains{Plain::make(take.operand, [&](const Dims &at) {
                               double total = x[0].at(at);
                               Plain::make(take.picked(), [&](const Dims &index) {
                                 double position = take.position(x[1], index);
                                 if (position == at[take.dim] && take.source(index, position) == at)
                                   total = meet(total, x[2].at(index));
                                 return 0.0;
                               });
                               return total;
                             })};
                           }});
                    return samples;
                  }});
}

static void addScatters(std::vector<Row> &rows) {
  Range any{-2, 2}, distinct{-2, 2, Range::Equals};
  addScatter<ir::ScatterAddOp>(rows, kNumeric, any, [](double a, double b) { return a + b; });
  addScatter<ir::ScatterMulOp>(rows, kNumeric, {-1.5, 1.5},
                               [](double a, double b) { return a * b; });
  addScatter<ir::ScatterMaxOp>(rows, kNumeric, distinct,
                               [](double a, double b) { return a < b ? b : a; });
  addScatter<ir::ScatterMinOp>(rows, kNumeric, distinct,
                               [](double a, double b) { return b < a ? b : a; });
  addScatter<ir::ScatterSetOp>(rows, kAny, any, [](double, double b) { return b; });
}

/// The start of a window along each dim, clamped; starts are inputs `first`, `first`+1, ...
static Dims clampedStarts(const Plains &x, size_t first, const Dims &shape, const Dims &sizes) {
  Dims starts;
  for (size_t d = 0; d < shape.size(); ++d)
    starts.push_back(std::clamp<double>(x[first + d].values[0], 0, shape[d] - sizes[d]));
  return starts;
}

static void addStarts(Sample &sample, const Dims &shape, DType dtype) {
  for (int64_t size : shape) sample.args.push_back({dtype, {}, {-1, double(size)}});
}

static void addDynamicSlices(std::vector<Row> &rows) {
  rows.push_back(
      {"weir.dynamic_slice", kAny, [](DType dtype) {
         auto sample = [=](Dims shape, Dims sizes, DType starts) {
           Sample s{shapeName(shape) + " sizes " + shapeName(sizes),
                    {{dtype, shape, rangeFor(dtype)}},
                    single([=](auto &b, auto loc, auto x) {
                      return ir::DynamicSliceOp::create(b, loc, x[0], x.drop_front(), sizes);
                    }),
                    [=](const Plains &x) {
                      Dims start = clampedStarts(x, 1, shape, sizes);
                      return Plains{Plain::make(sizes, [&](Dims index) {
                        for (size_t d = 0; d < index.size(); ++d) index[d] += start[d];
                        return x[0].at(index);
                      })};
                    }};
           addStarts(s, shape, starts);
           return s;
         };
         return std::vector<Sample>{sample({7}, {3}, DType::I32),
                                    sample({3, 5}, {2, 5}, DType::I64), sample({}, {}, DType::I32),
                                    sample({5, 3, 37}, {1, 3, 31}, DType::I32),
                                    sample({4}, {0}, DType::I32)};
       }});
  rows.push_back(
      {"weir.dynamic_update_slice", kAny, [](DType dtype) {
         auto sample = [=](Dims shape, Dims sizes, DType starts) {
           Sample s{shapeName(shape) + " sizes " + shapeName(sizes),
                    {{dtype, shape, rangeFor(dtype)}, {dtype, sizes, rangeFor(dtype)}},
                    single([=](auto &b, auto loc, auto x) {
                      return ir::DynamicUpdateSliceOp::create(b, loc, x[0], x[1], x.drop_front(2));
                    }),
                    [=](const Plains &x) {
                      Dims start = clampedStarts(x, 2, shape, sizes);
                      return Plains{Plain::make(shape, [&](const Dims &index) {
                        Dims at = index;
                        bool inside = true;
                        for (size_t d = 0; d < at.size(); ++d) {
                          at[d] -= start[d];
                          inside &= at[d] >= 0 && at[d] < sizes[d];
                        }
                        return inside ? x[1].at(at) : x[0].at(index);
                      })};
                    }};
           addStarts(s, shape, starts);
           return s;
         };
         return std::vector<Sample>{sample({7}, {3}, DType::I32),
                                    sample({3, 5}, {2, 5}, DType::I64), sample({}, {}, DType::I32),
                                    sample({5, 3, 37}, {1, 3, 31}, DType::I32),
                                    sample({4}, {0}, DType::I32)};
       }});
}

/// Philox itself is checked against its published answers in ir/reference; here the backends
/// against the interpreter.
static void addRandomBits(std::vector<Row> &rows) {
  rows.push_back({"weir.random_bits", {DType::I32}, [](DType dtype) {
                    std::vector<Sample> samples;
                    for (const Dims &shape : {Dims{}, Dims{7}, Dims{3, 5}, Dims{131}, Dims{0}})
                      samples.push_back({shapeName(shape),
                                         {{dtype, {2}, {-1e9, 1e9}}},
                                         single([=](auto &b, auto loc, auto x) {
                                           return ir::RandomBitsOp::create(b, loc, x[0], shape);
                                         }),
                                         nullptr});
                    for (DType at : {DType::I32, DType::I64})
                      samples.push_back({"positions of " + std::string(runtime::dtypeName(at)),
                                         {{dtype, {2}, {-1e9, 1e9}}, {at, {3, 21}, {0, 1e6}}},
                                         single([](auto &b, auto loc, auto x) {
                                           return ir::RandomBitsOp::create(
                                               b, loc, x[0], x[1], llvm::ArrayRef<int64_t>{3, 21});
                                         }),
                                         nullptr});
                    return samples;
                  }});
}

void addIndexingRows(std::vector<Row> &rows) {
  addTakes(rows);
  addScatters(rows);
  addDynamicSlices(rows);
  addRandomBits(rows);
}

} // namespace weir::testing
