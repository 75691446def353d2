// The operations kernels are made of, as arith, memref, scf and vector.
#include "codegen/lower/kernel_builder.h"

#include "codegen/cpu/math/math.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

namespace weir::codegen {

int64_t KernelBuilder::lanesOf(Value value) {
  auto type = dyn_cast<VectorType>(value.getType());
  return type ? type.getNumElements() : 1;
}
Type KernelBuilder::elementOf(Value value) {
  return getElementTypeOrSelf(value.getType());
}
Type KernelBuilder::withLanes(Type element, int64_t lanes) {
  return lanes == 1 ? element : Type(VectorType::get({lanes}, element));
}
Type KernelBuilder::stored(Type element) {
  if (element.isUnsignedInteger()) return computedType(element);
  if (element.isBF16()) return IntegerType::get(element.getContext(), 16);
  return element.isInteger(1) ? IntegerType::get(element.getContext(), 8) : element;
}
Type KernelBuilder::computed(Type element) {
  return computedType(element);
}
int64_t KernelBuilder::bytesOf(Type element) {
  return stored(element).getIntOrFloatBitWidth() / 8;
}

Value KernelBuilder::constant(TypedAttr element, int64_t lanes) {
  TypedAttr attr = element;
  if (Type type = computed(element.getType()); type != element.getType()) {
    if (auto number = dyn_cast<FloatAttr>(element))
      attr = b.getFloatAttr(type, number.getValueAsDouble());
    else
      attr = IntegerAttr::get(type, cast<IntegerAttr>(element).getValue());
  }
  if (lanes > 1)
    attr = DenseElementsAttr::get(VectorType::get({lanes}, attr.getType()), Attribute(attr));
  return shared(attr);
}
Value KernelBuilder::shared(TypedAttr attr) {
  Value &value = constants[attr];
  if (!value) {
    OpBuilder atEntry = OpBuilder::atBlockBegin(entry);
    value = arith::ConstantOp::create(atEntry, UnknownLoc::get(b.getContext()), attr);
  }
  return value;
}
Value KernelBuilder::index(int64_t value) {
  return constant(b.getIndexAttr(value));
}
Value KernelBuilder::constantInt(Type element, int64_t value, int64_t lanes) {
  return constant(b.getIntegerAttr(element, value), lanes);
}
Value KernelBuilder::ramp(Type element, int64_t start, int64_t step, int64_t lanes) {
  SmallVector<Attribute> values;
  for (int64_t i = 0; i < lanes; ++i) values.push_back(b.getIntegerAttr(element, start + i * step));
  return shared(DenseElementsAttr::get(VectorType::get({lanes}, element), values));
}
std::optional<int64_t> KernelBuilder::known(Value value) const {
  auto constant = value.getDefiningOp<arith::ConstantOp>();
  auto attr = constant ? dyn_cast<IntegerAttr>(constant.getValue()) : IntegerAttr();
  return attr ? std::optional(attr.getInt()) : std::nullopt;
}

Value KernelBuilder::add(Value x, Value y) {
  if (known(x) == 0) return y;
  if (known(y) == 0) return x;
  return arith::AddIOp::create(b, loc, x, y);
}
Value KernelBuilder::sub(Value x, Value y) {
  return arith::SubIOp::create(b, loc, x, y);
}
Value KernelBuilder::mul(Value x, Value y) {
  return arith::MulIOp::create(b, loc, x, y);
}
Value KernelBuilder::add(Value x, int64_t y) {
  if (y == 0) return x;
  if (auto k = known(x)) return constantInt(x.getType(), *k + y);
  return add(x, constantInt(elementOf(x), y, lanesOf(x)));
}
Value KernelBuilder::mul(Value x, int64_t y) {
  if (y == 1) return x;
  if (auto k = known(x)) return constantInt(x.getType(), *k * y);
  return mul(x, constantInt(elementOf(x), y, lanesOf(x)));
}
Value KernelBuilder::divide(Value x, int64_t y) {
  if (y == 1) return x;
  return arith::DivUIOp::create(b, loc, x, constantInt(elementOf(x), y, lanesOf(x)));
}
Value KernelBuilder::remainder(Value x, int64_t y) {
  if (y == 1) return constantInt(elementOf(x), 0, lanesOf(x));
  return arith::RemUIOp::create(b, loc, x, constantInt(elementOf(x), y, lanesOf(x)));
}
Value KernelBuilder::min(Value x, Value y) {
  return arith::MinSIOp::create(b, loc, x, y);
}
Value KernelBuilder::clamp(Value x, int64_t low, int64_t high) {
  Value atLeast = arith::MaxSIOp::create(b, loc, x, constantInt(elementOf(x), low, lanesOf(x)));
  return min(atLeast, constantInt(elementOf(x), high, lanesOf(x)));
}
Value KernelBuilder::inRange(Value x, int64_t low, int64_t high) {
  Value shifted = add(x, -low);
  Value count = constantInt(elementOf(x), high - low + 1, lanesOf(x));
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, shifted, count);
}
Value KernelBuilder::lessThan(Value x, Value y) {
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, x, y);
}
Value KernelBuilder::equal(Value x, Value y) {
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, x, y);
}
Value KernelBuilder::castInt(Value x, Type element) {
  Type from = elementOf(x), to = withLanes(element, lanesOf(x));
  if (from == element) return x;
  if (from.isIndex() || element.isIndex()) return arith::IndexCastOp::create(b, loc, to, x);
  if (from.getIntOrFloatBitWidth() > element.getIntOrFloatBitWidth())
    return arith::TruncIOp::create(b, loc, to, x);
  return arith::ExtSIOp::create(b, loc, to, x);
}
Value KernelBuilder::fromInt(Value x, Type element) {
  Type i64 = b.getI64Type();
  if (elementOf(x).isIndex()) x = castInt(x, i64);
  if (isa<FloatType>(element)) {
    Type type = withLanes(computed(element), lanesOf(x));
    return round(arith::SIToFPOp::create(b, loc, type, x), element);
  }
  if (!element.isInteger(1)) return castInt(x, computed(element));
  Value zero = constantInt(elementOf(x), 0, lanesOf(x));
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, x, zero);
}

