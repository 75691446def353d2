// Symbolic indices: arithmetic, division with split requests, merging of loops.
#include "codegen/lower/index.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>

using namespace llvm;

namespace weir::codegen {

static int64_t floorDivide(int64_t a, int64_t b) {
  return a / b - (a % b < 0 ? 1 : 0);
}

static void dropTrailingZeros(Affine &a) {
  while (!a.strides.empty() && a.strides.back() == 0) a.strides.pop_back();
}

/// Replaces k·s·(x / s) + k·(x mod s) by k·x.
static Affine recompose(Affine a) {
  for (size_t i = 0; i < a.terms.size(); ++i) {
    auto [remainder, k] = a.terms[i];
    if (remainder->kind != Term::Remainder) continue;
    for (size_t j = 0; j < a.terms.size(); ++j) {
      auto [quotient, coefficient] = a.terms[j];
      if (quotient->kind != Term::Quotient || quotient->divisor != remainder->divisor ||
          coefficient != k * quotient->divisor || !(quotient->of == remainder->of))
        continue;
      Affine whole = quotient->of * k;
      a.terms.erase(a.terms.begin() + std::max(i, j));
      a.terms.erase(a.terms.begin() + std::min(i, j));
      return a + whole;
    }
  }
  return a;
}

Affine operator+(const Affine &a, const Affine &b) {
  Affine sum = a;
  sum.offset += b.offset;
  if (sum.strides.size() < b.strides.size()) sum.strides.resize(b.strides.size(), 0);
  for (auto [i, stride] : enumerate(b.strides)) sum.strides[i] += stride;
  dropTrailingZeros(sum);
  for (auto [term, coefficient] : b.terms) {
    auto *same = find_if(sum.terms, [&](auto &entry) { return entry.first == term; });
    if (same == sum.terms.end())
      sum.terms.push_back({term, coefficient});
    else if ((same->second += coefficient) == 0)
      sum.terms.erase(same);
  }
  sort(sum.terms, [](auto &x, auto &y) { return x.first->serial < y.first->serial; });
  return sum.terms.size() > 1 ? recompose(std::move(sum)) : sum;
}

Affine operator*(const Affine &a, int64_t factor) {
  if (factor == 0) return Affine();
  Affine product = a;
  product.offset *= factor;
  for (int64_t &stride : product.strides) stride *= factor;
  for (auto &entry : product.terms) entry.second *= factor;
  return product;
}

Affine operator+(Affine a, int64_t offset) {
  a.offset += offset;
  return a;
}

void appendKey(std::vector<int64_t> &key, const Affine &a) {
  key.push_back(a.offset);
  key.push_back(a.strides.size());
  key.insert(key.end(), a.strides.begin(), a.strides.end());
  key.push_back(a.terms.size());
  for (auto [term, coefficient] : a.terms) {
    key.push_back(term->serial);
    key.push_back(coefficient);
  }
}

Affine IndexSpace::loop(unsigned i) const {
  Affine a;
  if (loops[i].size == 1) return a;
  a.strides.assign(i + 1, 0);
  a.strides[i] = 1;
  return a;
}

Range IndexSpace::range(const Affine &a) const {
  Range total{a.offset, a.offset};
  auto add = [&](int64_t low, int64_t high, int64_t factor) {
    total.low += factor > 0 ? low * factor : high * factor;
    total.high += factor > 0 ? high * factor : low * factor;
  };
  for (auto [i, stride] : enumerate(a.strides))
    add(0, std::max<int64_t>(loops[i].size - 1, 0), stride);
  for (auto [term, coefficient] : a.terms) {
    if (term->kind == Term::Element) {
      add(0, term->high, coefficient);
    } else if (term->kind == Term::Remainder) {
      add(0, term->divisor - 1, coefficient);
    } else {
      Range of = range(term->of);
      add(floorDivide(of.low, term->divisor), floorDivide(of.high, term->divisor), coefficient);
    }
  }
  return total;
}

const Term *IndexSpace::intern(Term term) {
  std::vector<int64_t> key{term.kind, term.divisor, reinterpret_cast<int64_t>(term.node),
                           term.high};
  appendKey(key, term.of);
  auto [it, inserted] = interned.try_emplace(std::move(key), nullptr);
  if (inserted) {
    term.serial = terms.size();
    it->second = &terms.emplace_back(std::move(term));
  }
  return it->second;
}

void IndexSpace::requestSplit(const Affine &rest, int64_t divisor) {
  for (auto [i, stride] : enumerate(rest.strides)) {
    int64_t size = loops[i].size;
    if (!loops[i].splittable || stride <= 0 || stride >= divisor || divisor % stride) continue;
    int64_t inner = divisor / stride;
    if (inner >= size || size % inner) continue;
    if (!wantedSplit) wantedSplit = {unsigned(i), inner};
    return;
  }
}

std::pair<Affine, Affine> IndexSpace::divide(const Affine &a, int64_t divisor) {
  if (divisor == 1) return {a, Affine()};
  Affine quotient, rest;
  quotient.offset = floorDivide(a.offset, divisor);
  rest.offset = a.offset - quotient.offset * divisor;
  quotient.strides.assign(a.strides.size(), 0);
  rest.strides.assign(a.strides.size(), 0);
  for (auto [i, stride] : enumerate(a.strides))
    (stride % divisor ? rest : quotient).strides[i] = stride % divisor ? stride : stride / divisor;
  for (auto [term, coefficient] : a.terms) {
    bool whole = coefficient % divisor == 0;
    (whole ? quotient : rest).terms.push_back({term, whole ? coefficient / divisor : coefficient});
  }
  dropTrailingZeros(quotient);
  dropTrailingZeros(rest);
  // Terms divide without a sign.
  int64_t below = floorDivide(range(rest).low, divisor);
  quotient.offset += below;
  rest.offset -= below * divisor;
  if (range(rest).high < divisor) return {quotient, rest};
  requestSplit(rest, divisor);
  Affine q, r;
  q.terms.push_back({intern({Term::Quotient, rest, divisor}), 1});
  r.terms.push_back({intern({Term::Remainder, rest, divisor}), 1});
  return {quotient + q, r};
}

SmallVector<Affine> IndexSpace::delinearize(const Affine &flat, ArrayRef<int64_t> shape) {
  SmallVector<Affine> dims(shape.size());
  Affine rest = flat;
  for (size_t i = shape.size(); i-- > 0;) {
    // The outermost dim that is not of size 1 takes all that is left: a flat index is within its
    // shape.
    bool outermost = all_of(shape.take_front(i), [](int64_t size) { return size == 1; });
    if (outermost) {
      dims[i] = rest;
      break;
    }
    std::tie(rest, dims[i]) = divide(rest, std::max<int64_t>(shape[i], 1));
  }
  return dims;
}

Affine IndexSpace::linearize(ArrayRef<Affine> dims, ArrayRef<int64_t> shape) const {
  Affine flat;
  int64_t stride = 1;
  for (size_t i = shape.size(); i-- > 0; stride *= shape[i]) flat = dims[i] * stride + flat;
  return flat;
}

Affine IndexSpace::element(const Node *node, int64_t high) {
  Affine a;
  a.terms.push_back({intern({Term::Element, {}, 1, node, high}), 1});
  return a;
}

bool IndexSpace::takeSplit() {
  if (!wantedSplit) return false;
  auto [i, inner] = *wantedSplit;
  wantedSplit.reset();
  Loop innerLoop = loops[i];
  innerLoop.size = inner;
  loops[i].size /= inner;
  loops.insert(loops.begin() + i + 1, innerLoop);
  terms.clear();
  interned.clear();
  return true;
}

bool IndexSpace::canMerge(unsigned outer, ArrayRef<Affine *> uses) const {
  if (loops[outer].group != loops[outer + 1].group) return false;
  if (loops[outer].size == 1 || loops[outer + 1].size == 1) return true;
  int64_t size = loops[outer + 1].size;
  auto agrees = [&](const Affine &a) { return a.stride(outer) == a.stride(outer + 1) * size; };
  return all_of(uses, [&](Affine *use) { return agrees(*use); }) &&
         all_of(terms, [&](const Term &term) { return agrees(term.of); });
}

void IndexSpace::mergeLoops(ArrayRef<Affine *> uses) {
  for (unsigned outer = loops.size() - 1; outer-- > 0;) {
    if (!canMerge(outer, uses)) continue;
    // The strides of a loop of size 1 say nothing; otherwise the inner loop's stride is the merged
    // loop's.
    unsigned dropped = loops[outer + 1].size == 1 ? outer + 1 : outer;
    auto rewrite = [&](Affine &a) {
      if (dropped < a.strides.size()) a.strides.erase(a.strides.begin() + dropped);
      dropTrailingZeros(a);
    };
    for (Affine *use : uses) rewrite(*use);
    for (Term &term : terms) rewrite(term.of);
    loops[outer].size *= loops[outer + 1].size;
    loops.erase(loops.begin() + outer + 1);
  }
}

void IndexSpace::flattenGroup(int group) {
  auto [first, last] = loopsOf(group);
  for (unsigned i = first + 1; i < last; ++i) loops[first].size *= loops[i].size;
  loops[first].splittable = false;
  loops.erase(loops.begin() + first + 1, loops.begin() + last);
  terms.clear();
  interned.clear();
  wantedSplit.reset();
}

std::pair<unsigned, unsigned> IndexSpace::loopsOf(int group) const {
  auto *first = find_if(loops, [&](const Loop &loop) { return loop.group == group; });
  auto *last =
      std::find_if(first, loops.end(), [&](const Loop &loop) { return loop.group != group; });
  return {unsigned(first - loops.begin()), unsigned(last - loops.begin())};
}

} // namespace weir::codegen
