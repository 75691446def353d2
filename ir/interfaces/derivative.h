// Family and derivative class of an op: the two facts that every op record must state.
#pragma once

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"

namespace weir::ir {

/// Where an op is defined: ir/ops/<family>.td and .cc.
enum class Family {
  Elementwise,
  Layout,
  Reduction,
  Contraction,
  Indexing,
  Random,
  State,
  Control,
  Autodiff,
  Kernel
};

/// How an op is differentiated. `operands` names those in which it is linear: jointly (Linear) or
/// one at a time (Multilinear); empty means all. The operands not named are kept and become
/// residuals.
struct Derivative {
  enum Kind { Zero, Pointwise, Linear, Multilinear, ByHand };
  Kind kind;
  llvm::SmallVector<unsigned, 2> operands;

  bool isLinearIn(unsigned operand) const {
    if (kind != Linear && kind != Multilinear) return false;
    return operands.empty() || llvm::is_contained(operands, operand);
  }
};

} // namespace weir::ir
