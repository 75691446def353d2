// The order of reductions over trailing dims.
#include "codegen/lower/reduce_tree.h"

#include "codegen/lower/elementwise.h"
#include "ir/dialect/weir.h"

#include "llvm/ADT/StringSwitch.h"

using namespace mlir;

namespace weir::codegen {

Reducer::Reducer(Operation *reduceOp)
    : element(cast<RankedTensorType>(reduceOp->getResult(0).getType()).getElementType()) {
  name = reduceOp->getName().stripDialect();
  name.consume_front("reduce_");
  name = llvm::StringSwitch<StringRef>(name)
             .Cases({"sum", "fold"}, "add")
             .Case("prod", "mul")
             .Default(name);
}

bool isReduction(Operation *op) {
  return isa<ir::ReduceSumOp, ir::ReduceMaxOp, ir::ReduceMinOp, ir::ReduceProdOp, ir::ReduceAndOp,
             ir::ReduceOrOp, ir::FoldOp>(op);
}

int64_t reductionExtent(Operation *reduceOp) {
  auto shapeOf = [](Value v) { return cast<RankedTensorType>(v.getType()).getShape(); };
  ArrayRef<int64_t> operand = shapeOf(reduceOp->getOperand(0));
  int64_t extent = 1;
  if (auto fold = dyn_cast<ir::FoldOp>(reduceOp)) {
    for (int64_t size : operand.drop_front(shapeOf(fold.getResult()).size())) extent *= size;
    return extent;
  }
  for (int64_t dim : reduceOp->getAttrOfType<DenseI64ArrayAttr>("dims").asArrayRef())
    extent *= operand[dim];
  return extent;
}

static TypedAttr identityOf(StringRef name, Type type) {
  Builder b(type.getContext());
  if (auto floating = dyn_cast<FloatType>(type)) {
    const llvm::fltSemantics &semantics = floating.getFloatSemantics();
    if (name == "mul") return b.getFloatAttr(type, 1.0);
    if (name == "max") return b.getFloatAttr(type, APFloat::getInf(semantics, /*Negative=*/true));
    if (name == "min") return b.getFloatAttr(type, APFloat::getInf(semantics));
    return b.getFloatAttr(type, 0.0);
  }
  unsigned width = type.getIntOrFloatBitWidth();
  if (name == "mul") return b.getIntegerAttr(type, APInt(width, 1));
  bool isUnsigned = type.isUnsignedInteger();
  if (name == "max" && !isUnsigned) return b.getIntegerAttr(type, APInt::getSignedMinValue(width));
  if (name == "min" && !isUnsigned) return b.getIntegerAttr(type, APInt::getSignedMaxValue(width));
  if (name == "min") return b.getIntegerAttr(type, APInt::getMaxValue(width));
  if (name == "and") return b.getIntegerAttr(type, APInt::getAllOnes(width));
  return b.getIntegerAttr(type, APInt::getZero(width));
}

Value Reducer::identity(KernelBuilder &k, int64_t lanes) const {
  return k.constant(identityOf(name, element), lanes);
}
Value Reducer::combine(KernelBuilder &k, Value a, Value b) const {
  return emitNamed(k, name, element, {a, b});
}
Value Reducer::finish(KernelBuilder &k, Value total) const {
  return k.round(total, element);
}

int64_t accumulatorsFor(Type element, int64_t vectorBytes, int64_t lanes) {
  int64_t full = vectorBytes / std::max<int64_t>(KernelBuilder::bytesOf(element), 4);
  return 4 * std::max<int64_t>(full / lanes, 1);
}

Value finishTree(KernelBuilder &k, const Reducer &reducer, SmallVector<Value> accumulators) {
  // Vector j of accumulator i is accumulators[i * parts + j].
  size_t parts = accumulators.size() / 4;
  SmallVector<Value> vectors;
  if (accumulators.size() == 1) {
    vectors = accumulators;
  } else {
    for (size_t j = 0; j < parts; ++j) {
      auto at = [&](size_t i) { return accumulators[i * parts + j]; };
      vectors.push_back(
          reducer.combine(k, reducer.combine(k, at(0), at(1)), reducer.combine(k, at(2), at(3))));
    }
  }
  for (; vectors.size() > 1; vectors.resize(vectors.size() / 2))
    for (size_t j = 0; j < vectors.size() / 2; ++j)
      vectors[j] = reducer.combine(k, vectors[j], vectors[j + vectors.size() / 2]);
  Value all = vectors[0];
  while (KernelBuilder::lanesOf(all) > 1) {
    int64_t half = KernelBuilder::lanesOf(all) / 2;
    if (half == 1)
      return reducer.finish(k, reducer.combine(k, k.extract(all, 0), k.extract(all, 1)));
    SmallVector<int64_t> low = llvm::to_vector(llvm::seq<int64_t>(0, half));
    SmallVector<int64_t> high = llvm::to_vector(llvm::seq<int64_t>(half, 2 * half));
    all = reducer.combine(k, k.shuffle(all, all, low), k.shuffle(all, all, high));
  }
  return reducer.finish(k, all);
}

} // namespace weir::codegen
