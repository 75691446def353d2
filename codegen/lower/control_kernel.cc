// Kernels of kind `control`: a loop, with the loops and ifs inside it, run by one thread.
//
// Every value has a buffer for the whole kernel: carries a home of their own, other values one
// each. Values no longer than a vector lie in locals with room for one, so that they are read and
// written as whole vectors, and LLVM keeps them in registers: the state of a small loop never
// reaches memory. Steps (ir/dialect/steps.h) are lowered as kernels are, where they stand. A step
// may write the next carry right over the old one where nobody reads that any more.
#include "codegen/lower/kinds.h"
#include "ir/dialect/steps.h"
#include "ir/dialect/weir.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace weir::codegen {
namespace {

class ControlKernel {
public:
  explicit ControlKernel(Frame &frame) : frame(frame), k(frame.k) {}
  LogicalResult lower();

private:
  LogicalResult emitBlock(Block &block);
  LogicalResult emitOp(Operation *op);
  LogicalResult emitStep(ArrayRef<Operation *> ops);
  LogicalResult emitWhile(ir::WhileOp loop);
  LogicalResult emitScan(ir::ScanOp scan);
  LogicalResult emitIf(ir::IfOp branch);
  void fill(ir::ConstantOp constant);

  SmallVector<Value> startCarries(OperandRange inits, ResultRange finals);
  void writeInPlace(Block &body, ArrayRef<Value> homes);
  void moveYields(OperandRange yields, ArrayRef<Value> homes);
  template <typename Emit> LogicalResult inside(Operation *op, unsigned region, Emit emit);

  bool isSmall(Value value) const;
  Value allocate(Value value);
  /// Where results of the kernel belong, others anywhere.
  Value allocateResult(Value value);
  void copy(Value from, Value fromAt, Value to, Value toAt, int64_t count);
  void copyAll(Value from, Value to, int64_t count) {
    copy(from, k.index(0), to, k.index(0), count);
  }

  Frame &frame;
  KernelBuilder &k;
  llvm::DenseMap<Value, Value> memory;  ///< memref of a value
  llvm::DenseMap<Value, Value> inPlace; ///< home that a yielded value is computed into
  llvm::DenseSet<Value> locals;         ///< memrefs that are
};

Type elementOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getElementType();
}

/// Never on a GPU: locals would be a thread's own, and the lanes of a value are other threads'.
bool ControlKernel::isSmall(Value value) const {
  return !frame.target.warpLanes &&
         elementsOf(value) * KernelBuilder::bytesOf(elementOf(value)) <= frame.target.vectorBytes;
}

Value ControlKernel::allocate(Value value) {
  Type element = elementOf(value);
  if (!isSmall(value)) return frame.allocate(elementsOf(value), element);
  Value local = k.local(frame.target.vectorBytes / KernelBuilder::bytesOf(element), element);
  locals.insert(local);
  return local;
}

Value ControlKernel::allocateResult(Value value) {
  for (auto [returned, result] : llvm::zip(frame.returned(), frame.results))
    if (returned == value && !isSmall(value)) return result;
  return allocate(value);
}

void ControlKernel::copy(Value from, Value fromAt, Value to, Value toAt, int64_t count) {
  if (from == to) return;
  Type element = cast<MemRefType>(from.getType()).getElementType();
  int64_t most = frame.target.lanes(KernelBuilder::bytesOf(element));
  int64_t lanes = std::min<int64_t>(most, llvm::PowerOf2Ceil(count)), rest = count % lanes;
  // All of a local may be moved as a vector, but behind a slice of it stands the next.
  bool wholeFrom = locals.contains(from) && k.known(fromAt) == 0;
  bool wholeTo = locals.contains(to) && k.known(toAt) == 0;
  auto move = [&](Value offset, int64_t valid) {
    Value mask = valid < lanes ? k.firstLanes(k.index(valid), lanes) : Value();
    Value part = k.loadStored(from, k.add(fromAt, offset), lanes, wholeFrom ? Value() : mask);
    k.store(part, to, k.add(toAt, offset), wholeTo ? Value() : mask);
  };
  if (count == lanes) return move(k.index(0), lanes);
  if (count > lanes) {
    Operation *loop = k.loop(k.index(0), k.index(count - rest), lanes);
    (void)inside(loop, 0,
                 [&] { return move(loop->getRegion(0).getArgument(0), lanes), success(); });
  }
  if (rest) move(k.index(count - rest), rest);
}

