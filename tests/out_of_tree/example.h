// Ops from outside the tree: their public functions, and the classes of their dialect.
#pragma once

#include "frontend/api/ops.h"
#include "ir/dialect/weir.h"

#include "tests/out_of_tree/example_dialect.h.inc"
#define GET_OP_CLASSES
#include "tests/out_of_tree/example.h.inc"

namespace example {

/// Makes the ops known; before the first graph.
void registerOps();

/// x·logistic(x), elementwise on floats.
weir::Tensor swish(weir::Arg x);
/// 3/4 lhs + 1/4 rhs, broadcast against each other.
weir::Tensor blend(weir::Arg lhs, weir::Arg rhs);

} // namespace example
