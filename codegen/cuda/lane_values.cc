// Values by lane.
#include "codegen/cuda/lane_values.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace weir::codegen::cuda {

Value LaneValues::call(Type result, StringRef intrinsic, ValueRange arguments) {
  auto op = LLVM::CallIntrinsicOp::create(b, loc, result, b.getStringAttr(intrinsic), arguments);
  return op->getResult(0);
}

Value LaneValues::i32(int64_t value) {
  return arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(int32_t(value)));
}

void LaneValues::start(Block *entry, Location at) {
  loc = at;
  b.setInsertionPointToEnd(entry);
  thread = call(b.getI32Type(), "llvm.nvvm.read.ptx.sreg.laneid", {});
  // Stays last among what is computed once.
  afterThread = arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(0));
}

Value LaneValues::atEntry(function_ref<Value()> make) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(afterThread);
  return make();
}

Value LaneValues::lane(int64_t count) {
  if (count == kWarpLanes) return thread;
  Value &value = laneNumbers[count];
  if (!value)
    value =
        atEntry([&] { return arith::AndIOp::create(b, loc, thread, i32(count - 1)).getResult(); });
  return value;
}

Value LaneValues::laneIndex(int64_t count) {
  Value number = lane(count);
  Value &value = laneIndices[count];
  if (!value)
    value = atEntry(
        [&] { return arith::IndexCastUIOp::create(b, loc, b.getIndexType(), number).getResult(); });
  return value;
}

Value LaneValues::isBelow(int64_t count) {
  Value &value = belows[count];
  if (!value)
    value = atEntry([&] {
      return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, thread, i32(count))
          .getResult();
    });
  return value;
}

Value LaneValues::constantOf(Attribute element) {
  return arith::ConstantOp::create(b, loc, cast<TypedAttr>(element));
}

/// start and step of integers that lie on a line.
static std::optional<std::pair<APInt, APInt>> lineOf(DenseElementsAttr elements) {
  if (!elements.getElementType().isInteger() || elements.getElementType().isInteger(1))
    return std::nullopt;
  SmallVector<APInt> values(elements.getValues<APInt>());
  if (values.size() < 2) return std::nullopt;
  APInt step = values[1] - values[0], next = values[0];
  for (const APInt &value : values) {
    if (value != next) return std::nullopt;
    next += step;
  }
  return std::pair(values[0], step);
}

/// How many lanes are set, if these are the first ones.
static std::optional<int64_t> prefixOf(DenseElementsAttr elements) {
  if (!elements.getElementType().isInteger(1)) return std::nullopt;
  int64_t count = 0, seen = 0;
  for (bool bit : elements.getValues<bool>()) {
    if (bit && count != seen) return std::nullopt;
    count += bit;
    ++seen;
  }
  return count;
}

/// One select an element.
Value LaneValues::chain(DenseElementsAttr elements, Value at) {
  Value found;
  for (auto [i, element] : llvm::enumerate(elements.getValues<Attribute>())) {
    Value value = constantOf(element);
    if (!found) {
      found = value;
      continue;
    }
    Value number = arith::ConstantOp::create(b, loc, b.getIntegerAttr(at.getType(), int64_t(i)));
    Value here = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, at, number);
    found = arith::SelectOp::create(b, loc, here, value, found);
  }
  return found;
}

Value LaneValues::bit(uint32_t bits) {
  Value shifted = arith::ShRUIOp::create(b, loc, i32(bits), thread);
  return arith::TruncIOp::create(b, loc, b.getI1Type(), shifted);
}

/// Four bits of each number lie in 64-bit words, the fifth in one of 32 bits.
Value LaneValues::smallNumber(ArrayRef<int64_t> numbers) {
  SmallVector<int32_t> narrow(numbers.begin(), numbers.end());
  auto vector = VectorType::get({int64_t(numbers.size())}, b.getI32Type());
  auto elements = DenseElementsAttr::get(vector, ArrayRef<int32_t>(narrow));
  if (elements.isSplat() || lineOf(elements)) return constant(elements);
  uint64_t words[2] = {0, 0};
  uint32_t fifth = 0;
  for (int64_t i = 0; i < kWarpLanes; ++i) {
    uint64_t number = uint64_t(numbers[i % numbers.size()]);
    words[i / 16] |= (number & 15) << (i % 16 * 4);
    fifth |= uint32_t(number >> 4 & 1) << i;
  }
  Type i64 = b.getI64Type();
  auto word = [&](uint64_t bits) { return constantOf(b.getI64IntegerAttr(int64_t(bits))); };
  Value half = arith::SelectOp::create(b, loc, isBelow(16), word(words[0]), word(words[1]));
  Value shift = arith::ShLIOp::create(b, loc, lane(16), i32(2));
  Value moved = arith::ShRUIOp::create(b, loc, half, arith::ExtUIOp::create(b, loc, i64, shift));
  Value low = arith::AndIOp::create(b, loc, arith::TruncIOp::create(b, loc, b.getI32Type(), moved),
                                    i32(15));
  Value high = arith::SelectOp::create(b, loc, bit(fifth), i32(16), i32(0));
  return arith::OrIOp::create(b, loc, low, high);
}

