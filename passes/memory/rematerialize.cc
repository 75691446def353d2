// The search: the change that frees the most bytes over the budget for its
// time, tried on a timeline, one after the other; the real plan has the last
// word.
#include "passes/memory/rematerialize.h"

#include "ir/cost/cost.h"
#include "ir/locations/locations.h"
#include "passes/memory/changes.h"
#include "passes/memory/memory.h"
#include "passes/memory/memory_report.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/FormatVariadic.h"

#include <map>

using namespace mlir;

namespace weir::passes {

namespace {

/// Changes made at once, if together they free at least this part of what they promise; changes
/// tried one by one where they do not.
constexpr size_t kMostAtOnce = 8, kMostTried = 12;
constexpr double kKept = 0.6;
/// Steps of all the timelines that a search may try: bounds its time to that of the other passes.
constexpr int64_t kMostWork = 1'000'000;
/// A change has to bring down what is over the budget by this part.
constexpr double kLeastGain = 1e-3;
/// Times that the real plan may turn out larger than the timeline's.
constexpr int kMostPlans = 8;

class Rematerializer {
public:
  Rematerializer(func::FuncOp main, int64_t budget) : main(main), budget(budget) {}
  LogicalResult run();

private:
  bool reduce(int64_t target);
  bool improve(const Timeline::Profile &profile, int64_t target);
  bool tryTogether(ArrayRef<Change> changes, const Timeline::Profile &profile, int64_t target);
  bool tryOne(ArrayRef<Change> changes, const Timeline::Profile &profile, int64_t target);
  void prune(int64_t target);
  LogicalResult refuse(StringRef why, int64_t least);
  void remark(int64_t before, int64_t after);

