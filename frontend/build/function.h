// FunctionState: what the copies of a Function share; bodies built so far, and how to build one for
// given arguments.
#pragma once

#include "frontend/build/graph_state.h"

namespace weir::build {

/// How many of a longer argument list are a function's own: jvp and vjp append tangents and
/// cotangents. -1: as many as there are.
using Arity = std::function<int64_t(const StatePtr &, const TensorList &, Location)>;

struct FunctionState {
  FunctionBody body;
  std::string name;
  Arity arity;
  /// Derived functions (grad, ...) are built where they are called; others by a call op.
  bool callInline = false;
  std::optional<std::vector<TensorType>> declared = {};
  StatePtr graph = nullptr; ///< of a declared function
  std::vector<std::weak_ptr<Instance>> built = {};
  std::vector<const Instance *> open = {}; ///< being built
};

/// What a function of another one does where it is called.
using DerivedBody = std::function<TensorList(const Function &, const TensorList &, Location)>;
/// A function of another function, built where it is called.
Function derive(const char *kind, const Function &f, DerivedBody body, Arity arity);
/// Which of `types` are floats: those have tangents and cotangents.
std::vector<int64_t> floatArguments(const std::vector<TensorType> &types);

std::vector<TensorType> typesOf(const TensorList &tensors, Location at);
/// f's body for these argument types, built now unless it was before and its outer tensors are
/// visible here.
std::shared_ptr<Instance> instantiate(const Function &f, const StatePtr &state,
                                      const std::vector<TensorType> &types, Location at);
/// `args`, then what the body captured, as values of the current scope.
mlir::SmallVector<mlir::Value> callOperands(GraphState &state, const Instance &instance,
                                            const TensorList &args, std::string_view who,
                                            Location at);
/// Checks count and types against what a declared function takes.
void checkArguments(const FunctionState &f, const TensorList &args, Location at);
/// The graph of the arguments, or of the declared function.
StatePtr graphOf(const Function &f, const TensorList &args, Location at);
/// Emits weir.jvp or weir.vjp: the instance's inputs, then `seeds`; all results.
TensorList emitDerivative(const char *kind, const StatePtr &state, const Instance &instance,
                          const TensorList &args, const TensorList &seeds,
                          const std::vector<int64_t> &wrt, Location at);

} // namespace weir::build
