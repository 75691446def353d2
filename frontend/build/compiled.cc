// Machine code as a backend: the module goes down the pipeline, the executable runs in a session.
#include "frontend/build/backends.h"
#include "frontend/build/diagnostics.h"

#include "distributed/propagate/propagate.h"
#include "passes/debug/numerics.h"
#include "passes/pipelines/pipelines.h"
#include "runtime/executor/session.h"

#include <future>

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

/// The store that the program will run on, filled by a thread of its own while the graph is
/// compiled: fresh memory for the variables takes as long as the graph passes.
class FilledStore {
public:
  FilledStore(const GraphState &state, const CompileOptions &options, Location at)
      : state(state), store(sharedStore(options, at)) {
    for (const VariableRecord &variable : state.variables) {
      const TensorType &type = state.record(variable.tensor).type;
      declared.push_back({variable.name, type.dtype, type.shape});
    }
    filled = std::async([this] { return fill(); });
  }

  std::shared_ptr<runtime::VariableStore> get(Location at) {
    require(filled.get(), "compile", at);
    return store;
  }

private:
  static std::shared_ptr<runtime::VariableStore> sharedStore(const CompileOptions &options,
                                                             Location at);

  /// Values that another program left in the store stay.
  absl::Status fill() {
    if (absl::Status s = store->declare(declared); !s.ok()) return s;
    for (size_t i = 0; i < declared.size(); ++i) {
      const VariableRecord &variable = state.variables[i];
      if (!variable.initial || store->requireValues({declared[i]}).ok()) continue;
      if (absl::Status s = store->set(variable.name, state.initialValue(variable)); !s.ok())
        return s;
    }
    return absl::OkStatus();
  }

  const GraphState &state;
  std::shared_ptr<runtime::VariableStore> store;
  std::vector<runtime::Variable> declared;
  std::future<absl::Status> filled; // last: its destructor waits for the thread
};

/// What checking the numerics of a run needs of the compiler.
struct NumericsCheck {
  StatePtr state; // owns the context; must outlive the module
  FinishedModule module;
  passes::NumericsChecker checker;
};

class Compiled final : public Backend {
public:
  Compiled(const GraphState &state, runtime::Executable compiled, runtime::SessionOptions settings,
           std::unique_ptr<NumericsCheck> checking, Location at)
      : store(settings.variables), check(std::move(checking)) {
    auto executable = std::make_shared<const runtime::Executable>(std::move(compiled));
    auto created = runtime::Session::create(executable, std::move(settings));
    require(created.status(), "compile", at);
    session = std::move(*created);
    for (const runtime::Input &input : executable->inputs)
      inputs.push_back(positionOf(state.inputs, input.name));
    for (const OutputRecord &output : state.outputs)
      outputs.push_back(positionOf(executable->outputs, output.name));
    if (!check) return;
    check->checker.attach(*check->module, session->executable());
    session->setObserver(&check->checker);
  }

  std::vector<Array> run(const std::vector<Array> &feeds, const std::vector<int32_t> &fetches,
                         Location at) override {
    std::vector<Array> ordered;
    for (int32_t input : inputs) ordered.push_back(feeds[static_cast<size_t>(input)]);
    std::vector<int32_t> positions;
    for (int32_t fetch : fetches) positions.push_back(outputs[static_cast<size_t>(fetch)]);
    auto results = session->run(ordered, positions);
    if (check && !results.ok() && check->checker.report()) raise(*check->checker.report(), at);
    require(results.status(), "run", at);
    return std::move(*results);
  }

  Array variable(const std::string &name, Location at) const override {
    auto value = store->get(name);
    require(value.status(), "variable", at);
    return std::move(*value);
  }

  void setVariable(const std::string &name, const Array &value, Location at) override {
    require(store->set(name, value), "setVariable", at);
  }

  runtime::Session *runtimeSession() const override { return session.get(); }

  const std::shared_ptr<runtime::VariableStore> &variables() const { return store; }

private:
  std::shared_ptr<runtime::VariableStore> store;
  std::unique_ptr<NumericsCheck> check; // null: none
  std::unique_ptr<runtime::Session> session;
  std::vector<int32_t> inputs;  // of the executable -> of the program
  std::vector<int32_t> outputs; // of the program -> of the executable
};

std::shared_ptr<runtime::VariableStore> FilledStore::sharedStore(const CompileOptions &options,
                                                                 Location at) {
  if (!options.shareVariables) return std::make_shared<runtime::VariableStore>();
  auto *other = dynamic_cast<Compiled *>(options.shareVariables->state()->backend.get());
  if (other) return other->variables();
  throw Error("compile: shareVariables names an interpreted program, but this one is compiled", at);
}

} // namespace

std::unique_ptr<Backend> makeCompiled(const StatePtr &state, FinishedModule module,
                                      const CompileOptions &options, Location at) {
  DialectRegistry registry;
  passes::registerDialects(registry);
  state->context.appendDialectRegistry(registry);
  state->context.loadAllAvailableDialects(); // kernels are emitted outside of any pass
  if (auto mesh = distributed::meshOf(*module); succeeded(mesh) && mesh->devices() > 1)
    throw Error("compile: a mesh of " + std::to_string(mesh->devices()) +
                    " devices only runs interpreted so far (CompileOptions::interpret)",
                at);
  FilledStore store(*state, options, at);
  runtime::SessionOptions settings;
  passes::PipelineOptions pipeline;
  pipeline.dumpTo = options.dumpTo;
  pipeline.memoryBudget = options.memoryBudget;
  pipeline.onMemoryPlanned = [&](int64_t arenaBytes) {
    if (auto arena = runtime::Reservation::start(arenaBytes); arena.ok()) settings.arena = *arena;
  };
  std::optional<passes::NumericsChecker> checker;
  if (options.checkNumerics) checker.emplace(*module);
  DiagnosticCollector collector(state->context);
  auto executable = passes::compileModule(*module, pipeline);
  if (failed(executable)) collector.raise("compile", at);
  if (options.threads > 0) settings.pool = std::make_shared<runtime::ThreadPool>(options.threads);
  settings.variables = store.get(at);
  std::unique_ptr<NumericsCheck> check;
  if (checker) check.reset(new NumericsCheck{state, std::move(module), std::move(*checker)});
  auto compiled = std::make_unique<Compiled>(*state, std::move(*executable), std::move(settings),
                                             std::move(check), at);
  compiled->notes = collector.remarks();
  return compiled;
}

} // namespace weir::build
