// Layout, creation, barriers, and random numbers, which are integer arithmetic.
#include "frontend/export/stablehlo/emitter.h"

#include "ir/dialect/weir.h"

using namespace mlir;

namespace weir::stablehlo {
namespace {

Values broadcastRule(Emitter &e, Operation *op) {
  auto broadcast = cast<ir::BroadcastOp>(op);
  return {e.broadcast(e.operands(op)[0], typeOf(broadcast.getResult()), broadcast.getDims())};
}

Values reshapeRule(Emitter &e, Operation *op) {
  return {e.reshape(e.operands(op)[0], cast<ir::ReshapeOp>(op).getShape())};
}

Values transposeRule(Emitter &e, Operation *op) {
  return e.ops("stablehlo.transpose", e.operands(op), op->getResultTypes(),
               Named{"permutation", e.ints(cast<ir::TransposeOp>(op).getPermutation())});
}

Values sliceRule(Emitter &e, Operation *op) {
  auto slice = cast<ir::SliceOp>(op);
  return {e.slice(e.operands(op)[0], slice.getStarts(), slice.getLimits(), slice.getStrides())};
}

Values padRule(Emitter &e, Operation *op) {
  auto pad = cast<ir::PadOp>(op);
  return e.ops("stablehlo.pad", e.operands(op), op->getResultTypes(),
               {Named{"edge_padding_low", e.ints(pad.getLow())},
                Named{"edge_padding_high", e.ints(pad.getHigh())},
                Named{"interior_padding", e.ints(pad.getInterior())}});
}

Values concatenateRule(Emitter &e, Operation *op) {
  return {e.concatenate(e.operands(op), cast<ir::ConcatenateOp>(op).getDim())};
}

Values reverseRule(Emitter &e, Operation *op) {
  return e.ops("stablehlo.reverse", e.operands(op), op->getResultTypes(),
               Named{"dimensions", e.ints(cast<ir::ReverseOp>(op).getDims())});
}

/// MLIR prints many elements as hexadecimal bytes, and its versions do not agree on those of i1.
Values constantRule(Emitter &e, Operation *op) {
  auto dense = dyn_cast<DenseElementsAttr>(cast<ir::ConstantOp>(op).getValue());
  if (dense && !dense.isSplat() && dense.getElementType().isInteger(1) &&
      dense.getNumElements() > 100) {
    SmallVector<uint8_t> bytes;
    for (bool value : dense.getValues<bool>()) bytes.push_back(value);
    auto type = typeOf(op->getResult(0)).clone(e.b.getIntegerType(8, false));
    Value wide = e.constant(DenseElementsAttr::get(type, ArrayRef<uint8_t>(bytes)));
    return {e.convert(wide, e.b.getI1Type())};
  }
  return {e.constant(cast<ir::ConstantOp>(op).getValue())};
}

Values iotaRule(Emitter &e, Operation *op) {
  return e.ops("stablehlo.iota", {}, op->getResultTypes(),
               Named{"iota_dimension", e.number(cast<ir::IotaOp>(op).getDim())});
}

/// Any value will do.
Values undefRule(Emitter &e, Operation *op) {
  return {e.splat(op->getResult(0).getType(), 0)};
}

Values barrierRule(Emitter &e, Operation *op) {
  return e.ops("stablehlo.optimization_barrier", e.operands(op), op->getResultTypes());
}

/// Philox4x32-10 of counters 0, 1, 2, ... as ir/reference/philox.h has it, in 32-bit words.
Values randomBitsRule(Emitter &e, Operation *op) {
  auto result = typeOf(op->getResult(0));
  const int64_t count = result.getNumElements(), blocks = (count + 3) / 4;
  Type word = e.b.getIntegerType(32, false), wide = e.b.getIntegerType(64, false);
  auto words = RankedTensorType::get({blocks}, word);
  Value keys =
      e.op("stablehlo.bitcast_convert", e.operands(op)[0], typeOf(op->getOperand(0)).clone(word));
  Value key[2], counter[4];
  for (int64_t i = 0; i < 2; ++i)
    key[i] = e.broadcast(e.reshape(e.slice(keys, i, i + 1, 1), {}), words, {});
  counter[0] = e.op("stablehlo.iota", {}, words, Named{"iota_dimension", e.number(0)});
  for (int i = 1; i < 4; ++i) counter[i] = e.splat(words, 0);
  auto high = [&](Value x, int64_t factor) {
    Value product = e.same("multiply", {e.convert(x, wide), e.splat(words.clone(wide), factor)});
    return e.convert(e.same("shift_right_logical", {product, e.splat(words.clone(wide), 32)}),
                     word);
  };
  auto low = [&](Value x, int64_t factor) {
    return e.same("multiply", {x, e.splat(words, factor)});
  };
  auto mix = [&](Value a, Value b, Value c) { return e.same("xor", {e.same("xor", {a, b}), c}); };
  constexpr int64_t kFactors[] = {0xD2511F53, 0xCD9E8D57}, kWeyl[] = {0x9E3779B9, 0xBB67AE85};
  for (int round = 0; round < 10; ++round) {
    Value next[4] = {
        mix(high(counter[2], kFactors[1]), counter[1], key[0]), low(counter[2], kFactors[1]),
        mix(high(counter[0], kFactors[0]), counter[3], key[1]), low(counter[0], kFactors[0])};
    std::copy(next, next + 4, counter);
    for (int i = 0; i < 2; ++i) key[i] = e.same("add", {key[i], e.splat(words, kWeyl[i])});
  }
  Values columns;
  for (Value column : counter) columns.push_back(e.reshape(column, {blocks, 1}));
  Value all = e.reshape(e.concatenate(columns, 1), {4 * blocks});
  Value bits = e.slice(all, 0, count, 1);
  return {e.reshape(e.op("stablehlo.bitcast_convert", bits,
                         RankedTensorType::get({count}, result.getElementType())),
                    result.getShape())};
}

} // namespace

void addLayoutRules(Rules &rules) {
  rules["broadcast"] = broadcastRule;
  rules["reshape"] = reshapeRule;
  rules["transpose"] = transposeRule;
  rules["slice"] = sliceRule;
  rules["pad"] = padRule;
  rules["concatenate"] = concatenateRule;
  rules["reverse"] = reverseRule;
  rules["constant"] = constantRule;
  rules["iota"] = iotaRule;
  rules["undef"] = undefRule;
  rules["barrier"] = barrierRule;
  rules["random_bits"] = randomBitsRule;
}

} // namespace weir::stablehlo
