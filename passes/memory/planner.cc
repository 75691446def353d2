// Where every value lies. Blocks are planned in program order; a block's terminator says where its
// values are wanted (a fetch, a variable, the next carry, a branch's result), and a value goes
// there at once when nothing that is still to be read lies in the way. Otherwise it gets bytes of
// its own and a copy before the terminator.
#include "passes/memory/plan.h"
#include "passes/memory/positions.h"

#include "ir/collective/placement.h"
#include "ir/collective/spmd.h"
#include "ir/cost/cost.h"

using namespace mlir;

namespace weir::passes {

namespace {

class Planner {
public:
  explicit Planner(func::FuncOp main)
      : main(main), positions(main), symbols(main->getParentOfType<ModuleOp>()) {}

  MemoryPlan run() {
    placeArguments();
    planBlock(main.getBody().front(), returnTargets());
    finishLifetimes();
    assignOffsets(plan, positions.count());
    return std::move(plan);
  }

private:
  using Targets = SmallVector<std::optional<Place>>;

  void placeArguments();
  Targets returnTargets();
  void planBlock(Block &block, const Targets &targets);
  void want(Value value, const Place &target);
  void planOp(Operation *op);
  void planInPlace(Operation *op);
  void planIf(ir::IfOp branch);
  void planScan(ir::ScanOp scan);
  void planWhile(ir::WhileOp loop);
  SmallVector<Place> placeCarries(Operation *loop, ValueRange inits,
                                  ArrayRef<Block::BlockArgListType> arguments);
  void planTerminator(Operation *terminator, const Targets &targets);
  void emitCopies(Operation *before, SmallVector<Copy> copies);

  /// The device of the op that makes `value`.
  int64_t deviceOf(Value value);
  int addStorage(ir::Space space, int64_t index, int64_t bytes, int64_t start);
  Place newPlace(Value value, int64_t start) {
    int64_t bytes = ir::bytesOf(value.getType());
    return {addStorage(ir::Space::arena, deviceOf(value), bytes, start), 0, bytes, {}};
  }
  void place(Value value, Place where);
  std::optional<Place> freeTarget(OpResult result);
  Place resultPlace(OpResult result);
  Place carryPlace(Value init, OpResult result, ArrayRef<Place> others);
  bool isFreeFor(const Place &target, OpResult result);
  bool mayReuse(Operation *op, unsigned result, unsigned operand);
  std::optional<Place> dyingOperand(Operation *op, unsigned result);
  void keepUntil(const Place &place, int64_t position) {
    Storage &storage = plan.storages[place.storage];
    storage.end = std::max(storage.end, position);
  }
  Place slice(const Place &whole, int64_t loop, Type element);
  void finishLifetimes();

