// Dtype checks and the shape rules that several families share.
#include "ir/ops/support.h"

#include "runtime/base/dtype.h"

#include "llvm/ADT/SmallBitVector.h"

using namespace mlir;

namespace weir::ir {

Type elementOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getElementType();
}

Type boolType(Value value) {
  return IntegerType::get(value.getContext(), 1);
}

/// Diagnoses an element type outside of the class: "operand 0 is i1, but only f32 is supported".
static LogicalResult checkDtype(Type element, DtypeClass dtypes, const Twine &what,
                                EmitError error) {
  std::optional<runtime::DType> dtype = dtypeOf(element);
  if (dtype && isIn(*dtype, dtypes)) return success();
  return error() << what << " is " << typeString(element) << ", but only " << describe(dtypes)
                 << (dtypes == DtypeClass::I32 ? " is" : " are") << " supported",
         failure();
}

LogicalResult checkDtypes(ValueRange operands, DtypeClass dtypes, EmitError error) {
  for (auto [i, operand] : llvm::enumerate(operands)) {
    auto type = dyn_cast<RankedTensorType>(operand.getType());
    if (!type || !type.hasStaticShape())
      return error() << "operand " << i << " has no static shape", failure();
    if (failed(checkDtype(type.getElementType(), i == 0 ? dtypes : DtypeClass::Any,
                          "operand " + Twine(i), error)))
      return failure();
  }
  return success();
}

FailureOr<Type> checkResultDtype(Type element, DtypeClass dtypes, EmitError error) {
  if (failed(checkDtype(element, dtypes, "element type", error))) return failure();
  return element;
}

FailureOr<IterationSpace> elementwiseSpace(ValueRange operands, EmitError error) {
  IterationSpaceBuilder s(operands);
  ArrayRef<int64_t> shape = s.shape(0);
  for (size_t i = 1; i < operands.size(); ++i)
    if (s.shape(i) != shape) {
      error() << "shapes differ: operand 0 is " << typeString(operands[0].getType()) << ", operand "
              << i << " is " << typeString(operands[i].getType());
      return failure();
    }
  for (auto [dim, size] : llvm::enumerate(shape)) {
    int loop = s.parallel(size);
    for (size_t i = 0; i < operands.size(); ++i) s.operandAlong(i, dim, loop);
  }
  return s.take();
}

FailureOr<IterationSpace> reductionSpace(ValueRange operands, ArrayRef<int64_t> dims, LoopKind kind,
                                         EmitError error) {
  IterationSpaceBuilder s(operands);
  ArrayRef<int64_t> shape = s.shape(0);
  if (failed(checkDims(dims, shape.size(), "dims", error))) return failure();
  for (auto [dim, size] : llvm::enumerate(shape)) {
    bool reduced = llvm::is_contained(dims, static_cast<int64_t>(dim));
    s.operandAlong(0, dim, reduced ? s.loop(size, kind) : s.parallel(size));
  }
  return s.take();
}

FailureOr<IterationSpace> cumulativeSpace(ValueRange operands, int64_t along, EmitError error) {
  IterationSpaceBuilder s(operands);
  ArrayRef<int64_t> shape = s.shape(0);
  if (failed(checkDims(along, shape.size(), "dim", error))) return failure();
  for (auto [dim, size] : llvm::enumerate(shape)) {
    if (static_cast<int64_t>(dim) == along) {
      s.result(DimMap::whole(size));
      continue;
    }
    int loop = s.parallel(size);
    for (size_t i = 0; i < operands.size(); ++i) s.operandAlong(i, dim, loop);
  }
  return s.take();
}

int64_t windowPositions(int64_t size, int64_t low, int64_t high, int64_t window, int64_t stride,
                        int64_t dilation) {
  int64_t room = size + low + high - ((window - 1) * dilation + 1);
  return room < 0 ? 0 : room / stride + 1;
}

LogicalResult checkAtLeast(ArrayRef<int64_t> list, int64_t least, StringRef what, EmitError error) {
  for (int64_t value : list)
    if (value < least)
      return error() << what << " has an entry " << value << ", but must be at least " << least,
             failure();
  return success();
}

LogicalResult checkDims(ArrayRef<int64_t> dims, int64_t rank, StringRef what, EmitError error) {
  llvm::SmallBitVector seen(rank);
  for (int64_t dim : dims) {
    if (dim < 0 || dim >= rank)
      return error() << what << " names dim " << dim << " of a tensor of rank " << rank, failure();
    if (seen.test(dim)) return error() << what << " names dim " << dim << " twice", failure();
    seen.set(dim);
  }
  return success();
}

LogicalResult checkCount(ArrayRef<int64_t> list, int64_t rank, StringRef what, EmitError error) {
  if (static_cast<int64_t>(list.size()) == rank) return success();
  return error() << what << " has " << list.size() << " entries for a tensor of rank " << rank,
         failure();
}

LogicalResult checkShape(ArrayRef<int64_t> shape, EmitError error) {
  for (int64_t size : shape)
    if (size < 0)
      return error() << "shape " << shapeString(shape) << " has a negative size", failure();
  if (!runtime::elementCount(shape.vec()))
    return error() << "shape " << shapeString(shape) << " has too many elements", failure();
  return success();
}

} // namespace weir::ir
