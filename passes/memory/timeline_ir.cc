// Reading a timeline off the plan, and writing its changes into the function.
#include "passes/memory/timeline.h"

#include "ir/collective/spmd.h"
#include "ir/cost/cost.h"
#include "ir/dialect/steps.h"
#include "passes/memory/positions.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace weir::passes {

static constexpr int64_t kAlignment = 64; // of the plan

static Value rootOf(Value value) {
  while (auto view = value.getDefiningOp<ir::ReshapeOp>()) value = view.getOperand();
  return value;
}

/// About how long an op takes, in ns: a core's arithmetic and its memory, one
/// after the other.
static double nanosOf(Operation *op) {
  constexpr double launch = 500, flopsPerNano = 20, bytesPerNano = 8;
  return launch + double(ir::flopsOf(op)) / flopsPerNano +
         double(ir::bytesMoved(op)) / bytesPerNano;
}

/// A launch or a scan. A loop that is a kernel may take any time: that is not known before it runs.
/// Nothing moves between devices twice.
static bool isRepeatable(Operation &op) {
  auto launch = dyn_cast<ir::LaunchOp>(op);
  if (!launch) {
    bool moves = op.walk([](Operation *inner) {
                     return isa<ir::spmd::SpmdDialect>(inner->getDialect())
                                ? WalkResult::interrupt()
                                : WalkResult::advance();
                   }).wasInterrupted();
    return isa<ir::ScanOp>(op) && !moves;
  }
  auto kernel = SymbolTable::lookupNearestSymbolFrom(launch, launch.getCalleeAttr());
  auto kind = kernel ? kernel->getAttrOfType<StringAttr>(ir::kKernelAttr) : StringAttr();
  return !kind || kind.getValue() != ir::kControlKernel;
}

/// Bytes of what lives inside `op` only, when the most does.
static int64_t insideOf(Operation *op, const Positions &positions, const MemoryPlan &plan) {
  if (op->getNumRegions() == 0) return 0;
  int64_t first = positions.start(op), last = positions.end(op);
  std::vector<int64_t> change(last - first + 2, 0);
  for (const Storage &storage : plan.storages) {
    if (storage.space != ir::Space::arena || storage.start < first || storage.end > last) continue;
    if (llvm::any_of(storage.values, [&](Value value) { return value.getDefiningOp() == op; }))
      continue;
    int64_t bytes = llvm::alignTo(storage.bytes, kAlignment);
    change[storage.start - first] += bytes;
    change[storage.end - first + 1] -= bytes;
  }
  int64_t live = 0, most = 0;
  for (int64_t delta : change) most = std::max(most, live += delta);
  return most;
}

/// Pairs of results and operands that `op` may keep in the same bytes.
static SmallVector<std::pair<unsigned, unsigned>> inPlacePairs(Operation *op,
                                                               SymbolTable &symbols) {
  SmallVector<std::pair<unsigned, unsigned>> pairs;
  if (isa<ir::ScanOp, ir::WhileOp>(op)) {
    unsigned carries = isa<ir::ScanOp>(op) ? cast<ir::ScanOp>(op).getInits().size()
                                           : cast<ir::WhileOp>(op).getInits().size();
    for (unsigned i = 0; i < carries; ++i) pairs.push_back({i, i});
  }
  if (isa<ir::spmd::AllReduceOp>(op)) pairs.push_back({0, 0});
  auto launch = dyn_cast<ir::LaunchOp>(op);
  auto kernel = launch ? symbols.lookup<func::FuncOp>(launch.getCallee()) : func::FuncOp();
  auto listed = kernel ? kernel->getAttrOfType<ArrayAttr>(ir::kInplaceAttr) : ArrayAttr();
  if (!listed) return pairs;
  for (Attribute pair : listed) {
    auto numbers = cast<ArrayAttr>(pair);
    pairs.push_back({unsigned(cast<IntegerAttr>(numbers[0]).getInt()),
                     unsigned(cast<IntegerAttr>(numbers[1]).getInt())});
  }
  return pairs;
}

namespace {

class Reader {
public:
  Reader(func::FuncOp main, const MemoryPlan &plan) : main(main), plan(plan) {}
  Timeline run();

private:
  int tensorOf(Value value) const {
    auto found = numbers.find(rootOf(value));
    return found == numbers.end() ? -1 : found->second;
  }
  void addStep(Operation &op);
  void addTimes(Operation &op, Timeline::Step &step);

