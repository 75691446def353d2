// What the region of a reduction, a window or a scatter does to two elements.
#pragma once

#include "frontend/import/stablehlo/op.h"
#include "frontend/import/stablehlo/scalar_evaluator.h"

namespace weir::stablehlo {

enum class Combiner { Sum, Prod, Max, Min, And, Or, Second, First };

/// One op on the region's two arguments, in either order (Second, First: one of them, returned).
/// On i1 Sum and Max are Or, Prod and Min are And. Nothing for any other region.
std::optional<Combiner> combinerOf(mlir::Region &region);
/// Whether combining with `init`, which is known if it is a constant, changes nothing.
bool isIdentity(Combiner combiner, mlir::Value init);
/// a combined with b, elementwise.
Tensor combine(Combiner combiner, const Tensor &a, const Tensor &b);
/// x reduced along `dims`.
Tensor reduce(Combiner combiner, const Tensor &x, const Dims64 &dims);
/// The smallest (or largest) number of a dtype, an infinity where there is one.
Tensor extreme(Graph graph, DType dtype, bool largest);

/// `xs` combined along their first dim by any region on scalars, one slice after the other,
/// starting with `inits`.
TensorList scanReduce(Op &op, mlir::Region &region, const TensorList &xs, const TensorList &inits);

} // namespace weir::stablehlo
