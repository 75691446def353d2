// Batch ranges: is a graph the same program for every row of a batch, and what is it for a batch of
// another size?
//
// Splitting the batch over a mesh with a device for each row answers both. If the program needs no
// collective, no row depends on another; and as shardings say which dim of every value runs along
// the rows, the program of `rows` neighbouring devices is the graph of a batch of that size. No op
// is named here: what propagation and partitioning know of an op is all there is to know.
#pragma once

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Support/LLVM.h"

#include <cstdint>
#include <vector>

namespace weir::distributed {

/// Of each argument and result: elements of its leading dim for each row; 0 where it is the same
/// for every batch.
struct BatchPorts {
  std::vector<int64_t> arguments, results;
};

/// Splits the leading dim of `inputs` (arguments of `batch` >= 2 elements there) and all that
/// follows from it, one row to a device; attributes keep what is split. Errors are diagnostics at
/// the op whose rows depend on each other, or that updates a variable: then a run over part of a
/// batch would not be part of a run over all of it.
mlir::FailureOr<BatchPorts> splitRows(mlir::func::FuncOp function, llvm::ArrayRef<unsigned> inputs,
                                      int64_t batch);

/// Makes a function of splitRows the graph for a batch of `rows`, fewer or more than it had.
mlir::LogicalResult setRows(mlir::func::FuncOp function, int64_t rows);

} // namespace weir::distributed
