// A level of a module as nodes, edges and groups: what both pictures, of ops and of kernels, are
// drawn from. Ops with regions are groups; values pass through region edges to the ops that make
// and read them, so that every edge joins two ops.
#pragma once

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"

#include <optional>
#include <string>
#include <vector>

namespace weir::tools {

enum class Phase { Forward, Backward, Update };

/// What an op reads or writes that is not a node: a variable, a constant.
struct Chip {
  std::string text, type;
};

struct Node {
  enum Kind { Op, Input, Output, Region };
  Kind kind = Op;
  std::string name; ///< of the op ("dot"), the kernel, the input or output
  mlir::Operation *op = nullptr;
  mlir::Location location;
  std::vector<std::string> types; ///< of the results
  std::string attributes;
  int64_t flops = 0, bytes = 0;
  Phase phase = Phase::Forward;
  std::vector<std::string> path; ///< modules, outermost first
  int base = -1;                 ///< group that the path starts from: a region; -1: the phase's
  int group = -1;
  std::vector<Chip> reads;
  std::vector<std::string> writes; ///< variables
};

struct Edge {
  int from, result, to;
  bool isBack; ///< a carry of a loop, to its next trip
};

struct Group {
  std::string name, kind; ///< phase, module, loop, branch
  int parent = -1;
  int region = -1; ///< node of the op whose region it is
};

struct Scene {
  std::vector<Node> nodes;
  std::vector<Edge> edges;
  std::vector<Group> groups;
  llvm::DenseMap<mlir::Operation *, int> nodeOf;
};

/// "[{data},{}]" of values that are split over a mesh.
using Shardings = llvm::DenseMap<mlir::Value, std::string>;

/// Nodes and edges of @main. Groups of regions are made; paths are those of locations; types are
/// followed by shardings.
Scene buildScene(mlir::func::FuncOp main, const Shardings &shardings = Shardings());
/// Tells what is a derivative, and what is computed from derivatives, by locations and edges.
void findPhases(Scene &scene);
/// Gives every node its group, by phase and path, and drops groups that fold nothing.
void groupScene(Scene &scene);

} // namespace weir::tools
