// The kinds of kernels; each lowering is a file of its own. All fill the frame with loops and set
// its tasks.
#pragma once

#include "codegen/lower/frame.h"

namespace weir::codegen {

/// Results of one shape, evaluated at an index: loop_kernel.cc.
mlir::LogicalResult lowerLoopKernel(Frame &frame);
/// Reductions over trailing dims with what feeds and follows them: row_kernel.cc.
mlir::LogicalResult lowerRowKernel(Frame &frame);
/// Reductions over leading dims with what feeds them: column_kernel.cc.
mlir::LogicalResult lowerColumnKernel(Frame &frame);
/// One dot, then elementwise ops on its result: dot_kernel.cc.
mlir::LogicalResult lowerDotKernel(Frame &frame);
/// argmax and argmin: arg_kernel.cc.
mlir::LogicalResult lowerArgKernel(Frame &frame);
/// scatter_add and its kin: scatter_kernel.cc.
mlir::LogicalResult lowerScatterKernel(Frame &frame);
/// cumulative_* and linear_recurrence: cumulative_kernel.cc.
mlir::LogicalResult lowerCumulativeKernel(Frame &frame);
/// sort: sort_kernel.cc.
mlir::LogicalResult lowerSortKernel(Frame &frame);

/// A while or scan with all that is in it: control_kernel.cc.
mlir::LogicalResult lowerControlKernel(Frame &frame);
/// The lowering that the ops inside ask for.
mlir::LogicalResult lowerBody(Frame &frame);

} // namespace weir::codegen
