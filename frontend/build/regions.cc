#include "frontend/build/regions.h"

using namespace mlir;

namespace weir::build {

std::unique_ptr<Region> newRegion() {
  auto region = std::make_unique<Region>();
  region->push_back(new Block);
  return region;
}

/// Ends the current block with a yield of `tensors`.
SmallVector<Type> yield(GraphState &state, const char *name, const TensorList &tensors,
                        Location at) {
  SmallVector<Value> values;
  for (size_t i = 0; i < tensors.size(); ++i)
    values.push_back(state.use({tensors[i], "result " + std::to_string(i)}, name, at));
  state.emitKnown("yield", values, {}, {}, {}, at);
  return SmallVector<Type>(ValueRange(values).getTypes());
}

void checkCounter(const char *name, const Operand &x, Location at) {
  const TensorType type = x.tensor.type(at);
  if (!type.shape.empty() || runtime::isFloat(type.dtype) || type.dtype == i1)
    throw Error(std::string(name) + ": " + x.label + " is " + type.str() +
                    ", but must be an integer scalar",
                at, {noteOn(x)});
}

StatePtr sharedState(const char *name, const TensorList &tensors, Location at) {
  std::vector<Arg> args;
  for (const Tensor &tensor : tensors) args.push_back(Arg(tensor, at));
  if (args.empty()) throw Error(std::string(name) + ": there is neither a carry nor an input", at);
  return build::stateOf(name, args);
}

void checkCarries(const std::string &name, const TensorList &inits, const TensorList &carries,
                  Location at) {
  if (inits.size() != carries.size())
    throw Error(name + ": " + std::to_string(inits.size()) + " carries start, but the body gives " +
                    std::to_string(carries.size()),
                at);
  for (size_t i = 0; i < inits.size(); ++i)
    if (!(inits[i].type(at) == carries[i].type(at)))
      throw Error(name + ": carry " + std::to_string(i) + " starts as " + inits[i].type().str() +
                      ", but the body gives " + carries[i].type().str(),
                  at, {noteOn({inits[i], "the start"}), noteOn({carries[i], "the body's"})});
}

} // namespace weir::build