  func::FuncOp main;
  int64_t budget;
  int64_t work = 0;
  Timeline timeline;
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

/// Makes `changes`, which have no step in common, at once; false if they free
/// less together than they should.
bool Rematerializer::tryTogether(ArrayRef<Change> changes, const Timeline::Profile &profile,
                                 int64_t target) {
  Timeline tried = timeline;
  tried.apply(changes);
  double promised = 0;
  for (const Change &change : changes) promised += change.gain;
  work += tried.steps.size();
  if (profile.excess - tried.profile(target).excess < kKept * promised) return false;
  timeline = std::move(tried);
  return true;
}

/// Makes the best of the first of `changes`.
bool Rematerializer::tryOne(ArrayRef<Change> changes, const Timeline::Profile &profile,
                            int64_t target) {
  Timeline best;
  double bestGain = 0;
  for (const Change &change : changes.take_front(kMostTried)) {
    Timeline tried = timeline;
    tried.apply(change);
    work += tried.steps.size();
    double freed = profile.excess - tried.profile(target).excess;
    if (freed < kLeastGain * profile.excess || freed <= bestGain * change.nanos) continue;
    bestGain = freed / change.nanos;
    best = std::move(tried);
  }
  if (bestGain > 0) timeline = std::move(best);
  return bestGain > 0;
}

/// Makes one change or several; false if there is none.
bool Rematerializer::improve(const Timeline::Profile &profile, int64_t target) {
  SmallVector<Change> changes = promisingChanges(timeline, profile, target), apart;
  llvm::DenseSet<int> steps;
  for (const Change &change : changes) {
    const Change &first = changes.front();
    bool isWorse = 2 * change.gain * first.nanos < first.gain * change.nanos;
    if (apart.size() == kMostAtOnce || isWorse) break;
    if (llvm::any_of(change.again, [&](int step) { return steps.contains(step); })) continue;
    steps.insert(change.again.begin(), change.again.end());
    apart.push_back(change);
  }
  for (size_t count = apart.size(); count > 1; count /= 2)
    if (tryTogether(ArrayRef(apart).take_front(count), profile, target)) return true;
  return tryOne(changes, profile, target);
}

/// Takes back what is run again although there is room to keep it, the dearest
/// first.
void Rematerializer::prune(int64_t target) {
  SmallVector<std::pair<double, int>> candidates;
  for (const Timeline::Step &step : timeline.steps)
    if (step.isAgain) candidates.push_back({-step.nanos, step.makes.front()});
  llvm::sort(candidates);
  for (auto [nanos, tensor] : candidates) {
    Timeline tried = timeline;
    if (tried.dropAgain(tensor) && tried.profile(target).peak <= target)
      timeline = std::move(tried);
  }
}

/// Changes the timeline until its peak is at most `target`.
bool Rematerializer::reduce(int64_t target) {
  Timeline::Profile profile = timeline.profile(target);
  for (; profile.peak > target; profile = timeline.profile(target))
    if (work > kMostWork || !improve(profile, target)) return false;
  prune(target);
  return true;
}

static std::string sizeText(int64_t bytes) {
  if (bytes < 1024) return llvm::formatv("{0} B", bytes).str();
  return bytes < 1 << 20 ? llvm::formatv("{0:F1} KiB", double(bytes) / 1024).str()
                         : llvm::formatv("{0:F1} MiB", double(bytes) / (1 << 20)).str();
}

/// "variable w, f32[64, 32], 8.0 KiB, train.cc:12"
static std::string lineText(const MemoryLine &line) {
  return line.kind + " " + line.what + ", " + line.type + ", " + sizeText(line.bytes) +
         (line.place.empty() ? "" : ", ") + line.place;
}

/// What lies in the arena at the peak one by one, the other classes with their
/// largest.
LogicalResult Rematerializer::refuse(StringRef why, int64_t least) {
  constexpr int mostOfArena = 6;
  InFlightDiagnostic error = emitError(main.getLoc())
                             << "memory budget: " << sizeText(budget) << " cannot be met; " << why
                             << sizeText(least);
  MemoryReport report = reportMemory(main);
  int shown = 0;
  for (const MemoryLine &line : report.lines)
    if (line.kind == "arena" && line.atPeak && shown++ < mostOfArena)
      error.attachNote() << "cannot shrink: " << lineText(line);
  for (StringRef kind : {"variable", "input", "output", "constant"}) {
    const MemoryLine *largest = nullptr;
    int64_t count = 0, bytes = 0;
    for (const MemoryLine &line : report.lines) {
      if (line.kind != kind || line.bytes == 0) continue;
      if (!largest) largest = &line;
      ++count;
      bytes += line.bytes;
    }
    if (count == 1) error.attachNote() << "cannot shrink: " << lineText(*largest);
    if (count > 1)
      error.attachNote() << "cannot shrink: " << count << " " << kind << "s, " << sizeText(bytes)
                         << "; the largest is " << lineText(*largest);
  }
  return error;
}

static std::string flopsText(int64_t flops) {
  return flops < 1'000'000 ? llvm::formatv("{0} FLOP", flops).str()
                           : llvm::formatv("{0:F1} MFLOP", double(flops) / 1e6).str();
}

/// Says what the budget costs, by the user's lines.
void Rematerializer::remark(int64_t before, int64_t after) {
  struct Place {
    int64_t launches = 0, flops = 0;
  };
  llvm::MapVector<std::string, Place, std::map<std::string, unsigned>> places;
  Place all, again;
  for (Operation &op : main.getBody().front()) {
    int64_t flops = ir::flopsOf(&op);
    all.flops += flops;
    if (!op.hasAttr(kAgainAttr)) continue;
    for (Place *place : {&again, &places[ir::userPlace(op.getLoc())]}) {
      ++place->launches;
      place->flops += flops;
    }
  }
  double percent = 100 * double(again.flops) / std::max<double>(1, all.flops - again.flops);
  InFlightDiagnostic remark = emitRemark(main.getLoc());
  remark << "memory budget: " << sizeText(budget) << " is met with " << sizeText(after) << ", "
         << sizeText(before) << " without it; " << again.launches << " launches are run again, "
         << flopsText(again.flops) << llvm::formatv(" ({0:F1} %) more", percent).str();
  for (const auto &[name, place] : places)
    remark.attachNote() << "run again: " << place.launches << " launches, "
                        << flopsText(place.flops) << (name.empty() ? "" : ", ") << name;
}

LogicalResult Rematerializer::run() {
  MemoryPlan plan = planMemory(main);
  int64_t before = total(plan), fixed = before - plan.arenaBytes;
  if (before <= budget) return success();
  timeline = readTimeline(main, plan);
  if (int64_t least = fixed + timeline.lowerBound(); least > budget)
    return refuse("no order of the work needs less than ", least);
  int64_t target = budget - fixed, least = before;
  for (int plans = 0; plans < kMostPlans; ++plans) {
    bool isReduced = reduce(target);
    int64_t expected = fixed + timeline.profile(target).peak;
    writeTimeline(timeline, main);
    int64_t now = plannedBytes(main);
    least = std::min(least, now);
    if (now <= budget) return remark(before, now), success();
    if (!isReduced) break;
    target -= std::max<int64_t>(now - expected, 64);
  }
  return refuse("the least found is ", least);
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
    return "launch kernels again, rather than keep results, until a memory "
           "budget is met";
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
