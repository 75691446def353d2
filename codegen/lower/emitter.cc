// Levels, memoisation and the nodes that compute. Indices and memory accesses: emit_access.cc.
#include "codegen/lower/emitter.h"

#include "codegen/lower/elementwise.h"

using namespace mlir;

namespace weir::codegen {

void Emitter::vectorize(int loop, int64_t count) {
  vectorLoop = count > 1 ? loop : -1;
  lanes = count;
}

void Emitter::open(Operation *loop, unsigned region) {
  Level &level = levels.emplace_back();
  level.op = loop;
  level.body = &loop->getRegion(region).front();
  moveTo(levels.size() - 1);
}

void Emitter::close() {
  Operation *loop = levels.back().op;
  levels.pop_back();
  k.b.setInsertionPointAfter(loop);
}

void Emitter::bind(unsigned loop, Value counter) {
  counters[loop] = counter;
  levelOfLoop[loop] = levels.size() - 1;
}

void Emitter::restart() {
  Level fresh;
  fresh.op = levels.back().op;
  fresh.body = levels.back().body;
  levels.back() = std::move(fresh);
}

unsigned Emitter::levelOf(uint64_t loops) const {
  unsigned level = loops & Node::afterReduction ? levelOfReductions : 0;
  for (unsigned i = 0; i < levelOfLoop.size(); ++i)
    if (loops >> i & 1) level = std::max(level, levelOfLoop[i]);
  return level;
}

uint64_t Emitter::dependsOn(const Affine &a) const {
  return space.dependsOn(a, [](const Node *node) { return node->loops; });
}

void Emitter::moveTo(unsigned level) {
  if (level + 1 < levels.size()) {
    k.b.setInsertionPoint(levels[level + 1].op);
    return;
  }
  Block *body = levels[level].body;
  if (!body) return; // The function's own block: the builder is at its end.
  if (body->mightHaveTerminator())
    k.b.setInsertionPoint(body->getTerminator());
  else
    k.b.setInsertionPointToEnd(body);
}

Value Emitter::value(const Node *node) {
  unsigned level = levelOf(node->loops);
  if (Value done = levels[level].nodes.lookup(node)) return done;
  Value made;
  if (auto it = stored.find(node); it != stored.end()) {
    moveTo(level);
    auto [memref, index] = it->second;
    made = k.load(memref, flat(index), isVector(node) ? lanes : 1, mask, node->element);
  } else {
    made = emit(node);
  }
  moveTo(levels.size() - 1);
  return levels[level].nodes[node] = made;
}

Value Emitter::splat(Value scalar) {
  if (lanes == 1 || KernelBuilder::lanesOf(scalar) == lanes) return scalar;
  // As far out as the scalar itself is.
  unsigned level = 0;
  for (unsigned i = levels.size(); i-- > 1;)
    if (levels[i].body->getParent()->isAncestor(scalar.getParentRegion())) {
      level = i;
      break;
    }
  if (Value done = levels[level].splats.lookup(scalar)) return done;
  moveTo(level);
  Value made = k.splat(scalar, lanes);
  moveTo(levels.size() - 1);
  return levels[level].splats[scalar] = made;
}

Value Emitter::vector(const Node *node) {
  return splat(value(node));
}

Value Emitter::emit(const Node *node) {
  Location outer = k.loc;
  k.loc = node->loc();
  Value made;
  switch (node->kind) {
  case Node::Load:
  case Node::External:
    made = load(node);
    break;
  case Node::Splat:
    made = k.constant(cast<TypedAttr>(node->constant));
    break;
  case Node::Compute:
    made = compute(node);
    break;
  case Node::Choose:
    made = choose(node);
    break;
  case Node::Random:
    made = random(node);
    break;
  case Node::Counter:
    made = isVector(node) ? lanesOf(node->index, levelOf(node->loops)) : flat(node->index);
    moveTo(levelOf(node->loops));
    made = k.fromInt(made, node->element);
    break;
  case Node::Reduce:
    llvm_unreachable("bound before it is read");
  }
  k.loc = outer;
  return made;
}

Value Emitter::compute(const Node *node) {
  bool asVector = isVector(node);
  SmallVector<Value, 3> operands;
  for (const Node *operand : node->operands)
    operands.push_back(asVector ? vector(operand) : value(operand));
  moveTo(levelOf(node->loops));
  return emitElementwise(k, node->value.getDefiningOp(), operands);
}

Value Emitter::choose(const Node *node) {
  bool asVector = isVector(node);
  auto operand = [&](unsigned i) {
    return asVector ? vector(node->operands[i]) : value(node->operands[i]);
  };
  Value yes = operand(0), no = operand(1), condition;
  for (const Condition &each : node->conditions) {
    Value one = holds(each);
    moveTo(levelOf(node->loops));
    condition = k.both(condition, one);
  }
  return k.select(condition, yes, no);
}

/// Whether lanes are consecutive from a multiple of `count` on.
bool Emitter::isRun(const Affine &a, int64_t count) const {
  if (!aligned || lanes % count || a.stride(vectorLoop) != 1 || a.offset % count) return false;
  for (auto [i, stride] : llvm::enumerate(a.strides))
    if (int(i) != vectorLoop && stride % count) return false;
  return a.terms.empty();
}

Value Emitter::random(const Node *node) {
  Value low = value(node->operands[0]), high = value(node->operands[1]);
  unsigned level = levelOf(node->loops);
  if (node->operands.size() > 2) {
    const Node *position = node->operands[2];
    Value index = isVector(node) ? vector(position) : value(position);
    if (isVector(node)) low = splat(low), high = splat(high);
    moveTo(level);
    return emitRandomWord(k, index, low, high);
  }
  if (!isVector(node)) {
    Value index = flat(node->index);
    moveTo(level);
    return emitRandomWord(k, k.castInt(index, k.b.getI64Type()), low, high);
  }
  if (int64_t count = lanes / 4; count > 1 && isRun(node->index, 4)) { // Each counter once.
    Value first = flat(node->index);
    moveTo(level);
    Value counter = k.splat(k.castInt(k.divide(first, 4), indexType()), count);
    return emitRandomRun(k, k.add(counter, k.ramp(indexType(), 0, 1, count)), k.splat(low, count),
                         k.splat(high, count));
  }
  Value index = lanesOf(node->index, level);
  low = splat(low);
  high = splat(high);
  moveTo(level);
  return emitRandomWord(k, index, low, high);
}

Value Emitter::holds(const Condition &condition) {
  uint64_t loops = dependsOn(condition.of);
  bool asVector = vectorLoop >= 0 && (loops >> vectorLoop & 1);
  Value index = asVector ? lanesOf(condition.of, levelOf(loops)) : flat(condition.of);
  moveTo(levelOf(loops));
  return k.inRange(index, condition.low, condition.high);
}

Value Emitter::guardMask(const Guard *guard, unsigned level) {
  Value all;
  for (; guard; guard = guard->parent) {
    Value one = holds(guard->condition);
    moveTo(level);
    all = k.both(all, one);
  }
  return all;
}

} // namespace weir::codegen
