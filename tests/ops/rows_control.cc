// Control flow: regions that close over outer values, loops of every kind of operand, calls and
// launches. Derivative requests are rows of their own kind: they are resolved by autodiff before
// they have a value.
#include "tests/ops/op_table.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <cmath>

namespace weir::testing {

using runtime::DType;
using Dims = std::vector<int64_t>;
using mlir::Value;
using Values = llvm::SmallVector<Value>;

static mlir::ModuleOp moduleAround(mlir::OpBuilder &b) {
  return b.getBlock()->getParentOp()->getParentOfType<mlir::ModuleOp>();
}

/// Adds the function x, y -> x·y + x beside the one that is being built.
static void addCallee(mlir::OpBuilder &b, mlir::ValueRange x, llvm::StringRef name) {
  addFunction(moduleAround(b), name, x.getTypes(), [](auto &b, auto loc, auto x) -> Values {
    return {ir::AddOp::create(b, loc, ir::MulOp::create(b, loc, x[0], x[1]), x[0])};
  });
}

/// Adds the rule of x·y + x: x, y, dx, dy -> x·y + x, dx·(y + 1) + x·dy.
static void addRule(mlir::OpBuilder &b, mlir::ValueRange x, llvm::StringRef name) {
  llvm::SmallVector<mlir::Type> types(4, x[0].getType());
  addFunction(moduleAround(b), name, types, [](auto &b, auto loc, auto x) -> Values {
    Value value = ir::AddOp::create(b, loc, ir::MulOp::create(b, loc, x[0], x[1]), x[0]);
    Value ofX = ir::AddOp::create(b, loc, ir::MulOp::create(b, loc, x[2], x[1]), x[2]);
    return {value, ir::AddOp::create(b, loc, ofX, ir::MulOp::create(b, loc, x[0], x[3]))};
  });
}

/// Adds @forward and @backward of x·y + x; the residuals are x and y.
static void addForwardAndBackward(mlir::OpBuilder &b, mlir::ValueRange x) {
  llvm::SmallVector<mlir::Type> types(3, x[0].getType());
  addFunction(moduleAround(b), "forward", x.getTypes(), [](auto &b, auto loc, auto x) -> Values {
    return {ir::AddOp::create(b, loc, ir::MulOp::create(b, loc, x[0], x[1]), x[0]), x[0], x[1]};
  });
  addFunction(moduleAround(b), "backward", types, [](auto &b, auto loc, auto x) -> Values {
    return {ir::AddOp::create(b, loc, ir::MulOp::create(b, loc, x[2], x[1]), x[2]),
            ir::MulOp::create(b, loc, x[2], x[0])};
  });
}

static Plains callee(const Plains &x) {
  Plain y = x[0];
  for (size_t k = 0; k < y.values.size(); ++k) y.values[k] = x[0].values[k] * (x[1].values[k] + 1);
  return {y};
}

static std::vector<Sample> onTwo(DType dtype, const Body &body, const Reference &reference) {
  std::vector<Sample> samples;
  for (const Dims &shape : {Dims{}, Dims{7}, Dims{3, 5}})
    samples.push_back({shapeName(shape),
                       {{dtype, shape, rangeFor(dtype)}, {dtype, shape, rangeFor(dtype)}},
                       body,
                       reference});
  return samples;
}

static void addCalls(std::vector<Row> &rows) {
  rows.push_back(
      {"weir.call", kNumeric, [](DType dtype) {
         return onTwo(
             dtype,
             [](auto &b, auto loc, mlir::ValueRange x) -> Values {
               addCallee(b, x, "callee");
               return ir::CallOp::create(b, loc, x[0].getType(), "callee", x)->getResults();
             },
             callee);
       }});
  rows.push_back({"weir.barrier", kAny, [](DType dtype) {
                    return onTwo(
                        dtype,
                        [](auto &b, auto loc, mlir::ValueRange x) -> Values {
                          return ir::BarrierOp::create(b, loc, x)->getResults();
                        },
                        [](const Plains &x) { return x; });
                  }});
}

static void addLaunch(std::vector<Row> &rows) {
  auto samples = [](DType dtype) {
    return onTwo(
        dtype,
        [](auto &b, auto loc, mlir::ValueRange x) -> Values {
          addCallee(b, x, "kernel");
          moduleAround(b).lookupSymbol("kernel")->setAttr(ir::kKernelAttr, b.getStringAttr("loop"));
          return ir::LaunchOp::create(b, loc, x[0].getType(), "kernel", x)->getResults();
        },
        callee);
  };
  rows.push_back({"weir.launch", kNumeric, samples, Row::Kernels});
}

/// x·y + x with derivatives of the user's own: the same derivatives, and the opaque op that has no
/// value.
static void addCustomCalls(std::vector<Row> &rows) {
  rows.push_back({"weir.custom_jvp", kFloats, [](DType dtype) {
                    return onTwo(
                        dtype,
                        [](auto &b, auto loc, mlir::ValueRange x) -> Values {
                          addCallee(b, x, "callee");
                          addRule(b, x, "rule");
                          return ir::CustomJvpOp::create(b, loc, x[0].getType(), "callee", "rule",
                                                         x)
                              ->getResults();
                        },
                        callee);
                  }});
  rows.push_back({"weir.custom_vjp", kFloats, [](DType dtype) {
                    return onTwo(
                        dtype,
                        [](auto &b, auto loc, mlir::ValueRange x) -> Values {
                          addCallee(b, x, "callee");
                          addForwardAndBackward(b, x);
                          return ir::CustomVjpOp::create(b, loc, x[0].getType(), "callee",
                                                         "forward", "backward", x)
                              ->getResults();
                        },
                        callee);
                  }});
  rows.push_back({"weir.custom_linear", kFloats,
                  [](DType dtype) {
                    return onTwo(
                        dtype,
                        [](auto &b, auto loc, mlir::ValueRange x) -> Values {
                          addForwardAndBackward(b, x);
                          return ir::CustomLinearOp::create(b, loc, x[0].getType(), "backward", x,
                                                            x)
                              ->getResults();
                        },
                        nullptr);
                  },
                  Row::Derivative});
}

/// sin(x)·y over the second dim of x and the first of the result; y is the same for all slices.
static void addVmap(std::vector<Row> &rows) {
  auto samples = [](DType dtype) {
    Sample sample{"[3,5]", {{dtype, {3, 5}, {-2, 2}}, {dtype, {3}, {-2, 2}}}, nullptr, nullptr};
    sample.build = [](auto &b, auto loc, mlir::ValueRange x) -> Values {
      auto slice = mlir::cast<mlir::RankedTensorType>(x[1].getType());
      mlir::Type types[] = {slice, slice};
      addFunction(moduleAround(b), "callee", types, [](auto &b, auto loc, auto x) -> Values {
        return {ir::MulOp::create(b, loc, ir::SinOp::create(b, loc, x[0]), x[1])};
      });
      return ir::VmapOp::create(b, loc, slice.clone({5, 3}), "callee", x, Dims{1, -1}, Dims{0})
          ->getResults();
    };
    sample.reference = [](const Plains &x) {
      return Plains{Plain::make({5, 3}, [&](const Dims &i) {
        return std::sin(x[0].at({i[1], i[0]})) * x[1].at({i[1]});
      })};
    };
    return std::vector<Sample>{sample};
  };
  rows.push_back({"weir.vmap", kFloats, samples, Row::Derivative});
}

/// Of x·y + x at (x, y): the tangent is dx·(y + 1) + x·dy, the cotangents are ct·(y + 1) and ct·x.
/// wrt = both.
static void addDerivativeRequests(std::vector<Row> &rows) {
  auto jvp = [](DType dtype) {
    std::vector<Sample> samples = onTwo(
        dtype,
        [](auto &b, auto loc, mlir::ValueRange x) -> Values {
          addCallee(b, x.take_front(2), "callee");
          mlir::Type type = x[0].getType();
          return ir::JvpOp::create(b, loc, mlir::TypeRange{type, type}, "callee", x, Dims{0, 1})
              ->getResults();
        },
        [](const Plains &x) {
          Plain tangent = x[0];
          for (size_t k = 0; k < tangent.values.size(); ++k)
            tangent.values[k] =
                x[2].values[k] * (x[1].values[k] + 1) + x[0].values[k] * x[3].values[k];
          return Plains{callee(x)[0], tangent};
        });
    for (Sample &sample : samples) sample.args.insert(sample.args.end(), 2, sample.args[0]);
    return samples;
  };
  auto vjp = [](DType dtype) {
    std::vector<Sample> samples = onTwo(
        dtype,
        [](auto &b, auto loc, mlir::ValueRange x) -> Values {
          addCallee(b, x.take_front(2), "callee");
          mlir::Type type = x[0].getType();
          return ir::VjpOp::create(b, loc, mlir::TypeRange{type, type, type}, "callee", x,
                                   Dims{0, 1})
              ->getResults();
        },
        [](const Plains &x) {
          Plain ofX = x[0], ofY = x[0];
          for (size_t k = 0; k < ofX.values.size(); ++k) {
            ofX.values[k] = x[2].values[k] * (x[1].values[k] + 1);
            ofY.values[k] = x[2].values[k] * x[0].values[k];
          }
          return Plains{callee(x)[0], ofX, ofY};
        });
    for (Sample &sample : samples) sample.args.push_back(sample.args[0]);
    return samples;
  };
  rows.push_back({"weir.jvp", kFloats, jvp, Row::Derivative});
  rows.push_back({"weir.vjp", kFloats, vjp, Row::Derivative});
}

/// An empty block in each region of `op`, with arguments of `types`; runs `fill(block arguments)`
/// at its end.
static void fillRegion(mlir::OpBuilder &b, mlir::Location loc, mlir::Region &region,
                       mlir::TypeRange types, const std::function<Values(mlir::ValueRange)> &fill) {
  mlir::OpBuilder::InsertionGuard guard(b);
  mlir::Block *block =
      b.createBlock(&region, {}, types, llvm::SmallVector<mlir::Location>(types.size(), loc));
  ir::YieldOp::create(b, loc, fill(block->getArguments()));
}

static void addIf(std::vector<Row> &rows) {
  rows.push_back(
      {"weir.if", kNumeric, [](DType dtype) {
         std::vector<Sample> samples = onTwo(
             dtype,
             [](auto &b, auto loc, mlir::ValueRange x) -> Values {
               auto op =
                   ir::IfOp::create(b, loc, mlir::TypeRange{x[0].getType(), x[1].getType()}, x[2]);
               fillRegion(b, loc, op->getRegion(0), {}, [&](auto) -> Values {
                 return {ir::MulOp::create(b, loc, x[0], x[1]), x[0]};
               });
               fillRegion(b, loc, op->getRegion(1), {}, [&](auto) -> Values {
                 return {ir::SubOp::create(b, loc, x[0], x[1]), ir::NegOp::create(b, loc, x[1])};
               });
               return op->getResults();
             },
             [](const Plains &x) {
               Plains y = {x[0], x[1]};
               bool taken = x[2].values[0] != 0;
               for (size_t k = 0; k < x[0].values.size(); ++k) {
                 double a = x[0].values[k], b = x[1].values[k];
                 y[0].values[k] = taken ? a * b : a - b;
                 y[1].values[k] = taken ? a : -b;
               }
               return y;
             });
         for (size_t k = 0; k < samples.size(); ++k) samples[k].args.push_back({DType::I1, {}});
         return samples;
       }});
}

/// carry' = carry·k - x; y = carry + x, with `k` from outside the loop.
static Sample scanSample(DType dtype, Dims shape, int64_t trips, bool reverse) {
  Dims stacked = shape;
  stacked.insert(stacked.begin(), trips);
  Range range = runtime::isFloat(dtype) ? Range{-1, 1} : Range{-2, 2};
  auto build = [=](mlir::OpBuilder &b, mlir::Location loc, mlir::ValueRange x) -> Values {
    auto op = ir::ScanOp::create(b, loc, mlir::TypeRange{x[0].getType(), x[1].getType()}, x[0],
                                 x[1], trips, reverse);
    fillRegion(b, loc, op->getRegion(0), {x[0].getType(), x[0].getType()},
               [&](mlir::ValueRange args) -> Values {
                 Value grown = ir::MulOp::create(b, loc, args[0], x[2]);
                 return {ir::SubOp::create(b, loc, grown, args[1]),
                         ir::AddOp::create(b, loc, args[0], args[1])};
               });
    return op->getResults();
  };
  auto reference = [=](const Plains &x) {
    Plains y = {x[0], x[1]};
    size_t n = x[0].values.size();
    for (int64_t t = 0; t < trips; ++t)
      for (size_t k = 0; k < n; ++k) {
        size_t at = (reverse ? trips - 1 - t : t) * n + k;
        y[1].values[at] = y[0].values[k] + x[1].values[at];
        y[0].values[k] = y[0].values[k] * x[2].values[k] - x[1].values[at];
      }
    return y;
  };
  std::string name =
      shapeName(shape) + " trips " + std::to_string(trips) + (reverse ? " reverse" : "");
  return {name,
          {{dtype, shape, range}, {dtype, stacked, range}, {dtype, shape, range}},
          build,
          reference};
}

/// No carries: y[t] = xs[t]²; and no xs: a carry squared `trips` times.
static std::vector<Sample> scanWithoutSome(DType dtype) {
  Range range = runtime::isFloat(dtype) ? Range{-1, 1} : Range{-1, 1};
  auto squares = [](const Plains &x) {
    Plain y = x[0];
    for (double &v : y.values) v *= v;
    return Plains{y};
  };
  auto map = [](mlir::OpBuilder &b, mlir::Location loc, mlir::ValueRange x) -> Values {
    auto stacked = mlir::cast<mlir::RankedTensorType>(x[0].getType());
    auto slice =
        mlir::RankedTensorType::get(stacked.getShape().drop_front(), stacked.getElementType());
    auto op =
        ir::ScanOp::create(b, loc, mlir::TypeRange{stacked}, mlir::ValueRange{}, x[0], 5, false);
    fillRegion(b, loc, op->getRegion(0), {slice}, [&](mlir::ValueRange args) -> Values {
      return {ir::MulOp::create(b, loc, args[0], args[0])};
    });
    return op->getResults();
  };
  auto power = [](mlir::OpBuilder &b, mlir::Location loc, mlir::ValueRange x) -> Values {
    auto op = ir::ScanOp::create(b, loc, mlir::TypeRange{x[0].getType()}, x[0], mlir::ValueRange{},
                                 3, false);
    fillRegion(b, loc, op->getRegion(0), {x[0].getType()}, [&](mlir::ValueRange args) -> Values {
      return {ir::MulOp::create(b, loc, args[0], args[0])};
    });
    return op->getResults();
  };
  return {{"no carries", {{dtype, {5, 3}, range}}, map, squares},
          {"no xs", {{dtype, {7}, range}}, power, [=](const Plains &x) {
             return squares(squares(squares(x)));
           }}};
}

static void addScan(std::vector<Row> &rows) {
  rows.push_back({"weir.scan", kNumeric, [](DType dtype) {
                    std::vector<Sample> samples = scanWithoutSome(dtype);
                    for (bool reverse : {false, true})
                      for (int64_t trips : {0, 1, 5}) {
                        samples.push_back(scanSample(dtype, {}, trips, reverse));
                        samples.push_back(scanSample(dtype, {2, 3}, trips, reverse));
                      }
                    return samples;
                  }});
}

/// carry = carry·k - carry, where k comes from outside, `trips` times by a counter that the
/// condition reads.
static Sample whileSample(DType dtype, Dims shape, int64_t trips) {
  Range range = runtime::isFloat(dtype) ? Range{-1, 1} : Range{-2, 2};
  auto build = [=](mlir::OpBuilder &b, mlir::Location loc, mlir::ValueRange x) -> Values {
    auto number = [&](int64_t value) -> Value {
      auto type = mlir::RankedTensorType::get({}, b.getI64Type());
      return ir::ConstantOp::create(b, loc, mlir::DenseElementsAttr::get(type, value));
    };
    Value start = number(0);
    mlir::SmallVector<mlir::Type> types{x[0].getType(), start.getType()};
    auto op = ir::WhileOp::create(b, loc, types, mlir::ValueRange{x[0], start}, 2);
    fillRegion(b, loc, op->getRegion(0), types, [&](mlir::ValueRange args) -> Values {
      return {ir::CompareOp::create(b, loc, args[1], number(trips), ir::CompareDirection::lt)};
    });
    fillRegion(b, loc, op->getRegion(1), types, [&](mlir::ValueRange args) -> Values {
      Value grown = ir::MulOp::create(b, loc, args[0], x[1]);
      return {ir::SubOp::create(b, loc, grown, args[0]),
              ir::AddOp::create(b, loc, args[1], number(1))};
    });
    return {op->getResult(0)};
  };
  auto reference = [=](const Plains &x) {
    Plain y = x[0];
    for (int64_t t = 0; t < trips; ++t)
      for (size_t k = 0; k < y.values.size(); ++k)
        y.values[k] = y.values[k] * x[1].values[k] - y.values[k];
    return Plains{y};
  };
  return {shapeName(shape) + " trips " + std::to_string(trips),
          {{dtype, shape, range}, {dtype, shape, range}},
          build,
          reference};
}

/// s = s·k forwards; r = r + s backwards.
static Sample sweepSample(DType dtype, Dims shape, int64_t trips, int64_t snapshots) {
  Range range = runtime::isFloat(dtype) ? Range{-1, 1} : Range{-2, 2};
  auto build = [=](mlir::OpBuilder &b, mlir::Location loc, mlir::ValueRange x) -> Values {
    auto type = mlir::RankedTensorType::get({}, b.getI64Type());
    Value count = ir::ConstantOp::create(b, loc, mlir::DenseElementsAttr::get(type, trips));
    mlir::SmallVector<mlir::Type> types{x[0].getType(), x[1].getType()};
    auto op = ir::SweepOp::create(b, loc, types, count, x[0], x[1], snapshots);
    fillRegion(b, loc, op->getRegion(0), types[0], [&](mlir::ValueRange args) -> Values {
      return {ir::MulOp::create(b, loc, args[0], x[2])};
    });
    fillRegion(b, loc, op->getRegion(1), types, [&](mlir::ValueRange args) -> Values {
      Value product = ir::MulOp::create(b, loc, args[0], x[2]);
      return {ir::SubOp::create(b, loc, product, args[1])};
    });
    return op->getResults();
  };
  auto reference = [=](const Plains &x) {
    Plain s = x[0], r = x[1];
    std::vector<Plain> states;
    for (int64_t t = 0; t < trips; ++t) {
      states.push_back(s);
      for (size_t k = 0; k < s.values.size(); ++k) s.values[k] *= x[2].values[k];
    }
    for (; !states.empty(); states.pop_back())
      for (size_t k = 0; k < s.values.size(); ++k)
        r.values[k] = states.back().values[k] * x[2].values[k] - r.values[k];
    return Plains{s, r};
  };
  return {shapeName(shape) + " trips " + std::to_string(trips) + " snapshots " +
              std::to_string(snapshots),
          {{dtype, shape, range}, {dtype, shape, range}, {dtype, shape, range}},
          build,
          reference};
}

static void addWhile(std::vector<Row> &rows) {
  rows.push_back({"weir.while", kNumeric, [](DType dtype) {
                    std::vector<Sample> samples;
                    for (int64_t trips : {0, 1, 4})
                      for (const Dims &shape : {Dims{}, Dims{2, 3}})
                        samples.push_back(whileSample(dtype, shape, trips));
                    return samples;
                  }});
  rows.push_back({"weir.sweep", kNumeric, [](DType dtype) {
                    std::vector<Sample> samples;
                    for (int64_t snapshots : {1, 2, 3})
                      for (int64_t trips : {0, 1, 2, 9})
                        samples.push_back(sweepSample(dtype, {3}, trips, snapshots));
                    return samples;
                  }});
}

void addControlRows(std::vector<Row> &rows) {
  addCalls(rows);
  addIf(rows);
  addScan(rows);
  addWhile(rows);
  addLaunch(rows);
  addDerivativeRequests(rows);
  addCustomCalls(rows);
  addVmap(rows);
}

} // namespace weir::testing
