// weir-place-ops. An op runs where its operands lie: on the device that has most of their bytes.
// Values that nobody placed (constants, what is computed from them, variables without a word) lie
// where they are read first. The frontend's words come in pairs, from and to, wherever a value
// crosses; their transposes bring cotangents back the same way.
#include "passes/placement/placement.h"

#include "ir/collective/placement.h"
#include "ir/cost/cost.h"
#include "ir/dialect/weir.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace weir::passes {
namespace {

/// The operands of `op`, and what its regions read from outside of it.
SmallVector<OpOperand *> readsOf(Operation *op) {
  SmallVector<OpOperand *> reads;
  op->walk([&](Operation *inner) {
    for (OpOperand &operand : inner->getOpOperands())
      if (inner == op || !op->isAncestor(operand.get().getParentBlock()->getParentOp()))
        reads.push_back(&operand);
  });
  return reads;
}

bool isWord(Operation *op) {
  auto shard = dyn_cast<ir::spmd::ShardOp>(op);
  return shard && ir::deviceNamed(shard);
}

class Placer {
public:
  Placer(func::FuncOp main, bool isFinal)
      : main(main), body(main.getBody().front()), isFinal(isFinal) {}

  void run() {
    placeArguments();
    for (Operation &op : body.without_terminator()) locate(&op);
    for (Operation &op : body.without_terminator())
      if (!isFree(&op) && !readsOf(&op).empty() && !isPlaced(&op)) settle(&op, 0);
    moveOperands();
    moveUpdates();
    dropWords();
    annotate();
  }

private:
  /// A value that is no tensor of its own on any device: every user may have it.
  static bool isFree(Operation *op) { return isa<ir::ConstantOp>(op); }
  /// What is small is copied and made large where it is read.
  static bool isSpread(Operation *op) { return isa<ir::BroadcastOp>(op); }
  bool isPlaced(Operation *op) const {
    return op->getNumResults() == 0 || devices.count(op->getResult(0));
  }

  void placeArguments() {
    for (BlockArgument argument : main.getArguments())
      if (auto device =
              main.getArgAttrOfType<IntegerAttr>(argument.getArgNumber(), ir::kDeviceAttr))
        devices[argument] = device.getInt();
  }

  void locate(Operation *op) {
    if (isFree(op) || isSpread(op)) return;
    if (isWord(op)) return settle(op, *ir::deviceNamed(cast<ir::spmd::ShardOp>(op)));
    llvm::MapVector<int64_t, int64_t> bytes;
    for (OpOperand *read : readsOf(op))
      if (auto at = devices.find(read->get()); at != devices.end())
        bytes[at->second] += ir::bytesOf(read->get().getType());
    if (bytes.empty()) return;
    auto most =
        llvm::max_element(bytes, [](const auto &a, const auto &b) { return a.second < b.second; });
    settle(op, most->first);
  }

  /// `op` on `device`, and there also what it reads and nobody placed.
  void settle(Operation *op, int64_t device) {
    for (Value result : op->getResults()) devices[result] = device;
    for (OpOperand *read : readsOf(op)) {
      Value value = read->get();
      if (devices.count(value)) continue;
      if (Operation *made = value.getDefiningOp())
        isFree(made) ? void() : settle(made, device);
      else if (value.getParentBlock() == &body)
        devices[value] = device;
    }
  }

  /// `value` as it is on `device`.
  Value on(int64_t device, Value value) {
    auto at = devices.find(value);
    if (at == devices.end() || at->second == device) return value;
    if (Value known = copies.lookup({value, device})) return known;
    Operation *made = value.getDefiningOp();
    OpBuilder b(&body, made ? std::next(made->getIterator()) : body.begin());
    if (made && (isSpread(made) || readsOf(made).empty())) { // as cheap to make there
      Operation *again = b.clone(*made);
      for (OpOperand &operand : again->getOpOperands()) operand.set(on(device, operand.get()));
      for (Value result : again->getResults()) devices[result] = device;
      return copies[{value, device}] = again->getResult(cast<OpResult>(value).getResultNumber());
    }
    Value copy =
        ir::spmd::ShardOp::create(b, value.getLoc(), value.getType(), value,
                                  b.getStringAttr(ir::kDeviceWord + std::to_string(device)));
    devices[copy] = device;
    return copies[{value, device}] = copy;
  }

