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

} // namespace weir::ir