  func::FuncOp main;
  Positions positions;
  SymbolTable symbols;
  MemoryPlan plan;
  DenseMap<Value, Place> wanted;
  DenseMap<Attribute, int64_t> constants;
};

int64_t Planner::deviceOf(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op) op = value.getParentBlock()->getParentOp();
  while (op && op->getBlock() != &main.getBody().front()) op = op->getParentOp();
  auto device = op ? op->getAttrOfType<IntegerAttr>(ir::kDeviceAttr) : IntegerAttr();
  return device ? device.getInt() : 0;
}

int Planner::addStorage(ir::Space space, int64_t index, int64_t bytes, int64_t start) {
  plan.storages.push_back(
      {.space = space, .index = index, .bytes = bytes, .start = start, .end = start});
  return plan.storages.size() - 1;
}

void Planner::place(Value value, Place where) {
  Storage &storage = plan.storages[where.storage];
  storage.values.push_back(value);
  storage.end = std::max(storage.end, positions.lastUse(value));
  plan.places[value] = std::move(where);
}

void Planner::placeArguments() {
  int64_t inputs = 0, variables = 0;
  for (BlockArgument argument : main.getArguments()) {
    bool isVariable = bool(main.getArgAttr(argument.getArgNumber(), ir::kVariableAttr));
    int64_t bytes = ir::bytesOf(argument.getType());
    ir::Space space = isVariable ? ir::Space::variable : ir::Space::input;
    place(argument,
          {addStorage(space, isVariable ? variables++ : inputs++, bytes, 0), 0, bytes, {}});
  }
}

Planner::Targets Planner::returnTargets() {
  Targets targets;
  int64_t outputs = 0;
  for (unsigned i = 0; i < main.getNumResults(); ++i) {
    if (auto updates = main.getResultAttrOfType<IntegerAttr>(i, ir::kUpdatesAttr)) {
      targets.push_back(plan.places[main.getArgument(updates.getInt())]);
      continue;
    }
    int64_t bytes = ir::bytesOf(main.getResultTypes()[i]);
    targets.push_back(Place{addStorage(ir::Space::output, outputs++, bytes, 0), 0, bytes, {}});
  }
  return targets;
}

/// Remembers that `value` should be made at `target`; through views, for the value that is viewed.
void Planner::want(Value value, const Place &target) {
  if (wanted.contains(value) || plan.places.contains(value)) return;
  wanted[value] = target;
  if (auto view = value.getDefiningOp<ir::ReshapeOp>()) want(view.getOperand(), target);
}

void Planner::planBlock(Block &block, const Targets &targets) {
  Operation *terminator = block.getTerminator();
  for (auto [operand, target] : llvm::zip(terminator->getOperands(), targets))
    if (target && operand.getParentBlock() == &block) want(operand, *target);
  for (Operation &op : block.without_terminator()) planOp(&op);
  planTerminator(terminator, targets);
}

void Planner::planOp(Operation *op) {
  if (isa<ir::LaunchOp, ir::spmd::AllReduceOp>(op)) return planInPlace(op);
  if (auto branch = dyn_cast<ir::IfOp>(op)) return planIf(branch);
  if (auto scan = dyn_cast<ir::ScanOp>(op)) return planScan(scan);
  if (auto loop = dyn_cast<ir::WhileOp>(op)) return planWhile(loop);
  if (auto view = dyn_cast<ir::ReshapeOp>(op))
    return place(view.getResult(), plan.places[view.getOperand()]);
  if (auto constant = dyn_cast<ir::ConstantOp>(op)) {
    int64_t bytes = ir::bytesOf(constant.getType());
    int64_t index = constants.try_emplace(constant.getValue(), constants.size()).first->second;
    return place(constant.getResult(),
                 {addStorage(ir::Space::constant, index, bytes, 0), 0, bytes, {}});
  }
  for (OpResult result : op->getResults()) place(result, resultPlace(result));
}

/// Where `result` is wanted, if that is free.
std::optional<Place> Planner::freeTarget(OpResult result) {
  auto target = wanted.find(result);
  if (target == wanted.end() || !isFreeFor(target->second, result)) return std::nullopt;
  return target->second;
}

/// Where a result goes: where it is wanted if that is free, else bytes of its own.
Place Planner::resultPlace(OpResult result) {
  if (std::optional<Place> target = freeTarget(result)) return *target;
  return newPlace(result, positions.start(result.getOwner()));
}

/// Whether the result may overwrite the operand: see weir.inplace. Sums over devices may.
bool Planner::mayReuse(Operation *op, unsigned result, unsigned operand) {
  auto launch = dyn_cast<ir::LaunchOp>(op);
  if (!launch) return isa<ir::spmd::AllReduceOp>(op);
  auto kernel = symbols.lookup<func::FuncOp>(launch.getCallee());
  auto pairs = kernel ? kernel->getAttrOfType<ArrayAttr>(ir::kInplaceAttr) : ArrayAttr();
  return pairs && llvm::any_of(pairs, [&](Attribute pair) {
           auto numbers = dyn_cast<ArrayAttr>(pair);
           return numbers && numbers.size() == 2 &&
                  cast<IntegerAttr>(numbers[0]).getInt() == result &&
                  cast<IntegerAttr>(numbers[1]).getInt() == operand;
         });
}

/// Whether writing `result` at `target` destroys nothing that is read later, or by the same op
/// other than in place.
bool Planner::isFreeFor(const Place &target, OpResult result) {
  Operation *op = result.getOwner();
  int64_t at = positions.start(op);
  for (Value value : plan.storages[target.storage].values)
    if (positions.lastUse(value) > at) return false;
  for (OpOperand &operand : op->getOpOperands()) {
    if (plan.places[operand.get()].storage != target.storage) continue;
    if (plan.places[operand.get()] != target ||
        !mayReuse(op, result.getResultNumber(), operand.getOperandNumber()))
      return false;
  }
  return true;
}

/// The place of an operand that dies at `op` and whose bytes result number `result` may take
/// over.
std::optional<Place> Planner::dyingOperand(Operation *op, unsigned result) {
  for (OpOperand &operand : op->getOpOperands()) {
    const Place &candidate = plan.places[operand.get()];
    const Storage &storage = plan.storages[candidate.storage];
    if (storage.space == ir::Space::arena && storage.end <= positions.start(op) &&
        candidate.strides.empty() &&
        candidate.bytes == ir::bytesOf(op->getResult(result).getType()) &&
        storage.bytes == candidate.bytes && isFreeFor(candidate, op->getResult(result)))
      return candidate;
  }
  return std::nullopt;
}

/// An op that may write its results over operands.
void Planner::planInPlace(Operation *op) {
  SmallVector<Place> places;
  for (OpResult result : op->getResults()) {
    std::optional<Place> chosen = freeTarget(result);
    if (!chosen) chosen = dyingOperand(op, result.getResultNumber());
    if (!chosen || llvm::is_contained(places, *chosen))
      chosen = newPlace(result, positions.start(op));
    places.push_back(*chosen);
  }
  for (auto [result, chosen] : llvm::zip(op->getResults(), places)) place(result, chosen);
}

/// Results are placed once both branches are planned, so that they do not keep the branches' values
/// out.
void Planner::planIf(ir::IfOp branch) {
  Targets targets;
  SmallVector<Place> places;
  for (OpResult result : branch->getResults()) {
    places.push_back(resultPlace(result));
    keepUntil(places.back(), positions.end(branch));
    targets.push_back(places.back());
  }
  planBlock(branch.getThenRegion().front(), targets);
  planBlock(branch.getElseRegion().front(), targets);
  for (auto [result, chosen] : llvm::zip(branch->getResults(), places)) place(result, chosen);
}

/// Slice `i(loop)` of a stacked tensor.
Place Planner::slice(const Place &whole, int64_t loop, Type element) {
  Place part = whole;
  part.bytes = ir::bytesOf(element);
  part.strides.push_back(loop);
  part.strides.push_back(part.bytes);
  return part;
}

/// Where a carry lies during the loop and after it: in its initial value's bytes if nobody else
/// reads them again.
Place Planner::carryPlace(Value init, OpResult result, ArrayRef<Place> others) {
  int64_t start = positions.start(result.getOwner());
  auto isShared = [&](const Place &place) {
    return llvm::any_of(others, [&](const Place &other) { return other.storage == place.storage; });
  };
  Place from = plan.places[init];
  const Storage &source = plan.storages[from.storage];
  bool dies =
      from.strides.empty() && from.bytes == source.bytes &&
      llvm::all_of(source.values, [&](Value value) { return positions.lastUse(value) <= start; });
  auto target = wanted.find(result);
  bool isWanted = target != wanted.end() && target->second == from;
  if (dies && !isShared(from) && (source.space == ir::Space::arena || isWanted)) return from;
  std::optional<Place> free = freeTarget(result);
  return free && !isShared(*free) ? *free : newPlace(result, start);
}

/// Places the carries of a loop, with copies of their initial values in front of it; `arguments`
/// are those of its regions, carries first.
SmallVector<Place> Planner::placeCarries(Operation *loop, ValueRange inits,
                                         ArrayRef<Block::BlockArgListType> arguments) {
  SmallVector<Copy> initial;
  SmallVector<Place> places;
  for (auto [init, result] : llvm::zip(inits, loop->getResults())) {
    Place from = plan.places[init], carry = carryPlace(init, result, places);
    if (carry != from) initial.push_back({from, carry});
    places.push_back(carry);
  }
  for (Block::BlockArgListType region : arguments)
    for (auto [argument, carry] : llvm::zip(region, places)) place(argument, carry);
  for (const Place &carry : places) keepUntil(carry, positions.end(loop));
  emitCopies(loop, initial);
  return places;
}

void Planner::planWhile(ir::WhileOp loop) {
  Block &condition = loop.getCondition().front(), &body = loop.getBody().front();
  SmallVector<Place> places =
      placeCarries(loop, loop.getInits(), {condition.getArguments(), body.getArguments()});
  planBlock(condition, {std::nullopt});
  planBlock(body, Targets(places.begin(), places.end()));
  for (auto [result, chosen] : llvm::zip(loop->getResults(), places)) place(result, chosen);
}

void Planner::planScan(ir::ScanOp scan) {
  int64_t loop = plan.loops.size(), end = positions.end(scan);
  plan.loops[scan] = loop;
  Block &body = scan.getBody().front();
  SmallVector<Place> places = placeCarries(scan, scan.getInits(), {scan.carryArgs()});
  Targets targets(places.begin(), places.end());
  for (auto [argument, xs] : llvm::zip(scan.sliceArgs(), scan.getXs()))
    place(argument, slice(plan.places[xs], loop, argument.getType()));
  for (OpResult result : scan.stackedOutputs()) {
    places.push_back(resultPlace(result));
    keepUntil(places.back(), end);
    Type element = body.getTerminator()->getOperand(result.getResultNumber()).getType();
    targets.push_back(slice(places.back(), loop, element));
  }
  planBlock(body, targets);
  for (auto [result, chosen] : llvm::zip(scan->getResults(), places)) place(result, chosen);
}

void Planner::planTerminator(Operation *terminator, const Targets &targets) {
  SmallVector<Copy> copies;
  for (auto [operand, target] : llvm::zip(terminator->getOperands(), targets))
    if (target && plan.places[operand] != *target)
      copies.push_back({plan.places[operand], *target});
  emitCopies(terminator, std::move(copies));
}

/// Copies that behave as if done at once: a source that another copy overwrites goes through bytes
/// of its own first.
void Planner::emitCopies(Operation *before, SmallVector<Copy> copies) {
  SmallVector<Copy> saves;
  for (Copy &copy : copies) {
    bool isOverwritten = llvm::any_of(copies, [&](const Copy &other) {
      return &other != &copy && other.target.storage == copy.source.storage;
    });
    if (!isOverwritten) continue;
    const Storage &target = plan.storages[copy.target.storage];
    const int64_t device = target.space == ir::Space::arena ? target.index : 0;
    Place saved{addStorage(ir::Space::arena, device, copy.source.bytes, positions.start(before)),
                0,
                copy.source.bytes,
                {}};
    saves.push_back({copy.source, saved});
    copy.source = saved;
  }
  llvm::append_range(saves, copies);
  if (!saves.empty()) plan.copies[before] = std::move(saves);
}

/// Copy targets and sources live until the copy.
void Planner::finishLifetimes() {
  for (auto &[op, copies] : plan.copies)
    for (const Copy &copy : copies)
      for (const Place &end : {copy.source, copy.target}) keepUntil(end, positions.start(op));
}

} // namespace

MemoryPlan planMemory(func::FuncOp main) {
  return Planner(main).run();
}

} // namespace weir::passes
