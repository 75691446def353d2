// What every derivative must satisfy, whatever the function: the checks that the table of ops and
// the programs with control flow share.
#pragma once

#include "autodiff/test/program.h"

namespace weir::autodiff {

/// Checks @f of `text` at `arguments` (integers included), all in f64:
///   JVP against central differences of f, to 1e-6;
///   VJP by <ct, J t> = <J^T ct, t>, to 1e-10;
///   second order: the JVP of the VJP against central differences of the VJP, and the VJPs of both
///   the VJP and the JVP by the same identity.
/// With `secondOrder` false the last is left out. Directions are random, from `seed`.
void checkDerivatives(const std::string &text, const Tensors &arguments, unsigned seed = 1,
                      bool secondOrder = true);

/// A function @f of one result, %r of `type`, which `body` defines.
std::string function(const std::string &arguments, const std::string &body,
                     const std::string &type);

/// Numbers between `low` and `high` from `seed`.
Vector randomVector(size_t size, unsigned seed, double low = -1, double high = 1);

} // namespace weir::autodiff
