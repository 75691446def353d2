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
  auto pairs = inplacePairs(cluster, args, results);
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

void Outliner::launch(const Cluster &cluster) {
  SmallVector<Operation *> sorted, ops;
  for (auto &[op, place] : cluster.ops) sorted.push_back(op);
  llvm::sort(sorted, [&](Operation *a, Operation *b) {
    return clustering->index[a] < clustering->index[b];
  });
  llvm::SetVector<Value> args;
  llvm::DenseSet<Operation *> inside;
  bool isDot = cluster.kind == KernelKind::Dot;
  for (Operation *op : sorted) {
    // A view of what comes from outside is taken outside.
    if (classOf(op) == OpClass::View && !inside.contains(op->getOperand(0).getDefiningOp()) &&
        !isSplat(op->getOperand(0)))
      continue;
    for (Value operand : op->getOperands())
      if (!inside.contains(operand.getDefiningOp()) &&
          (!isSplat(operand) || (isDot && isa<ir::DotOp>(op))))
        args.insert(operand);
    inside.insert(op);
    ops.push_back(op);
  }
  SmallVector<Value> results;
  for (Operation *op : ops)
    for (Value v : op->getResults())
      if (cluster.roots.contains(v)) results.push_back(v);
  Location loc = locationOf(ops);
  func::FuncOp kernel = createKernel(cluster, ops, args.getArrayRef(), results, loc);
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
