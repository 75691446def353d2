// grad, valueAndGrad, jvp, vjp, checkpoint: requests that the compiler resolves; here only
// arguments and seeds are arranged.
#include "frontend/api/checkpoint.h"
#include "frontend/build/function.h"
#include "frontend/build/regions.h"
#include "ir/checkpoint/policy.h"

#include <algorithm>
#include <numeric>

using namespace mlir;

namespace weir::build {

TensorList emitDerivative(const char *kind, const StatePtr &state, const Instance &instance,
                          const TensorList &args, const TensorList &seeds,
                          const std::vector<int64_t> &wrt, Location at) {
  SmallVector<Value> operands = callOperands(*state, instance, args, kind, at);
  for (const Tensor &seed : seeds) operands.push_back(state->use({seed, "seed"}, kind, at));
  const bool forward = std::string_view(kind) == "jvp";
  func::FuncOp callee = instance.function;
  SmallVector<Type> results(callee.getFunctionType().getResults());
  if (forward) {
    for (const TensorType &type : instance.results)
      if (runtime::isFloat(type.dtype)) results.push_back(state->mlirType(type));
  } else {
    for (int64_t i : wrt)
      results.push_back(state->mlirType(instance.arguments[static_cast<size_t>(i)]));
  }
  OpBuilder b = state->builder();
  Operation *op = state->emitKnown(
      kind, operands, results,
      {b.getNamedAttr("callee", FlatSymbolRefAttr::get(b.getContext(), instance.symbol)),
       b.getNamedAttr("wrt", b.getDenseI64ArrayAttr(wrt))},
      {}, at);
  return state->wrapAll(op->getResults(), at);
}

Function derive(const char *kind, const Function &f, DerivedBody body, Arity arity) {
  Function derived(FunctionBody(), -1, std::string(kind) + "_" + f.name());
  FunctionState &state = *derived.state();
  // The line comes through the CallScope of the call.
  state.body = [f, body](const TensorList &args) { return body(f, args, Location::current()); };
  state.arity = std::move(arity);
  state.callInline = true;
  state.graph = f.state()->graph;
  return derived;
}

std::vector<int64_t> floatArguments(const std::vector<TensorType> &types) {
  std::vector<int64_t> floats;
  for (size_t i = 0; i < types.size(); ++i)
    if (runtime::isFloat(types[i].dtype)) floats.push_back(static_cast<int64_t>(i));
  return floats;
}

} // namespace weir::build

