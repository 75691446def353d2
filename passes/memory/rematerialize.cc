// The search. A round plans the memory, looks at the peak, and makes one change; a change that
// makes the peak higher is taken back and not tried again.
#include "passes/memory/rematerialize.h"

#include "ir/cost/cost.h"
#include "ir/dialect/steps.h"
#include "ir/locations/locations.h"
#include "passes/memory/memory.h"
#include "passes/memory/memory_report.h"
#include "passes/memory/plan.h"
#include "passes/memory/positions.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace weir::passes {

namespace {

constexpr size_t kMostOps = 48; ///< computed again for one value

/// A loop that is a kernel may take any time: that is not known before it runs.
bool isLoop(ir::LaunchOp launch) {
  auto kernel = SymbolTable::lookupNearestSymbolFrom(launch, launch.getCalleeAttr());
  auto kind = kernel ? kernel->getAttrOfType<StringAttr>(ir::kKernelAttr) : StringAttr();
  return kind && kind.getValue() == ir::kControlKernel;
}

bool isRepeatable(Operation *op) {
  auto launch = dyn_cast_if_present<ir::LaunchOp>(op);
  if (launch && isLoop(launch)) return false;
  return isa_and_present<ir::LaunchOp, ir::ReshapeOp, ir::ConstantOp>(op);
}

/// About how long an op takes, in ns: a core's arithmetic and its memory, one after the other.
double timeOf(Operation *op) {
  constexpr double launch = 500, flopsPerNs = 20, bytesPerNs = 8;
  if (!isa<ir::LaunchOp>(op)) return 0;
  return launch + double(ir::flopsOf(op)) / flopsPerNs + double(ir::bytesMoved(op)) / bytesPerNs;
}

/// One value's way out of the peak: `ops`, in order, are done once more before `before`.
struct Change {
  Operation *before = nullptr;
  llvm::SmallSetVector<Operation *, 16> ops;
  int64_t freed = 0; ///< bytes, at the peak
  double time = 0;
};

class Rematerializer {
public:
  Rematerializer(func::FuncOp main, int64_t budget)
      : main(main), block(main.getBody().front()), budget(budget) {}

  LogicalResult run();

private:
  void look();
  std::optional<Change> bestChange();
  std::optional<Change> changeFor(ir::LaunchOp launch, Value value);
  bool addAgain(Change &change, Operation *op);
  bool addOperand(Change &change, Value value);
  Operation *nextReader(Value value) const;
  int64_t lifeEnd(Value value) const;
  void apply(const Change &change);
  void undo();
  LogicalResult refuse(int64_t least);

  func::FuncOp main;
  Block &block;
  int64_t budget;
  std::optional<Positions> positions;
  MemoryPlan plan;
  llvm::DenseSet<Operation *> refused; ///< ops of values that made things worse
  SmallVector<Operation *> added;      ///< by the last change
  SmallVector<std::pair<OpOperand *, Value>> replaced;
};

} // namespace

/// `plan`, which is of `main`, together with what lies outside the arena.
static int64_t total(const MemoryPlan &plan) {
  int64_t bytes = plan.arenaBytes;
  llvm::DenseSet<int64_t> constants;
  for (const Storage &storage : plan.storages) {
    if (storage.space == ir::Space::arena) continue;
    if (storage.space == ir::Space::constant && !constants.insert(storage.index).second) continue;
    bytes += storage.bytes;
  }
  return bytes;
}

int64_t plannedBytes(func::FuncOp main) {
  return total(planMemory(main));
}

void Rematerializer::look() {
  positions.emplace(main);
  plan = planMemory(main);
}

/// When the last reader of the value or of a view of it is done.
int64_t Rematerializer::lifeEnd(Value value) const {
  int64_t end = positions->lastUse(value);
  for (Operation *user : value.getUsers())
    if (isa<ir::ReshapeOp>(user)) end = std::max(end, lifeEnd(user->getResult(0)));
  return end;
}

/// The first op of the block that reads the value, or a view of it, after the peak; null if one
/// reads it there.
Operation *Rematerializer::nextReader(Value value) const {
  Operation *next = nullptr;
  for (Operation *user : value.getUsers()) {
    Operation *reader = block.findAncestorOpInBlock(*user);
    int64_t position = positions->start(reader), end = positions->end(reader);
    if (isa<ir::ReshapeOp>(reader)) {
      if (lifeEnd(reader->getResult(0)) < plan.peakPosition) continue;
      reader = nextReader(reader->getResult(0));
      if (!reader) return nullptr;
      position = positions->start(reader);
    } else if (position <= plan.peakPosition && plan.peakPosition <= end) {
      return nullptr;
    } else if (end < plan.peakPosition) {
      continue;
    }
    if (!next || position < positions->start(next)) next = reader;
  }
  return next;
}

/// Adds `op`, after what it needs itself, to what is done once more.
bool Rematerializer::addAgain(Change &change, Operation *op) {
  if (change.ops.contains(op)) return true;
  if (change.ops.size() >= kMostOps) return false;
  for (Value operand : op->getOperands())
    if (!addOperand(change, operand)) return false;
  change.ops.insert(op);
  change.time += timeOf(op);
  return true;
}

/// An operand is there anyway, or is computed again as well, or has to stay for longer.
bool Rematerializer::addOperand(Change &change, Value value) {
  Operation *op = value.getDefiningOp();
  if (!op) return true;
  bool isView = isa<ir::ReshapeOp>(op);
  if (!isView && lifeEnd(value) >= positions->start(change.before)) return true;
  if (isView || isRepeatable(op)) return addAgain(change, op);
  if (lifeEnd(value) < plan.peakPosition) change.freed -= ir::bytesOf(value.getType());
  return true;
}

