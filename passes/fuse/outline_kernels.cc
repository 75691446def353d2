// Outlining. Arguments stand in the order in which the kernel's ops first read them, results in the
// order of their ops, so that equal clusters become equal functions. Constants of equal elements
// are copied in; other values come as arguments.
#include "passes/fuse/outline_kernels.h"

#include "mlir/IR/IRMapping.h"

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

func::FuncOp Outliner::createKernel(const Cluster &cluster, ArrayRef<Operation *> ops,
                                    ArrayRef<Value> args, ArrayRef<Value> results, Location loc) {
  auto types = [](ArrayRef<Value> values) {
    return llvm::to_vector(llvm::map_range(values, [](Value v) { return v.getType(); }));
  };
  auto type = FunctionType::get(kernels.getContext(), types(args), types(results));
  std::string name;
  do name = "k" + std::to_string(nextKernel++);
  while (table.lookup(name));
  auto func = func::FuncOp::create(kernels, loc, name, type);
  func.setPrivate();
  func->setAttr(ir::kKernelAttr, kernels.getStringAttr(kindName(cluster.kind)));
  auto pairs = inplacePairs(*clustering, cluster, args, results);
  if (!pairs.empty()) func->setAttr(ir::kInplaceAttr, pairsAttr(kernels, pairs));

  OpBuilder b = OpBuilder::atBlockBegin(func.addEntryBlock());
  IRMapping mapping;
  mapping.map(args, func.getArguments());
  for (Operation *op : ops) {
    for (Value operand : op->getOperands())
      if (isSplat(operand) && !mapping.contains(operand))
        b.clone(*operand.getDefiningOp(), mapping);
    b.clone(*op, mapping);
  }
  SmallVector<Value> returned;
  for (Value result : results) returned.push_back(mapping.lookup(result));
  func::ReturnOp::create(b, loc, returned);
  return func;
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
    bool isView = classOf(op) == OpClass::View, isDot = classOf(op) == OpClass::Dot;
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

void Outliner::launch(const Cluster &cluster) {
  SmallVector<Value> results(cluster.roots.begin(), cluster.roots.end());
  llvm::sort(results, [&](Value a, Value b) {
    return std::pair(clustering->index[a.getDefiningOp()], cast<OpResult>(a).getResultNumber()) <
           std::pair(clustering->index[b.getDefiningOp()], cast<OpResult>(b).getResultNumber());
  });
  auto [ops, args] = collectBody(cluster, results);
  Location loc = locationOf(ops);
  func::FuncOp kernel = createKernel(cluster, ops, args, results, loc);
  SmallVector<Value> inputs;
  for (Value arg : args) inputs.push_back(inMemory(arg));
  auto launch = ir::LaunchOp::create(here, loc, kernel.getFunctionType().getResults(),
                                     FlatSymbolRefAttr::get(kernel.getNameAttr()), inputs);
  for (auto [old, written] : llvm::zip(results, launch.getResults())) memory[old] = written;
}

void Outliner::moveControl(Operation *op) {
  op->moveBefore(clustering->block.getTerminator());
  here.setInsertionPoint(op);
  op->walk([&](Operation *inner) {
    for (OpOperand &operand : inner->getOpOperands()) operand.set(inMemory(operand.get()));
  });
  here.setInsertionPoint(clustering->block.getTerminator());
}

void Outliner::outline(Clustering &c) {
  clustering = &c;
  memory.clear();
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
    else
      launch(cluster);
  }
  for (OpOperand &operand : terminator->getOpOperands()) operand.set(inMemory(operand.get()));
  for (Operation *op : llvm::reverse(c.order))
    if (op->use_empty() && classOf(op) != OpClass::Control && op != terminator) op->erase();
}

} // namespace weir::passes
