// The signature of lowered kernels, and their scratch.
#include "codegen/lower/frame.h"

#include "codegen/lower/emitter.h"
#include "ir/dialect/weir.h"

using namespace mlir;

namespace weir::codegen {

int64_t elementsOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getNumElements();
}

/// Pairs (result, argument) that may share a buffer.
static SmallVector<std::pair<int64_t, int64_t>> inplacePairs(func::FuncOp kernel) {
  SmallVector<std::pair<int64_t, int64_t>> pairs;
  auto list = kernel->getAttrOfType<ArrayAttr>(ir::kInplaceAttr);
  if (!list) return pairs;
  for (Attribute entry : list) {
    if (auto pair = dyn_cast<DenseI64ArrayAttr>(entry)) {
      pairs.push_back({pair[0], pair[1]});
    } else if (auto pair = dyn_cast<ArrayAttr>(entry)) {
      auto at = [&](unsigned i) { return cast<IntegerAttr>(pair[i]).getInt(); };
      pairs.push_back({at(0), at(1)});
    }
  }
  return pairs;
}

static func::FuncOp createFunction(func::FuncOp source, OpBuilder &into) {
  MLIRContext *context = source.getContext();
  SmallVector<Type> types;
  auto add = [&](Type type) {
    auto tensor = cast<RankedTensorType>(type);
    types.push_back(
        MemRefType::get({tensor.getNumElements()}, KernelBuilder::stored(tensor.getElementType())));
  };
  for (Type type : source.getArgumentTypes()) add(type);
  for (Type type : source.getResultTypes()) add(type);
  SmallVector<bool> alone(types.size(), true);
  for (auto [result, argument] : inplacePairs(source)) {
    alone[argument] = false;
    alone[source.getNumArguments() + result] = false;
  }
  Type index = IndexType::get(context);
  types.append(
      {index, index, MemRefType::get({ShapedType::kDynamic}, IntegerType::get(context, 8))});
  auto function = func::FuncOp::create(into, source.getLoc(), source.getName(),
                                       FunctionType::get(context, types, {}));
  function.addEntryBlock();
  for (auto [i, free] : llvm::enumerate(alone))
    if (free) function.setArgAttr(i, "llvm.noalias", UnitAttr::get(context));
  return function;
}

Frame::Frame(func::FuncOp source, OpBuilder &into, const TargetInfo &target)
    : source(source), function(createFunction(source, into)), target(target),
      k(&function.getBody().front(), source.getLoc(), target) {
  auto all = function.getArguments();
  unsigned numArguments = source.getNumArguments(), numResults = source.getNumResults();
  arguments.append(all.begin(), all.begin() + numArguments);
  results.append(all.begin() + numArguments, all.begin() + numArguments + numResults);
  begin = all[numArguments + numResults];
  end = all[numArguments + numResults + 1];
  scratch = all[numArguments + numResults + 2];
}

Frame::Frame(func::FuncOp step, Frame &outer, ArrayRef<Value> arguments, ArrayRef<Value> results)
    : source(step), function(outer.function), target(outer.target),
      k(&function.getBody().front(), step.getLoc(), target), arguments(arguments),
      results(results) {
  k.b.setInsertionPoint(outer.k.b.getInsertionBlock(), outer.k.b.getInsertionPoint());
  begin = k.index(0);
  end = k.pendingIndex();
  scratch = k.part(outer.scratch, outer.scratchBytes);
}

void Frame::finishInside(Frame &outer) {
  k.fenceStreams();
  Operation *pending = end.getDefiningOp();
  end.replaceAllUsesWith(k.index(tasks));
  pending->erase();
  outer.scratchBytes += llvm::alignTo(scratchBytes, 64);
}

void Frame::bindArguments(Emitter &emitter) {
  for (auto [value, memref] : llvm::zip(source.getArguments(), arguments))
    emitter.buffers[value] = memref;
}

Value Frame::allocate(int64_t count, Type element) {
  Value view = k.view(scratch, scratchBytes, count, element);
  // A vector's worth of slack lets whole vectors be stored at the end of a row.
  int64_t bytes = KernelBuilder::bytesOf(element);
  scratchBytes += llvm::alignTo((count + target.lanes(bytes)) * bytes, 64);
  return view;
}

bool Frame::mayAlias(unsigned result) const {
  return llvm::any_of(inplacePairs(source), [&](auto pair) { return pair.first == result; });
}

/// Its slices in a scan must be as aligned as it is.
bool Frame::exceedsCaches(unsigned result) const {
  auto type = cast<MemRefType>(results[result].getType());
  int64_t bytes = type.getNumElements() * KernelBuilder::bytesOf(type.getElementType());
  return target.l3Bytes > 0 && bytes >= target.l3Bytes / 2 && bytes % 64 == 0 && !mayAlias(result);
}

int64_t Frame::lanesFor(ArrayRef<Type> elements) const {
  int64_t widest = 4;
  for (Type type : elements) widest = std::max(widest, KernelBuilder::bytesOf(type));
  return target.lanes(widest);
}

void Frame::finish() {
  k.fenceStreams();
  func::ReturnOp::create(k.b, source.getLoc());
}

} // namespace weir::codegen
