// The two ways to run a finished module.
#pragma once

#include "frontend/build/graph_state.h"
#include "frontend/build/program_state.h"

namespace weir::build {

using FinishedModule = mlir::OwningOpRef<mlir::ModuleOp>;

/// Evaluates op by op with the reference interpreter, after differentiation. `state` keeps the
/// context alive.
std::unique_ptr<Backend> makeInterpreter(const StatePtr &state, FinishedModule module,
                                         const CompileOptions &options, Location at);
/// Compiles to machine code.
std::unique_ptr<Backend> makeCompiled(const StatePtr &state, FinishedModule module,
                                      const CompileOptions &options, Location at);

} // namespace weir::build
