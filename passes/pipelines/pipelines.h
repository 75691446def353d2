// The order of the whole way from a graph to an executable, the only place that knows it.
//
// graph -> resolve autodiff, simplify -> (Graph) -> shard over a mesh -> (Sharded) -> fuse into
// kernels, plan memory -> (Kernels) -> machine code. Each level ends verified and can be written to
// a folder.
#pragma once

#include "runtime/artifact/batch.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Support/LLVM.h"

#include <functional>
#include <string>
#include <vector>

namespace mlir {
class DialectRegistry;
class OpPassManager;
} // namespace mlir

namespace weir::passes {

enum class Level {
  Source,   ///< what the frontend builds
  Resolved, ///< no jvp and no vjp left
  Graph,    ///< calls inlined, simplified
  Sharded,  ///< the program of one device of the mesh
  Kernels   ///< launches of outlined kernels, memory planned
};

struct PipelineOptions {
  Level from = Level::Source; ///< what compileModule gets
  std::string dumpTo;         ///< folder for numbered files, one after each pass; "" for none
  std::string cpu = "host";   ///< see codegen::targetForLevel
  /// Not empty: for GPUs in place of `cpu`, in these forms: "ptx", "sm_80", "sm_90" (cubins, where
  /// ptxas is found), "llvm" (bitcode for emulators).
  std::vector<std::string> gpuForms;
  int threads = 0; ///< compiling threads; 0: one for each core
  /// Bytes that a run may need (arena, variables, constants, inputs, outputs); 0: any. Values are
  /// computed again until it is met; where it cannot be, lowering fails and says why.
  int64_t memoryBudget = 0;
  bool timing = false; ///< print the time of each pass to standard error
  /// Called before kernels are compiled, so that whoever will run them can get the arena ready.
  std::function<void(int64_t arenaBytes)> onMemoryPlanned;
};

/// Adds every dialect that any level uses.
void registerDialects(mlir::DialectRegistry &registry);
/// Registers all passes and the pipelines weir-to-graph, weir-to-kernels and weir-to-dataflow, for
/// weir-opt.
void registerAllPasses();

/// Appends the passes that take a module from level `from` to level `to`.
/// `forGpu`: with the library's dots.
void addPipeline(mlir::OpPassManager &pm, Level from, Level to, int64_t memoryBudget = 0,
                 bool forGpu = false);

/// Appends the passes from Source to graphs of dataflow primitives (ir/dataflow), which the
/// interpreter runs. Nothing on the way simplifies.
void addDataflowPipeline(mlir::OpPassManager &pm);

/// Lowers `module` in place. Errors are diagnostics at the user's lines.
mlir::LogicalResult lower(mlir::ModuleOp module, Level from, Level to,
                          const PipelineOptions &options = {});

/// The way from `options.from` on. `module` is left at the kernels level.
mlir::FailureOr<runtime::Executable> compileModule(mlir::ModuleOp module,
                                                   const PipelineOptions &options = {});

/// Which batches a program is to take.
struct BatchRange {
  int64_t most = 0; ///< rows of the largest; the smallest is one row
  /// Names of the inputs that have the batch as their leading dim; none: those of `most` elements
  /// there. The batch that the graph has in these may be another than `most`.
  std::vector<std::string> inputs;
};

/// The way from Source or Graph for each of runtime::batchSizes(range.most). `module` is left at
/// the graph level. Errors: inputs that there are not or that do not agree, and a graph whose rows
/// depend on each other, at the op that is the reason (distributed/batch).
mlir::FailureOr<runtime::BatchExecutable>
compileBatch(mlir::ModuleOp module, const BatchRange &range, const PipelineOptions &options = {});

/// compileBatch, or one executable where `range.most` is 0.
mlir::FailureOr<runtime::BatchExecutable>
compileSizes(mlir::ModuleOp module, const BatchRange &range, const PipelineOptions &options = {});

/// Executables that this process has compiled so far. No run compiles any.
int64_t executablesCompiled();

} // namespace weir::passes
