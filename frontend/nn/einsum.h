// Sums of products in Einstein's notation.
#pragma once

#include "frontend/api/ops.h"

namespace weir::nn {

/// NumPy's einsum: "bij,bjk->bik", one term for each tensor. A label that the result lacks is
/// summed over; without "->" the result has the labels that occur once, in alphabetical order.
/// "..." stands for leading dims that all terms share; a label twice in one term takes the
/// diagonal. Pairs of tensors are contracted in the order that is cheapest in FLOPs at each step.
/// Errors: a malformed term; a term whose labels are not as many as the tensor's dims; a label with
/// two sizes.
Tensor einsum(const std::string &spec, const std::vector<Tensor> &xs,
              Location at = Location::current());

} // namespace weir::nn
