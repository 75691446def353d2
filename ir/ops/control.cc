// Control flow, calls, launches and differentiation requests: verifiers only, they have no
// IterationSpace.
#include "ir/dialect/weir.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#define GET_OP_CLASSES
#include "ir/ops/control.cc.inc"

using namespace mlir;

namespace weir::ir {

static LogicalResult checkTypes(Operation *op, TypeRange expected, TypeRange actual,
                                StringRef what) {
  auto error = [&] { return opError(op->getLoc(), op->getName().getStringRef()); };
  if (expected.size() != actual.size())
    return error() << actual.size() << " " << what << "s, but " << expected.size()
                   << " are expected";
  for (auto [i, pair] : llvm::enumerate(llvm::zip(expected, actual))) {
    auto [want, have] = pair;
    if (want != have)
      return error() << what << " " << i << " is " << typeString(have) << ", but "
                     << typeString(want) << " is expected";
  }
  return success();
}

LogicalResult IfOp::verify() {
  auto pred = cast<RankedTensorType>(getPred().getType());
  if (pred.getRank() != 0 || !pred.getElementType().isInteger(1))
    return opError(getLoc(), getOperationName())
           << "predicate is " << typeString(pred) << ", but must be i1[]";
  for (Region *region : {&getThenRegion(), &getElseRegion()})
    if (failed(checkTypes(*this, getResultTypes(),
                          region->front().getTerminator()->getOperandTypes(),
                          region == &getThenRegion() ? "then value" : "else value")))
      return failure();
  return success();
}

static RankedTensorType stacked(Type slice, int64_t trips) {
  auto type = cast<RankedTensorType>(slice);
  SmallVector<int64_t> shape{trips};
  llvm::append_range(shape, type.getShape());
  return RankedTensorType::get(shape, type.getElementType());
}

LogicalResult ScanOp::verify() {
  int64_t trips = getTrips();
  if (trips < 0) return opError(getLoc(), getOperationName()) << "trips is " << trips;
  Block &body = getBody().front();
  if (body.getNumArguments() != getInits().size() + getXs().size())
    return opError(getLoc(), getOperationName())
           << "body takes " << body.getNumArguments() << " values, but there are "
           << getInits().size() << " carries and " << getXs().size() << " inputs";
  if (body.getTerminator()->getNumOperands() < getInits().size())
    return opError(getLoc(), getOperationName())
           << "body yields fewer values than there are carries";
  TypeRange carries = getInits().getTypes();
  TypeRange yielded = body.getTerminator()->getOperandTypes();
  SmallVector<Type> inputs = llvm::map_to_vector(ValueRange(sliceArgs()).getTypes(),
                                                 [&](Type t) -> Type { return stacked(t, trips); });
  SmallVector<Type> results(carries);
  for (Type type : yielded.drop_front(carries.size())) results.push_back(stacked(type, trips));
  return failure(
      failed(checkTypes(*this, carries, ValueRange(carryArgs()).getTypes(), "carry")) ||
      failed(checkTypes(*this, carries, yielded.take_front(carries.size()), "yielded carry")) ||
      failed(checkTypes(*this, inputs, getXs().getTypes(), "input")) ||
      failed(checkTypes(*this, results, getResultTypes(), "result")));
}

/// Checks that `region` takes `arguments` and yields `results`.
static LogicalResult checkRegion(Operation *op, Region &region, ArrayRef<Type> arguments,
                                 TypeRange results, StringRef name) {
  Block &block = region.front();
  std::string value = (name + " value").str();
  return failure(failed(checkTypes(op, arguments, block.getArgumentTypes(), "region argument")) ||
                 failed(checkTypes(op, results, block.getTerminator()->getOperandTypes(), value)));
}

LogicalResult WhileOp::verify() {
  SmallVector<Type> carries(getInits().getTypes());
  Type predicate = RankedTensorType::get({}, IntegerType::get(getContext(), 1));
  if (getSnapshots() < 1)
    return opError(getLoc(), getOperationName()) << "snapshots is " << getSnapshots();
  return failure(failed(checkTypes(*this, carries, getResultTypes(), "result")) ||
                 failed(checkRegion(*this, getCondition(), carries, predicate, "condition")) ||
                 failed(checkRegion(*this, getBody(), carries, carries, "body")));
}

LogicalResult SweepOp::verify() {
  SmallVector<Type> states(getForwardInits().getTypes()), all = states;
  llvm::append_range(all, getReverseInits().getTypes());
  Type count = RankedTensorType::get({}, IntegerType::get(getContext(), 64));
  if (getSnapshots() < 1)
    return opError(getLoc(), getOperationName()) << "snapshots is " << getSnapshots();
  return failure(
      failed(checkTypes(*this, count, getTrips().getType(), "trip count")) ||
      failed(checkTypes(*this, all, getResultTypes(), "result")) ||
      failed(checkRegion(*this, getForward(), states, states, "forward")) ||
      failed(checkRegion(*this, getReverse(), all, getReverseInits().getTypes(), "reverse")));
}

static FailureOr<func::FuncOp> lookup(Operation *op, FlatSymbolRefAttr callee,
                                      SymbolTableCollection &symbols) {
  if (auto function = symbols.lookupNearestSymbolFrom<func::FuncOp>(op, callee)) return function;
  opError(op->getLoc(), op->getName().getStringRef()) << "no function " << callee;
  return failure();
}

template <typename OpT> static LogicalResult checkCall(OpT op, SymbolTableCollection &symbols) {
  auto function = lookup(op, op.getCalleeAttr(), symbols);
  if (failed(function)) return failure();
  return failure(
      failed(checkTypes(op, function->getArgumentTypes(), op.getInputs().getTypes(), "argument")) ||
      failed(checkTypes(op, function->getResultTypes(), op.getResultTypes(), "result")));
}

LogicalResult CallOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return checkCall(*this, symbols);
}
LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return checkCall(*this, symbols);
}

