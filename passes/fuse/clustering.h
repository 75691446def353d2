// The state of fusion within one block: clusters of ops that become kernels.
//
// A cluster has a domain, the index set that its kernel runs over, and gives every op in it a
// place: which index of the domain the op's value is wanted at. Places decide what may join: a dot
// only where its value is wanted at the index itself, a reduction only where it is wanted once a
// row. An op may be in several clusters (recomputed in each); a cluster's roots are the values that
// it writes to memory.
#pragma once

#include "passes/fuse/op_class.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

#include <optional>

namespace weir::passes {

enum class KernelKind { Loop, Row, Column, Dot, Own, Control };
llvm::StringRef kindName(KernelKind kind);

/// Where a value is wanted, relative to the domain; the bits may be combined.
struct Place {
  enum Bits : uint8_t {
    Full = 1,   ///< at the index itself (row-major position in the domain)
    Lead = 2,   ///< at the index's leading dims: once a row of points/lead elements
    Moved = 4,  ///< at an index computed from it, each value about once
    Spread = 8, ///< each value many times: below a broadcast
  };
  uint8_t bits = 0;
  int64_t lead = 0; ///< with Lead: how many rows

  bool operator==(const Place &o) const { return bits == o.bits && lead == o.lead; }
  bool is(Bits b) const { return bits == b; }
  /// Both wishes together; rows of two lengths make Spread.
  Place with(Place o) const;
};

/// Distinct index expressions at which one value is evaluated at each point of a domain, as hashes,
/// ascending. Ops that move indices multiply them when nested: a value below two concatenations of
/// two slices each is computed four times over.
using IndexSet = llvm::SmallVector<uint64_t, 2>;

struct Cluster {
  KernelKind kind;
  int64_t points = 0; ///< elements of the domain
  int64_t cols = 0;   ///< Row: elements of a row
  int spreadCost = 0; ///< cost of what is computed below broadcasts
  int repeatCost = 0; ///< cost of evaluating values at more than one index
  llvm::MapVector<mlir::Operation *, Place> ops;
  llvm::DenseMap<mlir::Operation *, IndexSet> indices;
  llvm::SetVector<mlir::Value> roots;

  int64_t rows() const { return cols ? points / cols : 0; }
  bool contains(mlir::Operation *op) const { return op && ops.contains(op); }
};

class Clustering {
public:
  explicit Clustering(mlir::Block &block);

  /// Ops from last to first, each to its users' clusters where that is legal and pays.
  void grow();
  /// Clusters that read one another's results, or the same values, over one domain become one with
  /// several results.
  void merge();

  mlir::Block &block;
  llvm::SmallVector<mlir::Operation *> order;
  llvm::DenseMap<mlir::Operation *, int> index;
  llvm::SmallVector<Cluster> clusters; ///< merged ones are empty
  llvm::DenseMap<mlir::Operation *, llvm::SmallVector<int, 2>> memberships;
  llvm::DenseSet<mlir::Operation *> views; ///< reshapes that stay outside kernels

  /// Place at which `user`, itself wanted at `place`, wants its operand.
  static Place operandPlace(mlir::OpOperand &operand, Place place);
  /// Place of a value in a cluster: the wishes of all its users there.
  Place placeIn(const Cluster &cluster, mlir::Value value) const;
  /// Indices at which the cluster's users of a value want it; `place` is theirs together.
  IndexSet indicesIn(const Cluster &cluster, mlir::Value value, Place place) const;
  /// Clusters that have a user of `value` but not the value itself.
  llvm::SmallVector<int> readersOf(mlir::Value value) const;
  /// The variable, or the carry of the scan whose body this is, that gets `value` as its new value;
  /// null if none does.
  mlir::Value variableUpdatedBy(mlir::Value value) const;
  /// The op of this block that `user` is, or lies in.
  mlir::Operation *ancestorOf(mlir::Operation *user) const {
    return block.findAncestorOpInBlock(*user);
  }

private:
  void analyse();
  void place(mlir::Operation *op);
  void placeView(mlir::Operation *op);
  void startCluster(mlir::Operation *op);
  bool canJoin(const Cluster &cluster, mlir::Operation *op, Place &place) const;
  bool canJoinElementwise(const Cluster &cluster, mlir::Operation *op, Place place) const;
  void join(int cluster, mlir::Operation *op, Place place);
  bool tryMerge(int producer, int consumer);
  bool trySiblings(int first, int second);
  void mergeNeighbours(int cluster);
  void mergeSiblings(mlir::Value value);
  bool isCompatible(const Cluster &producer, const Cluster &consumer) const;
  std::optional<llvm::DenseSet<int>> descendantsBetween(int from, int to) const;
  void unite(int first, int second, const llvm::DenseSet<int> &descendants);
  void absorb(int into, int from);
  void liftToRows(Cluster &cluster, int64_t points, int64_t cols);
  llvm::SmallVector<int> successorsOf(int cluster) const;
  bool readsThroughView(const Cluster &producer, int consumer) const;

  struct Facts {
    bool inMemory = false; ///< some use needs it in memory
    bool cheap = false;    ///< may be computed again in each cluster that wants it
    int cost = 0;          ///< of computing it from what is in memory
    llvm::SmallVector<mlir::Value, 2> sources; ///< what is in memory, if cheap
  };
  llvm::DenseMap<mlir::Value, Facts> facts;
  /// A topological order of the clusters, kept while they are merged.
  llvm::SmallVector<int> position, atPosition;
};

/// The index sets of a cluster whose points have become rows.
void liftIndices(Cluster &cluster, int64_t rows);
/// Both together.
IndexSet unionOf(const IndexSet &a, const IndexSet &b);
/// What it costs that `op` is evaluated at all of `indices` instead of one.
int repeatCostOf(mlir::Operation *op, const IndexSet &indices);
inline constexpr int kMaxRepeatCost = 64; ///< in one cluster

/// Whether ops of this class can stand after a dot in its kernel.
bool fitsDotEpilogue(mlir::Operation *op);

} // namespace weir::passes