/// Emits at the end of a region's block, then goes on behind the op.
template <typename Emit>
LogicalResult ControlKernel::inside(Operation *op, unsigned region, Emit emit) {
  OpBuilder::InsertionGuard guard(k.b);
  Block &block = op->getRegion(region).front();
  if (block.mightHaveTerminator())
    k.b.setInsertionPoint(block.getTerminator());
  else
    k.b.setInsertionPointToEnd(&block);
  return emit();
}

void ControlKernel::fill(ir::ConstantOp constant) {
  auto dense = cast<DenseElementsAttr>(constant.getValue());
  Value to = memory[constant.getResult()] = allocate(constant.getResult());
  int64_t count = elementsOf(constant.getResult());
  Value scalar = k.constant(cast<TypedAttr>(dense.getSplatValue<Attribute>()));
  Value first = frame.target.warpLanes ? frame.allocate(1, elementOf(constant.getResult()))
                                       : k.local(1, elementOf(constant.getResult()));
  k.store(scalar, first, k.index(0), Value());
  Value stored = k.loadStored(first, k.index(0), 1, Value());
  Type element = cast<MemRefType>(to.getType()).getElementType();
  int64_t lanes = frame.target.lanes(KernelBuilder::bytesOf(element));
  auto fillAt = [&](Value at) { k.store(k.splat(stored, lanes), to, at, Value()); };
  if (count <= lanes) return fillAt(k.index(0));
  // Scratch has a vector's worth of slack.
  Operation *loop = k.loop(k.index(0), k.index(count), lanes);
  (void)inside(loop, 0, [&] { return fillAt(loop->getRegion(0).getArgument(0)), success(); });
}

LogicalResult ControlKernel::emitBlock(Block &block) {
  for (auto it = block.begin(), end = std::prev(block.end()); it != end;) {
    auto step = it->getAttrOfType<IntegerAttr>(ir::kStepAttr);
    SmallVector<Operation *> ops{&*it++};
    while (step && it != end && it->getAttr(ir::kStepAttr) == step) ops.push_back(&*it++);
    if (failed(step ? emitStep(ops) : emitOp(ops.front()))) return failure();
  }
  return success();
}

LogicalResult ControlKernel::emitOp(Operation *op) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](ir::WhileOp loop) { return emitWhile(loop); })
      .Case([&](ir::ScanOp scan) { return emitScan(scan); })
      .Case([&](ir::IfOp branch) { return emitIf(branch); })
      .Case([&](ir::ReshapeOp view) {
        memory[view.getResult()] = memory.lookup(view.getOperand());
        return success();
      })
      .Case([&](ir::UndefOp undef) {
        memory[undef.getResult()] = allocate(undef.getResult());
        return success();
      })
      .Case([&](ir::ConstantOp constant) { return fill(constant), success(); })
      .Default([&](Operation *other) { return emitStep(other); });
}

/// Ops whose lanes are independent of one another and of what they hold.
bool isLanewise(Operation *op) {
  return op->hasTrait<OpTrait::Elementwise>() ||
         isa<ir::ConstantOp, ir::BroadcastOp, ir::IotaOp, ir::ReshapeOp>(op);
}

/// Ops that change some elements of their first operand.
bool updatesOperand(Operation *op) {
  return isa<ir::DynamicUpdateSliceOp, ir::ScatterAddOp, ir::ScatterMulOp, ir::ScatterMaxOp,
             ir::ScatterMinOp, ir::ScatterSetOp>(op) &&
         llvm::count(op->getOperands(), op->getOperand(0)) == 1;
}