namespace weir {

using namespace build;

namespace {

/// How many of `args` are f's own.
int64_t ownArguments(const char *kind, const Function &f, const StatePtr &state,
                     const TensorList &args, Location at) {
  int64_t own = f.state()->arity(state, args, at);
  if (own < 0)
    throw Error(std::string(kind) + ": " + f.name() +
                    " takes a list, so its arguments cannot be told from what follows them",
                at, {}, "declare it with Graph::function, which fixes the number of arguments");
  if (own > static_cast<int64_t>(args.size()))
    throw Error(f.name() + ": takes " + std::to_string(own) + " tensors, " +
                    std::to_string(args.size()) + " given",
                at);
  return own;
}

void checkSeeds(const std::string &kind, const std::string &what, const TensorList &seeds,
                const std::vector<TensorType> &types, Location at) {
  if (seeds.size() != types.size())
    throw Error(kind + ": " + std::to_string(types.size()) + " " + what + "s are needed, but " +
                    std::to_string(seeds.size()) + " are given",
                at);
  for (size_t i = 0; i < seeds.size(); ++i)
    if (!(seeds[i].type(at) == types[i]))
      throw Error(kind + ": " + what + " " + std::to_string(i) + " is " + seeds[i].type().str() +
                      ", but must be " + types[i].str(),
                  at, {noteOn({seeds[i], what + " " + std::to_string(i)})});
}

void checkGradient(const Function &f, const Instance &instance, const TensorList &args,
                   const std::vector<int64_t> &wrt, Location at) {
  for (int64_t i : wrt) {
    if (i < 0 || i >= static_cast<int64_t>(args.size()))
      throw Error("grad: wrt names argument " + std::to_string(i) + ", but " + f.name() + " has " +
                      std::to_string(args.size()),
                  at);
    const TensorType &type = args[static_cast<size_t>(i)].type(at);
    if (!runtime::isFloat(type.dtype))
      throw Error("grad: argument " + std::to_string(i) + " is " + type.str() +
                      "; only floats have gradients",
                  at, {noteOn({args[static_cast<size_t>(i)], "argument " + std::to_string(i)})});
  }
  const std::vector<TensorType> &results = instance.results;
  if (results.size() != 1)
    throw Error("grad: " + f.name() + " gives " + std::to_string(results.size()) +
                    " results; only one scalar has a gradient",
                at);
  if (!results[0].shape.empty() || !runtime::isFloat(results[0].dtype))
    throw Error("grad: " + f.name() + " gives " + results[0].str() +
                    "; only a float scalar has a gradient",
                at);
}

/// The value and the gradients in the order of `wrt`.
TensorList valueAndGradients(const Function &f, const std::vector<int64_t> &wrt,
                             const TensorList &args, Location at) {
  StatePtr state = graphOf(f, args, at);
  checkArguments(*f.state(), args, at);
  auto instance = instantiate(f, state, typesOf(args, at), at);
  checkGradient(f, *instance, args, wrt, at);
  std::vector<int64_t> sorted = wrt;
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  Tensor one = numberAs(state, "grad", Arg(1, at), instance->results[0]);
  TensorList all = emitDerivative("vjp", state, *instance, args, {one}, sorted, at);
  TensorList ordered{all[0]};
  for (int64_t i : wrt)
    ordered.push_back(
        all[1 + static_cast<size_t>(std::lower_bound(sorted.begin(), sorted.end(), i) -
                                    sorted.begin())]);
  return ordered;
}

} // namespace

Function grad(Function f, std::vector<int64_t> wrt) {
  return derive(
      "grad", f,
      [wrt](const Function &f, const TensorList &args, Location at) {
        TensorList all = valueAndGradients(f, wrt, args, at);
        return TensorList(all.begin() + 1, all.end());
      },
      f.state()->arity);
}

Function valueAndGrad(Function f, std::vector<int64_t> wrt) {
  return derive(
      "value_and_grad", f,
      [wrt](const Function &f, const TensorList &args, Location at) {
        return valueAndGradients(f, wrt, args, at);
      },
      f.state()->arity);
}

Function jvp(Function f) {
  auto body = [](const Function &f, const TensorList &args, Location at) {
    StatePtr state = graphOf(f, args, at);
    auto own = static_cast<ptrdiff_t>(ownArguments("jvp", f, state, args, at));
    TensorList primals(args.begin(), args.begin() + own), tangents(args.begin() + own, args.end());
    checkArguments(*f.state(), primals, at);
    auto instance = instantiate(f, state, typesOf(primals, at), at);
    std::vector<int64_t> wrt = floatArguments(instance->arguments);
    std::vector<TensorType> expected;
    for (int64_t i : wrt) expected.push_back(instance->arguments[static_cast<size_t>(i)]);
    checkSeeds("jvp", "tangent", tangents, expected, at);
    return emitDerivative("jvp", state, *instance, primals, tangents, wrt, at);
  };
  auto arity = [f](const StatePtr &state, const TensorList &args, Location at) -> int64_t {
    int64_t own = ownArguments("jvp", f, state, args, at);
    TensorList primals(args.begin(), args.begin() + own);
    return own + static_cast<int64_t>(floatArguments(typesOf(primals, at)).size());
  };
  return derive("jvp", f, body, arity);
}

Function vjp(Function f) {
  auto body = [](const Function &f, const TensorList &args, Location at) {
    StatePtr state = graphOf(f, args, at);
    auto own = static_cast<ptrdiff_t>(ownArguments("vjp", f, state, args, at));
    TensorList primals(args.begin(), args.begin() + own), seeds(args.begin() + own, args.end());
    checkArguments(*f.state(), primals, at);
    auto instance = instantiate(f, state, typesOf(primals, at), at);
    std::vector<TensorType> expected;
    for (const TensorType &type : instance->results)
      if (runtime::isFloat(type.dtype)) expected.push_back(type);
    checkSeeds("vjp", "cotangent", seeds, expected, at);
    return emitDerivative("vjp", state, *instance, primals, seeds,
                          floatArguments(instance->arguments), at);
  };
  auto arity = [f](const StatePtr &state, const TensorList &args, Location at) -> int64_t {
    int64_t own = ownArguments("vjp", f, state, args, at);
    TensorList primals(args.begin(), args.begin() + own);
    auto instance = instantiate(f, state, typesOf(primals, at), at);
    return own + static_cast<int64_t>(floatArguments(instance->results).size());
  };
  return derive("vjp", f, body, arity);
}

Function checkpoint(const Function &f, Saved saved) {
  // Derivatives are built where they are called; here a call is needed.
  Function callee = f;
  if (f.state()->callInline)
    callee = derive(
        "again", f,
        [](const Function &f, const TensorList &args, Location at) {
          return call(f, args, at).all();
        },
        f.state()->arity);
  callee.state()->callInline = false;
  auto body = [saved](const Function &callee, const TensorList &args, Location at) {
    Results results = call(callee, args, at);
    StatePtr state = graphOf(callee, results.all(), at);
    OpBuilder b = state->builder();
    SmallVector<mlir::Attribute> entries;
    if (saved.dots) entries.push_back(b.getStringAttr(ir::kSaveDots));
    for (const std::string &name : saved.names) entries.push_back(b.getStringAttr(name));
    Operation *op = state->use({results[0], "result"}, "checkpoint", at).getDefiningOp();
    op->setAttr(ir::kCheckpointAttr, b.getArrayAttr(entries));
    return results.all();
  };
  return derive("checkpoint", callee, body, f.state()->arity);
}

Tensor named(Arg x, const std::string &name) {
  Tensor result = barrier({tensorOf("named", x)}, x.at)[0];
  StatePtr state = sharedState("named", {result}, x.at);
  Operation *op = state->use({result, "result"}, "named", x.at).getDefiningOp();
  op->setAttr(ir::kNameAttr, state->builder().getStringAttr(name));
  return result;
}

} // namespace weir
