// The ops of the dialect that have a derivative, on the tape's tensors: a table by op name.
// Region ops, calls and ops without a derivative are not in it.
#pragma once

#include "autodiff/oracles/dual.h"
#include "autodiff/oracles/tape.h"
#include "ir/dialect/weir.h"

#include "llvm/ADT/StringMap.h"

#include <functional>

namespace weir::testing {

/// From the operands of an op to its results.
template <typename T>
using OracleOp = std::function<std::vector<tape::Tensor<T>>(mlir::Operation *,
                                                            const std::vector<tape::Tensor<T>> &)>;

template <typename T> const llvm::StringMap<OracleOp<T>> &oracleOps();

extern template const llvm::StringMap<OracleOp<double>> &oracleOps<double>();
extern template const llvm::StringMap<OracleOp<autodiff::Dual<double>>> &
oracleOps<autodiff::Dual<double>>();

} // namespace weir::testing
