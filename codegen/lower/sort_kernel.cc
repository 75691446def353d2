// sort: each row becomes integer keys in scratch, and a permutation that a merge sort from below
// orders stably; then every operand is read through it.
//
// [outer, dim, inner]: a task is one (outer, inner). A pass merges runs of `width` elements,
// without a branch on data; there are log2(dim) passes, between two copies of the permutation.
#include "codegen/lower/elementwise.h"
#include "codegen/lower/kinds.h"
#include "codegen/lower/nest.h"
#include "ir/dialect/weir.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace weir::codegen {
namespace {

constexpr unsigned outerLoop = 0, dimLoop = 1, innerLoop = 2;

class SortKernel {
public:
  explicit SortKernel(Frame &frame)
      : frame(frame), k(frame.k), op(cast<ir::SortOp>(frame.returned()[0].getDefiningOp())),
        space({}) {}
  LogicalResult lower();

private:
  LogicalResult build();
  void emitLoop(Value low, Value high, function_ref<void(Value)> body);
  void emitKeys();
  void emitPasses();
  void emitMerge(Value from, Value to, Value low, Value width);
  void emitResults(Value order);
  Value precedes(Value a, Value b);
  Value position(Value permutation, Value at) {
    return k.castInt(k.load(permutation, at, 1, Value(), k.b.getI32Type()), k.b.getIndexType());
  }

  Frame &frame;
  KernelBuilder &k;
  ir::SortOp op;
  IndexSpace space;
  std::optional<PointGraph> graph;
  std::optional<Emitter> emitter;
  SmallVector<const Node *> operands;
  int64_t outer = 1, size = 1, inner = 1;
  Affine index, rowIndex; // At (outer, dim, inner), and at (outer, 0, inner).
  SmallVector<Value> keys;
  Value permutations; // Two, one after the other.
};

LogicalResult SortKernel::build() {
  auto shape = cast<RankedTensorType>(op.getInputs()[0].getType()).getShape();
  for (auto [d, extent] : llvm::enumerate(shape))
    (int64_t(d) < int64_t(op.getDim())    ? outer
     : int64_t(d) == int64_t(op.getDim()) ? size
                                          : inner) *= extent;
  if (size > INT32_MAX) return op.emitError("sorts at most 2^31 - 1 elements along a dim");
  space = IndexSpace({Loop{outer, 0, false}, Loop{size, 1, false}, Loop{inner, 2, false}});
  graph.emplace(space);
  rowIndex = space.loop(outerLoop) * (size * inner) + space.loop(innerLoop);
  index = rowIndex + space.loop(dimLoop) * inner;
  for (Value input : op.getInputs()) {
    operands.push_back(graph->at(input, index));
    if (!operands.back()) return failure();
  }
  graph->finish({&index, &rowIndex});
  return success();
}

void SortKernel::emitLoop(Value low, Value high, function_ref<void(Value)> body) {
  Operation *loop = k.loop(low, high, 1);
  emitter->open(loop);
  body(loop->getRegion(0).getArgument(0));
  emitter->close();
}

/// The row as keys, and the permutation that changes nothing.
void SortKernel::emitKeys() {
  emitLoop(k.index(0), k.index(size), [&](Value i) {
    emitter->bind(dimLoop, i);
    for (auto [key, operand] : llvm::zip(keys, operands)) {
      k.store(emitSortKey(k, emitter->value(operand), operand->element, op.getDescending()), key, i,
              Value());
    }
    k.store(k.castInt(i, k.b.getI32Type()), permutations, i, Value());
  });
}

/// Whether element `a` of the row comes before `b` for its keys alone.
Value SortKernel::precedes(Value a, Value b) {
  Value before;
  for (Value key : llvm::reverse(keys)) {
    Type type = cast<MemRefType>(key.getType()).getElementType();
    Value x = k.load(key, a, 1, Value(), type), y = k.load(key, b, 1, Value(), type);
    Value less = k.lessThan(x, y);
    before = before ? k.either(less, k.both(k.equal(x, y), before)) : less;
  }
  return before;
}

/// Merges [low, low + width) and the run behind it. `from` and `to` are where the two permutations
/// start.
void SortKernel::emitMerge(Value from, Value to, Value low, Value width) {
  Value middle = k.min(k.add(low, width), k.index(size));
  Value high = k.min(k.add(middle, width), k.index(size));
  Value lastLeft = k.add(middle, -1), lastRight = k.add(high, -1);
  Operation *loop = k.loop(low, high, 1, {low, middle});
  emitter->open(loop);
  auto carried = loop->getRegion(0).getArguments();
  Value left = carried[1], right = carried[2];
  Value a = position(permutations, k.add(from, k.min(left, lastLeft)));
  Value b = position(permutations, k.add(from, k.min(right, lastRight)));
  Value rightLeft = k.lessThan(right, high), leftDone = k.lessThan(lastLeft, left);
  Value takeRight = k.both(rightLeft, k.either(leftDone, precedes(b, a)));
  k.store(k.castInt(k.select(takeRight, b, a), k.b.getI32Type()), permutations,
          k.add(to, carried[0]), Value());
  k.yield({k.select(takeRight, left, k.add(left, 1)), k.select(takeRight, k.add(right, 1), right)});
  emitter->close();
}

void SortKernel::emitPasses() {
  int64_t passes = llvm::Log2_64_Ceil(std::max<int64_t>(size, 1));
  Value from = k.index(0), to = k.index(size), width = k.index(1);
  Value pairs = k.index(llvm::divideCeil(size, 2)); // Of runs.
  Operation *loop = k.loop(k.index(0), k.index(passes), 1, {from, to, width, pairs});
  emitter->open(loop);
  auto carried = loop->getRegion(0).getArguments();
  Value pairWidth = k.add(carried[3], carried[3]);
  emitLoop(k.index(0), carried[4],
           [&](Value i) { emitMerge(carried[1], carried[2], k.mul(i, pairWidth), carried[3]); });
  k.yield({carried[2], carried[1], pairWidth, k.divide(k.add(carried[4], 1), 2)});
  emitter->close();
  emitResults(loop->getResult(0));
}

void SortKernel::emitResults(Value order) {
  Value row = emitter->flat(rowIndex);
  emitLoop(k.index(0), k.index(size), [&](Value i) {
    emitter->bind(dimLoop, position(permutations, k.add(order, i)));
    Value at = k.add(row, k.mul(i, inner));
    for (auto [operand, memref] : llvm::zip(operands, frame.results))
      k.store(emitter->value(operand), memref, at, Value());
  });
}

LogicalResult SortKernel::lower() {
  if (failed(build())) return failure();
  emitter.emplace(k, *graph);
  frame.bindArguments(*emitter);
  for (int64_t i = 0; i < int64_t(op.getNumKeys()); ++i) {
    bool wide = KernelBuilder::bytesOf(operands[i]->element) == 8;
    keys.push_back(frame.allocate(size, wide ? k.b.getI64Type() : k.b.getI32Type()));
  }
  permutations = frame.allocate(2 * size, k.b.getI32Type());
  frame.tasks = outer * inner;
  emitLoop(frame.begin, frame.end, [&](Value task) {
    emitter->bind(outerLoop, k.divide(task, inner));
    emitter->bind(innerLoop, k.remainder(task, inner));
    emitKeys();
    emitPasses();
  });
  return success();
}

} // namespace

LogicalResult lowerSortKernel(Frame &frame) {
  return SortKernel(frame).lower();
}

} // namespace weir::codegen
