// The interpreter as a backend: variables are host tensors, a run is one call of ir::interpret.
#include "frontend/build/backends.h"
#include "frontend/build/diagnostics.h"

#include "distributed/partition/lock_step.h"
#include "distributed/partition/partition.h"
#include "ir/collective/spmd.h"
#include "ir/dialect/weir.h"
#include "ir/reference/interpreter.h"
#include "passes/debug/numerics.h"
#include "passes/pipelines/pipelines.h"

using namespace mlir;

namespace weir::build {
namespace {

using Store = std::map<std::string, Array>;

class Interpreter final : public Backend {
public:
  Interpreter(const StatePtr &state, FinishedModule lowered,
              std::optional<passes::ForwardOps> forward, const CompileOptions &options, Location at)
      : state(state), module(std::move(lowered)), forward(std::move(forward)),
        store(std::make_shared<Store>()) {
    if (options.shareVariables) {
      auto *other = dynamic_cast<Interpreter *>(options.shareVariables->state()->backend.get());
      if (!other)
        throw Error("compile: shareVariables names a compiled program, but this one is interpreted",
                    at);
      store = other->store;
    }
    for (const VariableRecord &variable : state->variables) {
      auto entry = store->find(variable.name);
      const TensorType &type = state->record(variable.tensor).type;
      if (entry == store->end()) {
        if (variable.initial) store->emplace(variable.name, state->initialValue(variable));
      } else if (TensorType{entry->second.dtype(), entry->second.dims()} != type) {
        throw Error("compile: variable '" + variable.name + "' is " + entry->second.typeStr() +
                        " in the program that shares it, " + type.str() + " here",
                    at);
      }
    }
    auto main = module->lookupSymbol<func::FuncOp>("main");
    isSharded = main.getResultAttr(0, ir::spmd::kShapeAttr) != nullptr;
    for (unsigned i = 0; i < main.getNumArguments(); ++i) {
      auto name = main.getArgAttrOfType<StringAttr>(i, ir::kVariableAttr);
      variableOfArgument.push_back(name ? name.str() : "");
    }
    for (unsigned i = 0; i < main.getNumResults(); ++i)
      if (auto argument = main.getResultAttrOfType<IntegerAttr>(i, ir::kUpdatesAttr))
        updates.push_back({i, variableOfArgument[static_cast<size_t>(argument.getInt())]});
  }

  std::vector<Array> run(const std::vector<Array> &feeds, const std::vector<int32_t> &fetches,
                         Location at) override {
    std::vector<Array> arguments;
    size_t feed = 0;
    for (const std::string &name : variableOfArgument)
      arguments.push_back(name.empty() ? feeds[feed++] : variable(name, at));
    DiagnosticCollector collector(state->context);
    std::optional<passes::NumericsWatch> watch;
    ir::InterpretOptions options;
    if (forward) {
      watch.emplace(*forward);
      options.inspect = [&](Operation *op, ArrayRef<Array> operands, ArrayRef<Array> values) {
        watch->see(op, op->getLoc(), operands, values);
      };
    }
    auto results = isSharded ? distributed::runLockStep(*module, "main", arguments)
                             : ir::interpret(*module, "main", arguments, options);
    if (failed(results)) collector.raise("run: interpreting the graph", at);
    // Before anything is updated.
    if (auto report = watch ? reportOf(*watch, *results) : std::nullopt) raise(*report, at);
    for (const auto &[result, variable] : updates) (*store)[variable] = (*results)[result];
    std::vector<Array> fetched;
    for (int32_t fetch : fetches) fetched.push_back((*results)[static_cast<size_t>(fetch)]);
    return fetched;
  }

  Array variable(const std::string &name, Location at) const override {
    auto entry = store->find(name);
    if (entry != store->end()) return entry->second;
    throw Error("variable '" + name + "' has no value; set it first", at);
  }
  void setVariable(const std::string &name, const Array &value, Location) override {
    (*store)[name] = value;
  }

private:
  StatePtr state; // owns the context; must outlive the module
  FinishedModule module;
  std::optional<passes::ForwardOps> forward; // when numerics are checked
  std::shared_ptr<Store> store;
  bool isSharded; // the program of one device of a mesh; values are kept whole between runs
  std::vector<std::string> variableOfArgument; // empty: an input
  std::vector<std::pair<unsigned, std::string>> updates;
};

} // namespace

std::unique_ptr<Backend> makeInterpreter(const StatePtr &state, FinishedModule module,
                                         const CompileOptions &options, Location at) {
  DialectRegistry registry;
  passes::registerDialects(registry);
  state->context.appendDialectRegistry(registry);
  passes::PipelineOptions pipeline;
  pipeline.dumpTo = options.dumpTo;
  std::optional<passes::ForwardOps> forward;
  if (options.checkNumerics) forward.emplace(*module);
  DiagnosticCollector collector(state->context);
  FailureOr<distributed::Mesh> mesh = distributed::meshOf(*module);
  const bool isSharded = succeeded(mesh) && mesh->devices() > 1;
  if (isSharded && forward)
    throw Error("compile: checkNumerics watches one device; compile without a mesh", at);
  const passes::Level level = isSharded ? passes::Level::Sharded : passes::Level::Resolved;
  if (failed(passes::lower(*module, passes::Level::Source, level, pipeline)))
    collector.raise(
        isSharded ? "compile: sharding the graph" : "compile: differentiating the graph", at);
  return std::make_unique<Interpreter>(state, std::move(module), std::move(forward), options, at);
}

} // namespace weir::build
