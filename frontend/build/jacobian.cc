// Each unit direction in turn through a jvp or a vjp, in a scan, so that the graph does not grow
// with the number of directions.
#include "frontend/api/jacobian.h"

#include "frontend/api/control.h"
#include "frontend/api/graph.h"
#include "frontend/api/ops.h"
#include "frontend/build/function.h"

namespace weir {

using namespace build;

namespace {

using Body = std::function<TensorList(const TensorList &, Location)>;

/// A function that is built where it is called, with as many arguments as f and `more`.
Function derived(const std::string &kind, const Function &f, Body body, int64_t more = 0) {
  Function function(FunctionBody(), -1, kind + "_" + f.name());
  FunctionState &state = *function.state();
  state.body = [body](const TensorList &args) { return body(args, Location::current()); };
  state.arity = [f, more](const StatePtr &graph, const TensorList &args, Location at) -> int64_t {
    const int64_t own = f.state()->arity(graph, args, at);
    return own < 0 ? own : own + more;
  };
  state.callInline = true;
  state.graph = f.state()->graph;
  return function;
}

const Tensor &argument(const char *kind, const TensorList &args, int64_t wrt, Location at) {
  if (wrt < 0 || wrt >= static_cast<int64_t>(args.size()))
    throw Error(std::string(kind) + ": wrt names argument " + std::to_string(wrt) + ", but " +
                    std::to_string(args.size()) + " are given",
                at);
  const Tensor &x = args[static_cast<size_t>(wrt)];
  const std::string name = "argument " + std::to_string(wrt);
  if (!runtime::isFloat(x.dtype(at)))
    throw Error(std::string(kind) + ": " + name + " is " + x.type(at).str() +
                    "; only floats have derivatives",
                at, {noteOn(x, name)});
  return x;
}

/// f of argument `wrt` alone; the others stay as they are.
Function partial(const Function &f, const TensorList &args, int64_t wrt) {
  return Function(
      [f, args, wrt](const Tensor &x) {
        TensorList all = args;
        all[static_cast<size_t>(wrt)] = x;
        return f(all);
      },
      f.name() + "_partial");
}

/// The unit tensors of x's type, one after the other.
Tensor units(const Tensor &x) {
  const int64_t n = x.size();
  Graph graph = x.graph();
  Tensor identity = convert(graph.iota(i32, {n, n}, 0) == graph.iota(i32, {n, n}, 1), x.dtype());
  Shape shape = x.shape();
  shape.insert(shape.begin(), n);
  return reshape(identity, shape);
}

Shape joined(Shape a, const Shape &b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Tensor onlyResult(const char *kind, const Function &f, const Results &results, Location at) {
  if (results.size() != 1 || !runtime::isFloat(results[0].dtype()))
    throw Error(std::string(kind) + ": " + f.name() + " gives " +
                    (results.size() == 1 ? results[0].type().str()
                                         : std::to_string(results.size()) + " results") +
                    "; only one float tensor has a Jacobian",
                at);
  return results[0];
}

/// Columns: stacked along the first dim they are the transpose.
Tensor byColumns(const Function &of, const Tensor &x, const Tensor &y) {
  ScanBody column = [&](const TensorList &, const TensorList &unit) {
    return Scanned{{}, {jvp(of)(x, unit[0])[1]}};
  };
  Tensor columns = scan({}, {units(x)}, column).ys[0];
  return reshape(transpose(reshape(columns, {x.size(), y.size()})), joined(y.shape(), x.shape()));
}

Tensor byRows(const Function &of, const Tensor &x, const Tensor &y) {
  ScanBody row = [&](const TensorList &, const TensorList &unit) {
    return Scanned{{}, {vjp(of)(x, unit[0])[1]}};
  };
  return reshape(scan({}, {units(y)}, row).ys[0], joined(y.shape(), x.shape()));
}

} // namespace

Function jacobian(Function f, int64_t wrt, JacobianMode mode) {
  return derived("jacobian", f, [f, wrt, mode](const TensorList &args, Location at) {
    const Tensor &x = argument("jacobian", args, wrt, at);
    Function of = partial(f, args, wrt);
    Tensor y = onlyResult("jacobian", f, of(x), at);
    return TensorList{mode == JacobianMode::Forward ? byColumns(of, x, y) : byRows(of, x, y)};
  });
}

Function hessian(Function f, int64_t wrt) {
  return derived("hessian", f, [f, wrt](const TensorList &args, Location at) {
    const Tensor &x = argument("hessian", args, wrt, at);
    return TensorList{byColumns(partial(grad(f, {wrt}), args, wrt), x, x)};
  });
}

Function hessianVectorProduct(Function f, int64_t wrt) {
  auto body = [f, wrt](TensorList args, Location at) {
    if (args.size() < 2)
      throw Error("hessianVectorProduct: needs the arguments of " + f.name() + " and a vector", at);
    Tensor v = args.back();
    args.pop_back();
    const Tensor &x = argument("hessianVectorProduct", args, wrt, at);
    if (!(v.type(at) == x.type(at)))
      throw Error("hessianVectorProduct: the vector is " + v.type(at).str() +
                      ", but must be like argument " + std::to_string(wrt) + ", " +
                      x.type(at).str(),
                  at, {noteOn(v, "the vector"), noteOn(x, "argument " + std::to_string(wrt))});
    return TensorList{jvp(partial(grad(f, {wrt}), args, wrt))(x, v)[1]};
  };
  return derived("hvp", f, body, 1);
}

} // namespace weir
