// Symbolic indices of a kernel: affine in the kernel's loops, plus opaque terms where they are not.
//
// A kernel starts from one flat loop over its domain. An op that needs dims divides the flat index,
// which asks for the loop to be split; adjacent loops that nothing needed apart are merged again.
// So a contiguous elementwise graph ends as one loop, and a reshape of a dense value costs nothing.
// Holds no MLIR values: emitter.cc makes those.
#pragma once

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace weir::codegen {

struct Node;
struct Term;

/// offset + sum of strides[i] · loop i + sum of coefficient · term. Trailing zero strides are
/// dropped, terms are sorted.
struct Affine {
  int64_t offset = 0;
  llvm::SmallVector<int64_t, 6> strides;
  llvm::SmallVector<std::pair<const Term *, int64_t>, 1> terms;

  int64_t stride(unsigned loop) const { return loop < strides.size() ? strides[loop] : 0; }
  bool isConstant() const { return strides.empty() && terms.empty(); }
  bool operator==(const Affine &other) const = default;
};

Affine operator+(const Affine &a, const Affine &b);
Affine operator*(const Affine &a, int64_t factor);
Affine operator+(Affine a, int64_t offset);

/// Appends what identifies `a` to `key`.
void appendKey(std::vector<int64_t> &key, const Affine &a);

/// An index that is not affine in the loops. Interned: equal terms are the same pointer.
struct Term {
  enum Kind { Quotient, Remainder, Element } kind;
  Affine of; // Quotient, Remainder: of / divisor rounded down, and the rest.
  int64_t divisor = 1;
  const Node *node = nullptr; // Element: the value of this integer node, clamped to [0, high].
  int64_t high = 0;
  unsigned serial = 0; // Order of creation, so that emitted code does not depend on addresses.
};

/// Smallest and largest value.
struct Range {
  int64_t low, high;
};

/// One loop of a kernel, outermost first. Loops of one group may be split and merged with each
/// other.
struct Loop {
  int64_t size;
  int group;
  bool splittable = true;
};

/// The loops of one kernel and the indices over them.
class IndexSpace {
public:
  explicit IndexSpace(llvm::SmallVector<Loop> loops) : loops(std::move(loops)) {}

  llvm::ArrayRef<Loop> getLoops() const { return loops; }
  Affine constant(int64_t value) const { return Affine{value, {}, {}}; }
  /// The index of a loop; constant 0 for a loop of size 1.
  Affine loop(unsigned i) const;
  Range range(const Affine &a) const;

  /// (a / divisor rounded down, the rest). Exact and affine where the loops allow it; otherwise
  /// records the split that would make it so (see takeSplit) and returns terms.
  std::pair<Affine, Affine> divide(const Affine &a, int64_t divisor);
  llvm::SmallVector<Affine> delinearize(const Affine &flat, llvm::ArrayRef<int64_t> shape);
  Affine linearize(llvm::ArrayRef<Affine> dims, llvm::ArrayRef<int64_t> shape) const;
  /// The value of an integer node clamped to [0, high].
  Affine element(const Node *node, int64_t high);

  /// If some division wanted a loop split, splits it and returns true: what was built must then be
  /// built again.
  bool takeSplit();
  /// Merges adjacent loops wherever all `uses` allow it, rewriting the uses and all terms.
  void mergeLoops(llvm::ArrayRef<Affine *> uses);
  /// Makes the loops of `group` one loop that may not be split.
  void flattenGroup(int group);
  /// Index of the first loop of `group`, and one past its last.
  std::pair<unsigned, unsigned> loopsOf(int group) const;
  /// Bit i is set if `a` depends on loop i; Element terms add what `ofNode` says.
  template <typename Fn> uint64_t dependsOn(const Affine &a, Fn &&ofNode) const {
    uint64_t mask = 0;
    for (unsigned i = 0; i < a.strides.size(); ++i)
      if (a.strides[i]) mask |= uint64_t(1) << i;
    for (auto [term, coefficient] : a.terms)
      mask |= term->kind == Term::Element ? ofNode(term->node) : dependsOn(term->of, ofNode);
    return mask;
  }

private:
  const Term *intern(Term term);
  bool canMerge(unsigned outer, llvm::ArrayRef<Affine *> uses) const;
  void requestSplit(const Affine &rest, int64_t divisor);

  llvm::SmallVector<Loop> loops;
  std::deque<Term> terms;
  std::map<std::vector<int64_t>, const Term *> interned;
  std::optional<std::pair<unsigned, int64_t>> wantedSplit; // Loop, size of its inner part.
};

} // namespace weir::codegen
