// What is made of functions: batches, rules of the user's own, computing again, and the loops that
// are compositions: a while with a bound and a scan by segments.
#include "ir/checkpoint/policy.h"
#include "tests/fuzz/random_graph.h"

namespace weir::testing {

using mlir::Value;
using runtime::DType;
using Types = llvm::SmallVector<mlir::Type>;
using Values = llvm::SmallVector<Value>;

static mlir::RankedTensorType tensor(mlir::Type type) {
  return mlir::cast<mlir::RankedTensorType>(type);
}

static Types floatsOf(llvm::ArrayRef<mlir::Type> types) {
  return llvm::to_vector(llvm::make_filter_range(
      types, [](mlir::Type type) { return runtime::isFloat(dtypeOf(type)); }));
}

static llvm::SmallVector<int64_t> floatArguments(mlir::FunctionType type) {
  llvm::SmallVector<int64_t> indices;
  for (auto [k, input] : llvm::enumerate(type.getInputs()))
    if (runtime::isFloat(dtypeOf(input))) indices.push_back(k);
  return indices;
}

static Types joined(llvm::ArrayRef<mlir::Type> a, llvm::ArrayRef<mlir::Type> b) {
  Types all(a);
  llvm::append_range(all, b);
  return all;
}

static Values argumentsFor(RandomGraph &g, llvm::ArrayRef<mlir::Type> types) {
  return llvm::map_to_vector(types, [&](mlir::Type type) -> Value {
    return g.tamed(g.valueOf(tensor(type)), kInputRange.high).value;
  });
}

static mlir::ArrayAttr anyPolicy(RandomGraph &g) {
  if (g.rng.chance(0.5)) return g.b.getArrayAttr({});
  return g.b.getStrArrayAttr({ir::kSaveDots});
}

static bool checkpoint(RandomGraph &g) {
  mlir::func::FuncOp callee = g.callee();
  if (!callee) return false;
  mlir::FunctionType type = callee.getFunctionType();
  auto call =
      g.op<ir::CallOp>(type.getResults(), callee.getSymName(), argumentsFor(g, type.getInputs()));
  call->setAttr(ir::kCheckpointAttr, anyPolicy(g));
  for (Value result : call->getResults()) g.add(result, 4);
  return true;
}

/// `type` with a dim of `size` at `dim`.
static mlir::RankedTensorType batched(RandomGraph &g, mlir::Type type, int64_t dim, int64_t size) {
  RandomGraph::Dims shape(tensor(type).getShape());
  shape.insert(shape.begin() + dim, size);
  return g.typeOf(shape, dtypeOf(type));
}

/// Every slice along a random dim; some arguments are the same for all slices.
static bool vmap(RandomGraph &g) {
  mlir::func::FuncOp callee = g.callee();
  if (!callee) return false;
  mlir::FunctionType type = callee.getFunctionType();
  const int64_t size = 1 + g.rng.below(3);
  auto isSmall = [&](mlir::Type t) {
    return tensor(t).getNumElements() * size <= kMaxElements && tensor(t).getRank() < 4;
  };
  if (!llvm::all_of(type.getInputs(), isSmall) || !llvm::all_of(type.getResults(), isSmall))
    return false;
  auto anyDim = [&](mlir::Type t) { return g.rng.below(tensor(t).getRank() + 1); };
  llvm::SmallVector<int64_t> inDims, outDims;
  Types inputs, results;
  for (auto [k, input] : llvm::enumerate(type.getInputs())) {
    bool isShared = k > 0 && g.rng.chance(0.3);
    inDims.push_back(isShared ? -1 : anyDim(input));
    inputs.push_back(isShared ? input : batched(g, input, inDims.back(), size));
  }
  for (mlir::Type result : type.getResults()) {
    outDims.push_back(anyDim(result));
    results.push_back(batched(g, result, outDims.back(), size));
  }
  auto op =
      g.op<ir::VmapOp>(results, callee.getSymName(), argumentsFor(g, inputs), inDims, outDims);
  for (Value result : op->getResults()) g.add(result, 4);
  return true;
}

/// A function whose rule is its own derivative, asked for in the rule.
static bool customJvp(RandomGraph &g) {
  mlir::func::FuncOp callee = g.callee();
  if (!callee) return false;
  mlir::FunctionType type = callee.getFunctionType();
  Types inputs = joined(type.getInputs(), floatsOf(type.getInputs())),
        results = joined(type.getResults(), floatsOf(type.getResults()));
  mlir::func::FuncOp rule = g.newFunction("rule", inputs, [&](mlir::ValueRange x) {
    return Values(
        g.op<ir::JvpOp>(results, callee.getSymName(), x, floatArguments(type))->getResults());
  });
  auto op = g.op<ir::CustomJvpOp>(type.getResults(), callee.getSymName(), rule.getSymName(),
                                  argumentsFor(g, type.getInputs()));
  for (Value result : op->getResults()) g.add(result, 4);
  return true;
}

/// The residuals are the arguments; backward asks for the function's own reverse mode.
static bool customVjp(RandomGraph &g) {
  mlir::func::FuncOp callee = g.callee();
  if (!callee || !g.mayHaveReverseRules()) return false;
  mlir::FunctionType type = callee.getFunctionType();
  mlir::func::FuncOp forward = g.newFunction("forward", type.getInputs(), [&](mlir::ValueRange x) {
    Values results(g.op<ir::CallOp>(type.getResults(), callee.getSymName(), x)->getResults());
    llvm::append_range(results, x);
    return results;
  });
  Types inputs = joined(type.getInputs(), floatsOf(type.getResults())),
        cotangents = floatsOf(type.getInputs());
  mlir::func::FuncOp backward = g.newFunction("backward", inputs, [&](mlir::ValueRange x) {
    auto op = g.op<ir::VjpOp>(joined(type.getResults(), cotangents), callee.getSymName(), x,
                              floatArguments(type));
    return Values(op->getResults().take_back(cotangents.size()));
  });
  auto op = g.op<ir::CustomVjpOp>(type.getResults(), callee.getSymName(), forward.getSymName(),
                                  backward.getSymName(), argumentsFor(g, type.getInputs()));
  for (Value result : op->getResults()) g.add(result, 4);
  return true;
}

static std::vector<Known> smallOnes(RandomGraph &g, int64_t count) {
  std::vector<Known> picked;
  for (; count > 0; --count)
    if (auto known = g.pick([](const Known &k) { return k.size() <= 60 && k.rank() < 3; }))
      picked.push_back(*known);
  return picked;
}

static Argument carryOf(const Known &init) {
  return {init.type(), std::max(init.magnitude, 1.0), false};
}

/// A few ops, and what is carried on.
static Values nextCarries(RandomGraph &g, const std::vector<Known> &inits) {
  g.grow(2 + g.rng.below(4));
  return llvm::map_to_vector(
      inits, [&](const Known &init) -> Value { return g.tamed(g.like(init), 1).value; });
}

/// As the frontend makes it: a scan, of which the steps after the last leave the carries as they
/// are.
static bool boundedWhile(RandomGraph &g) {
  if (g.depth > 1) return false;
  std::vector<Known> inits = smallOnes(g, 1 + g.rng.below(2));
  if (inits.empty()) return false;
  mlir::RankedTensorType count = g.typeOf({}, DType::I32);
  auto number = [&](int32_t value) -> Value {
    return g.op<ir::ConstantOp>(mlir::DenseElementsAttr::get(count, value));
  };
  Value bound = g.valueOf(count).value;
  Types types;
  Values starts;
  llvm::SmallVector<Argument> arguments;
  for (const Known &init : inits) {
    types.push_back(init.type());
    starts.push_back(init.value);
    arguments.push_back(carryOf(init));
  }
  types.push_back(count);
  starts.push_back(number(0));
  arguments.push_back({count, 6, true});
  auto loop = g.op<ir::ScanOp>(types, starts, Values(), 1 + g.rng.below(5), false);
  g.inRegion(loop->getRegion(0), arguments, [&] {
    Values carries(loop->getRegion(0).getArguments());
    auto step =
        g.op<ir::IfOp>(types, g.op<ir::CompareOp>(carries.back(), bound, ir::CompareDirection::lt));
    g.inRegion(step->getRegion(0), {}, [&] {
      Values next = nextCarries(g, inits);
      next.push_back(g.op<ir::AddOp>(carries.back(), number(1)));
      return next;
    });
    g.inRegion(step->getRegion(1), {}, [&] { return carries; });
    return Values(step->getResults());
  });
  for (auto [k, init] : llvm::enumerate(inits)) g.add(loop->getResult(k), carryOf(init).magnitude);
  return true;
}

/// As the frontend makes it: a scan over calls under checkpoint of a scan over the steps of a
/// segment. Nothing but carries goes in.
static bool segmentedScan(RandomGraph &g) {
  if (g.depth > 1) return false;
  std::vector<Known> inits = smallOnes(g, 1 + g.rng.below(2));
  if (inits.empty()) return false;
  const int64_t length = 1 + g.rng.below(3), segments = 1 + g.rng.below(3);
  const bool reverse = g.rng.chance(0.3);
  Types carries, steps, all;
  llvm::SmallVector<Argument> arguments;
  Values starts;
  for (const Known &init : inits) {
    carries.push_back(init.type());
    starts.push_back(init.value);
    arguments.push_back(carryOf(init));
  }
  mlir::Type y = inits[0].type();
  steps = joined(carries, {batched(g, y, 0, length)});
  mlir::func::FuncOp segment = g.newFunction("segment", carries, [&](mlir::ValueRange x) {
    auto inner = g.op<ir::ScanOp>(steps, x, Values(), length, reverse);
    g.inRegion(inner->getRegion(0), arguments, [&] {
      Values results = nextCarries(g, inits);
      results.push_back(g.like(inits[0]).value);
      return results;
    });
    return Values(inner->getResults());
  });
  all = joined(carries, {batched(g, steps.back(), 0, segments)});
  auto outer = g.op<ir::ScanOp>(all, starts, Values(), segments, reverse);
  g.inRegion(outer->getRegion(0), arguments, [&] {
    auto call = g.op<ir::CallOp>(steps, segment.getSymName(), outer->getRegion(0).getArguments());
    call->setAttr(ir::kCheckpointAttr, g.b.getArrayAttr({}));
    return Values(call->getResults());
  });
  for (auto [k, init] : llvm::enumerate(inits)) g.add(outer->getResult(k), carryOf(init).magnitude);
  Value stacked = outer->getResults().back();
  g.add(g.op<ir::ReshapeOp>(stacked, batched(g, y, 0, segments * length).getShape()), 4);
  return true;
}

std::vector<WeightedStep> functionSteps() {
  return {{0.3, checkpoint}, {0.3, vmap},         {0.3, customJvp},
          {0.3, customVjp},  {0.5, boundedWhile}, {0.5, segmentedScan}};
}

} // namespace weir::testing
