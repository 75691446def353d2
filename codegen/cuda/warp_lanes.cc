// Walks the kernel once and builds its body anew, value by value.
//
// A vector of n < 32 lanes is held n-periodically: thread t has lane t % n. So every shuffle finds
// its source below n, and only stores ask whether t < n. Threads from n on may see memory that
// others changed already; nothing reads their lanes, and scalars never depend on them, since
// barriers stand between reads and writes of memory that is both.
#include "codegen/cuda/warp_lanes.h"

#include "codegen/cuda/lane_values.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace weir::codegen::cuda {
namespace {

/// The argument (or allocation) that a memref is a view of.
Value rootOf(Value memref) {
  while (Operation *op = memref.getDefiningOp()) {
    if (!isa<memref::ViewOp, memref::CastOp, memref::ReinterpretCastOp>(op)) break;
    memref = op->getOperand(0);
  }
  return memref;
}

class Distributor {
public:
  explicit Distributor(func::FuncOp kernel) : kernel(kernel), b(kernel.getContext()), lanes(b) {}
  LogicalResult run();

private:
  LogicalResult findShared();
  LogicalResult visitBlock(Block &from);
  LogicalResult visit(Operation *op);
  LogicalResult visitRegions(Operation *op);
  LogicalResult visitShuffle(vector::ShuffleOp op);
  LogicalResult visitExtract(vector::ExtractOp op);
  LogicalResult visitInsert(vector::InsertOp op);
  LogicalResult visitConstant(arith::ConstantOp op, DenseElementsAttr elements);
  LogicalResult visitElementwise(Operation *op);
  void visitScatter(vector::ScatterOp op);
  void visitMatrixMultiply(LLVM::CallIntrinsicOp op);
  void visitLoad(Value result, Value memref, Value at);
  void visitGuardedLoad(Value result, Value memref, Value at, Value mask, Value otherwise);
  void visitStore(Value value, Value memref, Value at, Value mask);
  void storeAt(Value value, Value memref, Value element, Value mask);

  Value at(Value value) { return map.lookupOrDefault(value); }
  Value indexPlusLane(Value at, int64_t count) {
    return arith::AddIOp::create(b, lanes.loc, at, lanes.laneIndex(count));
  }
  void fence();