static SmallVector<Type> floatTypes(TypeRange types) {
  return llvm::filter_to_vector(types,
                                [](Type t) { return isa<FloatType>(getElementTypeOrSelf(t)); });
}

/// Types of the arguments named by `wrt`, or failure with a diagnostic.
template <typename OpT>
static FailureOr<SmallVector<Type>> wrtTypes(OpT op, func::FuncOp function) {
  auto error = [&] { return opError(op.getLoc(), OpT::getOperationName()); };
  SmallVector<Type> types;
  if (failed(checkDims(op.getWrt(), function.getNumArguments(), "wrt", error))) return failure();
  if (!llvm::is_sorted(op.getWrt())) return error() << "wrt does not ascend", failure();
  for (int64_t i : op.getWrt()) {
    types.push_back(function.getArgumentTypes()[i]);
    if (!isa<FloatType>(getElementTypeOrSelf(types.back())))
      return error() << "argument " << i << " is " << typeString(types.back())
                     << ", which has no derivative",
             failure();
  }
  return types;
}

LogicalResult JvpOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto function = lookup(*this, getCalleeAttr(), symbols);
  if (failed(function)) return failure();
  auto tangents = wrtTypes(*this, *function);
  if (failed(tangents)) return failure();
  SmallVector<Type> inputs(function->getArgumentTypes()), results(function->getResultTypes());
  llvm::append_range(inputs, *tangents);
  llvm::append_range(results, floatTypes(function->getResultTypes()));
  return failure(failed(checkTypes(*this, inputs, getInputs().getTypes(), "argument")) ||
                 failed(checkTypes(*this, results, getResultTypes(), "result")));
}

LogicalResult VjpOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto function = lookup(*this, getCalleeAttr(), symbols);
  if (failed(function)) return failure();
  auto cotangents = wrtTypes(*this, *function);
  if (failed(cotangents)) return failure();
  SmallVector<Type> inputs(function->getArgumentTypes()), results(function->getResultTypes());
  llvm::append_range(inputs, floatTypes(function->getResultTypes()));
  llvm::append_range(results, *cotangents);
  return failure(failed(checkTypes(*this, inputs, getInputs().getTypes(), "argument")) ||
                 failed(checkTypes(*this, results, getResultTypes(), "result")));
}