Value LaneValues::lookUp(DenseElementsAttr table, Value index) {
  return chain(table, index);
}

Value LaneValues::constant(DenseElementsAttr elements) {
  if (elements.isSplat()) return constantOf(elements.getSplatValue<Attribute>());
  int64_t count = elements.getNumElements();
  Type type = elements.getElementType();
  if (auto prefix = prefixOf(elements))
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, lane(count), i32(*prefix));
  if (type.isInteger(1)) {
    uint32_t bits = 0;
    for (auto [i, set] : llvm::enumerate(elements.getValues<bool>()))
      for (int64_t thread = i; thread < kWarpLanes; thread += count)
        bits |= uint32_t(set) << thread;
    return bit(bits);
  }
  auto line = lineOf(elements);
  if (!line) return chain(elements, lane(count));
  Value number = lane(count);
  unsigned width = type.getIntOrFloatBitWidth();
  if (width > 32) number = arith::ExtUIOp::create(b, loc, type, number);
  if (width < 32) number = arith::TruncIOp::create(b, loc, type, number);
  Value scaled = number;
  if (!line->second.isOne())
    scaled =
        arith::MulIOp::create(b, loc, number, constantOf(b.getIntegerAttr(type, line->second)));
  if (line->first.isZero()) return scaled;
  return arith::AddIOp::create(b, loc, scaled, constantOf(b.getIntegerAttr(type, line->first)));
}

Value LaneValues::shuffleWord(Value word, Value source) {
  return call(b.getI32Type(), "llvm.nvvm.shfl.sync.idx.i32",
              {i32(-1), word, source, i32(kWarpLanes - 1)});
}

/// As one or two words of 32 bits.
Value LaneValues::fromLane(Value x, Value source) {
  Type type = x.getType(), word = b.getI32Type(), two = b.getI64Type();
  if (type.isIndex()) {
    Value number = fromLane(arith::IndexCastOp::create(b, loc, two, x), source);
    return arith::IndexCastOp::create(b, loc, type, number);
  }
  if (isa<FloatType>(type)) {
    Type bits = b.getIntegerType(type.getIntOrFloatBitWidth());
    Value raw = fromLane(arith::BitcastOp::create(b, loc, bits, x), source);
    return arith::BitcastOp::create(b, loc, type, raw);
  }
  unsigned width = type.getIntOrFloatBitWidth();
  if (width == 32) return shuffleWord(x, source);
  if (width < 32) {
    Value wide = shuffleWord(arith::ExtUIOp::create(b, loc, word, x), source);
    return arith::TruncIOp::create(b, loc, type, wide);
  }
  Value half = constantOf(b.getI64IntegerAttr(32));
  Value low = shuffleWord(arith::TruncIOp::create(b, loc, word, x), source);
  Value upper = arith::ShRUIOp::create(b, loc, x, half);
  Value high = shuffleWord(arith::TruncIOp::create(b, loc, word, upper), source);
  Value moved = arith::ShLIOp::create(b, loc, arith::ExtUIOp::create(b, loc, two, high), half);
  return arith::OrIOp::create(b, loc, moved, arith::ExtUIOp::create(b, loc, two, low));
}

Value LaneValues::any(Value condition) {
  return call(b.getI1Type(), "llvm.nvvm.vote.any.sync", {i32(-1), condition});
}

Operation *LaneValues::barrier() {
  return LLVM::CallIntrinsicOp::create(b, loc, b.getStringAttr("llvm.nvvm.bar.warp.sync"),
                                       ValueRange{i32(-1)});
}

} // namespace weir::codegen::cuda
