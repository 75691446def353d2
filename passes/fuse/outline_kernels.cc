// Outlining. Arguments stand in the order in which the kernel's ops first read them, results in the
// order of their ops, so that equal clusters become equal functions. Constants of equal elements
// are copied in; other values come as arguments.
#include "passes/fuse/outline_kernels.h"

#include "ir/dialect/steps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;

namespace weir::passes {
namespace {

bool isSplat(Value v) {
  Operation *op = v.getDefiningOp();
  return op && classOf(op) == OpClass::Splat;
}

Location locationOf(ArrayRef<Operation *> ops) {
  SmallVector<Location> locations;
  for (Operation *op : ops) locations.push_back(op->getLoc());
  return FusedLoc::get(ops.front()->getContext(), locations);
}

ArrayAttr pairsAttr(Builder &b, ArrayRef<std::pair<int64_t, int64_t>> pairs) {
  SmallVector<Attribute> attrs;
  for (auto [result, arg] : pairs) attrs.push_back(b.getI64ArrayAttr({result, arg}));
  return b.getArrayAttr(attrs);
}

} // namespace

Outliner::Outliner(ModuleOp module)
    : kernels(OpBuilder::atBlockEnd(module.getBody())), table(module), here(module.getContext()) {}

/// The value as those outside kernels see it; views of it are made where first needed.
Value Outliner::inMemory(Value value) {
  if (Value known = memory.lookup(value)) return known;
  Operation *op = value.getDefiningOp();
  if (!op || op->getBlock() != &clustering->block || !isa<ir::ReshapeOp>(op)) return value;
  Value operand = inMemory(op->getOperand(0));
  return memory[value] = ir::ReshapeOp::create(here, op->getLoc(), operand, shapeOf(value));
}

func::FuncOp Outliner::createKernel(StringRef kind, ArrayRef<Value> args, ArrayRef<Value> results,
                                    ArrayRef<std::pair<int64_t, int64_t>> pairs, Location loc) {
  auto types = [](ArrayRef<Value> values) {
    return llvm::to_vector(llvm::map_range(values, [](Value v) { return v.getType(); }));
  };
  auto type = FunctionType::get(kernels.getContext(), types(args), types(results));
  std::string name;
  do name = "k" + std::to_string(nextKernel++);
  while (table.lookup(name));
  auto func = func::FuncOp::create(kernels, loc, name, type);
  func.setPrivate();
  func->setAttr(ir::kKernelAttr, kernels.getStringAttr(kind));
  if (!pairs.empty()) func->setAttr(ir::kInplaceAttr, pairsAttr(kernels, pairs));
  func.addEntryBlock();
  return func;
}

/// Copies of `ops`, with the splats that they read; `copied` is called with each.
static void cloneBody(
    OpBuilder &b, ArrayRef<Operation *> ops, IRMapping &mapping,
    function_ref<void(Operation *)> copied = [](Operation *) {}) {
  for (Operation *op : ops) {
    for (Value operand : op->getOperands())
      if (isSplat(operand) && !mapping.contains(operand))
        copied(b.clone(*operand.getDefiningOp(), mapping));
    copied(b.clone(*op, mapping));
  }
}

/// Ends a kernel by returning what `results` have become in it.
static void endKernel(func::FuncOp kernel, ArrayRef<Value> results, const IRMapping &mapping) {
  OpBuilder b = OpBuilder::atBlockEnd(&kernel.getBody().front());
  SmallVector<Value> returned;
  for (Value result : results) returned.push_back(mapping.lookup(result));
  func::ReturnOp::create(b, kernel.getLoc(), returned);
}

/// The ops that `results` need, operands first, and the values that come from outside, both in the
/// order in which a walk from the results meets them: the program's order does not show. A view of
/// what comes from outside is taken outside.
static std::pair<SmallVector<Operation *>, SmallVector<Value>>
collectBody(const Cluster &cluster, ArrayRef<Value> results) {
  SmallVector<Operation *> ops;
  llvm::SetVector<Value> args;
  llvm::DenseMap<Operation *, bool> inside; // of the ops visited
  auto visit = [&](auto &self, Operation *op) -> bool {
    auto [known, isNew] = inside.try_emplace(op, true);
    if (!isNew) return known->second;
    bool isView = classOf(op) == OpClass::View, isDot = isa<ir::DotOp>(op);
    for (Value operand : op->getOperands()) {
      Operation *producer = operand.getDefiningOp();
      if (isSplat(operand) && !isDot) continue;
      if (cluster.contains(producer) && self(self, producer)) continue;
      if (isView) return inside[op] = false;
      args.insert(operand);
    }
    ops.push_back(op);
    return true;
  };
  for (Value result : results) visit(visit, result.getDefiningOp());
  return {ops, args.takeVector()};
}

/// What the cluster writes to memory, in the program's order.
static SmallVector<Value> resultsOf(const Clustering &clustering, const Cluster &cluster) {
  SmallVector<Value> results(cluster.roots.begin(), cluster.roots.end());
  llvm::sort(results, [&](Value a, Value b) {
    return std::pair(clustering.index.lookup(a.getDefiningOp()),
                     cast<OpResult>(a).getResultNumber()) <
           std::pair(clustering.index.lookup(b.getDefiningOp()),
                     cast<OpResult>(b).getResultNumber());
  });
  return results;
}

void Outliner::launchKernel(func::FuncOp kernel, ArrayRef<Value> args, ArrayRef<Value> results) {
  SmallVector<Value> inputs;
  for (Value arg : args) inputs.push_back(inMemory(arg));
  auto launch = ir::LaunchOp::create(here, kernel.getLoc(), kernel.getFunctionType().getResults(),
                                     FlatSymbolRefAttr::get(kernel.getNameAttr()), inputs);
  for (auto [old, written] : llvm::zip(results, launch.getResults())) memory[old] = written;
}

void Outliner::launch(const Cluster &cluster) {
  SmallVector<Value> results = resultsOf(*clustering, cluster);
  auto [ops, args] = collectBody(cluster, results);
  func::FuncOp kernel =
      createKernel(kindName(cluster.kind), args, results,
                   inplacePairs(*clustering, cluster, args, results), locationOf(ops));
  IRMapping mapping;
  mapping.map(args, kernel.getArguments());
  OpBuilder b = OpBuilder::atBlockBegin(&kernel.getBody().front());
  cloneBody(b, ops, mapping);
  endKernel(kernel, results, mapping);
  launchKernel(kernel, args, results);
}

/// The cluster's ops stay in the block, as one step of the loop that is a kernel.
void Outliner::addStep(const Cluster &cluster) {
  SmallVector<Value> results = resultsOf(*clustering, cluster);
  auto [ops, args] = collectBody(cluster, results);
  IRMapping mapping;
  for (Value arg : args) mapping.map(arg, inMemory(arg));
  Attribute number = here.getI64IntegerAttr(nextStep++);
  cloneBody(here, ops, mapping, [&](Operation *op) { op->setAttr(ir::kStepAttr, number); });
  for (Value result : results) memory[result] = mapping.lookup(result);
}

/// A loop whose blocks hold steps becomes a kernel: what it reads from outside are arguments, and a
/// carry may end where it began if nothing else reads its initial value.
void Outliner::launchLoop(Operation *loop) {
  llvm::SetVector<Value> args, captured;
  getUsedValuesDefinedAbove(loop->getRegions(), captured);
  args.insert(loop->operand_begin(), loop->operand_end());
  args.insert(captured.begin(), captured.end());
  auto scan = dyn_cast<ir::ScanOp>(loop);
  int64_t carries = scan ? scan.numCarries() : loop->getNumResults();
  SmallVector<std::pair<int64_t, int64_t>> pairs;
  for (int64_t i = 0; i < carries; ++i) {
    Value init = loop->getOperand(i);
    if (llvm::count(loop->getOperands(), init) == 1 && !captured.contains(init))
      pairs.push_back({i, llvm::find(args, init) - args.begin()});
  }
  SmallVector<Value> results(loop->getResults());
  func::FuncOp kernel =
      createKernel(ir::kControlKernel, args.getArrayRef(), results, pairs, loop->getLoc());
  IRMapping mapping;
  mapping.map(args.getArrayRef(), kernel.getArguments());
  OpBuilder b = OpBuilder::atBlockBegin(&kernel.getBody().front());
  b.clone(*loop, mapping);
  endKernel(kernel, results, mapping);
  here.setInsertionPoint(loop);
  launchKernel(kernel, args.getArrayRef(), results);
}

void Outliner::moveControl(Operation *op) {
  op->moveBefore(clustering->block.getTerminator());
  here.setInsertionPoint(op);
  op->walk([&](Operation *inner) {
    for (OpOperand &operand : inner->getOpOperands()) operand.set(inMemory(operand.get()));
  });
  if (loopKernels.contains(op)) launchLoop(op);
  here.setInsertionPoint(clustering->block.getTerminator());
}

void Outliner::outline(Clustering &c, bool asSteps) {
  clustering = &c;
  memory.clear();
  nextStep = 0;
  Operation *terminator = c.block.getTerminator();
  SmallVector<int> schedule = scheduleClusters(c);
  here.setInsertionPoint(terminator);
  // Constants stay, in front of everything.
  Operation *lastConstant = nullptr;
  for (Operation *op : c.order) {
    if (classOf(op) != OpClass::Splat && classOf(op) != OpClass::Constant) continue;
    if (lastConstant)
      op->moveAfter(lastConstant);
    else
      op->moveBefore(&c.block, c.block.begin());
    lastConstant = op;
  }
  for (int i : schedule) {
    const Cluster &cluster = c.clusters[i];
    if (cluster.kind == KernelKind::Control)
      moveControl(cluster.ops.front().first);
    else if (asSteps)
      addStep(cluster);
    else
      launch(cluster);
  }
  for (OpOperand &operand : terminator->getOpOperands()) operand.set(inMemory(operand.get()));
  for (Operation *op : llvm::reverse(c.order))
    if (op->use_empty() && op != terminator &&
        (classOf(op) != OpClass::Control || loopKernels.erase(op)))
      op->erase();
}

} // namespace weir::passes
