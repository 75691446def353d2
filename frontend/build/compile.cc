// Graph::compile: finishes the module, checks that there is something to compute, and picks a
// backend.
#include "frontend/build/backends.h"
#include "frontend/build/diagnostics.h"

#include "runtime/device/open/open.h"

#include "mlir/IR/Verifier.h"

#include <chrono>

using namespace mlir;

namespace weir {

using namespace build;

Program Graph::compile(CompileOptions options, Location at) const {
  const auto start = std::chrono::steady_clock::now();
  bool anyUpdate = false;
  for (const VariableRecord &variable : shared->variables) anyUpdate |= variable.update.has_value();
  if (shared->outputs.empty() && !anyUpdate)
    throw Error(
        "compile: the graph has no outputs and assigns no variable, so there is nothing to compute",
        at);
  if (shared->current->kind != Scope::Main)
    throw Error("compile: not inside " + shared->current->what, at);

  if (options.batch < 0)
    throw Error("compile: a batch of 1 to " + std::to_string(options.batch) + " is none", at);
  if (options.batch && !runtime::isCpu(options.device))
    throw Error("compile: a program for any batch runs on the cpu, not on " + options.device, at);
  if (options.batch && (options.interpret || options.checkNumerics))
    throw Error("compile: a program for any batch is compiled, and is not checked for NaN; "
                "interpret and checkNumerics take sizes as declared",
                at);

  auto state = std::make_shared<ProgramState>();
  for (const InputRecord &input : shared->inputs)
    state->inputs.push_back({input.name, shared->record(input.tensor).type});
  for (const OutputRecord &output : shared->outputs)
    state->outputs.push_back({output.name, shared->record(output.tensor).type});
  for (const VariableRecord &variable : shared->variables)
    state->variables.push_back(
        {variable.name, shared->record(variable.tensor).type, variable.trainable});

  FinishedModule module = shared->finish();
  {
    DiagnosticCollector collector(shared->context);
    if (failed(verify(*module))) collector.raise("compile: checking the graph", at);
  }
  auto make = options.interpret                ? makeInterpreter
              : runtime::isCpu(options.device) ? makeCompiled
                                               : makeOnDevice;
  state->backend = make(shared, std::move(module), options, at);
  state->compileSeconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return Program(std::move(state));
}

} // namespace weir
