// Machine code as a backend: the module goes down the pipeline, the executable runs in a session.
#include "frontend/build/backends.h"
#include "frontend/build/diagnostics.h"

#include "distributed/propagate/propagate.h"
#include "passes/debug/numerics.h"
#include "passes/pipelines/pipelines.h"
#include "runtime/executor/batch_session.h"

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
  Compiled(const GraphState &state, const runtime::BatchExecutable &batch,
           runtime::SessionOptions settings, std::unique_ptr<NumericsCheck> checking, Location at)
      : store(settings.variables), check(std::move(checking)), order(state, batch.largest()) {
    load(batch, std::move(settings), at);
    if (!check) return;
    check->checker.attach(*check->module, session->executable());
    session->setObserver(&check->checker);
  }

  std::vector<Array> run(const std::vector<Array> &feeds, const std::vector<int32_t> &fetches,
                         Location at) override {
    const std::vector<Array> ordered = order.feeds(feeds);
    const std::vector<int32_t> positions = order.fetches(fetches);
    auto results = range ? range->run(ordered, positions) : session->run(ordered, positions);
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

  runtime::Session *runtimeSession() const override { return session; }
  bool takesBatches() const override { return range != nullptr; }

  const std::shared_ptr<runtime::VariableStore> &variables() const { return store; }

private:
  void load(const runtime::BatchExecutable &batch, runtime::SessionOptions settings, Location at) {
    if (batch.isRange()) {
      auto created = runtime::BatchSession::create(
          std::make_shared<const runtime::BatchExecutable>(batch), std::move(settings));
      require(created.status(), "compile", at);
      range = std::move(*created);
      session = &range->largest();
    } else {
      auto created = runtime::Session::create(batch.sizes[0].executable, std::move(settings));
      require(created.status(), "compile", at);
      fixed = std::move(*created);
      session = fixed.get();
    }
  }

  std::shared_ptr<runtime::VariableStore> store;
  std::unique_ptr<NumericsCheck> check; // null: none
  std::unique_ptr<runtime::Session> fixed;
  std::unique_ptr<runtime::BatchSession> range; // null: sizes are fixed
  runtime::Session *session = nullptr;          // of the largest batch
  PortOrder order;
};

std::shared_ptr<runtime::VariableStore> FilledStore::sharedStore(const CompileOptions &options,
                                                                 Location at) {
  if (!options.shareVariables) return std::make_shared<runtime::VariableStore>();
  auto *other = dynamic_cast<Compiled *>(options.shareVariables->state()->backend.get());
  if (other) return other->variables();
  throw Error("compile: shareVariables names a program that is interpreted or for a mesh, but this "
              "one is compiled for one device",
              at);
}

} // namespace

std::unique_ptr<Backend> makeCompiled(const StatePtr &state, FinishedModule module,
                                      const CompileOptions &options, Location at) {
  loadCompiler(*state);
  if (auto mesh = distributed::meshOf(*module); succeeded(mesh) && mesh->devices() > 1)
    return makeMeshProgram(state, std::move(module), *mesh, options, at);
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
  const FailureOr<runtime::BatchExecutable> batch =
      passes::compileSizes(*module, {options.batch, options.batchInputs}, pipeline);
  if (failed(batch)) collector.raise("compile", at);
  if (options.threads > 0) settings.pool = std::make_shared<runtime::ThreadPool>(options.threads);
  settings.variables = store.get(at);
  std::unique_ptr<NumericsCheck> check;
  if (checker) check.reset(new NumericsCheck{state, std::move(module), std::move(*checker)});
  auto compiled =
      std::make_unique<Compiled>(*state, *batch, std::move(settings), std::move(check), at);
  compiled->notes = collector.remarks();
  return compiled;
}

} // namespace weir::build
