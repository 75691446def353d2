// Machine code as a backend: the module goes down the pipeline, the executable runs in a session.
#include "frontend/build/backends.h"
#include "frontend/build/diagnostics.h"

#include "passes/debug/numerics.h"
#include "passes/pipelines/pipelines.h"
#include "runtime/executor/session.h"

#include <future>

using namespace mlir;

namespace weir::build {
namespace {

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
      : store(settings.variables), check(std::move(checking)), order(state, compiled) {
    auto executable = std::make_shared<const runtime::Executable>(std::move(compiled));
    auto created = runtime::Session::create(executable, std::move(settings));
    require(created.status(), "compile", at);
    session = std::move(*created);
    if (!check) return;
    check->checker.attach(*check->module, session->executable());
    session->setObserver(&check->checker);
  }

  std::vector<Array> run(const std::vector<Array> &feeds, const std::vector<int32_t> &fetches,
                         Location at) override {
    auto results = session->run(order.feeds(feeds), order.fetches(fetches));
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
  PortOrder order;
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
  loadCompiler(*state, *module, at);
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