/// `types` with the batch as a further dim `dims[i]`, none where that is -1. `batch` is its size,
/// negative until it is known.
static FailureOr<SmallVector<Type>> batched(VmapOp op, TypeRange types, ArrayRef<int64_t> dims,
                                            int64_t batch, StringRef what) {
  auto error = [&] { return opError(op.getLoc(), VmapOp::getOperationName()); };
  if (types.size() != dims.size())
    return error() << dims.size() << " batch dims for " << types.size() << " " << what << "s",
           failure();
  SmallVector<Type> result;
  for (auto [i, pair] : llvm::enumerate(llvm::zip(types, dims))) {
    auto [type, dim] = pair;
    auto slice = cast<RankedTensorType>(type);
    if (dim < -1 || dim > slice.getRank())
      return error() << "batch dim " << dim << " of " << what << " " << i << ", whose slices are "
                     << typeString(slice),
             failure();
    SmallVector<int64_t> shape(slice.getShape());
    if (dim >= 0) shape.insert(shape.begin() + dim, batch);
    result.push_back(slice.clone(shape));
  }
  return result;
}

int64_t VmapOp::batchSize() {
  for (auto [input, dim] : llvm::zip(getInputs(), getInDims())) {
    auto type = cast<RankedTensorType>(input.getType());
    if (dim >= 0 && dim < type.getRank()) return type.getDimSize(dim);
  }
  return -1;
}

LogicalResult VmapOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto function = lookup(*this, getCalleeAttr(), symbols);
  if (failed(function)) return failure();
  int64_t batch = batchSize();
  if (batch < 0) return opError(getLoc(), getOperationName()) << "no input has a batch dim";
  auto inputs = batched(*this, function->getArgumentTypes(), getInDims(), batch, "argument");
  auto results = batched(*this, function->getResultTypes(), getOutDims(), batch, "result");
  return failure(failed(inputs) || failed(results) ||
                 failed(checkTypes(*this, *inputs, getInputs().getTypes(), "argument")) ||
                 failed(checkTypes(*this, *results, getResultTypes(), "result")));
}

/// Checks that `name`, which is the op's `what`, takes `arguments` and gives `results`.
static LogicalResult checkFunction(Operation *op, SymbolTableCollection &symbols,
                                   FlatSymbolRefAttr name, const Twine &what, TypeRange arguments,
                                   TypeRange results) {
  auto function = lookup(op, name, symbols);
  if (failed(function)) return failure();
  return failure(
      failed(checkTypes(op, arguments, function->getArgumentTypes(), (what + " argument").str())) ||
      failed(checkTypes(op, results, function->getResultTypes(), (what + " result").str())));
}

static SmallVector<Type> concat(TypeRange first, TypeRange second) {
  SmallVector<Type> types(first);
  llvm::append_range(types, second);
  return types;
}

LogicalResult CustomJvpOp::verifySymbolUses(SymbolTableCollection &symbols) {
  TypeRange inputs = getInputs().getTypes(), outputs = getResultTypes();
  return failure(failed(checkCall(*this, symbols)) ||
                 failed(checkFunction(*this, symbols, getRuleAttr(), "rule",
                                      concat(inputs, floatTypes(inputs)),
                                      concat(outputs, floatTypes(outputs)))));
}

LogicalResult CustomVjpOp::verifySymbolUses(SymbolTableCollection &symbols) {
  TypeRange inputs = getInputs().getTypes(), outputs = getResultTypes();
  auto function = lookup(*this, getForwardAttr(), symbols);
  if (failed(checkCall(*this, symbols)) || failed(function)) return failure();
  TypeRange given = function->getResultTypes();
  if (given.size() < outputs.size())
    return opError(getLoc(), getOperationName())
           << "forward gives " << given.size() << " results, fewer than the function";
  TypeRange residuals = given.drop_front(outputs.size());
  return failure(failed(checkFunction(*this, symbols, getForwardAttr(), "forward", inputs,
                                      concat(outputs, residuals))) ||
                 failed(checkFunction(*this, symbols, getBackwardAttr(), "backward",
                                      concat(residuals, floatTypes(outputs)), floatTypes(inputs))));
}

LogicalResult CustomLinearOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return checkFunction(*this, symbols, getCalleeAttr(), "backward",
                       concat(getResiduals().getTypes(), getResultTypes()),
                       getTangents().getTypes());
}

} // namespace weir::ir