  func::FuncOp kernel;
  OpBuilder b;
  LaneValues lanes;
  IRMapping map;
  llvm::DenseSet<Value> shared; // Roots of memory that one thread may write and another read.
  Operation *lastFence = nullptr;
};

int64_t lanesOf(Type type) {
  auto vector = dyn_cast<VectorType>(type);
  return vector ? vector.getNumElements() : 1;
}

bool touchesVectors(Operation *op) {
  auto isVector = [](Type type) { return isa<VectorType>(type); };
  return llvm::any_of(op->getOperandTypes(), isVector) ||
         llvm::any_of(op->getResultTypes(), isVector);
}

Type threadType(Type type) {
  auto vector = dyn_cast<VectorType>(type);
  return vector ? vector.getElementType() : type;
}

LogicalResult Distributor::findShared() {
  llvm::DenseSet<Value> read, written;
  kernel.walk([&](Operation *op) {
    llvm::TypeSwitch<Operation *>(op)
        .Case<memref::LoadOp>([&](auto load) { read.insert(rootOf(load.getMemref())); })
        .Case<memref::StoreOp>([&](auto store) { written.insert(rootOf(store.getMemref())); })
        .Case<vector::LoadOp, vector::MaskedLoadOp, vector::GatherOp>(
            [&](auto load) { read.insert(rootOf(load.getBase())); })
        .Case<vector::StoreOp, vector::MaskedStoreOp, vector::ScatterOp>(
            [&](auto store) { written.insert(rootOf(store.getBase())); });
  });
  for (Value root : written) {
    if (root.getDefiningOp<memref::AllocaOp>())
      return kernel.emitError("memory of one thread is no memory of a warp");
    auto argument = dyn_cast<BlockArgument>(root);
    bool alone = argument && argument.getOwner() == &kernel.getBody().front() &&
                 kernel.getArgAttr(argument.getArgNumber(), "llvm.noalias");
    if (!alone || read.contains(root)) shared.insert(root);
  }
  return success();
}

/// A barrier of the warp, which orders its memory accesses; one of two without any between them.
void Distributor::fence() {
  Block *block = b.getInsertionBlock();
  for (auto it = b.getInsertionPoint(); it != block->begin();) {
    Operation *before = &*--it;
    if (before == lastFence) return;
    if (!isMemoryEffectFree(before)) break;
  }
  lastFence = lanes.barrier();
}

LogicalResult Distributor::visitConstant(arith::ConstantOp op, DenseElementsAttr elements) {
  // A table, looked into at an index, is no vector of lanes.
  if (llvm::all_of(op->getUsers(), [](Operation *user) {
        auto extract = dyn_cast<vector::ExtractOp>(user);
        return extract && !extract.getDynamicPosition().empty();
      }))
    return success();
  map.map(op.getResult(), lanes.constant(elements));
  return success();
}

void Distributor::visitLoad(Value result, Value memref, Value index) {
  Value element = indexPlusLane(index, lanesOf(result.getType()));
  map.map(result, memref::LoadOp::create(b, lanes.loc, memref, element));
}

void Distributor::visitGuardedLoad(Value result, Value memref, Value index, Value mask,
                                   Value otherwise) {
  auto branch = scf::IfOp::create(b, lanes.loc, otherwise.getType(), mask, /*withElse=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  Value loaded = memref::LoadOp::create(b, lanes.loc, memref, index);
  scf::YieldOp::create(b, lanes.loc, loaded);
  b.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(b, lanes.loc, otherwise);
  map.map(result, branch.getResult(0));
}

/// By the threads that `mask` has (null: all), below the number of lanes.
void Distributor::visitStore(Value value, Value memref, Value index, Value mask) {
  int64_t count = lanesOf(value.getType());
  Value element = at(index);
  if (count > 1) element = indexPlusLane(element, count);
  storeAt(value, memref, element, mask);
}

void Distributor::visitScatter(vector::ScatterOp op) {
  Value offset = at(op.getIndices());
  if (!offset.getType().isIndex())
    offset = arith::IndexCastOp::create(b, lanes.loc, b.getIndexType(), offset);
  Value element = arith::AddIOp::create(b, lanes.loc, at(op.getOffsets()[0]), offset);
  storeAt(op.getValueToStore(), op.getBase(), element, at(op.getMask()));
}

/// `element`: where each thread stores.
void Distributor::storeAt(Value value, Value memref, Value element, Value mask) {
  int64_t count = lanesOf(value.getType());
  bool fenced = shared.contains(rootOf(memref));
  Value target = at(memref), stored = at(value);
  if (fenced) fence();
  if (count < kWarpLanes) {
    Value below = lanes.isBelow(count);
    mask = mask ? arith::AndIOp::create(b, lanes.loc, mask, below).getResult() : below;
  }
  if (mask) {
    auto branch = scf::IfOp::create(b, lanes.loc, mask, /*withElse=*/false);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    memref::StoreOp::create(b, lanes.loc, stored, target, element);
  } else {
    memref::StoreOp::create(b, lanes.loc, stored, target, element);
  }
  if (fenced) fence();
}

/// One shuffle for each of the two vectors that some lane comes from.
LogicalResult Distributor::visitShuffle(vector::ShuffleOp op) {
  ArrayRef<int64_t> order = op.getMask();
  int64_t first = op.getV1VectorType().getNumElements();
  SmallVector<int64_t> sources; // Within the vector that each lane comes from.
  uint32_t second = 0;          // Threads whose lane comes from the second one.
  for (int64_t thread = 0; thread < kWarpLanes; ++thread) {
    int64_t lane = order[thread % order.size()];
    second |= uint32_t(lane >= first) << thread;
    if (thread < int64_t(order.size())) sources.push_back(lane < first ? lane : lane - first);
  }
  Value from = lanes.smallNumber(sources);
  Value fromFirst, fromSecond;
  if (~second) fromFirst = lanes.fromLane(at(op.getV1()), from);
  if (second) fromSecond = lanes.fromLane(at(op.getV2()), from);
  if (fromFirst && fromSecond)
    fromFirst = arith::SelectOp::create(b, lanes.loc, lanes.bit(second), fromSecond, fromFirst);
  map.map(op.getResult(), fromFirst ? fromFirst : fromSecond);
  return success();
}

