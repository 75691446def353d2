// Control flow whose decisions are made when the graph runs: scan (a loop of known length) and
// cond. Bodies run once, while the graph is built; they may use outer tensors. If a body throws,
// the graph is as before.
#pragma once

#include "frontend/api/function.h"

namespace weir {

/// Carries after a step (or after the loop), and what each step yields (or all of it, stacked along
/// a new first dim).
struct Scanned {
  TensorList carries, ys;
};
using ScanBody = std::function<Scanned(const TensorList &carries, const TensorList &xs)>;

struct ScanOptions {
  int64_t trips = -1;   ///< Needed only when there are no xs.
  bool reverse = false; ///< From the last slice to the first; ys keep the slices' positions.
};

/// Runs body once a slice of xs along their first dim; carries keep their types.
Scanned scan(const TensorList &inits, const TensorList &xs, const ScanBody &body,
             ScanOptions options = {}, Location at = Location::current());
/// f(carries..., slices...) -> carries..., ys...
Scanned scan(const TensorList &inits, const TensorList &xs, const Function &f,
             ScanOptions options = {}, Location at = Location::current());
/// One carry, one sequence: body(carry, slice) -> {carry, y}.
std::pair<Tensor, Tensor> scan(Arg init, Arg xs,
                               const std::function<std::pair<Tensor, Tensor>(Tensor, Tensor)> &body,
                               ScanOptions options = {});
/// `trips` times: carry = body(carry).
Tensor repeat(int64_t trips, Arg init, const std::function<Tensor(Tensor)> &body);

/// thenBody's results where pred (an i1 scalar) is true, else elseBody's; both give the same types.
/// Each takes `operands` (none: they use outer tensors).
Results cond(Arg pred, const Function &thenBody, const Function &elseBody,
             const TensorList &operands = {});

} // namespace weir
