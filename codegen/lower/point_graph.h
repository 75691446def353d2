// What one point of a kernel's domain needs: the kernel's ops, each at the index where it is read.
//
// The graph is symbolic. Layout ops disappear into indices; what is left are loads, elementwise
// ops, choices (pad, concatenate), counters (iota), random words and reductions. Loops are split
// while it is built, then merged; only then is anything emitted (emitter.h). Values are memoised by
// (value, index, guard), so a DAG stays a DAG.
#pragma once

#include "codegen/lower/index.h"

#include "mlir/IR/Operation.h"
#include "mlir/Support/LLVM.h"

#include <functional>

namespace weir::codegen {

/// low <= of <= high.
struct Condition {
  Affine of;
  int64_t low, high;
};

/// All conditions under which a node is read; loads outside of them must not touch memory.
/// Interned.
struct Guard {
  const Guard *parent;
  Condition condition;
  unsigned serial;
};

struct Node {
  enum Kind {
    Load,     // value (a kernel argument) at flat `index`
    External, // value, which lies in a buffer of the emitter, at flat `index`
    Splat,    // `constant`
    Counter,  // `index` as a number
    Compute,  // value's elementwise op on `operands`
    Choose,   // operands[0] if all `conditions` hold, else operands[1]
    Random,   // word `index`, or operands[2], of the stream with key (operands[0], operands[1])
    Reduce,   // value's reduction; operands[0] is the operand at a point of the reduced loops
  };
  Kind kind;
  mlir::Value value;
  mlir::Type element;
  Affine index;
  mlir::Attribute constant;
  const Guard *guard = nullptr;
  llvm::SmallVector<Node *, 3> operands;
  llvm::SmallVector<Condition, 1> conditions;
  uint64_t loops = 0; // Bit i: differs along loop i; or afterReduction. Valid after finish().
  int depth = 0;      // Most reductions on a path below.
  unsigned serial = 0;

  static constexpr uint64_t afterReduction = uint64_t(1)
                                             << 63; // Known only where reductions are done.

  mlir::Location loc() const { return value.getLoc(); }
};

/// Where a value is read: always a flat index, dims when somebody has them.
struct Point {
  Affine flat;
  std::optional<llvm::SmallVector<Affine>> dims;
};

/// How reductions of a kernel run: over the loops of `group`, which stand for the trailing or the
/// leading dims.
struct ReducedDims {
  int group;
  bool trailing;
  int64_t extent;
};

class PointGraph {
public:
  explicit PointGraph(IndexSpace &space) : space(space) {}

  /// Reads of these values become External nodes.
  llvm::SmallVector<mlir::Value, 1> externals;
  std::optional<ReducedDims> reduced;

  /// The node for `value` at a flat index; null after a diagnostic if an op has no meaning at a
  /// point.
  Node *at(mlir::Value value, const Affine &flat) {
    return at(value, Point{flat, std::nullopt}, nullptr);
  }
  /// Merges loops that no node and none of `stores` needs apart, then computes dependences.
  void finish(llvm::ArrayRef<Affine *> stores);

  const std::deque<Node> &getNodes() const { return nodes; }
  IndexSpace &getSpace() const { return space; }

private:
  Node *at(mlir::Value value, Point point, const Guard *guard);
  Node *build(mlir::Value value, Point &point, const Guard *guard);
  Node *computed(mlir::Operation *op, Point &point, const Guard *guard);
  Node *mapped(mlir::Operation *op, Point &point, const Guard *guard);
  Node *padded(mlir::Operation *op, Point &point, const Guard *guard);
  Node *unfolded(mlir::Operation *op, Point &point, const Guard *guard);
  Node *folded(mlir::Operation *op, Point &point, const Affine &window);
  Node *concatenated(mlir::Operation *op, Point &point, const Guard *guard);
  Node *gathered(mlir::Operation *op, Point &point, const Guard *guard);
  Node *sliced(mlir::Operation *op, Point &point, const Guard *guard);
  Node *updated(mlir::Operation *op, Point &point, const Guard *guard);
  Node *dense(mlir::Operation *op, Point &point, const Guard *guard);
  Node *random(mlir::Operation *op, Point &point, const Guard *guard);
  Node *reduction(mlir::Operation *op, Point &point);

  Node *make(Node::Kind kind, mlir::Value value);
  Node *zero(mlir::Value value);
  Node *choose(mlir::Value value, llvm::ArrayRef<Condition> conditions,
               llvm::function_ref<Node *(const Guard *)> then,
               llvm::function_ref<Node *()> otherwise, const Guard *guard);
  /// Null for a load that stays in bounds even where the guard does not hold.
  const Guard *neededGuard(mlir::Value value, const Affine &flat, const Guard *guard);
  const Guard *under(const Guard *guard, const Condition &condition);
  llvm::ArrayRef<Affine> dimsOf(mlir::Value value, Point &point);
  Point pointOf(mlir::Value value, llvm::SmallVector<Affine> dims);

  IndexSpace &space;
  std::deque<Node> nodes;
  std::deque<Guard> guards;
  std::map<std::vector<int64_t>, const Guard *> internedGuards;
  std::map<std::vector<int64_t>, Node *> memo;
};

} // namespace weir::codegen
