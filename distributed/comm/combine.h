// The arithmetic of reductions: to[i] = left[i] op right[i].
#pragma once

#include "runtime/device/collectives/communicator.h"

#include <cstdint>

namespace weir::distributed {

/// `to` may be `left` or `right`. Integers wrap; f16 and bf16 round once, to nearest even; max and
/// min are NaN where either is, and +0 is above -0; i1 has max and min only.
void combine(runtime::DType dtype, runtime::ReduceOp op, const void *left, const void *right,
             void *to, int64_t count);

} // namespace weir::distributed
