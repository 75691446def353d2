// Emits nodes of a point graph inside a nest of loops: each node once, in the outermost loop that
// its operands allow.
//
// A node that differs along the vector loop is a vector of `lanes` values, any other a scalar.
// Levels are the open loops; what belongs to an outer level is placed just before the loop that was
// opened inside it.
#pragma once

#include "codegen/lower/kernel_builder.h"
#include "codegen/lower/point_graph.h"

namespace weir::codegen {

class Emitter {
public:
  Emitter(KernelBuilder &k, const PointGraph &graph)
      : k(k), graph(graph), space(graph.getSpace()), levels(1) {
    counters.resize(space.getLoops().size());
    levelOfLoop.resize(space.getLoops().size(), 0);
  }

  llvm::DenseMap<mlir::Value, mlir::Value> buffers; // Kernel argument to memref.
  mlir::Value mask;                                 // Of the running vectors; null: all lanes.
  bool aligned =
      false; // The vector loop's counter is a multiple of `lanes` whenever a body is emitted.

  /// Makes `loop` the vector loop. -1: everything is scalar.
  void vectorize(int loop, int64_t lanes);
  int64_t getLanes() const { return lanes; }
  llvm::ArrayRef<Loop> getLoops() const { return space.getLoops(); }
  const IndexSpace &getSpace() const { return space; }

  /// Opens an scf.for (or any op with a body) as a new level and moves into it; close() moves
  /// behind it.
  void open(mlir::Operation *loop, unsigned region = 0);
  void close();
  /// Gives a loop of the space its counter, at the innermost level.
  void bind(unsigned loop, mlir::Value counter);
  /// Gives a node that varies at the innermost level its value there.
  void give(const Node *node, mlir::Value value) { levels.back().nodes[node] = value; }
  /// Gives a reduction its value at the innermost level.
  void bind(const Node *node, mlir::Value value) {
    give(node, value);
    levelOfReductions = levels.size() - 1;
  }
  /// From now on the node is read from memory, as a dense row along the vector loop.
  void readFrom(const Node *node, mlir::Value memref, const Affine &index) {
    stored[node] = {memref, index};
  }
  /// Forgets what was emitted at the innermost level, so that a body can be emitted again.
  void restart();

  mlir::Value value(const Node *node);
  /// The value in every lane.
  mlir::Value vector(const Node *node);
  mlir::Value splat(mlir::Value scalar);
  /// A scalar index at lane 0.
  mlir::Value flat(const Affine &a);
  /// `stream`: past the caches, where whole vectors allow it.
  void store(const Node *node, mlir::Value memref, const Affine &index, bool stream = false);
  bool isVector(const Node *node) const {
    return vectorLoop >= 0 && (node->loops >> vectorLoop & 1);
  }

private:
  struct Level {
    mlir::Operation *op = nullptr;
    mlir::Block *body = nullptr;
    llvm::DenseMap<const Node *, mlir::Value> nodes;
    std::map<std::vector<int64_t>, mlir::Value> indices;
    llvm::DenseMap<mlir::Value, mlir::Value> splats;
  };
  struct Access { // Lane i is at stride · i + offsets[i] from lane 0.
    int64_t stride = 0;
    Affine scattered; // The part whose terms must be evaluated for each lane.
  };

  unsigned levelOf(uint64_t loops) const;
  uint64_t dependsOn(const Affine &a) const;
  void moveTo(unsigned level);
  mlir::Value emit(const Node *node);
  mlir::Value load(const Node *node);
  mlir::Value compute(const Node *node);
  mlir::Value choose(const Node *node);
  mlir::Value random(const Node *node);
  mlir::Value holds(const Condition &condition);
  mlir::Value guardMask(const Guard *guard, unsigned level);
  mlir::Value termAt(const Term *term);
  Access accessOf(const Affine &a) const;
  bool isAligned(const Affine &of, int64_t divisor) const;
  bool isRun(const Affine &a, int64_t count) const;
  /// The index in each lane, as integers of `indexType`; emitted at `level`.
  mlir::Value lanesOf(const Affine &a, unsigned level);
  mlir::Value scatteredOf(const Access &access, unsigned level);
  mlir::Value termLanes(const Term *term, unsigned level);
  mlir::Type indexType();

  KernelBuilder &k;
  const PointGraph &graph;
  const IndexSpace &space;
  int vectorLoop = -1;
  int64_t lanes = 1;
  llvm::SmallVector<mlir::Value> counters;
  llvm::SmallVector<unsigned> levelOfLoop;
  unsigned levelOfReductions = 0;
  llvm::SmallVector<Level, 4> levels;
  llvm::DenseMap<const Node *, std::pair<mlir::Value, Affine>> stored;
};

} // namespace weir::codegen
