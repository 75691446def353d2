// Machine code on a mesh as a backend: one executable, which runs on every device. Values are whole
// tensors on this side.
#include "frontend/build/diagnostics.h"
#include "frontend/build/session_backend.h"

#include "distributed/session/mesh_session.h"
#include "passes/pipelines/pipelines.h"

namespace weir::build {
namespace {

class MeshProgram final : public SessionBackend<distributed::MeshSession> {
public:
  MeshProgram(const GraphState &state, runtime::Executable executable,
              const std::shared_ptr<distributed::MeshState> &devices, Location at)
      : SessionBackend(
            state,
            distributed::MeshSession::create(
                std::make_shared<const runtime::Executable>(std::move(executable)), devices),
            at) {
    for (const VariableRecord &variable : state.variables)
      if (variable.initial && !devices->hasValue(variable.name))
        setVariable(variable.name, state.initialValue(variable), at);
  }

  distributed::MeshSession *meshSession() const override { return session.get(); }
};

std::shared_ptr<distributed::MeshState> devicesFor(const distributed::Mesh &mesh,
                                                   const CompileOptions &options, Location at) {
  if (options.shareVariables) {
    auto *other = options.shareVariables->state()->backend->meshSession();
    if (other && other->state()->mesh() == mesh) return other->state();
    throw Error("compile: shareVariables names a program that is not for the mesh " + mesh.str(),
                at);
  }
  if (!options.communicator) return distributed::MeshState::inProcess(mesh, options.threads);
  auto state = distributed::MeshState::ofRank(mesh, options.communicator, options.threads);
  require(state.status(), "compile", at);
  return *state;
}

} // namespace

std::unique_ptr<Backend> makeMeshProgram(const StatePtr &state, FinishedModule module,
                                         const distributed::Mesh &mesh,
                                         const CompileOptions &options, Location at) {
  if (options.checkNumerics)
    throw Error("compile: checkNumerics watches one device; compile without a mesh", at);
  if (options.batch)
    throw Error("compile: a program for a mesh has one size of its batch; compile without", at);
  auto devices = devicesFor(mesh, options, at);
  passes::PipelineOptions pipeline;
  pipeline.dumpTo = options.dumpTo;
  pipeline.memoryBudget = options.memoryBudget;
  DiagnosticCollector collector(state->context);
  auto executable = passes::compileModule(*module, pipeline);
  if (mlir::failed(executable)) collector.raise("compile", at);
  auto program = std::make_unique<MeshProgram>(*state, std::move(*executable), devices, at);
  program->notes = collector.remarks();
  return program;
}

} // namespace weir::build
