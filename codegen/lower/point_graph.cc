// The point graph's frame: memoisation, guards and choices, dependences. What each op means at a
// point: point_ops.cc.
#include "codegen/lower/point_graph.h"

#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;

namespace weir::codegen {

static ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

Node *PointGraph::at(Value value, Point point, const Guard *guard) {
  if (point.dims) point.flat = space.linearize(*point.dims, shapeOf(value));
  if (isa<BlockArgument>(value)) guard = neededGuard(value, point.flat, guard);
  std::vector<int64_t> key{reinterpret_cast<int64_t>(value.getAsOpaquePointer()),
                           guard ? guard->serial + 1 : 0};
  appendKey(key, point.flat);
  if (auto it = memo.find(key); it != memo.end()) return it->second;
  Node *node = build(value, point, guard);
  if (node) memo[std::move(key)] = node;
  return node;
}

Node *PointGraph::make(Node::Kind kind, Value value) {
  Node &node = nodes.emplace_back();
  node.kind = kind;
  node.value = value;
  node.element = cast<RankedTensorType>(value.getType()).getElementType();
  node.serial = nodes.size() - 1;
  return &node;
}

ArrayRef<Affine> PointGraph::dimsOf(Value value, Point &point) {
  if (!point.dims) point.dims = space.delinearize(point.flat, shapeOf(value));
  return *point.dims;
}

Point PointGraph::pointOf(Value value, SmallVector<Affine> dims) {
  return Point{space.linearize(dims, shapeOf(value)), std::move(dims)};
}

const Guard *PointGraph::under(const Guard *guard, const Condition &condition) {
  std::vector<int64_t> key{guard ? guard->serial + 1 : 0, condition.low, condition.high};
  appendKey(key, condition.of);
  auto [it, inserted] = internedGuards.try_emplace(std::move(key), nullptr);
  if (inserted) it->second = &guards.emplace_back(Guard{guard, condition, unsigned(guards.size())});
  return it->second;
}

const Guard *PointGraph::neededGuard(Value value, const Affine &flat, const Guard *guard) {
  if (!guard) return nullptr;
  Range range = space.range(flat);
  if (range.low >= 0 && range.high < cast<RankedTensorType>(value.getType()).getNumElements())
    return nullptr;
  return guard;
}

Node *PointGraph::choose(Value value, ArrayRef<Condition> conditions,
                         function_ref<Node *(const Guard *)> then, function_ref<Node *()> otherwise,
                         const Guard *guard) {
  SmallVector<Condition, 1> open; // Those that the loops' ranges do not decide.
  for (const Condition &condition : conditions) {
    Range range = space.range(condition.of);
    bool impossible = condition.low > condition.high;
    if (impossible || range.high < condition.low || range.low > condition.high) return otherwise();
    if (range.low >= condition.low && range.high <= condition.high) continue;
    open.push_back(condition);
    guard = under(guard, condition);
  }
  Node *yes = then(guard);
  if (!yes || open.empty()) return yes;
  Node *no = otherwise();
  if (!no) return nullptr;
  Node *node = make(Node::Choose, value);
  node->operands = {yes, no};
  node->conditions = std::move(open);
  return node;
}

void PointGraph::finish(ArrayRef<Affine *> stores) {
  SmallVector<Affine *> uses(stores);
  for (Node &node : nodes) {
    uses.push_back(&node.index);
    for (Condition &condition : node.conditions) uses.push_back(&condition.of);
  }
  for (Guard &guard : guards) uses.push_back(&guard.condition.of);
  space.mergeLoops(uses);

  auto ofNode = [](const Node *node) { return node->loops; };
  uint64_t reducedLoops = 0;
  if (reduced) {
    auto [first, last] = space.loopsOf(reduced->group);
    for (unsigned i = first; i < last; ++i) reducedLoops |= uint64_t(1) << i;
  }
  for (Node &node : nodes) {
    node.loops = space.dependsOn(node.index, ofNode);
    for (Node *operand : node.operands) {
      node.loops |= operand->loops;
      node.depth = std::max(node.depth, operand->depth);
    }
    for (const Condition &condition : node.conditions)
      node.loops |= space.dependsOn(condition.of, ofNode);
    for (auto [term, coefficient] : node.index.terms)
      if (term->kind == Term::Element) node.depth = std::max(node.depth, term->node->depth);
    for (const Guard *guard = node.guard; guard; guard = guard->parent)
      node.loops |= space.dependsOn(guard->condition.of, ofNode);
    if (node.kind == Node::Reduce) {
      node.loops = (node.loops & ~reducedLoops) | Node::afterReduction;
      ++node.depth;
    }
  }
}

} // namespace weir::codegen