std::optional<Change> Rematerializer::changeFor(ir::LaunchOp launch, Value value) {
  Change change;
  change.before = nextReader(value);
  if (!change.before || change.before->hasTrait<OpTrait::IsTerminator>()) return std::nullopt;
  if (!addAgain(change, launch)) return std::nullopt;
  // Whatever is computed again need not be kept either.
  int64_t from = positions->start(change.before);
  for (Operation *op : change.ops) {
    if (!isa<ir::LaunchOp>(op) || positions->start(op) >= plan.peakPosition) continue;
    for (Value result : op->getResults()) {
      Operation *next = lifeEnd(result) > plan.peakPosition ? nextReader(result) : nullptr;
      if (next && positions->start(next) >= from) change.freed += ir::bytesOf(result.getType());
    }
  }
  if (change.freed <= 0) return std::nullopt;
  return change;
}

std::optional<Change> Rematerializer::bestChange() {
  std::optional<Change> best;
  for (const Storage &storage : plan.storages) {
    if (storage.space != ir::Space::arena || storage.start >= plan.peakPosition ||
        storage.end <= plan.peakPosition)
      continue;
    for (Value value : storage.values) {
      auto launch = value.getDefiningOp<ir::LaunchOp>();
      if (!launch || !isRepeatable(launch) || launch->getBlock() != &block ||
          refused.contains(launch))
        continue;
      if (positions->start(launch) >= plan.peakPosition || lifeEnd(value) <= plan.peakPosition)
        continue;
      std::optional<Change> change = changeFor(launch, value);
      if (!change) continue;
      if (!best || double(change->freed) * best->time > double(best->freed) * change->time)
        best = std::move(change);
    }
  }
  return best;
}

void Rematerializer::apply(const Change &change) {
  added.clear();
  replaced.clear();
  IRMapping again;
  OpBuilder b(change.before);
  for (Operation *op : change.ops) added.push_back(b.clone(*op, again));
  int64_t from = positions->start(change.before);
  for (Operation *op : change.ops)
    for (Value result : op->getResults())
      for (OpOperand &use : llvm::make_early_inc_range(result.getUses())) {
        Operation *reader = block.findAncestorOpInBlock(*use.getOwner());
        if (llvm::is_contained(added, reader) || positions->start(reader) < from) continue;
        replaced.push_back({&use, result});
        use.set(again.lookup(result));
      }
}

void Rematerializer::undo() {
  for (auto [use, value] : replaced) use->set(value);
  for (Operation *op : llvm::reverse(added)) op->erase();
}

static std::string sizeText(int64_t bytes) {
  return bytes < 1 << 20 ? llvm::formatv("{0:F1} KiB", double(bytes) / 1024).str()
                         : llvm::formatv("{0:F1} MiB", double(bytes) / (1 << 20)).str();
}

LogicalResult Rematerializer::refuse(int64_t least) {
  constexpr size_t most = 8;
  InFlightDiagnostic error = main.emitError()
                             << "memory budget: " << sizeText(budget)
                             << " cannot be met; the least found is " << sizeText(least);
  MemoryReport report = reportMemory(main);
  size_t shown = 0;
  for (const MemoryLine &line : report.lines) {
    if (shown == most) break;
    if (line.kind == "arena" && !line.atPeak) continue;
    ++shown;
    error.attachNote() << "cannot shrink: " << line.kind << " " << line.what << ", " << line.type
                       << ", " << sizeText(line.bytes) << (line.place.empty() ? "" : ", ")
                       << line.place;
  }
  return error;
}

LogicalResult Rematerializer::run() {
  look();
  constexpr size_t roundsPerOp = 8;
  size_t rounds = roundsPerOp * block.getOperations().size();
  int64_t least = total(plan);
  while (total(plan) > budget) {
    std::optional<Change> change;
    if (rounds-- > 0) change = bestChange();
    if (!change) return refuse(least);
    int64_t live = plan.liveBytes;
    Operation *seed = change->ops.back();
    apply(*change);
    look();
    least = std::min(least, total(plan));
    if (plan.liveBytes <= live) continue;
    undo();
    refused.insert(seed);
    look();
  }
  return success();
}

LogicalResult rematerialize(func::FuncOp main, int64_t budget) {
  return Rematerializer(main, budget).run();
}

namespace {
struct Rematerialize : PassWrapper<Rematerialize, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(Rematerialize)
  Rematerialize() = default;
  explicit Rematerialize(int64_t bytes) { budget = bytes; }
  Rematerialize(const Rematerialize &other) : PassWrapper(other) {} // options are copied by MLIR

  Option<int64_t> budget{*this, "budget", llvm::cl::desc("bytes that a run may need")};

  StringRef getArgument() const override { return "weir-rematerialize"; }
  StringRef getDescription() const override {
    return "launch kernels again, rather than keep results, until a memory budget is met";
  }
  void runOnOperation() override {
    auto main = getOperation().lookupSymbol<func::FuncOp>("main");
    if (main && failed(rematerialize(main, budget))) signalPassFailure();
  }
};
} // namespace

std::unique_ptr<Pass> createRematerializePass(int64_t budget) {
  return std::make_unique<Rematerialize>(budget);
}

} // namespace weir::passes
