// What the public functions use to add an op to a graph, without MLIR: operands by label,
// attributes by name. Bodies are in graph_state.cc. Shape rules live in the dialect; a mistake
// comes back as weir::Error.
#pragma once

#include "frontend/api/ops.h"

#include <string_view>
#include <variant>

namespace weir::build {

/// The label is how notes call it: "lhs is f32[128, 512]".
struct Operand {
  Tensor tensor;
  std::string label;
};

/// One element, everywhere in a shape.
struct Splat {
  Array element;
  Shape shape;
};

struct Attribute {
  std::string_view name;
  std::variant<int64_t, bool, std::vector<int64_t>, DType, Direction, Array, Splat> value;
};

using StatePtr = std::shared_ptr<GraphState>;

/// Adds op `name` (without "weir."; "other.op" is of another dialect) with one result; operands
/// decide the graph.
Tensor emit(std::string_view name, const std::vector<Operand> &operands,
            const std::vector<Attribute> &attributes, Location at);
/// The same for an op with any number of results.
std::vector<Tensor> emitAll(std::string_view name, const std::vector<Operand> &operands,
                            const std::vector<Attribute> &attributes, Location at);
/// Adds an op without operands.
Tensor emitIn(const StatePtr &state, std::string_view name,
              const std::vector<Attribute> &attributes, Location at);

/// The graph that the tensors among `args` belong to; Error "NAME: ..." when there is none.
StatePtr stateOf(std::string_view name, const std::vector<Arg> &args);
/// The tensor, or Error for a number.
Tensor tensorOf(std::string_view name, const Arg &arg, std::string_view label = "operand");
/// `number` everywhere in `type`; Error when the dtype cannot hold it.
Tensor numberAs(const StatePtr &state, std::string_view name, const Arg &number,
                const TensorType &type);
/// Where the tensor was made, for notes.
Note noteOn(const Operand &operand);

/// dim in [0, rank) from a possibly negative one; Error "NAME: dim 3 of f32[2, 2]" otherwise.
int64_t normalizeDim(std::string_view name, int64_t dim, const Arg &x, const Tensor &tensor);
/// NumPy's rule, from the last dim backwards; Error with both sizes.
Shape broadcastShapes(std::string_view name, const Operand &lhs, const Operand &rhs, Location at);
/// Adds the reshape and broadcast that x needs to have `shape` (none: x itself).
Tensor stretch(const Tensor &x, const Shape &shape, Location at);
/// Elementwise binary op with broadcasting and numbers.
Tensor emitBinary(std::string_view name, const Arg &lhs, const Arg &rhs,
                  const std::vector<Attribute> &attributes = {});

} // namespace weir::build
