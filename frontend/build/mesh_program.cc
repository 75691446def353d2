// Machine code on a mesh as a backend: one executable, which runs on every device. Values are whole
// tensors on this side.
#include "frontend/build/backends.h"
#include "frontend/build/diagnostics.h"

#include "distributed/session/mesh_session.h"
#include "passes/pipelines/pipelines.h"

namespace weir::build {
namespace {

class MeshProgram final : public Backend {
public:
  MeshProgram(const GraphState &state, runtime::Executable executable,
              std::shared_ptr<distributed::MeshState> devices, Location at)
      : devices(std::move(devices)), order(state, executable) {
    auto made = distributed::MeshSession::create(
        std::make_shared<const runtime::Executable>(std::move(executable)), this->devices);
    require(made.status(), "compile", at);
    session = std::move(*made);
    for (const VariableRecord &variable : state.variables)
      if (variable.initial && !this->devices->hasValue(variable.name))
        setVariable(variable.name, state.initialValue(variable), at);
  }

  std::vector<Array> run(const std::vector<Array> &feeds, const std::vector<int32_t> &fetches,
                         Location at) override {
    auto results = session->run(order.feeds(feeds), order.fetches(fetches));
    require(results.status(), "run", at);
    return std::move(*results);
  }

  Array variable(const std::string &name, Location at) const override {
    auto value = devices->get(name);
    require(value.status(), "variable", at);
    return std::move(*value);
  }
  void setVariable(const std::string &name, const Array &value, Location at) override {
    require(devices->set(name, value), "setVariable", at);
  }
  distributed::MeshSession *meshSession() const override { return session.get(); }

private:
  std::shared_ptr<distributed::MeshState> devices;
  PortOrder order;
  std::unique_ptr<distributed::MeshSession> session;
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
  auto program =
      std::make_unique<MeshProgram>(*state, std::move(*executable), std::move(devices), at);
  program->notes = collector.remarks();
  return program;
}

} // namespace weir::build
