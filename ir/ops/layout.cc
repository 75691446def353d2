// Layout and creation ops.
#include "ir/dialect/weir.h"

#define GET_OP_CLASSES
#include "ir/ops/layout.cc.inc"

using namespace mlir;

namespace weir::ir {

static FailureOr<IterationSpace> creationSpace(ValueRange operands, ArrayRef<int64_t> shape,
                                               EmitError error) {
  IterationSpaceBuilder s(operands);
  if (failed(checkShape(shape, error))) return failure();
  for (int64_t size : shape) s.parallel(size);
  return s.take();
}

FailureOr<IterationSpace> BroadcastOp::iterationSpace(Adaptor op, EmitError error) {
  IterationSpaceBuilder s(op.getOperands());
  ArrayRef<int64_t> operand = s.shape(0), shape = op.getShape(), dims = op.getDims();
  if (failed(checkShape(shape, error)) || failed(checkCount(dims, operand.size(), "dims", error)) ||
      failed(checkDims(dims, shape.size(), "dims", error)))
    return failure();
  if (!llvm::is_sorted(dims))
    return error() << "dims " << shapeString(dims) << " do not ascend", failure();
  for (auto [dim, target] : llvm::enumerate(dims))
    if (operand[dim] != shape[target])
      return error() << "sizes differ: operand dim " << dim << " is " << operand[dim]
                     << ", result dim " << target << " is " << shape[target],
             failure();
  for (int64_t size : shape) s.parallel(size);
  for (auto [dim, target] : llvm::enumerate(dims)) s.operandAlong(0, dim, target);
  return s.take();
}

/// Splits both shapes into their common factors, outermost first. Empty lists where there are none:
/// the dims of such a stretch are `whole`.
static void factorReshape(IterationSpaceBuilder &s, ArrayRef<int64_t> from, ArrayRef<int64_t> to) {
  size_t i = 0, j = 0;
  int64_t left = 1, right = 1; // what is still to be covered of from[i-1] and to[j-1]
  SmallVector<SmallVector<int>> fromLoops(from.size()), toLoops(to.size());
  bool factored = true;
  while (factored) {
    if (left == 1 && i < from.size()) left = from[i++];
    if (right == 1 && j < to.size()) right = to[j++];
    if (left == 1 && right == 1) {
      if (i == from.size() && j == to.size()) break;
      continue;
    }
    if (left == 1 || right == 1) {
      // One side still has a stretch of 1s to skip before its next factor.
      if ((left == 1 && i < from.size()) || (right == 1 && j < to.size())) continue;
      break;
    }
    int64_t factor = left % right == 0 ? right : (right % left == 0 ? left : 0);
    if (factor == 0) {
      factored = false;
      break;
    }
    int loop = s.loop(factor);
    fromLoops[i - 1].push_back(loop);
    toLoops[j - 1].push_back(loop);
    left /= factor;
    right /= factor;
  }
  for (size_t dim = 0; dim < from.size(); ++dim)
    s.setOperand(0, dim,
                 factored ? DimMap::product(fromLoops[dim], from[dim]) : DimMap::whole(from[dim]));
  for (size_t dim = 0; dim < to.size(); ++dim)
    s.result(factored ? DimMap::product(toLoops[dim], to[dim]) : DimMap::whole(to[dim]));
}

FailureOr<IterationSpace> ReshapeOp::iterationSpace(Adaptor op, EmitError error) {
  IterationSpaceBuilder s(op.getOperands());
  ArrayRef<int64_t> operand = s.shape(0), shape = op.getShape();
  if (failed(checkShape(shape, error))) return failure();
  auto count = [](ArrayRef<int64_t> sizes) {
    int64_t n = 1;
    for (int64_t size : sizes) n *= size;
    return n;
  };
  if (count(operand) != count(shape))
    return error() << "element counts differ: " << shapeString(operand) << " has " << count(operand)
                   << ", " << shapeString(shape) << " has " << count(shape),
           failure();
  if (count(shape) == 0)
    for (int64_t size : shape) s.result(DimMap::whole(size));
  else
    factorReshape(s, operand, shape);
  return s.take();
}

FailureOr<IterationSpace> TransposeOp::iterationSpace(Adaptor op, EmitError error) {
  IterationSpaceBuilder s(op.getOperands());
  ArrayRef<int64_t> operand = s.shape(0), permutation = op.getPermutation();
  if (failed(checkCount(permutation, operand.size(), "permutation", error)) ||
      failed(checkDims(permutation, operand.size(), "permutation", error)))
    return failure();
  for (int64_t dim : permutation) s.operandAlong(0, dim, s.parallel(operand[dim]));
  return s.take();
}

FailureOr<IterationSpace> SliceOp::iterationSpace(Adaptor op, EmitError error) {
  IterationSpaceBuilder s(op.getOperands());
  ArrayRef<int64_t> operand = s.shape(0), starts = op.getStarts(), limits = op.getLimits(),
                    strides = op.getStrides();
  int64_t rank = operand.size();
  if (failed(checkCount(starts, rank, "starts", error)) ||
      failed(checkCount(limits, rank, "limits", error)) ||
      failed(checkCount(strides, rank, "strides", error)))
    return failure();
  for (int64_t dim = 0; dim < rank; ++dim) {
    if (starts[dim] < 0 || starts[dim] > limits[dim] || limits[dim] > operand[dim])
      return error() << "range [" << starts[dim] << ", " << limits[dim] << ") of dim " << dim
                     << " is not within [0, " << operand[dim] << ")",
             failure();
    if (strides[dim] < 1)
      return error() << "stride of dim " << dim << " is " << strides[dim], failure();
    int loop = s.parallel((limits[dim] - starts[dim] + strides[dim] - 1) / strides[dim]);
    s.setOperand(0, dim, DimMap::affine(AffineTerm{loop, strides[dim]}, starts[dim], operand[dim]));
  }
  return s.take();
}

FailureOr<IterationSpace> PadOp::iterationSpace(Adaptor op, EmitError error) {
  IterationSpaceBuilder s(op.getOperands());
  ArrayRef<int64_t> operand = s.shape(0), low = op.getLow(), high = op.getHigh(),
                    interior = op.getInterior();
  int64_t rank = operand.size();
  if (failed(checkCount(low, rank, "low", error)) ||
      failed(checkCount(high, rank, "high", error)) ||
      failed(checkCount(interior, rank, "interior", error)))
    return failure();
  if (!s.shape(1).empty() || elementOf(op.getValue()) != elementOf(op.getOperand())) {
    error() << "padding value is " << typeString(op.getValue().getType())
            << ", but must be a scalar " << typeString(elementOf(op.getOperand()));
    return failure();
  }
  for (int64_t dim = 0; dim < rank; ++dim) {
    if (low[dim] < 0 || high[dim] < 0 || interior[dim] < 0)
      return error() << "padding of dim " << dim << " is negative", failure();
    int64_t n = operand[dim];
    int loop = s.loop(n);
    s.operandAlong(0, dim, loop);
    s.result(DimMap::affine(AffineTerm{loop, interior[dim] + 1}, low[dim],
                            low[dim] + n + (n > 0 ? (n - 1) * interior[dim] : 0) + high[dim]));
  }
  return s.take();
}

FailureOr<IterationSpace> ConcatenateOp::iterationSpace(Adaptor op, EmitError error) {
  IterationSpaceBuilder s(op.getOperands());
  if (op.getInputs().empty()) return error() << "no inputs", failure();
  int64_t along = op.getDim(), total = 0;
  ArrayRef<int64_t> first = s.shape(0);
  if (failed(checkDims(along, first.size(), "dim", error))) return failure();
  for (size_t i = 0; i < op.getInputs().size(); ++i) {
    SmallVector<int64_t> expected(first);
    ArrayRef<int64_t> shape = s.shape(i);
    if (shape.size() == first.size()) expected[along] = shape[along];
    if (shape != ArrayRef<int64_t>(expected) ||
        elementOf(op.getInputs()[i]) != elementOf(op.getInputs()[0])) {
      error() << "input " << i << " is " << typeString(op.getInputs()[i].getType())
              << ", but input 0 is " << typeString(op.getInputs()[0].getType())
              << " and they may differ along dim " << along << " only";
      return failure();
    }
    total += shape[along];
  }
  for (auto [dim, size] : llvm::enumerate(first)) {
    if (static_cast<int64_t>(dim) == along) {
      s.result(DimMap::whole(total));
      continue;
    }
    int loop = s.parallel(size);
    for (size_t i = 0; i < op.getInputs().size(); ++i) s.operandAlong(i, dim, loop);
  }
  return s.take();
}

FailureOr<IterationSpace> ReverseOp::iterationSpace(Adaptor op, EmitError error) {
  IterationSpaceBuilder s(op.getOperands());
  ArrayRef<int64_t> operand = s.shape(0);
  if (failed(checkDims(op.getDims(), operand.size(), "dims", error))) return failure();
  for (auto [dim, size] : llvm::enumerate(operand)) {
    int loop = s.parallel(size);
    if (llvm::is_contained(op.getDims(), static_cast<int64_t>(dim)))
      s.setOperand(0, dim, DimMap::affine(AffineTerm{loop, -1}, size - 1, size));
    else
      s.operandAlong(0, dim, loop);
  }
  return s.take();
}

FailureOr<IterationSpace> UnfoldOp::iterationSpace(Adaptor op, EmitError error) {
  IterationSpaceBuilder s(op.getOperands());
  ArrayRef<int64_t> shape = s.shape(0), dims = op.getDims(), window = op.getWindow(),
                    strides = op.getStrides(), dilations = op.getDilations(), low = op.getLow(),
                    high = op.getHigh();
  int64_t windows = dims.size();
  if (failed(checkDims(dims, shape.size(), "dims", error)) ||
      failed(checkCount(window, windows, "window", error)) ||
      failed(checkCount(strides, windows, "strides", error)) ||
      failed(checkCount(dilations, windows, "dilations", error)) ||
      failed(checkCount(low, windows, "low", error)) ||
      failed(checkCount(high, windows, "high", error)) ||
      failed(checkAtLeast(window, 1, "window", error)) ||
      failed(checkAtLeast(strides, 1, "strides", error)) ||
      failed(checkAtLeast(dilations, 1, "dilations", error)))
    return failure();
  if (!s.shape(1).empty() || elementOf(op.getValue()) != elementOf(op.getOperand())) {
    error() << "value is " << typeString(op.getValue().getType()) << ", but must be a scalar "
            << typeString(elementOf(op.getOperand()));
    return failure();
  }
  SmallVector<int> loopOf(shape.size());
  for (int64_t dim = 0, rank = shape.size(); dim < rank; ++dim) {
    int64_t j = llvm::find(dims, dim) - dims.begin();
    loopOf[dim] = s.parallel(j == windows ? shape[dim]
                                          : windowPositions(shape[dim], low[j], high[j], window[j],
                                                            strides[j], dilations[j]));
    if (j == windows) s.operandAlong(0, dim, loopOf[dim]);
  }
  for (int64_t j = 0; j < windows; ++j) {
    int k = s.parallel(window[j]);
    s.setOperand(0, dims[j],
                 DimMap::affine({AffineTerm{loopOf[dims[j]], strides[j]}, {k, dilations[j]}},
                                -low[j], shape[dims[j]]));
  }
  return s.take();
}

FailureOr<IterationSpace> ConstantOp::iterationSpace(Adaptor op, EmitError error) {
  return creationSpace(op.getOperands(), op.getValue().getShapedType().getShape(), error);
}

OpFoldResult ConstantOp::fold(FoldAdaptor) {
  return getValue();
}

FailureOr<IterationSpace> IotaOp::iterationSpace(Adaptor op, EmitError error) {
  if (failed(checkDims(op.getDim(), op.getShape().size(), "dim", error))) return failure();
  return creationSpace(op.getOperands(), op.getShape(), error);
}

} // namespace weir::ir
