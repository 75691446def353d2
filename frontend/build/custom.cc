// customJvp and customVjp: calls that name the user's rules. The functions are built and their
// types compared here; what the rules mean is autodiff's (autodiff/transforms/custom.cc).
#include "frontend/build/diagnostics.h"
#include "frontend/build/function.h"

using namespace mlir;

namespace weir::build {

/// Rules see arguments and residuals only, so nothing else may vary.
static void refuseCaptures(const char *kind, const Function &f, GraphState &state,
                           const Instance &instance, Location at) {
  if (instance.captures.empty()) return;
  Tensor outer = state.handle(instance.captures[0]);
  throw Error(std::string(kind) + ": " + f.name() + " uses an outer tensor", at,
              {noteOn({outer, "the outer tensor"})}, "pass it as an argument");
}

static std::vector<TensorType> floatsOf(const std::vector<TensorType> &types) {
  std::vector<TensorType> floats;
  for (int64_t i : floatArguments(types)) floats.push_back(types[static_cast<size_t>(i)]);
  return floats;
}

static std::vector<TensorType> concat(std::vector<TensorType> a, const std::vector<TensorType> &b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// Where result `i` of a function was made.
static std::vector<Note> noteOnResult(const Instance &instance, size_t i) {
  func::FuncOp function = instance.function;
  Value value = function.front().getTerminator()->getOperand(i);
  auto place = userPlace(value.getLoc());
  if (!place) return {};
  return {{*place, "result " + std::to_string(i) + " is " + instance.results[i].str()}};
}

/// The first results of `part`, one for each of `types`, must have these types; `total` or more in
/// all. `who` is the part in messages, `meaning` says what its results are.
static void checkResults(const std::string &who, const std::string &meaning,
                         const Instance &instance, const std::vector<TensorType> &types,
                         bool mayBeMore, Location at) {
  const size_t count = instance.results.size();
  if (count < types.size() || (count > types.size() && !mayBeMore))
    throw Error(who + " gives " + std::to_string(count) + " results, but must give " +
                    std::to_string(types.size()) + (mayBeMore ? " or more: " : ": ") + meaning,
                at, count == 0 ? std::vector<Note>{} : noteOnResult(instance, count - 1));
  for (size_t i = 0; i < types.size(); ++i)
    if (!(instance.results[i] == types[i]))
      throw Error(who + " gives " + instance.results[i].str() + " as result " + std::to_string(i) +
                      ", but must give " + types[i].str(),
                  at, noteOnResult(instance, i));
}

/// The function and its instance for `args`.
static std::shared_ptr<Instance> own(const char *kind, const Function &f, const StatePtr &state,
                                     const TensorList &args, Location at) {
  checkArguments(*f.state(), args, at);
  auto instance = instantiate(f, state, typesOf(args, at), at);
  refuseCaptures(kind, f, *state, *instance, at);
  return instance;
}

/// The symbol of the rule for `types`, which may be in the middle of being built: it then uses the
/// function whose rule it is.
static std::string ruleSymbol(const Function &f, const Function &rule, const StatePtr &state,
                              const std::vector<TensorType> &types, const Instance &instance,
                              Location at) {
  for (const Instance *open : rule.state()->open)
    if (open->arguments == types) return open->symbol;
  auto built = instantiate(rule, state, types, at);
  refuseCaptures("custom_jvp", rule, *state, *built, at);
  checkResults("custom_jvp: the rule",
               "those of " + f.name() + ", then a tangent of each float one", *built,
               concat(instance.results, floatsOf(instance.results)), false, at);
  return built->symbol;
}

static TensorList emitCustom(const char *kind, const StatePtr &state, const Instance &instance,
                             const TensorList &args,
                             const std::vector<std::pair<const char *, std::string>> &symbols,
                             Location at) {
  SmallVector<Value> operands = callOperands(*state, instance, args, kind, at);
  OpBuilder b = state->builder();
  func::FuncOp function = instance.function;
  SmallVector<NamedAttribute> attributes;
  for (auto &[name, symbol] : symbols)
    attributes.push_back(b.getNamedAttr(name, FlatSymbolRefAttr::get(b.getContext(), symbol)));
  Operation *op =
      state->emitKnown(kind, operands, function.getFunctionType().getResults(), attributes, {}, at);
  return state->wrapAll(op->getResults(), at);
}

} // namespace weir::build

namespace weir {

using namespace build;

Function customJvp(const Function &f, const Function &rule) {
  auto body = [rule](const Function &f, const TensorList &args, Location at) {
    StatePtr state = graphOf(f, args, at);
    auto instance = own("custom_jvp", f, state, args, at);
    std::vector<TensorType> types = concat(instance->arguments, floatsOf(instance->arguments));
    std::string symbol = ruleSymbol(f, rule, state, types, *instance, at);
    return emitCustom("custom_jvp", state, *instance, args,
                      {{"callee", instance->symbol}, {"rule", symbol}}, at);
  };
  return derive("custom_jvp", f, body, f.state()->arity);
}

Function customVjp(const Function &f, const Function &forward, const Function &backward) {
  auto body = [forward, backward](const Function &f, const TensorList &args, Location at) {
    StatePtr state = graphOf(f, args, at);
    auto instance = own("custom_vjp", f, state, args, at);
    const std::vector<TensorType> &results = instance->results;
    auto ahead = instantiate(forward, state, instance->arguments, at);
    refuseCaptures("custom_vjp", forward, *state, *ahead, at);
    checkResults("custom_vjp: forward", "those of " + f.name() + ", then residuals", *ahead,
                 results, true, at);
    std::vector<TensorType> residuals(
        ahead->results.begin() + static_cast<ptrdiff_t>(results.size()), ahead->results.end());
    auto back = instantiate(backward, state, concat(residuals, floatsOf(results)), at);
    refuseCaptures("custom_vjp", backward, *state, *back, at);
    checkResults("custom_vjp: backward", "a cotangent of each float argument of " + f.name(), *back,
                 floatsOf(instance->arguments), false, at);
    return emitCustom(
        "custom_vjp", state, *instance, args,
        {{"callee", instance->symbol}, {"forward", ahead->symbol}, {"backward", back->symbol}}, at);
  };
  return derive("custom_vjp", f, body, f.state()->arity);
}

} // namespace weir
