// Layout and creation ops: shapes with 1, primes and 0, and attributes at their ends.
#include "tests/ops/op_table.h"

namespace weir::testing {

using runtime::DType;
using Dims = std::vector<int64_t>;

/// Elements by (result index) -> value, from the first operand.
using From = std::function<double(const Plain &x, const Dims &index)>;

static Reference makes(Dims shape, From from) {
  return [=](const Plains &x) {
    return Plains{Plain::make(shape, [&](const Dims &index) { return from(x[0], index); })};
  };
}

static void addBroadcast(std::vector<Row> &rows) {
  rows.push_back({"weir.broadcast", kAny, [](DType dtype) {
                    auto sample = [=](Dims from, Dims shape, Dims dims) {
                      return Sample{shapeName(from) + "->" + shapeName(shape),
                                    {{dtype, from, rangeFor(dtype)}},
                                    single([=](auto &b, auto loc, auto x) {
                                      return ir::BroadcastOp::create(b, loc, x[0], shape, dims);
                                    }),
                                    makes(shape, [=](const Plain &x, const Dims &index) {
                                      Dims at;
                                      for (int64_t d : dims) at.push_back(index[d]);
                                      return x.at(at);
                                    })};
                    };
                    return std::vector<Sample>{sample({}, {}, {}),
                                               sample({}, {2, 3}, {}),
                                               sample({5}, {3, 5}, {1}),
                                               sample({5}, {5, 3}, {0}),
                                               sample({2, 3}, {2, 7, 3}, {0, 2}),
                                               sample({1}, {1, 131}, {0}),
                                               sample({0}, {0, 3}, {0}),
                                               sample({3}, {0, 3}, {1})};
                  }});
}

static void addReshape(std::vector<Row> &rows) {
  rows.push_back({"weir.reshape", kAny, [](DType dtype) {
                    auto sample = [=](Dims from, Dims shape) {
                      return Sample{shapeName(from) + "->" + shapeName(shape),
                                    {{dtype, from, rangeFor(dtype)}},
                                    single([=](auto &b, auto loc, auto x) {
                                      return ir::ReshapeOp::create(b, loc, x[0], shape);
                                    }),
                                    [=](const Plains &x) { return Plains{{shape, x[0].values}}; }};
                    };
                    return std::vector<Sample>{sample({}, {1, 1}),         sample({6}, {2, 3}),
                                               sample({4, 9}, {6, 6}),     sample({1}, {}),
                                               sample({2, 7, 3}, {14, 3}), sample({0, 3}, {5, 0})};
                  }});
}

static void addTranspose(std::vector<Row> &rows) {
  rows.push_back(
      {"weir.transpose", kAny, [](DType dtype) {
         auto sample = [=](Dims from, Dims permutation) {
           Dims shape;
           for (int64_t d : permutation) shape.push_back(from[d]);
           return Sample{shapeName(from) + " by " + shapeName(permutation),
                         {{dtype, from, rangeFor(dtype)}},
                         single([=](auto &b, auto loc, auto x) {
                           return ir::TransposeOp::create(b, loc, x[0], permutation);
                         }),
                         makes(shape, [=](const Plain &x, const Dims &index) {
                           Dims at(index.size());
                           for (size_t d = 0; d < index.size(); ++d) at[permutation[d]] = index[d];
                           return x.at(at);
                         })};
         };
         return std::vector<Sample>{
             sample({}, {}),         sample({3, 5}, {1, 0}),   sample({2, 3, 7}, {2, 0, 1}),
             sample({1, 5}, {1, 0}), sample({17, 33}, {1, 0}), sample({2, 1, 3, 5}, {0, 2, 1, 3}),
             sample({0, 3}, {1, 0})};
       }});
}

static void addSlice(std::vector<Row> &rows) {
  rows.push_back({"weir.slice", kAny, [](DType dtype) {
                    auto sample = [=](Dims from, Dims starts, Dims limits, Dims strides) {
                      Dims shape;
                      for (size_t d = 0; d < from.size(); ++d)
                        shape.push_back((limits[d] - starts[d] + strides[d] - 1) / strides[d]);
                      return Sample{shapeName(from) + " " + shapeName(starts) + ":" +
                                        shapeName(limits) + ":" + shapeName(strides),
                                    {{dtype, from, rangeFor(dtype)}},
                                    single([=](auto &b, auto loc, auto x) {
                                      return ir::SliceOp::create(b, loc, x[0], starts, limits,
                                                                 strides);
                                    }),
                                    makes(shape, [=](const Plain &x, Dims index) {
                                      for (size_t d = 0; d < index.size(); ++d)
                                        index[d] = starts[d] + index[d] * strides[d];
                                      return x.at(index);
                                    })};
                    };
                    return std::vector<Sample>{sample({}, {}, {}, {}),
                                               sample({7}, {0}, {7}, {1}),
                                               sample({7}, {1}, {6}, {2}),
                                               sample({3, 5}, {1, 2}, {3, 5}, {1, 1}),
                                               sample({5, 41}, {0, 3}, {5, 39}, {2, 3}),
                                               sample({4}, {2}, {2}, {1})};
                  }});
}

static void addPad(std::vector<Row> &rows) {
  rows.push_back(
      {"weir.pad", kAny, [](DType dtype) {
         auto sample = [=](Dims from, Dims low, Dims high, Dims interior) {
           Dims shape;
           for (size_t d = 0; d < from.size(); ++d)
             shape.push_back(low[d] + high[d] + from[d] +
                             std::max<int64_t>(from[d] - 1, 0) * interior[d]);
           return Sample{
               shapeName(from) + " " + shapeName(low) + shapeName(high) + shapeName(interior),
               {{dtype, from, rangeFor(dtype)}, {dtype, {}, rangeFor(dtype)}},
               single([=](auto &b, auto loc, auto x) {
                 return ir::PadOp::create(b, loc, x[0], x[1], low, high, interior);
               }),
               [=](const Plains &x) {
                 return Plains{Plain::make(shape, [&](Dims index) {
                   for (size_t d = 0; d < index.size(); ++d) {
                     int64_t at = index[d] - low[d];
                     if (at < 0 || at % (interior[d] + 1) || at / (interior[d] + 1) >= from[d])
                       return x[1].values[0];
                     index[d] = at / (interior[d] + 1);
                   }
                   return x[0].at(index);
                 })};
               }};
         };
         return std::vector<Sample>{sample({}, {}, {}, {}),
                                    sample({5}, {2}, {0}, {0}),
                                    sample({5}, {1}, {2}, {1}),
                                    sample({3, 5}, {0, 1}, {2, 0}, {2, 0}),
                                    sample({2, 13}, {1, 3}, {1, 5}, {0, 1}),
                                    sample({0}, {1}, {2}, {1})};
       }});
}

static void addConcatenateAndReverse(std::vector<Row> &rows) {
  rows.push_back(
      {"weir.concatenate", kAny, [](DType dtype) {
         auto sample = [=](Dims shape, size_t dim, Dims sizes) {
           Sample s{"dim " + std::to_string(dim) + " sizes " + shapeName(sizes), {}, {}, {}};
           Dims starts;
           int64_t total = 0;
           for (int64_t size : sizes) {
             shape[dim] = size;
             s.args.push_back({dtype, shape, rangeFor(dtype)});
             starts.push_back(total);
             total += size;
           }
           shape[dim] = total;
           s.build = single([=](auto &b, auto loc, auto x) {
             return ir::ConcatenateOp::create(b, loc, x, dim);
           });
           s.reference = [=](const Plains &x) {
             return Plains{Plain::make(shape, [&](Dims index) {
               size_t k = x.size() - 1;
               while (index[dim] < starts[k]) --k;
               index[dim] -= starts[k];
               return x[k].at(index);
             })};
           };
           return s;
         };
         return std::vector<Sample>{
             sample({0}, 0, {3}),       sample({0}, 0, {1, 4, 2}),        sample({3, 0}, 1, {2, 5}),
             sample({0, 5}, 0, {2, 1}), sample({2, 0, 3}, 1, {1, 17, 1}), sample({0}, 0, {0, 3})};
       }});
  rows.push_back({"weir.reverse", kAny, [](DType dtype) {
                    auto sample = [=](Dims shape, Dims dims) {
                      return Sample{shapeName(shape) + " dims " + shapeName(dims),
                                    {{dtype, shape, rangeFor(dtype)}},
                                    single([=](auto &b, auto loc, auto x) {
                                      return ir::ReverseOp::create(b, loc, x[0], dims);
                                    }),
                                    makes(shape, [=](const Plain &x, Dims index) {
                                      for (int64_t d : dims) index[d] = shape[d] - 1 - index[d];
                                      return x.at(index);
                                    })};
                    };
                    return std::vector<Sample>{sample({7}, {0}),     sample({3, 5}, {0}),
                                               sample({3, 37}, {1}), sample({2, 3, 5}, {0, 2}),
                                               sample({3}, {}),      sample({0, 2}, {0})};
                  }});
}

/// Distinct values of a dtype for constants: 0, 1, ...
static mlir::DenseElementsAttr counting(mlir::MLIRContext *context, const Arg &arg) {
  mlir::RankedTensorType type = tensorType(context, arg);
  llvm::SmallVector<mlir::Attribute> values;
  mlir::Builder b(context);
  for (int64_t k = 0; k < type.getNumElements(); ++k)
    values.push_back(
        runtime::isFloat(arg.dtype)
            ? mlir::Attribute(b.getFloatAttr(type.getElementType(), k))
            : b.getIntegerAttr(type.getElementType(), arg.dtype == DType::I1 ? k % 2 : k));
  return mlir::DenseElementsAttr::get(type, values);
}

static void addCreation(std::vector<Row> &rows) {
  rows.push_back({"weir.constant", kAny, [](DType dtype) {
                    std::vector<Sample> samples;
                    for (const Dims &shape : {Dims{}, Dims{1}, Dims{2, 3}, Dims{131}, Dims{0, 2}})
                      samples.push_back({shapeName(shape),
                                         {},
                                         single([=](auto &b, auto loc, auto) {
                                           return ir::ConstantOp::create(
                                               b, loc, counting(b.getContext(), {dtype, shape}));
                                         }),
                                         [=](const Plains &) {
                                           double next = 0;
                                           return Plains{Plain::make(shape, [&](const Dims &) {
                                             double value = next++;
                                             return dtype == DType::I1 ? double(int(value) % 2)
                                                                       : value;
                                           })};
                                         }});
                    return samples;
                  }});
  rows.push_back({"weir.iota", kNumeric, [](DType dtype) {
                    auto sample = [=](Dims shape, int64_t dim) {
                      return Sample{
                          shapeName(shape) + " dim " + std::to_string(dim),
                          {},
                          single([=](auto &b, auto loc, auto) {
                            return ir::IotaOp::create(b, loc, shape, dim,
                                                      ir::elementTypeOf(b.getContext(), dtype));
                          }),
                          [=](const Plains &) {
                            return Plains{
                                Plain::make(shape, [=](const Dims &index) { return index[dim]; })};
                          }};
                    };
                    return std::vector<Sample>{sample({7}, 0), sample({3, 5}, 0),
                                               sample({3, 67}, 1), sample({1}, 0), sample({0}, 0)};
                  }});
  rows.push_back({"weir.undef", kAny, [](DType dtype) { // Nothing may read it: a window covers it.
                    auto build = [=](auto &b, auto loc, auto x) {
                      mlir::Type element = ir::elementTypeOf(b.getContext(), dtype);
                      mlir::Value undefined = ir::UndefOp::create(b, loc, Dims{3}, element);
                      return ir::DynamicUpdateSliceOp::create(b, loc, undefined, x[0], x[1]);
                    };
                    Reference reference = [](const Plains &x) { return Plains{x[0]}; };
                    std::vector<Arg> args = {{dtype, {3}, rangeFor(dtype)}, {DType::I32, {}}};
                    return std::vector<Sample>{{"[3]", args, single(build), reference}};
                  }});
}

void addLayoutRows(std::vector<Row> &rows) {
  addBroadcast(rows);
  addReshape(rows);
  addTranspose(rows);
  addSlice(rows);
  addPad(rows);
  addConcatenateAndReverse(rows);
  addCreation(rows);
}

} // namespace weir::testing
