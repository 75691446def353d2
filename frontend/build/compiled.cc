// Machine code as a backend: the module goes down the pipeline, the executable runs in a session.
#include "frontend/build/backends.h"
#include "frontend/build/diagnostics.h"

#include "passes/pipelines/pipelines.h"
#include "runtime/executor/session.h"

using namespace mlir;

namespace weir::build {
namespace {

void require(const absl::Status &status, const char *what, Location at) {
  if (!status.ok()) throw Error(std::string(what) + ": " + std::string(status.message()), at);
}

/// Position of the port of that name; the compiler keeps all of them.
template <typename Ports> int32_t positionOf(const Ports &ports, const std::string &name) {
  for (size_t i = 0; i < ports.size(); ++i)
    if (ports[i].name == name) return static_cast<int32_t>(i);
  return -1;
}

class Compiled final : public Backend {
public:
  Compiled(GraphState &state, runtime::Executable compiled, const CompileOptions &options,
           Location at)
      : store(sharedStore(options, at)) {
    auto executable = std::make_shared<const runtime::Executable>(std::move(compiled));
    runtime::SessionOptions settings{.variables = store};
    if (options.threads > 0) settings.pool = std::make_shared<runtime::ThreadPool>(options.threads);
    auto created = runtime::Session::create(executable, settings);
    require(created.status(), "compile", at);
    session = std::move(*created);
    for (const VariableRecord &variable : state.variables) {
      // A variable that nothing reads or writes is not in the executable: it only keeps its value.
      if (positionOf(executable->variables, variable.name) < 0)
        unused.emplace(variable.name, variable.initial);
      else if (!store->get(variable.name).ok())
        require(store->set(variable.name, variable.initial), "compile", at);
    }
    for (const runtime::Input &input : executable->inputs)
      inputs.push_back(positionOf(state.inputs, input.name));
    for (const OutputRecord &output : state.outputs)
      outputs.push_back(positionOf(executable->outputs, output.name));
  }

  std::vector<Array> run(const std::vector<Array> &feeds, const std::vector<int32_t> &fetches,
                         Location at) override {
    std::vector<Array> ordered;
    for (int32_t input : inputs) ordered.push_back(feeds[static_cast<size_t>(input)]);
    std::vector<int32_t> positions;
    for (int32_t fetch : fetches) positions.push_back(outputs[static_cast<size_t>(fetch)]);
    auto results = session->run(ordered, positions);
    require(results.status(), "run", at);
    return std::move(*results);
  }

  Array variable(const std::string &name, Location at) const override {
    if (auto kept = unused.find(name); kept != unused.end()) return kept->second;
    auto value = store->get(name);
    require(value.status(), "variable", at);
    return std::move(*value);
  }

  void setVariable(const std::string &name, const Array &value, Location at) override {
    if (auto kept = unused.find(name); kept != unused.end())
      kept->second = value;
    else
      require(store->set(name, value), "setVariable", at);
  }

  runtime::Session *runtimeSession() const override { return session.get(); }

private:
  static std::shared_ptr<runtime::VariableStore> sharedStore(const CompileOptions &options,
                                                             Location at) {
    if (!options.shareVariables) return std::make_shared<runtime::VariableStore>();
    auto *other = dynamic_cast<Compiled *>(options.shareVariables->state()->backend.get());
    if (other) return other->store;
    throw Error("compile: shareVariables names an interpreted program, but this one is compiled",
                at);
  }

  std::shared_ptr<runtime::VariableStore> store;
  std::unique_ptr<runtime::Session> session;
  std::map<std::string, Array> unused;
  std::vector<int32_t> inputs;  // of the executable -> of the program
  std::vector<int32_t> outputs; // of the program -> of the executable
};

} // namespace

std::unique_ptr<Backend> makeCompiled(const StatePtr &state, FinishedModule module,
                                      const CompileOptions &options, Location at) {
  DialectRegistry registry;
  passes::registerDialects(registry);
  state->context.appendDialectRegistry(registry);
  state->context.loadAllAvailableDialects(); // kernels are emitted outside of any pass
  passes::PipelineOptions pipeline;
  pipeline.dumpTo = options.dumpTo;
  DiagnosticCollector collector(state->context);
  auto executable = passes::compileModule(*module, pipeline);
  if (failed(executable)) collector.raise("compile", at);
  return std::make_unique<Compiled>(*state, std::move(*executable), options, at);
}

} // namespace weir::build
