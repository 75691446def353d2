// Convolution, unfold and fold: strides, padding and cropping, dilation of either side, windows
// that do not fit. The references visit what is read from the other side than the interpreter.
#include "tests/ops/op_table.h"

namespace weir::testing {

using runtime::DType;
using Dims = std::vector<int64_t>;

namespace {

struct Convolution {
  std::string name;
  Dims lhs, rhs, strides, low, high, lhsDilation, rhsDilation;

  int64_t positions(size_t d) const {
    int64_t dilated = lhs[3 + d] ? (lhs[3 + d] - 1) * lhsDilation[d] + 1 : 0;
    int64_t room = dilated + low[d] + high[d] - (rhs[3 + d] - 1) * rhsDilation[d] - 1;
    return room < 0 || rhs[3 + d] == 0 ? 0 : room / strides[d] + 1;
  }
  Dims result() const {
    Dims dims = {lhs[0], lhs[1], rhs[1]};
    for (size_t d = 0; d < strides.size(); ++d) dims.push_back(positions(d));
    return dims;
  }
};

/// One window along each of `dims`.
struct Window {
  std::string name;
  Dims shape, dims, window, strides, dilations, low, high;

  Dims unfolded() const {
    Dims result = shape;
    for (size_t j = 0; j < dims.size(); ++j) {
      int64_t room = shape[dims[j]] + low[j] + high[j] - (window[j] - 1) * dilations[j] - 1;
      result[dims[j]] = room < 0 ? 0 : room / strides[j] + 1;
    }
    result.insert(result.end(), window.begin(), window.end());
    return result;
  }
  /// The element that `index` of the unfolded tensor shows; false where that is outside.
  bool source(const Dims &index, Dims &at) const {
    at.assign(index.begin(), index.begin() + shape.size());
    for (size_t j = 0; j < dims.size(); ++j) {
      int64_t &i = at[dims[j]];
      i = i * strides[j] + index[shape.size() + j] * dilations[j] - low[j];
      if (i < 0 || i >= shape[dims[j]]) return false;
    }
    return true;
  }
};

} // namespace

static std::vector<Convolution> convolutions() {
  return {
      {"plain", {2, 1, 3, 7}, {1, 4, 3, 3}, {1}, {0}, {0}, {1}, {1}},
      {"strided and padded", {2, 1, 3, 9}, {1, 4, 3, 3}, {2}, {1}, {2}, {1}, {1}},
      {"groups", {2, 3, 2, 6}, {3, 2, 2, 2}, {1}, {1}, {0}, {1}, {1}},
      {"depthwise", {1, 5, 1, 8, 8}, {5, 1, 1, 3, 3}, {1, 2}, {1, 1}, {1, 1}, {1, 1}, {1, 1}},
      {"dilated window", {1, 1, 2, 11}, {1, 3, 2, 3}, {1}, {2}, {2}, {1}, {2}},
      {"transposed", {2, 1, 3, 4}, {1, 2, 3, 3}, {1}, {2}, {2}, {2}, {1}},
      {"cropped", {1, 1, 1, 9}, {1, 1, 1, 2}, {1}, {-2}, {-1}, {1}, {1}},
      {"everything", {2, 2, 3, 5, 4}, {2, 2, 3, 3, 2}, {2, 1}, {1, -1}, {2, 1}, {1, 2}, {2, 3}},
      {"image", {2, 1, 3, 10, 9}, {1, 8, 3, 3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}},
      {"wide image", {1, 1, 4, 12, 33}, {1, 17, 4, 5, 3}, {2, 1}, {2, 1}, {2, 1}, {1, 1}, {1, 1}},
      {"one by one", {2, 1, 8, 4, 4}, {1, 5, 8, 1, 1}, {2, 2}, {0, 0}, {0, 0}, {1, 1}, {1, 1}},
      {"three dims",
       {1, 1, 2, 4, 3, 5},
       {1, 2, 2, 2, 2, 2},
       {1, 1, 2},
       {0, 1, 0},
       {1, 0, 0},
       {1, 1, 1},
       {1, 1, 1}},
      {"no space", {3, 2, 5}, {2, 4, 5}, {}, {}, {}, {}, {}},
      {"does not fit", {1, 1, 1, 2}, {1, 1, 1, 3}, {1}, {0}, {0}, {1}, {1}},
      {"no channels", {1, 1, 0, 4}, {1, 2, 0, 3}, {1}, {0}, {0}, {1}, {1}},
  };
}

/// Every pair of elements goes where its product counts.
static Plains convolve(const Plain &lhs, const Plain &rhs, const Convolution &c) {
  Plain result = Plain::make(c.result(), [](const Dims &) { return 0.0; });
  Plain::make(c.lhs, [&](const Dims &l) {
    Plain::make(c.rhs, [&](const Dims &r) {
      if (l[1] != r[0] || l[2] != r[2]) return 0.0;
      int64_t at = (l[0] * result.dims[1] + l[1]) * result.dims[2] + r[1];
      for (size_t d = 0; d < c.strides.size(); ++d) {
        int64_t scaled = l[3 + d] * c.lhsDilation[d] + c.low[d] - r[3 + d] * c.rhsDilation[d];
        if (scaled < 0 || scaled % c.strides[d] || scaled / c.strides[d] >= result.dims[3 + d])
          return 0.0;
        at = at * result.dims[3 + d] + scaled / c.strides[d];
      }
      result.values[at] += lhs.at(l) * rhs.at(r);
      return 0.0;
    });
    return 0.0;
  });
  return {result};
}

static void addConvolution(std::vector<Row> &rows) {
  rows.push_back({"weir.convolution", kNumeric, [](DType dtype) {
                    std::vector<Sample> samples;
                    for (const Convolution &c : convolutions())
                      samples.push_back(
                          {c.name,
                           {{dtype, c.lhs, rangeFor(dtype)}, {dtype, c.rhs, rangeFor(dtype)}},
                           single([=](auto &b, auto loc, auto x) {
                             return ir::ConvolutionOp::create(b, loc, x[0], x[1], c.strides, c.low,
                                                              c.high, c.lhsDilation, c.rhsDilation);
                           }),
                           [=](const Plains &x) { return convolve(x[0], x[1], c); }});
                    return samples;
                  }});
}

static std::vector<Window> windows() {
  return {
      {"pairs", {7}, {0}, {2}, {1}, {1}, {0}, {0}},
      {"strided and padded", {3, 9}, {1}, {3}, {2}, {1}, {1}, {2}},
      {"dilated", {2, 11}, {1}, {3}, {1}, {3}, {2}, {0}},
      {"cropped", {9, 2}, {0}, {2}, {3}, {1}, {-1}, {-2}},
      {"of an image", {2, 3, 8, 7}, {2, 3}, {3, 2}, {2, 2}, {1, 1}, {1, 0}, {1, 1}},
      {"dims in any order", {5, 2, 7}, {2, 0}, {2, 3}, {1, 3}, {2, 1}, {1, -1}, {0, 2}},
      {"no dims", {3, 4}, {}, {}, {}, {}, {}, {}},
      {"does not fit", {2, 2}, {1}, {3}, {1}, {1}, {0}, {0}},
      {"all padding", {2, 0}, {1}, {2}, {1}, {1}, {1}, {2}},
  };
}

static void addUnfold(std::vector<Row> &rows) {
  rows.push_back({"weir.unfold", kAny, [](DType dtype) {
                    std::vector<Sample> samples;
                    for (const Window &w : windows())
                      samples.push_back(
                          {w.name,
                           {{dtype, w.shape, rangeFor(dtype)}, {dtype, {}, rangeFor(dtype)}},
                           single([=](auto &b, auto loc, auto x) {
                             return ir::UnfoldOp::create(b, loc, x[0], x[1], w.dims, w.window,
                                                         w.strides, w.dilations, w.low, w.high);
                           }),
                           [=](const Plains &x) {
                             return Plains{Plain::make(w.unfolded(), [&](const Dims &index) {
                               Dims at;
                               return w.source(index, at) ? x[0].at(at) : x[1].values[0];
                             })};
                           }});
                    return samples;
                  }});
}

static void addFold(std::vector<Row> &rows) {
  rows.push_back({"weir.fold", kNumeric, [](DType dtype) {
                    std::vector<Sample> samples;
                    for (const Window &w : windows()) {
                      Dims sizes;
                      for (int64_t d : w.dims) sizes.push_back(w.shape[d]);
                      samples.push_back(
                          {w.name,
                           {{dtype, w.unfolded(), rangeFor(dtype)}},
                           single([=](auto &b, auto loc, auto x) {
                             return ir::FoldOp::create(b, loc, x[0], w.dims, sizes, w.strides,
                                                       w.dilations, w.low);
                           }),
                           [=](const Plains &x) { // every window element looks for its place
                             Plain result = Plain::make(w.shape, [](const Dims &) { return 0.0; });
                             Plain::make(w.unfolded(), [&](const Dims &index) {
                               Dims at;
                               if (!w.source(index, at)) return 0.0;
                               int64_t flat = 0;
                               for (size_t d = 0; d < at.size(); ++d)
                                 flat = flat * w.shape[d] + at[d];
                               result.values[flat] += x[0].at(index);
                               return 0.0;
                             });
                             return Plains{result};
                           }});
                    }
                    return samples;
                  }});
}

void addWindowRows(std::vector<Row> &rows) {
  addConvolution(rows);
  addUnfold(rows);
  addFold(rows);
}

} // namespace weir::testing