LogicalResult ControlKernel::emitStep(ArrayRef<Operation *> ops) {
  llvm::SmallPtrSet<Operation *, 8> own(ops.begin(), ops.end());
  llvm::SetVector<Value> inputs, outputs;
  for (Operation *op : ops) {
    for (Value operand : op->getOperands())
      if (!own.contains(operand.getDefiningOp())) inputs.insert(operand);
    for (Value result : op->getResults())
      if (llvm::any_of(result.getUsers(), [&](Operation *user) { return !own.contains(user); }))
        outputs.insert(result);
  }
  if (outputs.empty()) return success();
  auto types = [](ArrayRef<Value> values) {
    return llvm::map_to_vector(values, [](Value v) { return v.getType(); });
  };
  OpBuilder b(frame.source.getContext());
  OwningOpRef<func::FuncOp> step = func::FuncOp::create(
      ops.front()->getLoc(), frame.source.getName(),
      b.getFunctionType(types(inputs.getArrayRef()), types(outputs.getArrayRef())));
  b.setInsertionPointToStart(step->addEntryBlock());
  IRMapping mapping;
  mapping.map(inputs.getArrayRef(), step->getArguments());
  for (Operation *op : ops) b.clone(*op, mapping);
  func::ReturnOp::create(b, step->getLoc(),
                         llvm::map_to_vector(outputs, [&](Value v) { return mapping.lookup(v); }));

  SmallVector<Value> arguments, results;
  for (Value input : inputs) arguments.push_back(memory.lookup(input));
  for (Value output : outputs) {
    Value home = inPlace.lookup(output);
    results.push_back(memory[output] = home ? home : allocate(output));
    if (updatesOperand(ops.back()) && results.back() == memory.lookup(ops.back()->getOperand(0)))
      step.get()->setAttr(
          ir::kInplaceAttr,
          b.getArrayAttr({b.getI64ArrayAttr(
              {0, int64_t(llvm::find(inputs, ops.back()->getOperand(0)) - inputs.begin())})}));
  }
  Frame inner(*step, frame, arguments, results);
  inner.isPadded = llvm::all_of(ops, isLanewise) &&
                   llvm::all_of(inputs, [&](Value v) { return isSmall(v); }) &&
                   llvm::all_of(outputs, [&](Value v) { return isSmall(v); });
  if (failed(lowerBody(inner))) return failure();
  inner.finishInside(frame);
  return success();
}

/// Whether a loop may go on in the memory of `init`, as the last to see it: it was made for the
/// loop, or is a carry that the loop makes the next value of.
bool isTakenOver(Value init, Value final) {
  Operation *loop = final.getDefiningOp();
  Block *block = loop->getBlock();
  if (!init.hasOneUse() || init.getParentBlock() != block) return false;
  auto argument = dyn_cast<BlockArgument>(init);
  if (!argument) return !isa<ir::ReshapeOp, ir::ConstantOp>(init.getDefiningOp());
  auto around = dyn_cast<ir::WhileOp>(block->getParentOp());
  if (isa<func::FuncOp>(block->getParentOp()) ||
      (around && &around.getCondition().front() == block))
    return false;
  unsigned i = argument.getArgNumber();
  OperandRange yields = block->getTerminator()->getOperands();
  return i < yields.size() && yields[i] == final;
}

SmallVector<Value> ControlKernel::startCarries(OperandRange inits, ResultRange finals) {
  SmallVector<Value> homes;
  for (auto [init, final] : llvm::zip(inits, finals)) {
    Value start = memory.lookup(init);
    homes.push_back(isTakenOver(init, final) ? start : allocateResult(final));
    memory[final] = homes.back();
    copyAll(start, homes.back(), elementsOf(init));
  }
  return homes;
}

/// Finds the carries that steps may write the next values of.
void ControlKernel::writeInPlace(Block &body, ArrayRef<Value> homes) {
  Operation *yield = body.getTerminator();
  for (auto [i, home] : llvm::enumerate(homes)) {
    Value next = yield->getOperand(i);
    Operation *op = next.getDefiningOp();
    if (!op || op->getBlock() != &body || op->getNumRegions() || op->getNumResults() != 1 ||
        isa<ir::ReshapeOp, ir::ConstantOp, ir::UndefOp>(op) ||
        llvm::count(yield->getOperands(), next) != 1)
      continue;
    Attribute step = op->getAttr(ir::kStepAttr);
    bool isFree = llvm::all_of(body.getArgument(i).getUses(), [&](OpOperand &use) {
      if (use.getOwner() == op && use.getOperandNumber() == 0 && updatesOperand(op)) return true;
      Operation *reader = body.findAncestorOpInBlock(*use.getOwner());
      return !isa<ir::ReshapeOp>(reader) && reader->isBeforeInBlock(op) &&
             !(step && reader->getAttr(ir::kStepAttr) == step);
    });
    if (isFree) inPlace[next] = home;
  }
}

/// All yields are read before any home is written.
void ControlKernel::moveYields(OperandRange yields, ArrayRef<Value> homes) {
  SmallVector<Value> from;
  for (auto [yielded, home] : llvm::zip(yields, homes)) {
    Value at = memory.lookup(yielded);
    if (at != home && llvm::is_contained(homes, at)) {
      Value other = allocate(yielded);
      copyAll(at, other, elementsOf(yielded));
      at = other;
    }
    from.push_back(at);
  }
  for (auto [yielded, at, home] : llvm::zip(yields, from, homes))
    copyAll(at, home, elementsOf(yielded));
}

