// Functions as values: passed to grad, jvp, vjp, call, scan and cond.
// A Function is a C++ callable over Tensors. Its body becomes one function of the graph for each
// combination of argument types, however often it is called. It may use outer tensors: they become
// further arguments by themselves.
#pragma once

#include "frontend/api/tensor.h"

#include <functional>
#include <string>

namespace weir {

namespace build {
struct FunctionState;
}

using TensorList = std::vector<Tensor>;
/// What a Function runs to build its body.
using FunctionBody = std::function<TensorList(const TensorList &)>;

namespace detail {
inline TensorList toList(const Tensor &t) {
  return {t};
}
inline TensorList toList(const Results &r) {
  return r.all();
}
inline TensorList toList(TensorList list) {
  return list;
}
template <typename R>
concept ListLike = requires(R r) { toList(std::forward<R>(r)); };

template <size_t> using TensorAt = Tensor;
template <typename F, size_t... I> constexpr bool takes(std::index_sequence<I...>) {
  return std::is_invocable_v<F &, TensorAt<I>...>;
}
/// How many tensors F takes (up to 8); -1: a TensorList.
template <typename F, int N = 0> constexpr int arity() {
  if constexpr (N > 8)
    return -1;
  else if constexpr (takes<F>(std::make_index_sequence<N>()))
    return N;
  else
    return arity<F, N + 1>();
}
template <typename F, size_t... I>
TensorList apply(F &f, const TensorList &args, std::index_sequence<I...>) {
  return toList(f(args[I]...));
}
} // namespace detail

/// A callable over tensors: (Tensor...) up to eight, or (const TensorList &); returns a Tensor or a
/// TensorList.
class Function {
public:
  template <typename F>
    requires(!std::is_same_v<std::decay_t<F>, Function> &&
             (detail::arity<std::decay_t<F>>() >= 0 ||
              std::is_invocable_v<std::decay_t<F> &, const TensorList &>))
  Function(F &&f, std::string name = "fn")
      : Function(bodyOf(std::forward<F>(f)), detail::arity<std::decay_t<F>>(), std::move(name)) {}
  Function(FunctionBody body, int arity, std::string name);

  Results operator()(Location at = Location::current()) const { return call({}, at); }
  Results operator()(Arg a) const { return call({a}, a.at); }
  Results operator()(Arg a, Arg b) const { return call({a, b}, a.at); }
  Results operator()(Arg a, Arg b, Arg c) const { return call({a, b, c}, a.at); }
  Results operator()(Arg a, Arg b, Arg c, Arg d) const { return call({a, b, c, d}, a.at); }
  Results operator()(Arg a, Arg b, Arg c, Arg d, Arg e) const {
    return call({a, b, c, d, e}, a.at);
  }
  Results operator()(Arg a, Arg b, Arg c, Arg d, Arg e, Arg f) const {
    return call({a, b, c, d, e, f}, a.at);
  }
  Results operator()(const TensorList &args, Location at = Location::current()) const;
  Results call(const std::vector<Arg> &args, Location at) const;

  const std::string &name() const;

  /// Internal: shared so that every copy builds its body once.
  const std::shared_ptr<build::FunctionState> &state() const { return shared; }

private:
  template <typename F> static FunctionBody bodyOf(F &&f) {
    constexpr int n = detail::arity<std::decay_t<F>>();
    return [f = std::forward<F>(f)](const TensorList &args) mutable {
      if constexpr (n >= 0)
        return detail::apply(f, args, std::make_index_sequence<n>());
      else
        return detail::toList(f(args));
    };
  }
  std::shared_ptr<build::FunctionState> shared;
};

/// f(args...): one call op; the body is built once for each combination of argument types.
Results call(const Function &f, const TensorList &args, Location at = Location::current());

/// The function of f's arguments that gives the gradient of f's one scalar float result with
/// respect to the arguments numbered in `wrt`. Errors (at the call): a result that is not a scalar
/// float; an argument that is not float.
Function grad(Function f, std::vector<int64_t> wrt = {0});
/// As grad, but gives the value first, then the gradients.
Function valueAndGrad(Function f, std::vector<int64_t> wrt = {0});
/// (primals..., tangents...) -> results..., tangents of the results. Float arguments and results
/// only have tangents.
Function jvp(Function f);
/// (primals..., cotangents of float results...) -> results..., cotangents of the float arguments.
Function vjp(Function f);

/// f with a derivative of your own: rule(x..., dx...) -> (y..., dy...), where x are f's arguments,
/// dx a tangent of each float one, y f's results and dy a tangent of each float one. dy must be
/// linear in dx, y must not depend on it. Reverse mode and higher orders follow from the rule; it
/// may call the function that is made here. Errors (at the call): types of the rule that do not fit
/// f; an outer tensor in f or the rule (pass it as an argument). At compilation: a rule that is not
/// linear. `weir check-grad` finds a rule that is wrong.
Function customJvp(const Function &f, const Function &rule);
/// f with a derivative of your own, for reverse mode: forward(x...) -> (y..., residuals...), where
/// y are f's results and residuals any tensors; backward(residuals..., dy...) -> dx..., where dy
/// are cotangents of the float results and dx those of the float arguments. Second order
/// differentiates these two. Errors (at the call): types that do not fit; an outer tensor in any of
/// the three. At compilation: forward mode (jvp), for which customJvp is made.
Function customVjp(const Function &f, const Function &forward, const Function &backward);

/// In vmap: an argument that every slice takes whole; a result that all slices share.
inline constexpr int64_t kNotBatched = -1;
/// f of every slice at once: argument i is sliced along its dim inAxes[i] (kNotBatched: every slice
/// takes it whole), result i stacked along its dim outAxes[i] (kNotBatched: it must be the same for
/// every slice). Empty lists: dim 0 of all. Outer tensors in f are taken whole.
/// Shapes: f : [a...] -> [b...] becomes [n, a...] -> [n, b...].
/// The same numbers as a loop over the slices, up to the order of sums. So a random key that slices
/// share draws the same in each: pass a batch of keys. A cond whose predicate differs runs both
/// branches; a while runs until the last slice is done.
/// Errors (at the call): axes that do not fit, different numbers of slices, none at all. At
/// compilation: a result that differs from slice to slice where outAxes says kNotBatched.
Function vmap(const Function &f, std::vector<int64_t> inAxes = {},
              std::vector<int64_t> outAxes = {});

} // namespace weir
