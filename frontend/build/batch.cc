// vmap: a request that the compiler resolves (autodiff/batching); here only the dims of arguments
// and results are arranged.
#include "frontend/build/function.h"

using namespace mlir;

namespace weir::build {

using Axes = std::vector<int64_t>;

/// One axis for each of `count` things; all 0 when none are given.
static Axes completed(const char *which, const std::string &what, const Axes &axes, size_t count,
                      Location at) {
  if (axes.empty()) return Axes(count, 0);
  if (axes.size() != count)
    throw Error(std::string("vmap: ") + std::to_string(axes.size()) + " " + which + " for " +
                    std::to_string(count) + " " + what,
                at);
  return axes;
}

/// The types of one slice; `size` becomes the number of slices.
static std::vector<TensorType> sliceTypes(const TensorList &args, const Axes &axes, int64_t &size,
                                          Location at) {
  std::vector<TensorType> types = typesOf(args, at);
  size_t first = 0;
  size = -1;
  for (size_t i = 0; i < args.size(); ++i) {
    if (axes[i] == kNotBatched) continue;
    Shape &shape = types[i].shape;
    Note note = noteOn({args[i], "argument " + std::to_string(i)});
    if (axes[i] < 0 || axes[i] >= static_cast<int64_t>(shape.size()))
      throw Error("vmap: argument " + std::to_string(i) + " is " + types[i].str() +
                      ", which has no dim " + std::to_string(axes[i]),
                  at, {note});
    const int64_t slices = shape[static_cast<size_t>(axes[i])];
    if (size >= 0 && slices != size)
      throw Error("vmap: argument " + std::to_string(i) + " has " + std::to_string(slices) +
                      " slices, but argument " + std::to_string(first) + " has " +
                      std::to_string(size),
                  at, {noteOn({args[first], "argument " + std::to_string(first)}), note});
    if (size < 0) first = i;
    size = slices;
    shape.erase(shape.begin() + axes[i]);
  }
  if (size < 0) throw Error("vmap: no argument has a batch dim", at);
  return types;
}

static TensorList emitVmap(const Function &f, const Axes &inAxes, const Axes &outAxes,
                           const TensorList &args, Location at) {
  StatePtr state = graphOf(f, args, at);
  Axes in = completed("inAxes", "arguments", inAxes, args.size(), at);
  int64_t size = 0;
  std::vector<TensorType> types = sliceTypes(args, in, size, at);
  if (f.state()->declared && types != *f.state()->declared)
    throw Error("vmap: slices of the arguments are not what " + f.name() + " declares", at);
  auto instance = instantiate(f, state, types, at);
  Axes out = completed("outAxes", "results", outAxes, instance->results.size(), at);
  SmallVector<Type> results;
  for (size_t i = 0; i < out.size(); ++i) {
    TensorType type = instance->results[i];
    if (out[i] < kNotBatched || out[i] > static_cast<int64_t>(type.shape.size()))
      throw Error("vmap: a slice of result " + std::to_string(i) + " is " + type.str() +
                      ", so the batch cannot be its dim " + std::to_string(out[i]),
                  at);
    if (out[i] != kNotBatched) type.shape.insert(type.shape.begin() + out[i], size);
    results.push_back(state->mlirType(type));
  }
  in.resize(in.size() + instance->captures.size(), kNotBatched);
  OpBuilder b = state->builder();
  Operation *op = state->emitKnown(
      "vmap", callOperands(*state, *instance, args, "vmap", at), results,
      {b.getNamedAttr("callee", FlatSymbolRefAttr::get(b.getContext(), instance->symbol)),
       b.getNamedAttr("in_dims", b.getDenseI64ArrayAttr(in)),
       b.getNamedAttr("out_dims", b.getDenseI64ArrayAttr(out))},
      {}, at);
  return state->wrapAll(op->getResults(), at);
}

} // namespace weir::build

namespace weir {

Function vmap(const Function &f, std::vector<int64_t> inAxes, std::vector<int64_t> outAxes) {
  // A derived function may count its arguments by their types, which here are not those of slices.
  const auto count = static_cast<int64_t>(inAxes.size());
  build::Arity arity = f.state()->arity;
  if (count > 0 || f.state()->callInline)
    arity = [n = count > 0 ? count : -1](const build::StatePtr &, const TensorList &, Location) {
      return n;
    };
  auto body = [inAxes, outAxes](const Function &f, const TensorList &args, Location at) {
    return build::emitVmap(f, inAxes, outAxes, args, at);
  };
  return build::derive("vmap", f, body, arity);
}

} // namespace weir