LogicalResult ControlKernel::emitWhile(ir::WhileOp loop) {
  SmallVector<Value> homes = startCarries(loop.getInits(), loop.getResults());
  Block &condition = loop.getCondition().front(), &body = loop.getBody().front();
  for (auto [i, home] : llvm::enumerate(homes)) {
    memory[condition.getArgument(i)] = home;
    memory[body.getArgument(i)] = home;
  }
  Operation *made = k.whileLoop();
  auto emitCondition = [&] {
    if (failed(emitBlock(condition))) return failure();
    Value goesOn = condition.getTerminator()->getOperand(0);
    k.goOnIf(k.load(memory.lookup(goesOn), k.index(0), 1, Value(), elementOf(goesOn)));
    return success();
  };
  auto emitBody = [&] {
    writeInPlace(body, homes);
    if (failed(emitBlock(body))) return failure();
    moveYields(body.getTerminator()->getOperands(), homes);
    k.yield({});
    return success();
  };
  return success(succeeded(inside(made, 0, emitCondition)) && succeeded(inside(made, 1, emitBody)));
}

LogicalResult ControlKernel::emitScan(ir::ScanOp scan) {
  SmallVector<Value> homes = startCarries(scan.getInits(), scan.finalCarries());
  Block &body = scan.getBody().front();
  for (auto [argument, home] : llvm::zip(scan.carryArgs(), homes)) memory[argument] = home;
  for (Value slice : scan.sliceArgs()) memory[slice] = allocate(slice);
  for (Value stack : scan.stackedOutputs()) memory[stack] = allocateResult(stack);
  int64_t trips = scan.getTrips();
  Operation *made = k.loop(k.index(0), k.index(trips), 1);
  return inside(made, 0, [&] {
    Value at = made->getRegion(0).getArgument(0);
    if (scan.getReverse()) at = k.sub(k.index(trips - 1), at);
    for (auto [x, slice] : llvm::zip(scan.getXs(), scan.sliceArgs())) {
      int64_t count = elementsOf(slice);
      copy(memory.lookup(x), k.mul(at, count), memory.lookup(slice), k.index(0), count);
    }
    writeInPlace(body, homes);
    if (failed(emitBlock(body))) return failure();
    auto yields = body.getTerminator()->getOperands();
    for (auto [y, stack] : llvm::zip(yields.drop_front(homes.size()), scan.stackedOutputs())) {
      int64_t count = elementsOf(y);
      copy(memory.lookup(y), k.index(0), memory.lookup(stack), k.mul(at, count), count);
    }
    moveYields(yields.take_front(homes.size()), homes);
    return success();
  });
}

LogicalResult ControlKernel::emitIf(ir::IfOp branch) {
  SmallVector<Value> results;
  for (Value result : branch.getResults()) results.push_back(memory[result] = allocate(result));
  Value predicate = branch.getPred();
  Operation *made =
      k.branch(k.load(memory.lookup(predicate), k.index(0), 1, Value(), elementOf(predicate)));
  for (auto [i, region] : llvm::enumerate(branch->getRegions())) {
    LogicalResult emitted = inside(made, i, [&] {
      if (failed(emitBlock(region.front()))) return failure();
      moveYields(region.front().getTerminator()->getOperands(), results);
      return success();
    });
    if (failed(emitted)) return failure();
  }
  return success();
}

LogicalResult ControlKernel::lower() {
  frame.tasks = 1;
  return inside(k.branch(k.lessThan(frame.begin, frame.end)), 0, [&] {
    for (auto [argument, memref] : llvm::zip(frame.source.getArguments(), frame.arguments)) {
      memory[argument] = memref;
      if (!isSmall(argument)) continue;
      memory[argument] = allocate(argument);
      copyAll(memref, memory[argument], elementsOf(argument));
    }
    if (failed(emitBlock(frame.source.getBody().front()))) return failure();
    for (auto [value, result] : llvm::zip(frame.returned(), frame.results))
      copyAll(memory.lookup(value), result, elementsOf(value));
    return success();
  });
}

} // namespace

LogicalResult lowerControlKernel(Frame &frame) {
  return ControlKernel(frame).lower();
}

} // namespace weir::codegen