  void moveOperands() {
    SmallVector<Operation *> ops;
    for (Operation &op : body.without_terminator())
      if (!isWord(&op) && !isFree(&op) && op.getNumResults()) ops.push_back(&op);
    for (Operation *op : ops) {
      auto at = devices.find(op->getResult(0));
      if (at == devices.end()) continue;
      const int64_t device = at->second;
      for (OpOperand *read : readsOf(op)) read->set(on(device, read->get()));
    }
  }

  /// A variable's new value goes where the variable is.
  void moveUpdates() {
    Operation *terminator = body.getTerminator();
    for (unsigned i = 0; i < main.getNumResults(); ++i)
      if (auto updates = main.getResultAttrOfType<IntegerAttr>(i, ir::kUpdatesAttr))
        if (auto at = devices.find(main.getArgument(unsigned(updates.getInt())));
            at != devices.end())
          terminator->setOperand(i, on(at->second, terminator->getOperand(i)));
  }

  /// Words about what is so anyway; inside of loops and branches, all.
  void dropWords() {
    SmallVector<ir::spmd::ShardOp> words;
    main.walk([&](ir::spmd::ShardOp shard) {
      if (isWord(shard)) words.push_back(shard);
    });
    for (ir::spmd::ShardOp shard : words) {
      auto from = devices.find(shard.getOperand());
      const bool isCopy = shard->getBlock() == &body && from != devices.end() &&
                          from->second != *ir::deviceNamed(shard) && !shard.use_empty();
      if (isCopy) continue;
      shard.replaceAllUsesWith(shard.getOperand());
      shard.erase();
    }
  }

  void annotate() {
    Builder b(main.getContext());
    for (BlockArgument argument : main.getArguments())
      main.setArgAttr(argument.getArgNumber(), ir::kDeviceAttr,
                      b.getI64IntegerAttr(devices.lookup(argument)));
    if (!isFinal) return;
    for (Operation &op : body.without_terminator())
      if (!isFree(&op) && op.getNumResults())
        op.setAttr(ir::kDeviceAttr, b.getI64IntegerAttr(devices.lookup(op.getResult(0))));
  }

  func::FuncOp main;
  Block &body;
  bool isFinal;
  DenseMap<Value, int64_t> devices;
  DenseMap<std::pair<Value, int64_t>, Value> copies;
};

bool isAsked(func::FuncOp main) {
  for (unsigned i = 0; i < main.getNumArguments(); ++i)
    if (main.getArgAttr(i, ir::kDeviceAttr)) return true;
  return main
      .walk([](Operation *op) {
        return isWord(op) ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

struct PlaceOps : PassWrapper<PlaceOps, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(PlaceOps)
  explicit PlaceOps(bool isFinal = false) { final = isFinal; }
  PlaceOps(const PlaceOps &other) : PassWrapper(other) {}

  StringRef getArgument() const final { return "weir-place-ops"; }
  StringRef getDescription() const final {
    return "give every op a device, with copies between devices";
  }

  void getDependentDialects(DialectRegistry &registry) const final {
    registry.insert<ir::spmd::SpmdDialect>();
  }

  void runOnOperation() override {
    auto main = getOperation().lookupSymbol<func::FuncOp>("main");
    if (!main || !isAsked(main)) return markAllAnalysesPreserved();
    if (auto mesh = getOperation()->getAttrOfType<StringAttr>(ir::spmd::kMeshAttr)) {
      emitError(main.getLoc()) << "the graph is placed on devices by hand and also on a mesh ("
                               << mesh.getValue() << ")";
      return signalPassFailure();
    }
    Placer(main, final).run();
  }

  Option<bool> final{*this, "final", llvm::cl::desc("ops keep their device as an attribute"),
                     llvm::cl::init(false)};
};

} // namespace

std::unique_ptr<Pass> createPlaceOpsPass(bool isFinal) {
  return std::make_unique<PlaceOps>(isFinal);
}

void registerPlacementPasses() {
  registerPass([] { return createPlaceOpsPass(); });
}

} // namespace weir::passes
