// Drawing the next token from logits.
#pragma once

#include "frontend/api/array.h"
#include "frontend/data/philox.h"

namespace weir::tools {

struct Sampling {
  double temperature = 0.8; ///< 0 takes the likeliest
  int64_t topK = 0;         ///< only the likeliest k; 0: all
};

/// From softmax(logits / temperature); one number of `random`, none at temperature 0.
int32_t drawToken(const Array &logits, const Sampling &sampling, data::Philox &random);

} // namespace weir::tools
