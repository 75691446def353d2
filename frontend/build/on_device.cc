// A device as a backend: the module is compiled in a form that the device takes, and runs in a
// session there. Variables live on the device.
#include "frontend/build/diagnostics.h"
#include "frontend/build/session_backend.h"

#include "distributed/propagate/propagate.h"
#include "passes/pipelines/pipelines.h"
#include "runtime/device/open/open.h"
#include "runtime/device/session/device_session.h"

using namespace mlir;

namespace weir::build {
namespace {

class OnDevice final : public SessionBackend<runtime::DeviceSession> {
public:
  OnDevice(const GraphState &state, runtime::Executable compiled,
           std::shared_ptr<runtime::Device> device, Location at)
      : SessionBackend(state,
                       runtime::DeviceSession::create(
                           std::make_shared<const runtime::Executable>(std::move(compiled)),
                           std::move(device)),
                       at) {
    for (const VariableRecord &variable : state.variables)
      if (variable.initial) setVariable(variable.name, state.initialValue(variable), at);
  }

  runtime::DeviceSession *deviceSession() const override { return session.get(); }
};

} // namespace

std::unique_ptr<Backend> makeOnDevice(const StatePtr &state, FinishedModule module,
                                      const CompileOptions &options, Location at) {
  auto refuse = [&](const char *what) {
    throw Error("compile: device " + options.device + ": " + what, at);
  };
  if (options.checkNumerics) refuse("checkNumerics needs the CPU");
  if (options.shareVariables)
    refuse("programs on a device do not share variables; copyVariables copies them");
  auto opened = runtime::openDevice(options.device); // First: it costs little to be told.
  require(opened.status(), "compile", at);
  loadCompiler(*state);
  if (auto mesh = distributed::meshOf(*module); succeeded(mesh) && mesh->devices() > 1)
    refuse("a program for a mesh runs on CPU devices");
  passes::PipelineOptions pipeline;
  pipeline.dumpTo = options.dumpTo;
  pipeline.memoryBudget = options.memoryBudget;
  pipeline.gpuForms = opened->forms;
  DiagnosticCollector collector(state->context);
  auto executable = passes::compileModule(*module, pipeline);
  if (failed(executable)) collector.raise("compile", at);
  auto made = std::make_unique<OnDevice>(*state, std::move(*executable), opened->device, at);
  made->notes = collector.remarks();
  return made;
}

} // namespace weir::build
