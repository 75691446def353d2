// Kernels of kind `dot`: one dot from codegen/cpu/dot, then elementwise ops on each block of its
// result while it is in cache. The raw result lies in the buffer of one of the kernel's results, or
// in scratch if none fits.
#include "codegen/cpu/dot/dot.h"
#include "codegen/lower/kinds.h"
#include "codegen/lower/nest.h"
#include "codegen/lower/warp_dot.h"
#include "ir/dialect/weir.h"

using namespace mlir;

namespace weir::codegen {
namespace {

class DotKernel {
public:
  DotKernel(Frame &frame, ir::DotOp dot) : frame(frame), k(frame.k), dot(dot), space({}) {}
  LogicalResult lower();

private:
  FailureOr<Value> memrefOf(Value operand);
  Value stridedLhs(DotProblem &problem);
  LogicalResult tryBuild();
  LogicalResult build();
  Value placeRaw();
  bool needsEpilogue();
  void emitEpilogue(const DotBlock &block);
  void bindRow(Emitter &emitter, Value flat);
  void emitPlain(const DotProblem &problem, Value lhs, Value rhs);

  Frame &frame;
  KernelBuilder &k;
  ir::DotOp dot;
  IndexSpace space;
  std::optional<PointGraph> graph;
  SmallVector<const Node *> roots;
  Affine flatIndex;
  Value raw;
  int64_t rowSize =
      1; // Elements of the result in the free dims of rhs: no block crosses a multiple of it.
};

/// The memref of an operand, which is a kernel argument or a reshape of one. Anything else (a
/// splat) is small and is written to scratch first.
FailureOr<Value> DotKernel::memrefOf(Value operand) {
  Value source = operand;
  while (auto reshape = source.getDefiningOp<ir::ReshapeOp>()) source = reshape.getOperand();
  if (auto argument = dyn_cast<BlockArgument>(source))
    return frame.arguments[argument.getArgNumber()];
  IndexSpace elements({Loop{elementsOf(operand), 0, /*splittable=*/false}});
  PointGraph values(elements);
  Affine index = elements.loop(0);
  Node *node = values.at(operand, index);
  if (!node) return failure();
  values.finish(&index);
  Value memref = frame.allocate(elementsOf(operand), node->element);
  Emitter emitter(k, values);
  frame.bindArguments(emitter);
  emitter.vectorize(0, chooseLanes(frame, values, 0, {node->element}));
  emitVectors(frame, emitter, 0, k.index(0), k.index(elementsOf(operand)), elementsOf(operand),
              /*cheap=*/false, [&] { emitter.store(node, memref, index); });
  return memref;
}

/// Where the lhs is windows (or any other strided look) of a kernel argument, that argument, with
/// the problem's strides made its own; null for any other lhs.
Value DotKernel::stridedLhs(DotProblem &problem) {
  auto shape = cast<RankedTensorType>(dot.getLhs().getType()).getShape();
  SmallVector<Loop> loops;
  for (int64_t size : shape) loops.push_back(Loop{size, int(loops.size()), /*splittable=*/false});
  IndexSpace dims(std::move(loops));
  Affine flat;
  for (auto [d, size] : llvm::enumerate(shape)) flat = flat * size + dims.loop(d);
  PointGraph values(dims);
  Node *node = elementsOf(dot.getLhs()) ? values.at(dot.getLhs(), flat) : nullptr;
  if (!node || node->kind != Node::Load || node->guard || !node->index.terms.empty())
    return nullptr;
  auto strideOf = [&](int64_t d) { return node->index.stride(d); };
  for (auto [dim, d] : llvm::zip(problem.batch, dot.getLhsBatch())) dim.lhs = strideOf(d);
  for (auto [dim, d] : llvm::zip(problem.rows, dot.lhsFree())) dim.lhs = strideOf(d);
  for (auto [dim, d] : llvm::zip(problem.contract, dot.getLhsContract())) dim.lhs = strideOf(d);
  problem.lhsOffset = node->index.offset;
  return frame.arguments[cast<BlockArgument>(node->value).getArgNumber()];
}

LogicalResult DotKernel::tryBuild() {
  do {
    graph.emplace(space);
    graph->externals = {dot.getResult()};
    roots.clear();
    flatIndex = Affine();
    for (unsigned i = 0; i < space.getLoops().size(); ++i)
      flatIndex = flatIndex * space.getLoops()[i].size + space.loop(i);
    for (Value result : frame.returned()) {
      if (elementsOf(result) != elementsOf(dot.getResult()))
        return frame.source.emitError("a result of a dot kernel is not of the dot's size");
      roots.push_back(graph->at(result, flatIndex));
      if (!roots.back()) return failure();
    }
  } while (space.takeSplit());
  graph->finish(&flatIndex);
  return success();
}

/// Either a block lies within one pass of the innermost loop, or all is one loop with divided
/// indices.
LogicalResult DotKernel::build() {
  auto shape = cast<RankedTensorType>(dot.getRhs().getType()).getShape();
  for (int64_t dim : dot.rhsFree()) rowSize *= shape[dim];
  int64_t size = elementsOf(dot.getResult());
  space = IndexSpace({Loop{size, 0}});
  if (failed(tryBuild())) return failure();
  if (space.getLoops().back().size % rowSize == 0) return success();
  space = IndexSpace({Loop{size, 0, /*splittable=*/false}});
  return tryBuild();
}

Value DotKernel::placeRaw() {
  Type element = cast<RankedTensorType>(dot.getType()).getElementType();
  for (auto [i, result] : llvm::enumerate(frame.returned())) {
    Type type = cast<RankedTensorType>(result.getType()).getElementType();
    if (!frame.mayAlias(i) && (type == element || type == KernelBuilder::computed(element)))
      return frame.results[i];
  }
  return frame.allocate(elementsOf(dot.getResult()), element);
}

/// Not if the only result is the dot itself, in any shape.
bool DotKernel::needsEpilogue() {
  return roots.size() > 1 || roots[0]->kind != Node::External || raw != frame.results[0];
}

/// Counters of all loops for the row of a block that starts at `flat`; the innermost one is where
/// the row starts.
void DotKernel::bindRow(Emitter &emitter, Value flat) {
  ArrayRef<Loop> loops = space.getLoops();
  for (unsigned i = loops.size(); i-- > 0;) {
    emitter.bind(i, i == 0 ? flat : k.remainder(flat, loops[i].size));
    if (i) flat = k.divide(flat, loops[i].size);
  }
}

void DotKernel::emitEpilogue(const DotBlock &block) {
  Emitter emitter(k, *graph);
  frame.bindArguments(emitter);
  emitter.buffers[dot.getResult()] = raw;
  unsigned inner = space.getLoops().size() - 1;
  SmallVector<Type> stored;
  for (const Node *root : roots) stored.push_back(root->element);
  emitter.vectorize(inner, std::min<int64_t>(chooseLanes(frame, *graph, inner, stored),
                                             llvm::PowerOf2Ceil(block.columns)));
  int64_t lanes = emitter.getLanes(), rest = block.columns % lanes;

  Operation *rows = k.loop(k.index(0), block.rows, 1);
  emitter.open(rows);
  Value row = k.add(block.offset, k.mul(rows->getRegion(0).getArgument(0), block.rowStride));
  bindRow(emitter, row);
  Value start = emitter.flat(space.loop(inner));
  auto body = [&](Value column) {
    emitter.aligned = rowSize % lanes == 0;
    emitter.bind(inner, k.add(start, column));
    for (auto [root, memref] : llvm::zip(roots, frame.results)) emitter.value(root);
    for (auto [root, memref] : llvm::zip(roots, frame.results))
      emitter.store(root, memref, flatIndex);
  };
  if (block.columns >= lanes) {
    Operation *columns = k.loop(k.index(0), k.index(block.columns - rest), lanes);
    emitter.open(columns);
    body(columns->getRegion(0).getArgument(0));
    emitter.close();
  }
  if (rest) {
    emitter.open(k.scope());
    emitter.mask = lanes > 1 ? k.firstLanes(k.index(rest), lanes) : Value();
    body(k.index(block.columns - rest));
    emitter.mask = Value();
    k.yield({});
    emitter.close();
  }
  emitter.close();
}

/// Any dot, one element at a time: for operands whose last rhs dim is no vector.
void DotKernel::emitPlain(const DotProblem &problem, Value lhs, Value rhs) {
  SmallVector<DotDim> outer =
      llvm::to_vector(llvm::concat<const DotDim>(problem.batch, problem.rows, problem.columns));
  frame.tasks = elementsOf(dot.getResult());
  Operation *tasks = k.loop(frame.begin, frame.end, 1);
  OpBuilder::InsertionGuard guard(k.b);
  k.b.setInsertionPointToStart(&tasks->getRegion(0).front());
  Value element = tasks->getRegion(0).getArgument(0), left = element,
        lhsAt = k.index(problem.lhsOffset), rhsAt = k.index(0);
  for (const DotDim &dim : llvm::reverse(outer)) {
    Value counter = k.remainder(left, dim.size);
    left = k.divide(left, dim.size);
    lhsAt = k.add(lhsAt, k.mul(counter, dim.lhs));
    rhsAt = k.add(rhsAt, k.mul(counter, dim.rhs));
  }
  Type type = cast<RankedTensorType>(dot.getType()).getElementType();
  Value sum = k.constant(cast<TypedAttr>(k.b.getZeroAttr(type)));
  SmallVector<Operation *> loops;
  for (const DotDim &dim : problem.contract) {
    loops.push_back(k.loop(k.index(0), k.index(dim.size), 1, sum));
    Block &body = loops.back()->getRegion(0).front();
    k.b.setInsertionPointToStart(&body);
    lhsAt = k.add(lhsAt, k.mul(body.getArgument(0), dim.lhs));
    rhsAt = k.add(rhsAt, k.mul(body.getArgument(0), dim.rhs));
    sum = body.getArgument(1);
  }
  sum = k.multiplyAdd(k.load(lhs, lhsAt, 1, Value(), type), k.load(rhs, rhsAt, 1, Value(), type),
                      sum);
  for (Operation *loop : llvm::reverse(loops)) {
    k.yield(sum);
    k.b.setInsertionPointAfter(loop);
    sum = loop->getResult(0);
  }
  k.store(sum, raw, element, Value());
  if (needsEpilogue()) emitEpilogue({element, k.index(1), 1, 1});
}

LogicalResult DotKernel::lower() {
  if (failed(build())) return failure();
  auto lhsType = cast<RankedTensorType>(dot.getLhs().getType());
  auto rhsType = cast<RankedTensorType>(dot.getRhs().getType());
  int64_t bytes = KernelBuilder::bytesOf(rhsType.getElementType());
  DotProblem problem =
      denseDot(lhsType.getShape(), rhsType.getShape(), dot.getLhsBatch(), dot.getRhsBatch(),
               dot.getLhsContract(), dot.getRhsContract(), std::max<int64_t>(bytes, 4));
  problem.resultHoldsSums = bytes >= 4;
  Value strided = stridedLhs(problem);
  SmallVector<int64_t> free = dot.rhsFree();
  bool vectorColumns = !free.empty() && free.back() == rhsType.getRank() - 1;
  DotPlan plan;
  std::optional<WarpDotPlan> warp;
  if (vectorColumns) {
    plan = planDot(problem, frame.target);
    if (lhsType.getElementType() == rhsType.getElementType())
      warp = planWarpDot(plan, rhsType.getElementType(), frame.target);
    frame.tasks = warp ? warp->tasks : plan.tasks;
    if (!warp) // The dot's part comes first.
      frame.scratchBytes = llvm::alignTo(plan.scratchBytes, 64);
  }
  FailureOr<Value> lhs = strided ? FailureOr<Value>(strided) : memrefOf(dot.getLhs());
  FailureOr<Value> rhs = memrefOf(dot.getRhs());
  if (failed(lhs) || failed(rhs)) return failure();
  raw = placeRaw();
  if (!vectorColumns) return emitPlain(problem, *lhs, *rhs), success();
  auto epilogue = [&](OpBuilder &b, Location loc, const DotBlock &block) {
    OpBuilder::InsertionGuard guard(k.b);
    k.b.setInsertionPoint(b.getInsertionBlock(), b.getInsertionPoint());
    k.loc = loc;
    emitEpilogue(block);
  };
  DotOperands operands{*lhs, *rhs, raw, frame.begin, frame.end, frame.scratch};
  if (bytes < 4 && isa<FloatType>(rhsType.getElementType())) operands.sums = k.b.getF32Type();
  auto finish = [&](const DotBlock &block) { emitEpilogue(block); };
  if (warp) {
    emitWarpDot(k, *warp, rhsType.getElementType(), operands,
                needsEpilogue() ? llvm::function_ref<void(const DotBlock &)>(finish) : nullptr);
    return success();
  }
  emitDot(k.b, dot.getLoc(), plan, operands,
          needsEpilogue() ? EmitEpilogue(epilogue) : EmitEpilogue());
  return success();
}

} // namespace

LogicalResult lowerDotKernel(Frame &frame) {
  for (Operation &op : frame.source.getBody().front())
    if (auto dot = dyn_cast<ir::DotOp>(op)) return DotKernel(frame, dot).lower();
  return failure();
}

} // namespace weir::codegen
