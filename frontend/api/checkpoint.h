// Rematerialisation: what reverse mode computes again instead of keeping.
#pragma once

#include "frontend/api/function.h"

namespace weir {

/// What reverse mode keeps of a function under checkpoint, besides its arguments and results.
struct Saved {
  bool dots = false;                   ///< results of dot and convolution
  std::vector<std::string> names = {}; ///< values marked by `named`
};

/// f, whose inner values reverse mode computes again from the arguments when it needs them, but for
/// those `saved`. Results and derivatives are the same, to the bit; in memory are only the
/// arguments, what is saved, and the inner values of one such function at a time. Nested, so that
/// each of k functions calls k others, a chain of k*k steps needs memory for 2k. Outer tensors of f
/// count as its arguments. (What JAX calls checkpoint or remat: Chen et al., arXiv:1604.06174.)
Function checkpoint(const Function &f, Saved saved = {});

/// x, by a name that `Saved::names` can list. Elsewhere it changes nothing but that ops before and
/// after x are not simplified together.
Tensor named(Arg x, const std::string &name);

} // namespace weir
