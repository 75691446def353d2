// The ways to run a finished module.
#pragma once

#include "frontend/build/graph_state.h"
#include "frontend/build/program_state.h"
#include "runtime/artifact/executable.h"

#include <absl/status/status.h>

#include "distributed/sharding/sharding.h"

namespace weir::build {

using FinishedModule = mlir::OwningOpRef<mlir::ModuleOp>;

/// Evaluates op by op with the reference interpreter, after differentiation. `state` keeps the
/// context alive.
std::unique_ptr<Backend> makeInterpreter(const StatePtr &state, FinishedModule module,
                                         const CompileOptions &options, Location at);
/// Compiles to machine code, for one device or the module's mesh.
std::unique_ptr<Backend> makeCompiled(const StatePtr &state, FinishedModule module,
                                      const CompileOptions &options, Location at);
/// Compiles for options.device, which is not the CPU, and runs there.
std::unique_ptr<Backend> makeOnDevice(const StatePtr &state, FinishedModule module,
                                      const CompileOptions &options, Location at);

/// Compiles for a mesh of CPU devices; dialects are loaded.
std::unique_ptr<Backend> makeMeshProgram(const StatePtr &state, FinishedModule module,
                                         const distributed::Mesh &mesh,
                                         const CompileOptions &options, Location at);

// What the compiled ones have in common.

/// Error where the status is one: "`what`: ...".
void require(const absl::Status &status, const char *what, Location at);
/// Loads the compiler's dialects.
void loadCompiler(GraphState &state);
/// The compiler keeps all ports, but not their order.
struct PortOrder {
  PortOrder(const GraphState &state, const runtime::Executable &executable);
  std::vector<Array> feeds(const std::vector<Array> &ofProgram) const;
  std::vector<int32_t> fetches(const std::vector<int32_t> &ofProgram) const;

private:
  std::vector<int32_t> inputs;  // of the executable -> of the program
  std::vector<int32_t> outputs; // of the program -> of the executable
};

} // namespace weir::build