Value KernelBuilder::multiplyAdd(Value x, Value y, Value z) {
  if (isa<FloatType>(elementOf(x))) return math::FmaOp::create(b, loc, x, y, z);
  return arith::AddIOp::create(b, loc, arith::MulIOp::create(b, loc, x, y), z);
}
Value KernelBuilder::both(Value x, Value y) {
  if (!x || !y) return x ? x : y;
  int64_t lanes = std::max(lanesOf(x), lanesOf(y));
  return arith::AndIOp::create(b, loc, splat(x, lanes), splat(y, lanes));
}
Value KernelBuilder::either(Value x, Value y) {
  return arith::OrIOp::create(b, loc, x, y);
}
Value KernelBuilder::sameAddress(Value x, Value y) {
  auto address = [&](Value memref) {
    return memref::ExtractAlignedPointerAsIndexOp::create(b, loc, memref);
  };
  return equal(address(x), address(y));
}
Value KernelBuilder::select(Value condition, Value yes, Value no) {
  return arith::SelectOp::create(b, loc, condition, yes, no);
}
Value KernelBuilder::splat(Value scalar, int64_t lanes) {
  if (lanesOf(scalar) == lanes) return scalar;
  if (auto constantOp = scalar.getDefiningOp<arith::ConstantOp>())
    if (constants.lookup(constantOp.getValue()) == scalar)
      return constant(constantOp.getValue(), lanes);
  return vector::BroadcastOp::create(b, loc, withLanes(scalar.getType(), lanes), scalar);
}
Value KernelBuilder::extract(Value vector, int64_t lane) {
  return vector::ExtractOp::create(b, loc, vector, lane);
}
Value KernelBuilder::insert(Value scalar, Value vector, int64_t lane) {
  return vector::InsertOp::create(b, loc, scalar, vector, lane);
}
Value KernelBuilder::shuffle(Value x, Value y, ArrayRef<int64_t> lanes) {
  return vector::ShuffleOp::create(b, loc, x, y, lanes);
}
Value KernelBuilder::firstLanes(Value count, int64_t lanes) {
  Type i32 = b.getI32Type();
  if (std::optional<int64_t> exact = known(count)) {
    SmallVector<bool> bits;
    for (int64_t i = 0; i < lanes; ++i) bits.push_back(i < *exact);
    return shared(DenseElementsAttr::get(VectorType::get({lanes}, b.getI1Type()), bits));
  }
  // The count may be any size: all lanes are set from `lanes` on.
  Value most = castInt(min(count, index(lanes)), i32);
  return lessThan(ramp(i32, 0, 1, lanes), splat(most, lanes));
}

Value KernelBuilder::loadStored(Value memref, Value at, int64_t lanes, Value mask) {
  if (lanes == 1) return memref::LoadOp::create(b, loc, memref, at);
  Type element = cast<MemRefType>(memref.getType()).getElementType();
  auto type = VectorType::get({lanes}, element);
  if (!mask) return vector::LoadOp::create(b, loc, type, memref, at);
  Value zeros = shared(cast<TypedAttr>(b.getZeroAttr(type)));
  return vector::MaskedLoadOp::create(b, loc, type, memref, at, splat(mask, lanes), zeros);
}

Value KernelBuilder::fromStored(Value value, Type element) {
  if (element.isInteger(1)) return fromInt(value, element);
  if (computed(element) == stored(element)) return value;
  if (elementOf(value) != stored(element)) return round(value, element); // A wider raw result.
  ImplicitLocOpBuilder at(loc, b);
  Value wide = emitWiden(at, value, element);
  rounded.insert(wide);
  return wide;
}

Value KernelBuilder::load(Value memref, Value at, int64_t lanes, Value mask, Type element) {
  return fromStored(loadStored(memref, at, lanes, mask), element);
}

