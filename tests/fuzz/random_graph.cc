// Scope, constants and functions of random graphs.
#include "tests/fuzz/random_graph.h"

#include <cmath>

namespace weir::testing {

using mlir::Value;
using runtime::DType;

static std::vector<WeightedStep> stepsFor(const GenerateOptions &options) {
  std::vector<WeightedStep> steps;
  auto add = [&](const std::vector<WeightedStep> &family, double weight) {
    for (WeightedStep step : family) steps.push_back({step.weight * weight, step.step});
  };
  for (auto family :
       {elementwiseSteps, layoutSteps, contractionSteps, indexingSteps, orderedSteps, windowSteps})
    add(family(), 1);
  add(controlSteps(), options.nested ? 5 : 1);
  if (options.nested) add(choiceSteps(), 5);
  if (options.nested) add(functionSteps(), 5);
  if (options.requests) add(requestSteps(), 5);
  return steps;
}

RandomGraph::RandomGraph(mlir::MLIRContext *context, uint64_t seed, const GenerateOptions &options)
    : rng(seed), b(context), loc(b.getUnknownLoc()), options(options), steps(stepsFor(options)),
      module(mlir::ModuleOp::create(loc)) {}

Known RandomGraph::add(Value value, double magnitude, bool exact) {
  Known known{value, magnitude, exact};
  if (known.isFloat() && magnitude > 4) return tamed(known, 2);
  scope.push_back(known);
  return known;
}

std::optional<Known> RandomGraph::pick(const Filter &filter) {
  std::vector<Known> fitting;
  for (const Known &known : scope)
    if (filter(known)) fitting.push_back(known);
  if (fitting.empty()) return std::nullopt;
  double recent = std::sqrt(rng.uniform(0, 1));
  return fitting[std::min<size_t>(fitting.size() * recent, fitting.size() - 1)];
}

mlir::RankedTensorType RandomGraph::typeOf(llvm::ArrayRef<int64_t> shape, DType dtype) {
  return mlir::RankedTensorType::get(shape, ir::elementTypeOf(b.getContext(), dtype));
}

DType RandomGraph::anyFloat() {
  return options.onlyF64 || rng.chance(0.25) ? DType::F64 : DType::F32;
}

DType RandomGraph::anyInt() {
  return rng.chance(0.3) ? DType::I64 : DType::I32;
}

RandomGraph::Dims RandomGraph::anyShape(int64_t maxRank) {
  static const std::vector<int64_t> sizes = {1, 2, 3, 4, 5, 7, 8, 13, 17, 32, 67};
  Dims shape;
  int64_t elements = 1;
  for (int64_t rank = rng.below(maxRank + 1); rank > 0; --rank) {
    int64_t size = rng.pick(sizes);
    if (elements * size > kMaxElements / 2) size = 1 + rng.below(3);
    if (elements * size > kMaxElements) break;
    shape.push_back(size);
    elements *= size;
  }
  return shape;
}

mlir::RankedTensorType RandomGraph::anyFloatType(int64_t maxRank) {
  Dims shape = anyShape(maxRank);
  return typeOf(shape, anyFloat());
}

/// The attribute of an element of `type` with value `x`.
static mlir::Attribute elementAttr(mlir::Builder &b, mlir::RankedTensorType type, double x) {
  mlir::Type element = type.getElementType();
  if (mlir::isa<mlir::FloatType>(element)) return b.getFloatAttr(element, x);
  return b.getIntegerAttr(element, element.isInteger(1) ? int64_t(x) & 1 : int64_t(x));
}

Value RandomGraph::splat(mlir::RankedTensorType type, double value) {
  return op<ir::ConstantOp>(mlir::DenseElementsAttr::get(type, elementAttr(b, type, value)));
}

Known RandomGraph::constant(mlir::RankedTensorType type, double low, double high) {
  bool isFloat = mlir::isa<mlir::FloatType>(type.getElementType());
  llvm::SmallVector<mlir::Attribute> values;
  for (int64_t k = 0; k < type.getNumElements(); ++k) {
    double x = rng.uniform(low, isFloat ? high : high + 1);
    values.push_back(elementAttr(b, type, isFloat ? float(x) : std::floor(x)));
  }
  if (values.empty()) return add(splat(type, 0), 0, true);
  return add(op<ir::ConstantOp>(mlir::DenseElementsAttr::get(type, values)), std::max(-low, high),
             true);
}

Known RandomGraph::tamed(const Known &x, double limit) {
  if (!x.isFloat() || x.magnitude <= limit) return x;
  Value small;
  if (limit >= 1 && rng.chance(0.4)) {
    small = op<ir::TanhOp>(x.value);
    return add(small, 1);
  }
  double scale = std::exp2(std::floor(std::log2(limit / x.magnitude)));
  small = op<ir::MulOp>(x.value, splat(x.type(), scale));
  return add(small, x.magnitude * scale);
}

Known RandomGraph::awayFromZero(const Known &x, double offset) {
  Value positive = op<ir::AbsOp>(x.value);
  return add(op<ir::AddOp>(positive, splat(x.type(), offset)), x.magnitude + offset);
}

Known RandomGraph::valueOf(mlir::RankedTensorType type) {
  auto same = [&](const Known &k) { return k.type() == type; };
  if (rng.chance(0.7))
    if (auto known = pick(same)) return *known;
  auto reshaped = [&](const Known &k) {
    return k.type().getElementType() == type.getElementType() &&
           k.size() == type.getNumElements() && k.type() != type;
  };
  if (rng.chance(0.4))
    if (auto known = pick(reshaped))
      return add(op<ir::ReshapeOp>(known->value, type.getShape()), known->magnitude, known->exact);
  auto scalar = [&](const Known &k) {
    return k.type().getElementType() == type.getElementType() && k.rank() == 0;
  };
  if (type.getRank() > 0 && rng.chance(0.4))
    if (auto known = pick(scalar))
      return add(op<ir::BroadcastOp>(known->value, type.getShape(), Dims{}), known->magnitude,
                 known->exact);
  return constant(type);
}

void RandomGraph::grow(int count) {
  double total = 0;
  for (const WeightedStep &step : steps) total += step.weight;
  for (int end = ops + count, tries = 0; ops < end && tries < 20 * count; ++tries) {
    double at = rng.uniform(0, total);
    size_t chosen = 0;
    while (chosen + 1 < steps.size() && (at -= steps[chosen].weight) > 0) ++chosen;
    steps[chosen].step(*this);
  }
}

void RandomGraph::inRegion(mlir::Region &region, llvm::ArrayRef<Argument> arguments,
                           const std::function<llvm::SmallVector<Value>()> &fill) {
  mlir::OpBuilder::InsertionGuard guard(b);
  llvm::SmallVector<mlir::Type> types;
  for (const Argument &argument : arguments) types.push_back(argument.type);
  mlir::Block *block =
      b.createBlock(&region, {}, types, llvm::SmallVector<mlir::Location>(types.size(), loc));
  size_t outer = scope.size();
  for (auto [argument, value] : llvm::zip(arguments, block->getArguments()))
    add(value, argument.magnitude, argument.exact);
  ++depth;
  llvm::SmallVector<Value> results = fill();
  --depth;
  ir::YieldOp::create(b, loc, results);
  scope.resize(outer);
}

mlir::func::FuncOp
RandomGraph::newFunction(llvm::StringRef name, mlir::TypeRange arguments,
                         const std::function<llvm::SmallVector<Value>(mlir::ValueRange)> &fill) {
  mlir::OpBuilder::InsertionGuard guard(b);
  std::vector<Known> outer;
  std::swap(outer, scope);
  b.setInsertionPointToEnd(module->getBody());
  auto function = mlir::func::FuncOp::create(b, loc, name.str() + std::to_string(helpers++),
                                             b.getFunctionType(arguments, {}));
  function.setPrivate();
  b.setInsertionPointToEnd(function.addEntryBlock());
  for (Value argument : function.getArguments()) add(argument, kInputRange.high, true);
  llvm::SmallVector<Value> results = fill(function.getArguments());
  mlir::func::ReturnOp::create(b, loc, results);
  function.setFunctionType(b.getFunctionType(arguments, mlir::ValueRange(results).getTypes()));
  std::swap(outer, scope);
  return function;
}

mlir::func::FuncOp RandomGraph::callee() {
  return callees.empty() ? mlir::func::FuncOp() : rng.pick(callees);
}

/// Grows a function of random arguments, which returns most of what nothing uses.
mlir::func::FuncOp RandomGraph::function(llvm::StringRef name, int count) {
  llvm::SmallVector<mlir::Type> types = {typeOf(anyShape(3), anyFloat()),
                                         typeOf(anyShape(2), anyFloat())};
  for (int64_t more = rng.below(3); more > 0; --more)
    types.push_back(typeOf(anyShape(2), rng.chance(0.5)   ? anyFloat()
                                        : rng.chance(0.3) ? DType::I1
                                                          : anyInt()));
  b.setInsertionPointToEnd(module->getBody());
  auto function = mlir::func::FuncOp::create(b, loc, name, b.getFunctionType(types, {}));
  b.setInsertionPointToEnd(function.addEntryBlock());
  scope.clear();
  for (Value argument : function.getArguments()) add(argument, kInputRange.high, true);
  grow(count);
  llvm::SmallVector<Value> results;
  for (const Known &known : scope)
    if (known.value.use_empty() && rng.chance(0.9) && !llvm::is_contained(results, known.value))
      results.push_back(known.value);
  if (results.empty()) results.push_back(scope.back().value);
  mlir::func::ReturnOp::create(b, loc, results);
  function.setFunctionType(b.getFunctionType(types, mlir::ValueRange(results).getTypes()));
  return function;
}

mlir::OwningOpRef<mlir::ModuleOp> RandomGraph::build() {
  for (int64_t k = rng.below(3); k > 0; --k) {
    mlir::func::FuncOp made = function("f" + std::to_string(k), 3 + rng.below(6));
    made.setPrivate();
    callees.push_back(made);
  }
  ops = 0;
  isMain = true;
  function("main", options.minOps + rng.below(options.maxOps - options.minOps + 1));
  return std::move(module);
}

mlir::OwningOpRef<mlir::ModuleOp> randomModule(mlir::MLIRContext *context, uint64_t seed,
                                               const GenerateOptions &options) {
  return RandomGraph(context, seed, options).build();
}

std::vector<runtime::HostTensor> randomInputsOf(mlir::ModuleOp module, uint64_t seed) {
  auto main = module.lookupSymbol<mlir::func::FuncOp>("main");
  std::vector<Arg> args = argsOf(main.getFunctionType(), kInputRange);
  for (Arg &arg : args)
    if (!runtime::isFloat(arg.dtype)) arg.range = {-9, 9};
  return randomInputs(args, seed);
}

void countOps(mlir::ModuleOp module, std::map<std::string, int> &counts) {
  module.walk([&](mlir::Operation *op) {
    if (op->getName().getDialectNamespace() == "weir") ++counts[op->getName().getStringRef().str()];
  });
}

} // namespace weir::testing
