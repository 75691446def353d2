// Ops that make values out of attributes and keys: constant, iota, undef, random_bits.
#include "ir/dialect/weir.h"
#include "ir/reference/frame.h"
#include "ir/reference/philox.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/DialectResourceBlobManager.h"

namespace weir::ir::reference {

using mlir::LogicalResult;
using mlir::success;
using runtime::DType;

static constexpr double kInfinity = std::numeric_limits<double>::infinity();

static void readDense(mlir::DenseElementsAttr elements, NdArray &to, Mode mode) {
  int64_t flat = 0;
  if (to.isFloat())
    for (const llvm::APFloat &value : elements.getValues<llvm::APFloat>()) {
      llvm::APFloat wide = value;
      bool lost;
      wide.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &lost);
      to.store(flat++, {wide.convertToDouble(), 0}, mode);
    }
  else
    for (const llvm::APInt &value : elements.getValues<llvm::APInt>())
      to.store(flat++, {0, value.getSExtValue()}, mode);
}

template <class T> static T readAs(const char *data, int64_t flat) {
  T value;
  std::memcpy(&value, data + flat * sizeof(T), sizeof(T));
  return value;
}

/// A blob holds the elements row-major in memory order, a boolean as a byte.
static bool readBlob(llvm::ArrayRef<char> blob, NdArray &to, Mode mode) {
  if (int64_t(blob.size()) != to.size() * int64_t(runtime::dtypeBytes(to.dtype))) return false;
  for (int64_t flat = 0; flat < to.size(); ++flat) {
    runtime::visitDType(to.dtype, [&](auto tag) {
      using T = decltype(tag);
      if constexpr (std::is_integral_v<T>) {
        using Stored = std::conditional_t<std::is_same_v<T, bool>, int8_t, T>;
        to.store(flat, {0, static_cast<int64_t>(readAs<Stored>(blob.data(), flat))}, mode);
      } else {
        to.store(flat, {readAs<T>(blob.data(), flat), 0}, mode);
      }
    });
  }
  return true;
}

static LogicalResult evaluateConstant(ConstantOp op, Frame &frame) {
  NdArray result = resultArray(op->getResult(0));
  mlir::ElementsAttr value = op.getValue();
  auto resource = mlir::dyn_cast<mlir::DenseResourceElementsAttr>(value);
  if (auto dense = mlir::dyn_cast<mlir::DenseElementsAttr>(value))
    readDense(dense, result, frame.mode());
  else if (!resource || !resource.getRawHandle().getBlob() ||
           !readBlob(resource.getRawHandle().getBlob()->getData(), result, frame.mode()))
    return op.emitError(
        "constant: the interpreter reads dense elements and dense resources of the result's size");
  frame.set(op->getResult(0), std::move(result));
  return success();
}

static LogicalResult evaluateIota(IotaOp op, Frame &frame) {
  NdArray result = resultArray(op->getResult(0));
  forEachIndex(result.dims, [&](llvm::ArrayRef<int64_t> index, int64_t flat) {
    int64_t i = index[op.getDim()];
    result.store(flat, {double(i), i}, frame.mode());
  });
  frame.set(op->getResult(0), std::move(result));
  return success();
}

/// NaN, or all bits set: whoever reads it by mistake shows it. Within bounds it may be anything.
static LogicalResult evaluateUndef(UndefOp op, Frame &frame) {
  NdArray result = resultArray(op->getResult(0));
  for (int64_t k = 0; k < result.size(); ++k) {
    result.store(k, {std::numeric_limits<double>::quiet_NaN(), -1}, frame.mode());
    if (frame.mode().bounds) result.setError(k, kInfinity);
  }
  frame.set(op->getResult(0), std::move(result));
  return success();
}

/// Element i, or the one that an unsigned position says, is word i mod 4 of the block with counter
/// i / 4.
static LogicalResult evaluateRandomBits(RandomBitsOp op, Frame &frame) {
  const NdArray &key = frame.operand(op, 0);
  NdArray result = resultArray(op->getResult(0));
  bool uncertain = key.errorAt(0) != 0 || key.errorAt(1) != 0;
  const NdArray *positions = op.getPositions() ? &frame.operand(op, 1) : nullptr;
  const bool isNarrow = positions && elementOf(op.getPositions()).isInteger(32);
  for (int64_t k = 0; k < result.size(); ++k) {
    uint64_t i = static_cast<uint64_t>(positions ? positions->ints[k] : k);
    if (isNarrow) i = static_cast<uint32_t>(i);
    const uint64_t block = i / 4;
    auto words = philox4x32({uint32_t(block), uint32_t(block >> 32), 0, 0},
                            {uint32_t(key.ints[0]), uint32_t(key.ints[1])});
    result.store(k, {0, int32_t(words[i % 4])}, frame.mode());
    if (uncertain) result.setError(k, kInfinity);
  }
  frame.set(op->getResult(0), std::move(result));
  return success();
}

void addCreation(Evaluators &evaluators) {
  evaluators.add<ConstantOp>(evaluateConstant);
  evaluators.add<IotaOp>(evaluateIota);
  evaluators.add<UndefOp>(evaluateUndef);
  evaluators.add<RandomBitsOp>(evaluateRandomBits);
}

} // namespace weir::ir::reference