  func::FuncOp main;
  const MemoryPlan &plan;
  Timeline timeline;
  DenseMap<Value, int> numbers;      // of the values that are tensors
  DenseMap<Attribute, double> costs; // of a launch of this kernel, in ns
};

void Reader::addTimes(Operation &op, Timeline::Step &step) {
  op.walk([&](ir::LaunchOp launch) {
    auto [cost, isNew] = costs.try_emplace(launch.getCalleeAttr(), 0);
    if (isNew) cost->second = nanosOf(launch);
    step.nanos += cost->second;
  });
  if (auto scan = dyn_cast<ir::ScanOp>(op)) step.nanos *= double(scan.getTrips());
}

void Reader::addStep(Operation &op) {
  Timeline::Step step;
  step.op = &op;
  step.isRepeatable = isRepeatable(op);
  addTimes(op, step);
  op.walk([&](Operation *inner) {
    for (Value operand : inner->getOperands()) {
      int tensor = tensorOf(operand);
      if (tensor >= 0 && !llvm::is_contained(step.reads, tensor)) step.reads.push_back(tensor);
    }
  });
  for (Value result : op.getResults()) {
    if (plan.storages[plan.places.at(result).storage].space != ir::Space::arena) continue;
    numbers[result] = timeline.tensors.size();
    step.makes.push_back(timeline.tensors.size());
    int64_t bytes = llvm::alignTo(ir::bytesOf(result.getType()), kAlignment);
    timeline.tensors.push_back({result, int(timeline.tensors.size()), bytes});
  }
  timeline.steps.push_back(std::move(step));
}

Timeline Reader::run() {
  for (Operation &op : main.getBody().front())
    if (!isa<ir::ReshapeOp>(op)) addStep(op);
  SymbolTable symbols(main->getParentOfType<ModuleOp>());
  Positions positions(main);
  for (Timeline::Step &step : timeline.steps) {
    step.inside = insideOf(step.op, positions, plan);
    for (auto [result, operand] : inPlacePairs(step.op, symbols)) {
      int made = tensorOf(step.op->getResult(result)),
          read = tensorOf(step.op->getOperand(operand));
      if (made >= 0 && read >= 0 && timeline.tensors[made].bytes == timeline.tensors[read].bytes)
        step.inPlace.push_back({made, read});
    }
  }
  timeline.measureLives();
  return std::move(timeline);
}

class Writer {
public:
  Writer(Timeline &timeline, func::FuncOp main) : timeline(timeline), main(main) {
    for (auto [number, tensor] : llvm::enumerate(timeline.tensors))
      if (tensor.value) numbers[tensor.value] = number;
  }
  void run();

private:
  void copyOps();
  Value read(const Timeline::Step &step, Value operand, OpBuilder &b);

  Timeline &timeline;
  func::FuncOp main;
  DenseMap<Value, int> numbers; // of the values that were tensors so far
  DenseMap<std::pair<Value, int>, Value> views;
};

/// Copies come first, while the ops to be copied still read what their steps
/// say.
void Writer::copyOps() {
  Operation *next = nullptr;
  for (Timeline::Step &step : llvm::reverse(timeline.steps)) {
    if (!step.isAgain) {
      next = step.op;
      continue;
    }
    // Of the results, those that are tensors, in order.
    SmallVector<unsigned, 2> results;
    for (OpResult result : step.op->getResults())
      if (numbers.contains(result)) results.push_back(result.getResultNumber());
    step.op = next = OpBuilder(next).clone(*step.op);
    step.isAgain = false;
    next->setAttr(kAgainAttr, UnitAttr::get(next->getContext()));
    for (auto [tensor, result] : llvm::zip_equal(step.makes, results))
      timeline.tensors[tensor].value = next->getResult(result);
  }
}

/// What an op of this step reads where it read `operand`; views of copies are
/// made at `b`.
Value Writer::read(const Timeline::Step &step, Value operand, OpBuilder &b) {
  auto found = numbers.find(rootOf(operand));
  if (found == numbers.end()) return operand;
  int original = found->second;
  for (int tensor : step.reads) {
    if (timeline.tensors[tensor].origin != timeline.tensors[original].origin) continue;
    if (tensor == original) return operand;
    auto view = operand.getDefiningOp<ir::ReshapeOp>();
    if (!view) return timeline.tensors[tensor].value;
    if (Value known = views.lookup({operand, tensor})) return known;
    Value of = read(step, view.getOperand(), b);
    Operation *copy = b.clone(*view);
    copy->setOperand(0, of);
    return views[{operand, tensor}] = copy->getResult(0);
  }
  return operand;
}

void Writer::run() {
  copyOps();
  for (const Timeline::Step &step : timeline.steps) {
    OpBuilder b(step.op);
    step.op->walk([&](Operation *op) {
      for (OpOperand &operand : op->getOpOperands()) operand.set(read(step, operand.get(), b));
    });
  }
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(main.getBody().front())))
    if (isa<ir::ReshapeOp>(op) && op.use_empty()) op.erase();
}

} // namespace

Timeline readTimeline(func::FuncOp main, const MemoryPlan &plan) {
  return Reader(main, plan).run();
}

void writeTimeline(Timeline &timeline, func::FuncOp main) {
  Writer(timeline, main).run();
}

} // namespace weir::passes
