// Indices as values, and loads: contiguous along the vector loop, the same in all lanes, reversed,
// or gathered.
#include "codegen/lower/emitter.h"

using namespace mlir;

namespace weir::codegen {

/// Index vectors are i32 unless some buffer of the kernel is too large for it.
Type Emitter::indexType() {
  for (auto [argument, memref] : buffers)
    if (cast<MemRefType>(memref.getType()).getNumElements() > INT32_MAX) return k.b.getI64Type();
  for (const Loop &loop : space.getLoops())
    if (loop.size > INT32_MAX) return k.b.getI64Type();
  return k.b.getI32Type();
}

/// Whether lanes of `of` never straddle a multiple of `divisor`.
bool Emitter::isAligned(const Affine &of, int64_t divisor) const {
  if (!aligned || divisor % lanes || of.offset % lanes || of.stride(vectorLoop) != 1) return false;
  for (auto [i, stride] : llvm::enumerate(of.strides))
    if (int(i) != vectorLoop && stride % lanes) return false;
  for (auto [term, coefficient] : of.terms) {
    Affine alone;
    alone.terms.push_back({term, coefficient});
    if (coefficient % lanes || (dependsOn(alone) >> vectorLoop & 1)) return false;
  }
  return true;
}

Emitter::Access Emitter::accessOf(const Affine &a) const {
  Access access;
  access.stride = a.stride(vectorLoop);
  for (auto [term, coefficient] : a.terms) {
    Affine alone;
    alone.terms.push_back({term, coefficient});
    if (!(dependsOn(alone) >> vectorLoop & 1)) continue;
    if (term->kind != Term::Element && isAligned(term->of, term->divisor)) {
      if (term->kind == Term::Remainder) access.stride += coefficient;
      continue;
    }
    access.scattered.terms.push_back({term, coefficient});
  }
  return access;
}

Value Emitter::termAt(const Term *term) {
  if (term->kind == Term::Element) {
    Value element = value(term->node);
    moveTo(levelOf(term->node->loops));
    return k.clamp(k.castInt(element, k.b.getIndexType()), 0, term->high);
  }
  Value of = flat(term->of);
  moveTo(levelOf(dependsOn(term->of)));
  return term->kind == Term::Quotient ? k.divide(of, term->divisor)
                                      : k.remainder(of, term->divisor);
}

/// Partial sums from the outer levels inwards, each where it belongs and emitted once.
Value Emitter::flat(const Affine &a) {
  if (a.isConstant()) return k.index(a.offset);
  unsigned level = levelOf(dependsOn(a));
  std::vector<int64_t> key;
  appendKey(key, a);
  if (Value done = levels[level].indices[key]) return done;
  Value made;
  if (a.offset) {
    Affine rest = a;
    rest.offset = 0;
    Value sum = flat(rest);
    moveTo(level);
    made = k.add(sum, a.offset);
  } else {
    // Peel off the innermost part.
    Affine inner;
    auto levelOfPart = [&](const Affine &part) { return levelOf(dependsOn(part)); };
    auto consider = [&](Affine part) {
      if (inner.isConstant() || levelOfPart(part) >= levelOfPart(inner)) inner = std::move(part);
    };
    for (auto [i, stride] : llvm::enumerate(a.strides))
      if (stride) consider(space.loop(i) * stride);
    for (auto [term, coefficient] : a.terms) {
      Affine part;
      part.terms.push_back({term, coefficient});
      consider(part);
    }
    Affine rest = a + inner * -1;
    Value last =
        inner.terms.empty() ? counters[inner.strides.size() - 1] : termAt(inner.terms[0].first);
    int64_t factor = inner.terms.empty() ? inner.strides.back() : inner.terms[0].second;
    Value outer = rest.isConstant() ? Value() : flat(rest);
    moveTo(level);
    made = k.mul(last, factor);
    if (outer) made = k.add(outer, made);
  }
  moveTo(levels.size() - 1);
  return levels[level].indices[key] = made;
}

Value Emitter::termLanes(const Term *term, unsigned level) {
  if (term->kind != Term::Element) {
    Value of = lanesOf(term->of, level);
    return term->kind == Term::Quotient ? k.divide(of, term->divisor)
                                        : k.remainder(of, term->divisor);
  }
  Value element = vector(term->node);
  moveTo(level);
  // Clamp in the wider of the two types.
  Type type = indexType();
  if (KernelBuilder::bytesOf(term->node->element) < KernelBuilder::bytesOf(type))
    element = k.castInt(element, type);
  return k.castInt(k.clamp(element, 0, term->high), type);
}

Value Emitter::scatteredOf(const Access &access, unsigned level) {
  Value sum;
  for (auto [term, coefficient] : access.scattered.terms) {
    Value part = k.mul(termLanes(term, level), coefficient);
    sum = sum ? k.add(sum, part) : part;
  }
  if (!sum) return k.ramp(indexType(), 0, access.stride, lanes);
  return access.stride ? k.add(sum, k.ramp(indexType(), 0, access.stride, lanes)) : sum;
}

Value Emitter::lanesOf(const Affine &a, unsigned level) {
  Access access = accessOf(a);
  Value first = flat(a + access.scattered * -1);
  moveTo(level);
  Value base = k.splat(k.castInt(first, indexType()), lanes);
  Value rest = scatteredOf(access, level);
  moveTo(level);
  return k.add(base, rest);
}

Value Emitter::load(const Node *node) {
  Value memref = buffers.lookup(node->value);
  int64_t elements = cast<MemRefType>(memref.getType()).getNumElements();
  unsigned level = levelOf(node->loops);
  if (vectorLoop < 0 || !(dependsOn(node->index) >> vectorLoop & 1)) {
    Value at = flat(node->index);
    moveTo(level);
    if (node->guard) at = k.clamp(at, 0, elements - 1);
    return k.load(memref, at, 1, Value(), node->element);
  }
  Access access = accessOf(node->index);
  Value guard = guardMask(node->guard, level);
  Value at = flat(node->index + access.scattered * -1);
  Value offsets;
  bool dense = access.scattered.terms.empty();
  if (!dense || std::abs(access.stride) != 1 || (access.stride == -1 && (mask || guard))) {
    moveTo(level);
    offsets = scatteredOf(access, level);
  }
  moveTo(level);
  Value active = k.both(mask, guard);
  if (offsets) return k.gather(memref, at, offsets, active, node->element);
  if (access.stride == 1) return k.load(memref, at, lanes, active, node->element);
  Value backwards = k.load(memref, k.add(at, 1 - lanes), lanes, Value(), node->element);
  SmallVector<int64_t> order;
  for (int64_t i = lanes; i-- > 0;) order.push_back(i);
  return k.shuffle(backwards, backwards, order);
}

void Emitter::store(const Node *node, Value memref, const Affine &index, bool stream) {
  Value stored = vectorLoop < 0 ? value(node) : vector(node);
  Value at = flat(index);
  moveTo(levels.size() - 1);
  int64_t bytes = KernelBuilder::bytesOf(node->element) * lanes;
  if (stream && !mask && bytes == k.target.vectorBytes && isRun(index, lanes))
    k.stream(stored, memref, at);
  else
    k.store(stored, memref, at, mask);
}

} // namespace weir::codegen
