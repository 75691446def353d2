// What generated op definitions call: dtype checks, family shape rules, result types from an
// IterationSpace.
#pragma once

#include "ir/interfaces/derivative.h"
#include "ir/interfaces/dtype.h"
#include "ir/interfaces/iteration_space.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Diagnostics.h"

namespace weir::ir {

mlir::Type elementOf(mlir::Value value);
/// tensor<...xi1>'s element type.
mlir::Type boolType(mlir::Value value);
/// Checks that operands are static ranked tensors, and the dtype of operand 0.
mlir::LogicalResult checkDtypes(mlir::ValueRange operands, DtypeClass dtypes, EmitError error);
/// `element` if it is a dtype of the class.
llvm::FailureOr<mlir::Type> checkResultDtype(mlir::Type element, DtypeClass dtypes,
                                             EmitError error);

/// Loops are the shape; all operands have it.
llvm::FailureOr<IterationSpace> elementwiseSpace(mlir::ValueRange operands, EmitError error);
llvm::FailureOr<IterationSpace> reductionSpace(mlir::ValueRange operands,
                                               llvm::ArrayRef<int64_t> dims, LoopKind kind,
                                               EmitError error);
/// The dim `along` is whole in the operand and gone from the result; it must have elements.
llvm::FailureOr<IterationSpace> argSpace(mlir::ValueRange operands, int64_t along, EmitError error);
/// All operands and the result have one shape; the dim `along` is whole.
llvm::FailureOr<IterationSpace> cumulativeSpace(mlir::ValueRange operands, int64_t along,
                                                EmitError error);
/// operand, indices, updates; `kind` combines updates that meet.
llvm::FailureOr<IterationSpace> scatterSpace(mlir::ValueRange operands, int64_t dim,
                                             int64_t batchDims, LoopKind kind, EmitError error);
/// Number of positions of a dilated window of `window` elements over `size` padded ones; none where
/// it does not fit. What a window of attributes must satisfy (>= 1) is the caller's check.
int64_t windowPositions(int64_t size, int64_t low, int64_t high, int64_t window, int64_t stride,
                        int64_t dilation);
/// Checks that every entry is at least `least`.
mlir::LogicalResult checkAtLeast(llvm::ArrayRef<int64_t> list, int64_t least, llvm::StringRef what,
                                 EmitError error);
/// Checks that `dims` are distinct and in [0, rank).
mlir::LogicalResult checkDims(llvm::ArrayRef<int64_t> dims, int64_t rank, llvm::StringRef what,
                              EmitError error);
/// Checks that there is one entry a dim.
mlir::LogicalResult checkCount(llvm::ArrayRef<int64_t> list, int64_t rank, llvm::StringRef what,
                               EmitError error);
/// Checks that sizes are not negative and their product is an int64.
mlir::LogicalResult checkShape(llvm::ArrayRef<int64_t> shape, EmitError error);

/// Diagnostics of an op start with its name: "dot: ...".
inline mlir::InFlightDiagnostic opError(mlir::Location loc, llvm::StringRef opName) {
  return mlir::emitError(loc) << opName.drop_front(opName.find('.') + 1) << ": ";
}

template <typename OpT>
llvm::LogicalResult
inferFromIterationSpace(mlir::MLIRContext *context, std::optional<mlir::Location> loc,
                        typename OpT::Adaptor op, llvm::SmallVectorImpl<mlir::Type> &types) {
  auto error = [&] {
    return opError(loc.value_or(mlir::UnknownLoc::get(context)), OpT::getOperationName());
  };
  auto element = OpT::elementType(op, error);
  if (failed(element)) return mlir::failure();
  auto space = OpT::iterationSpace(op, error);
  if (failed(space)) return mlir::failure();
  types.push_back(mlir::RankedTensorType::get(space->resultShape(), *element));
  return mlir::success();
}

} // namespace weir::ir
