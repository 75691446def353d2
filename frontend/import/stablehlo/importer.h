// The walk over the parsed text: each op goes to its rule, which builds it with the public
// functions. An op that cannot be imported is noted with its reason, gets a placeholder for its
// results, and the walk goes on, so that one report has all reasons.
#pragma once

#include "frontend/import/stablehlo/source.h"
#include "frontend/import/stablehlo/tiling.h"

#include "llvm/ADT/DenseMap.h"

#include <set>

namespace weir::stablehlo {

/// XLA's sharding, as text, on arguments and results of @main and on ops.
constexpr llvm::StringLiteral kTilingAttr = "mhlo.sharding";

class Importer {
public:
  Importer(std::shared_ptr<Source> source, ImportOptions options, Graph graph)
      : source(std::move(source)), options(options), graph(std::move(graph)) {}

  /// @main on `args`; throws the report.
  TensorList importMain(const TensorList &args);
  /// The function @symbol on `args`: a call, or its body in place when it returns nothing.
  TensorList callFunction(const std::string &symbol, const TensorList &args);
  /// The ops of `block` with its arguments bound to `args`; what its terminator yields.
  TensorList importBlock(mlir::Block &block, const TensorList &args);
  /// The ops of `block` but its terminator, where `wanted`; its arguments are bound already.
  void importOps(mlir::Block &block, const std::function<bool(mlir::Operation *)> &wanted);
  /// A region over scalars applied to whole tensors at once: its ops must be elementwise. The
  /// results have `shape`.
  TensorList lift(mlir::Region &region, const TensorList &args, const Shape &shape);
  bool isLifting() const { return lifted > 0; }
  /// Whether the ops of @main itself are being imported, not those of a function or a region.
  bool isInMain() const { return depth == 1; }
  /// The tensor that `value` became.
  Tensor lookup(mlir::Value value) const;
  void bind(mlir::Value value, Tensor tensor) { values[value] = std::move(tensor); }

  const std::shared_ptr<Source> source;
  const ImportOptions options;
  Graph graph;
  std::vector<Check> checks; ///< Without names yet.
  TensorList checked;        ///< Two for each check: actual, expected.
  bool wantChecks = false;
  std::shared_ptr<const TilingMesh> tilings; ///< null: no mhlo.sharding counts

private:
  void importOp(mlir::Operation *op);
  TensorList applyRule(mlir::Operation *op);
  void checkResults(mlir::Operation *op, const TensorList &results) const;
  void bindPlaceholders(mlir::Operation *op);
  void note(mlir::Operation *op, const std::string &message);
  void throwReport() const;

  llvm::DenseMap<mlir::Value, Tensor> values;
  std::map<std::string, Function> functions;
  std::set<std::string> active; ///< functions whose bodies are being imported
  std::vector<Note> problems;
  int depth = 0;  ///< of blocks
  int lifted = 0; ///< inside how many regions that are applied to whole tensors
};

/// Thrown when an operand is the result of an op that could not be imported: not a problem of its
/// own.
struct MissingOperand {};

/// The module's mesh, and how it says that inputs arg0, arg1, ... lie on it. Returned: that of
/// mhlo.sharding, or null. Throws Error.
std::shared_ptr<const TilingMesh> applyMesh(Source &source, Graph &graph);
/// The results of an op, or of @main, as its mhlo.sharding says.
TensorList tiled(const TilingMesh &mesh, mlir::Attribute said, const TensorList &results);

} // namespace weir::stablehlo
