// Index sets: at how many indices a kernel evaluates each of its values for one point of its
// domain.
//
// Below ops that move indices (concatenate, pad, slice, reverse, ...) a value is wanted at an index
// for each path to it, and code grows with the number of paths. So a value that would cost too much
// to evaluate at all of its indices goes to memory instead. Index expressions are compared by a
// hash of the path of moves: equal hashes are equal indices, equal indices may differ in hash.
#include "passes/fuse/clustering.h"

#include "llvm/ADT/Hashing.h"

using namespace mlir;

namespace weir::passes {
namespace {

constexpr uint64_t kIdentity = 0; ///< the index of the domain itself
constexpr uint64_t kScalar = 1;   ///< of values with one element

uint64_t rowIndex(int64_t rows) {
  return llvm::hash_combine(kIdentity, rows);
}

uint64_t movedIndex(OpOperand &operand, uint64_t index) {
  Operation *op = operand.getOwner();
  return llvm::hash_combine(index, op->getName().getAsOpaquePointer(), op->getAttrDictionary(),
                            operand.getOperandNumber(), operand.get().getType(),
                            op->getResult(0).getType());
}

void normalize(IndexSet &set) {
  llvm::sort(set);
  set.erase(llvm::unique(set), set.end());
}

} // namespace

IndexSet unionOf(const IndexSet &a, const IndexSet &b) {
  IndexSet both = a;
  llvm::append_range(both, b);
  normalize(both);
  return both;
}

int repeatCostOf(Operation *op, const IndexSet &indices) {
  return indices.empty() ? 0 : int(indices.size() - 1) * std::max(1, costOf(op));
}

void liftIndices(Cluster &cluster, int64_t rows) {
  for (auto &[op, set] : cluster.indices) {
    for (uint64_t &index : set)
      if (index != kScalar) index = llvm::hash_combine(index, rows);
    normalize(set);
  }
}

IndexSet Clustering::indicesIn(const Cluster &cluster, Value value, Place place) const {
  if (countOf(value) == 1) return {kScalar};
  if (place.is(Place::Full)) return {kIdentity};
  if (place.is(Place::Lead)) return {rowIndex(place.lead)};
  IndexSet all;
  for (OpOperand &use : value.getUses()) {
    auto it = cluster.indices.find(use.getOwner());
    if (it == cluster.indices.end()) continue;
    OpClass user = classOf(use.getOwner());
    if (isa<ir::FoldOp>(use.getOwner()))
      all.push_back(movedIndex(use, kIdentity));
    else if (user == OpClass::RowReduce || user == OpClass::ColumnReduce)
      all.push_back(kIdentity);
    else
      for (uint64_t index : it->second)
        all.push_back(user == OpClass::Layout ? movedIndex(use, index) : index);
  }
  normalize(all);
  return all;
}

} // namespace weir::passes