LogicalResult Distributor::visitExtract(vector::ExtractOp op) {
  OpFoldResult position = op.getMixedPosition()[0];
  if (auto lane = dyn_cast<Attribute>(position)) {
    Value source = lanes.i32(cast<IntegerAttr>(lane).getInt());
    map.map(op.getResult(), lanes.fromLane(at(op.getSource()), source));
    return success();
  }
  Value index = at(cast<Value>(position));
  DenseElementsAttr table;
  auto constant = op.getSource().getDefiningOp<arith::ConstantOp>();
  if (constant) table = dyn_cast<DenseElementsAttr>(constant.getValue());
  if (table) {
    map.map(op.getResult(), lanes.lookUp(table, index));
    return success();
  }
  Value lane = arith::IndexCastOp::create(b, lanes.loc, b.getI32Type(), index);
  map.map(op.getResult(), lanes.fromLane(at(op.getSource()), lane));
  return success();
}

LogicalResult Distributor::visitInsert(vector::InsertOp op) {
  OpFoldResult position = op.getMixedPosition()[0];
  Value index;
  if (auto lane = dyn_cast<Attribute>(position))
    index = arith::ConstantIndexOp::create(b, lanes.loc, cast<IntegerAttr>(lane).getInt());
  else
    index = at(cast<Value>(position));
  Value mine = lanes.laneIndex(lanesOf(op.getType()));
  Value here = arith::CmpIOp::create(b, lanes.loc, arith::CmpIPredicate::eq, mine, index);
  map.map(op.getResult(),
          arith::SelectOp::create(b, lanes.loc, here, at(op.getValueToStore()), at(op.getDest())));
  return success();
}

LogicalResult Distributor::visitElementwise(Operation *op) {
  if (!op->hasTrait<OpTrait::Elementwise>())
    return op->emitError("has no meaning for the lanes of a warp (codegen/cuda/warp_lanes.cc)");
  Operation *copy = b.clone(*op, map);
  for (Value result : copy->getResults()) result.setType(threadType(result.getType()));
  return success();
}

/// mma.sync: the vectors of words are the registers of each thread. Of f16, NVVM has them as pairs.
void Distributor::visitMatrixMultiply(LLVM::CallIntrinsicOp op) {
  constexpr size_t words = 6;
  Type two = VectorType::get({2}, b.getF16Type()), f32 = b.getF32Type();
  SmallVector<Value> arguments;
  for (auto [i, argument] : llvm::enumerate(op.getArgs())) {
    Value mine = at(argument);
    if (i < words && !op.getIntrin().ends_with(".bf16"))
      mine = LLVM::BitcastOp::create(b, lanes.loc, two, mine);
    arguments.push_back(mine);
  }
  auto type = LLVM::LLVMStructType::getLiteral(b.getContext(), {f32, f32, f32, f32});
  auto mma = LLVM::CallIntrinsicOp::create(b, lanes.loc, type, op.getIntrinAttr(), arguments);
  map.map(op->getResult(0), mma->getResult(0));
}

/// Loops and branches carry lanes where they carried vectors.
LogicalResult Distributor::visitRegions(Operation *op) {
  Operation *copy = op->cloneWithoutRegions(map);
  b.insert(copy);
  for (Value result : copy->getResults()) result.setType(threadType(result.getType()));
  OpBuilder::InsertionGuard guard(b);
  for (auto [from, to] : llvm::zip(op->getRegions(), copy->getRegions()))
    for (Block &block : from) {
      Block *body = b.createBlock(&to);
      for (BlockArgument argument : block.getArguments())
        map.map(argument, body->addArgument(threadType(argument.getType()), argument.getLoc()));
      if (failed(visitBlock(block))) return failure();
      b.setInsertionPointToEnd(body);
    }
  return success();
}

