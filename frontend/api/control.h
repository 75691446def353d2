// Control flow whose decisions are made when the graph runs: scan (a loop of known length), while
// loops, cond and switchCase. Bodies run once, while the graph is built; they may use outer
// tensors. If a body throws, the graph is as before.
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
  /// n > 0: reverse mode keeps the carries of every n-th step only, and computes the n steps
  /// between again; the square root of the number of steps needs the least memory. The body is
  /// then built twice where n does not divide the number of steps.
  int64_t segment = 0;
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

using WhileCondition = std::function<Tensor(const TensorList &carries)>;
using WhileBody = std::function<TensorList(const TensorList &carries)>;

struct WhileOptions {
  /// States that reverse mode keeps in memory at a time, at least 1. With s of them, a loop of up
  /// to C(s + t, s) steps computes each step at most t times again: 16 do a million steps with t
  /// = 9.
  int64_t snapshots = 16;
  /// n > 0: at most n steps are done, and reverse mode keeps what it needs of each, in memory for
  /// n: nothing is computed again.
  int64_t maxTrips = 0;
};

/// While condition(carries), an i1 scalar, is true: carries = body(carries); carries keep their
/// types. Both modes of differentiation go through it, to any order; reverse mode in memory that
/// does not grow with the number of steps.
TensorList whileLoop(const TensorList &inits, const WhileCondition &condition,
                     const WhileBody &body, WhileOptions options = {},
                     Location at = Location::current());
/// One carry.
Tensor whileLoop(Arg init, const std::function<Tensor(Tensor)> &condition,
                 const std::function<Tensor(Tensor)> &body, WhileOptions options = {});

using ForBody = std::function<TensorList(Tensor i, const TensorList &carries)>;

/// For i = begin, begin + 1, ... below end, integer scalars known when the graph runs: carries =
/// body(i, carries). A while loop; where both bounds are known while the graph is built, scan or
/// repeat differentiate with less computed again.
TensorList forLoop(Arg begin, Arg end, const TensorList &inits, const ForBody &body,
                   WhileOptions options = {});

/// f on every slice of xs along their first dim; its results stacked along a new first dim.
TensorList map(const Function &f, const TensorList &xs, Location at = Location::current());

/// thenBody's results where pred (an i1 scalar) is true, else elseBody's; both give the same types.
/// Each takes `operands` (none: they use outer tensors).
Results cond(Arg pred, const Function &thenBody, const Function &elseBody,
             const TensorList &operands = {});

/// The results of branches[index], index an integer scalar; the last branch where it is out of
/// range (as lax.switch: below 0 the first). All give the same types.
Results switchCase(Arg index, const std::vector<Function> &branches,
                   const TensorList &operands = {});

} // namespace weir