Value KernelBuilder::gather(Value memref, Value base, Value offsets, Value mask, Type element) {
  int64_t lanes = lanesOf(offsets);
  Type inMemory = cast<MemRefType>(memref.getType()).getElementType();
  if (inMemory.getIntOrFloatBitWidth() < 32 && !target.warpLanes)
    return fromStored(gatherNarrow(memref, base, offsets, mask), element);
  auto type = VectorType::get({lanes}, inMemory);
  mask = mask ? splat(mask, lanes) : constantInt(b.getI1Type(), 1, lanes);
  Value zeros = shared(cast<TypedAttr>(b.getZeroAttr(type)));
  Value gathered = vector::GatherOp::create(b, loc, type, memref, base, offsets, mask, zeros);
  return fromStored(gathered, element);
}

/// The CPU has no gather of less than four bytes.
Value KernelBuilder::gatherNarrow(Value memref, Value base, Value offsets, Value mask) {
  auto type = cast<MemRefType>(memref.getType());
  int64_t lanes = lanesOf(offsets);
  auto vectorType = VectorType::get({lanes}, type.getElementType());
  Value gathered = shared(cast<TypedAttr>(b.getZeroAttr(vectorType)));
  for (int64_t lane = 0; lane < lanes; ++lane) {
    Value at = add(base, castInt(extract(offsets, lane), b.getIndexType()));
    if (mask) at = clamp(at, 0, type.getNumElements() - 1);
    gathered = insert(memref::LoadOp::create(b, loc, memref, at), gathered, lane);
  }
  return gathered;
}

Value KernelBuilder::round(Value value, Type element) {
  if (!isa<FloatType>(element) || computed(element) == element) return value;
  ImplicitLocOpBuilder at(loc, b);
  Value result = emitRound(at, value, element);
  rounded.insert(result);
  return result;
}

void KernelBuilder::store(Value value, Value memref, Value at, Value mask) {
  int64_t lanes = lanesOf(value);
  Type inMemory = cast<MemRefType>(memref.getType()).getElementType();
  if (elementOf(value).isInteger(1)) {
    value = arith::ExtUIOp::create(b, loc, withLanes(b.getI8Type(), lanes), value);
  } else if (elementOf(value) != inMemory) {
    ImplicitLocOpBuilder here(loc, b);
    Type half = inMemory.isF16() ? inMemory : b.getBF16Type();
    value = emitNarrow(here, value, half, rounded.contains(value));
  }
  if (lanes == 1)
    memref::StoreOp::create(b, loc, value, memref, at);
  else if (mask)
    vector::MaskedStoreOp::create(b, loc, memref, at, mask, value);
  else
    vector::StoreOp::create(b, loc, value, memref, at);
}

void KernelBuilder::stream(Value value, Value memref, Value at) {
  llvm::Align alignment(bytesOf(elementOf(value)) * lanesOf(value));
  vector::StoreOp::create(b, loc, value, memref, at, /*nontemporal=*/true, alignment);
  streamed = true;
}

void KernelBuilder::fenceStreams() {
  if (streamed) LLVM::FenceOp::create(b, loc, LLVM::AtomicOrdering::seq_cst);
}

Value KernelBuilder::view(Value scratch, int64_t offset, int64_t count, Type element) {
  return memref::ViewOp::create(b, loc, MemRefType::get({count}, stored(element)), scratch,
                                index(offset), ValueRange{});
}

Value KernelBuilder::part(Value scratch, int64_t offset) {
  Value enough = index(int64_t(1) << 40);
  return memref::ViewOp::create(b, loc, cast<MemRefType>(scratch.getType()), scratch, index(offset),
                                enough);
}

Value KernelBuilder::local(int64_t count, Type element) {
  OpBuilder atEntry = OpBuilder::atBlockBegin(entry);
  auto type = MemRefType::get({count}, stored(element));
  return memref::AllocaOp::create(atEntry, loc, type, b.getI64IntegerAttr(64));
}
Value KernelBuilder::pendingIndex() {
  return ub::PoisonOp::create(b, loc, b.getIndexType());
}

Operation *KernelBuilder::loop(Value low, Value high, int64_t step, ValueRange inits) {
  return scf::ForOp::create(b, loc, low, high, index(step), inits);
}
Operation *KernelBuilder::scope(TypeRange results) {
  auto region = scf::ExecuteRegionOp::create(b, loc, results);
  region.getRegion().emplaceBlock();
  return region;
}
Operation *KernelBuilder::branch(Value condition) {
  auto branch = scf::IfOp::create(b, loc, condition, /*withElseRegion=*/true);
  return branch;
}
Operation *KernelBuilder::whileLoop() {
  auto loop = scf::WhileOp::create(b, loc, TypeRange(), ValueRange());
  loop.getBefore().emplaceBlock();
  loop.getAfter().emplaceBlock();
  return loop;
}
void KernelBuilder::goOnIf(Value condition) {
  scf::ConditionOp::create(b, loc, condition, ValueRange());
}
void KernelBuilder::yield(ValueRange values) {
  scf::YieldOp::create(b, loc, values);
}

} // namespace weir::codegen