LogicalResult Distributor::visit(Operation *op) {
  lanes.loc = op->getLoc();
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case<memref::StoreOp>([&](memref::StoreOp store) {
        visitStore(store.getValue(), store.getMemref(), store.getIndices()[0], Value());
        return success();
      })
      .Case<memref::PrefetchOp>([](auto) { return success(); })
      .Case<vector::BroadcastOp>([&](vector::BroadcastOp op) {
        map.map(op.getResult(), at(op.getSource()));
        return success();
      })
      .Case<vector::LoadOp>([&](vector::LoadOp load) {
        visitLoad(load.getResult(), at(load.getBase()), at(load.getIndices()[0]));
        return success();
      })
      .Case<vector::MaskedLoadOp>([&](vector::MaskedLoadOp load) {
        Value index = indexPlusLane(at(load.getIndices()[0]), lanesOf(load.getType()));
        visitGuardedLoad(load.getResult(), at(load.getBase()), index, at(load.getMask()),
                         at(load.getPassThru()));
        return success();
      })
      .Case<vector::GatherOp>([&](vector::GatherOp gather) {
        Value offset = at(gather.getIndices());
        if (!offset.getType().isIndex())
          offset = arith::IndexCastOp::create(b, lanes.loc, b.getIndexType(), offset);
        Value index = arith::AddIOp::create(b, lanes.loc, at(gather.getOffsets()[0]), offset);
        visitGuardedLoad(gather.getResult(), at(gather.getBase()), index, at(gather.getMask()),
                         at(gather.getPassThru()));
        return success();
      })
      .Case<vector::StoreOp>([&](vector::StoreOp store) {
        visitStore(store.getValueToStore(), store.getBase(), store.getIndices()[0], Value());
        return success();
      })
      .Case<vector::MaskedStoreOp>([&](vector::MaskedStoreOp store) {
        visitStore(store.getValueToStore(), store.getBase(), store.getIndices()[0],
                   at(store.getMask()));
        return success();
      })
      .Case<vector::ScatterOp>([&](vector::ScatterOp op) {
        visitScatter(op);
        return success();
      })
      .Case<LLVM::CallIntrinsicOp>([&](LLVM::CallIntrinsicOp op) {
        visitMatrixMultiply(op);
        return success();
      })
      .Case<LLVM::ExtractValueOp>([&](LLVM::ExtractValueOp op) {
        map.map(op.getResult(), LLVM::ExtractValueOp::create(b, lanes.loc, at(op.getContainer()),
                                                             op.getPosition()));
        return success();
      })
      .Case<vector::ShuffleOp>([&](auto op) { return visitShuffle(op); })
      .Case<vector::ExtractOp>([&](auto op) { return visitExtract(op); })
      .Case<vector::InsertOp>([&](auto op) { return visitInsert(op); })
      .Case<vector::FMAOp>([&](vector::FMAOp op) {
        map.map(op.getResult(), math::FmaOp::create(b, lanes.loc, at(op.getLhs()), at(op.getRhs()),
                                                    at(op.getAcc())));
        return success();
      })
      .Case<vector::ReductionOp>([&](vector::ReductionOp op) -> LogicalResult {
        if (op.getKind() != vector::CombiningKind::OR || !op.getType().isInteger(1))
          return op.emitError("a warp votes on i1 alone (codegen/cuda/warp_lanes.cc)");
        map.map(op.getResult(), lanes.any(at(op.getVector())));
        return success();
      })
      .Default([&](Operation *op) -> LogicalResult {
        if (auto constant = dyn_cast<arith::ConstantOp>(op))
          if (auto elements = dyn_cast<DenseElementsAttr>(constant.getValue()))
            return visitConstant(constant, elements);
        if (op->getNumRegions()) return visitRegions(op);
        if (op->hasTrait<OpTrait::IsTerminator>() || !touchesVectors(op)) {
          b.clone(*op, map);
          return success();
        }
        return visitElementwise(op);
      });
}

LogicalResult Distributor::visitBlock(Block &from) {
  for (Operation &op : from)
    if (failed(visit(&op))) return failure();
  return success();
}

LogicalResult Distributor::run() {
  if (failed(findShared())) return failure();
  Block &old = kernel.getBody().front();
  Block *body = b.createBlock(&kernel.getBody());
  for (BlockArgument argument : old.getArguments())
    map.map(argument, body->addArgument(argument.getType(), argument.getLoc()));
  lanes.start(body, kernel.getLoc());
  LogicalResult done = visitBlock(old);
  old.dropAllReferences();
  old.dropAllDefinedValueUses();
  for (Operation &op : old) op.dropAllReferences();
  old.erase();
  return done;
}

} // namespace

LogicalResult mapLanesToThreads(func::FuncOp kernel) {
  if (!kernel.getBody().hasOneBlock())
    return kernel.emitError("a kernel before its conversion is one block");
  return Distributor(kernel).run();
}

} // namespace weir::codegen::cuda
