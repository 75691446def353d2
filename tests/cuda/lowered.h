// A graph of the op table as kernels of warps.
#pragma once

#include "codegen/cuda/compile.h"
#include "tests/ops/op_table.h"

#include <gtest/gtest.h>
#include <optional>

namespace weir::testing {

struct WarpKernels {
  mlir::OwningOpRef<mlir::ModuleOp> loops; // holds the kernels' functions
  std::vector<codegen::cuda::WarpKernel> kernels;
};

/// Calls the inputs x0, x1, ... and the outputs y0, y1, ...
void namePorts(mlir::ModuleOp module);

/// Takes `module` from source to the kernels level and lowers each kernel for a warp; kernels
/// without tasks are left out. `prefix` goes before their names. Nothing after a diagnostic.
std::optional<WarpKernels> lowerForWarps(mlir::ModuleOp module, llvm::StringRef prefix = "");

/// Every sample of the row in its first dtype, and the largest one in each of the others.
std::vector<std::pair<runtime::DType, Sample>> samplesOf(const Row &row);

/// Rows that become kernels, named for gtest.
std::vector<Row> rowsWithKernels();
std::string rowName(const ::testing::TestParamInfo<Row> &info);

} // namespace weir::testing
