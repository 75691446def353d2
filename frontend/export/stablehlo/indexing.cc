// Gather, scatters and dynamic slices.
#include "frontend/export/stablehlo/emitter.h"

#include "ir/dialect/weir.h"

using namespace mlir;

namespace weir::stablehlo {
namespace {

Ints range(int64_t from, int64_t to) {
  Ints values;
  for (int64_t i = from; i < to; ++i) values.push_back(i);
  return values;
}

/// How dim, batch dims and the picked value's dims relate; the same for gather and scatters.
struct Indexing {
  Indexing(Operation *op, Value operand, Value indices)
      : dim(op->getAttrOfType<IntegerAttr>("dim").getInt()),
        batch(op->getAttrOfType<IntegerAttr>("batch_dims").getInt()),
        indexRank(typeOf(indices).getRank()) {
    // Picked: operand dims before dim, the batch first; index dims after the batch; the rest.
    window = range(batch, dim);
    const int64_t rest = typeOf(operand).getRank() - dim - 1, behind = dim + indexRank - batch;
    window.append(range(behind, behind + rest));
  }
  int64_t dim, batch, indexRank;
  Ints window;
};

Values gatherRule(Emitter &e, Operation *op) {
  const Values in = e.operands(op);
  const Indexing i(op, in[0], in[1]);
  Ints sizes(typeOf(in[0]).getShape());
  for (int64_t d = 0; d < i.batch; ++d) sizes[d] = 1;
  sizes[i.dim] = 1;
  const std::string batch = listText(range(0, i.batch)), dim = "[" + std::to_string(i.dim) + "]";
  const std::string numbers =
      "gather<offset_dims = " + listText(i.window) + ", collapsed_slice_dims = " + dim +
      ", operand_batching_dims = " + batch + ", start_indices_batching_dims = " + batch +
      ", start_index_map = " + dim + ", index_vector_dim = " + std::to_string(i.indexRank) + ">";
  return e.ops("stablehlo.gather", in, op->getResultTypes(),
               {Named{"dimension_numbers", e.dialect(numbers)}, Named{"slice_sizes", e.ints(sizes)},
                Named{"indices_are_sorted", e.b.getBoolAttr(false)}});
}

Values scatterRule(Emitter &e, Operation *op) {
  const Values in = e.operands(op);
  const Indexing i(op, in[0], in[1]);
  const StringRef kind = op->getName().stripDialect();
  auto scalar = typeOf(in[0]).clone(ArrayRef<int64_t>());
  auto body = [&](ValueRange args) {
    if (kind == "scatter_set") return Values{args[1]};
    return Values{e.same(kind == "scatter_add"   ? "add"
                         : kind == "scatter_mul" ? "multiply"
                         : kind == "scatter_max" ? "maximum"
                                                 : "minimum",
                         args)};
  };
  const std::string batch = listText(range(0, i.batch)), dim = "[" + std::to_string(i.dim) + "]";
  const std::string numbers =
      "scatter<update_window_dims = " + listText(i.window) + ", inserted_window_dims = " + dim +
      ", input_batching_dims = " + batch + ", scatter_indices_batching_dims = " + batch +
      ", scatter_dims_to_operand_dims = " + dim +
      ", index_vector_dim = " + std::to_string(i.indexRank) + ">";
  return e.withRegions("stablehlo.scatter", in, op->getResultTypes(), {{{scalar, scalar}, body}},
                       {Named{"scatter_dimension_numbers", e.dialect(numbers)},
                        Named{"indices_are_sorted", e.b.getBoolAttr(false)},
                        Named{"unique_indices", e.b.getBoolAttr(false)}});
}

/// Starts are of one type there.
Values withEqualStarts(Emitter &e, Values in, size_t first) {
  for (size_t i = first; i < in.size(); ++i)
    if (in[i].getType() != in[first].getType()) {
      for (size_t k = first; k < in.size(); ++k) in[k] = e.convert(in[k], e.b.getI64Type());
      break;
    }
  return in;
}

Values dynamicSliceRule(Emitter &e, Operation *op) {
  return e.ops("stablehlo.dynamic_slice", withEqualStarts(e, e.operands(op), 1),
               op->getResultTypes(),
               Named{"slice_sizes", e.ints(cast<ir::DynamicSliceOp>(op).getSizes())});
}

Values dynamicUpdateSliceRule(Emitter &e, Operation *op) {
  return e.ops("stablehlo.dynamic_update_slice", withEqualStarts(e, e.operands(op), 2),
               op->getResultTypes());
}

} // namespace

void addIndexingRules(Rules &rules) {
  rules["gather"] = gatherRule;
  for (StringRef name : {"add", "mul", "max", "min", "set"})
    rules[("scatter_" + name).str()] = scatterRule;
  rules["dynamic_slice"] = dynamicSliceRule;
  rules["dynamic_update_slice"] = dynamicUpdateSliceRule;
}

} // namespace weir::stablehlo
