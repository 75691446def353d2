// Ops, regions, loops and constants.
#include "frontend/export/stablehlo/emitter.h"

#include "mlir/IR/BuiltinAttributes.h"

using namespace mlir;

namespace weir::stablehlo {

RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

std::string listText(ArrayRef<int64_t> values) {
  std::string text = "[";
  for (int64_t value : values) text += (text.size() > 1 ? ", " : "") + std::to_string(value);
  return text + "]";
}

Values Emitter::ops(StringRef name, ValueRange operands, TypeRange results,
                    ArrayRef<Named> attributes) {
  return withRegions(name, operands, results, {}, attributes);
}

Values Emitter::withRegions(StringRef name, ValueRange operands, TypeRange results,
                            ArrayRef<RegionSpec> regions, ArrayRef<Named> attributes) {
  OperationState state(loc, name, operands, results);
  NamedAttrList list;
  for (const auto &[key, value] : attributes) list.append(key, value);
  if (!attributes.empty()) state.propertiesAttr = list.getDictionary(b.getContext());
  for (const RegionSpec &spec : regions) {
    Region *region = state.addRegion();
    OpBuilder::InsertionGuard guard(b);
    SmallVector<mlir::Location> locations(spec.arguments.size(), loc);
    Block *block = b.createBlock(region, {}, spec.arguments, locations);
    const Values results = spec.body(block->getArguments());
    b.setInsertionPointToEnd(block);
    b.create(OperationState(loc, "stablehlo.return", results, TypeRange{}));
  }
  Operation *op = b.create(state);
  return Values(op->getResults());
}

Value Emitter::compare(StringRef direction, Value lhs, Value rhs) {
  return op("stablehlo.compare", {lhs, rhs}, typeOf(lhs).clone(b.getI1Type()),
            Named{"comparison_direction", dialect("comparison_direction " + direction.str())});
}

Value Emitter::reshape(Value value, ArrayRef<int64_t> shape) {
  if (typeOf(value).getShape() == shape) return value;
  return op("stablehlo.reshape", value, typeOf(value).clone(shape));
}

Value Emitter::convert(Value value, Type element) {
  if (typeOf(value).getElementType() == element) return value;
  return op("stablehlo.convert", value, typeOf(value).clone(element));
}

Value Emitter::slice(Value value, ArrayRef<int64_t> starts, ArrayRef<int64_t> limits,
                     ArrayRef<int64_t> strides) {
  Ints shape;
  for (auto [start, limit, stride] : llvm::zip(starts, limits, strides))
    shape.push_back(std::max<int64_t>(0, (limit - start + stride - 1) / stride));
  return op("stablehlo.slice", value, typeOf(value).clone(shape),
            {Named{"start_indices", ints(starts)}, Named{"limit_indices", ints(limits)},
             Named{"strides", ints(strides)}});
}

Value Emitter::concatenate(ValueRange values, int64_t dim) {
  if (values.size() == 1) return values[0];
  Ints shape(typeOf(values[0]).getShape());
  shape[dim] = 0;
  for (Value value : values) shape[dim] += typeOf(value).getDimSize(dim);
  return op("stablehlo.concatenate", values, typeOf(values[0]).clone(shape),
            Named{"dimension", number(dim)});
}

Value Emitter::broadcast(Value value, RankedTensorType type, ArrayRef<int64_t> dims) {
  return op("stablehlo.broadcast_in_dim", value, type, Named{"broadcast_dimensions", ints(dims)});
}

Value Emitter::constant(mlir::Attribute value) {
  return op("stablehlo.constant", {}, cast<TypedAttr>(value).getType(), Named{"value", value});
}

Value Emitter::splat(Type type, double value) {
  auto tensor = cast<RankedTensorType>(type);
  Type element = tensor.getElementType();
  if (auto real = dyn_cast<FloatType>(element)) {
    APFloat number(value);
    bool inexact = false;
    number.convert(real.getFloatSemantics(), APFloat::rmNearestTiesToEven, &inexact);
    return constant(DenseElementsAttr::get(tensor, number));
  }
  const APInt bits = APInt(64, static_cast<uint64_t>(static_cast<int64_t>(value)))
                         .trunc(element.getIntOrFloatBitWidth());
  return constant(DenseElementsAttr::get(tensor, bits));
}

Value Emitter::extreme(Type type, bool largest) {
  auto tensor = cast<RankedTensorType>(type);
  Type element = tensor.getElementType();
  if (isa<FloatType>(element)) return splat(type, largest ? INFINITY : -INFINITY);
  const unsigned width = element.getIntOrFloatBitWidth();
  const bool isSigned = !element.isUnsignedInteger() && width > 1;
  const APInt value =
      largest ? (isSigned ? APInt::getSignedMaxValue(width) : APInt::getMaxValue(width))
              : (isSigned ? APInt::getSignedMinValue(width) : APInt::getMinValue(width));
  return constant(DenseElementsAttr::get(tensor, value));
}

mlir::Attribute Emitter::dialect(const std::string &text) {
  return OpaqueAttr::get(b.getStringAttr("stablehlo"), text, b.getNoneType());
}

mlir::Attribute Emitter::padding(ArrayRef<int64_t> low, ArrayRef<int64_t> high) {
  Ints pairs;
  for (auto [l, h] : llvm::zip(low, high)) pairs.append({l, h});
  return DenseElementsAttr::get(
      RankedTensorType::get({static_cast<int64_t>(low.size()), 2}, b.getI64Type()),
      ArrayRef<int64_t>(pairs));
}

Values Emitter::operands(Operation *op) {
  Values values;
  for (Value operand : op->getOperands()) values.push_back(map.lookup(operand));
  return values;
}

Values Emitter::loop(int64_t trips, bool reverse, int64_t dim, ValueRange inits, ValueRange xs,
                     TypeRange yTypes, Step step) {
  Values state;
  const auto counter = RankedTensorType::get({}, b.getI64Type());
  state.push_back(splat(counter, 0));
  state.append(inits.begin(), inits.end());
  for (Type type : yTypes) state.push_back(splat(type, 0));
  if (trips == 0) return Values(llvm::drop_begin(state));
  auto condition = [&](ValueRange args) {
    return Values{compare("LT", args[0], splat(counter, trips))};
  };
  auto starts = [&](Value value, Value index) {
    Values list(typeOf(value).getRank(), splat(counter, 0));
    list[dim] = index;
    return list;
  };
  auto body = [&](ValueRange args) {
    Value index = args[0];
    if (reverse) index = same("subtract", {splat(counter, trips - 1), index});
    Values slices;
    for (Value x : xs) {
      Ints sizes(typeOf(x).getShape()), shape = sizes;
      sizes[dim] = 1;
      shape.erase(shape.begin() + dim);
      Values at{x};
      at.append(starts(x, index));
      slices.push_back(reshape(op("stablehlo.dynamic_slice", at, typeOf(x).clone(sizes),
                                  Named{"slice_sizes", ints(sizes)}),
                               shape));
    }
    const Values given = step(args.slice(1, inits.size()), slices);
    Values next{same("add", {args[0], splat(counter, 1)})};
    for (size_t i = 0; i < given.size(); ++i) {
      if (i < inits.size()) {
        next.push_back(given[i]);
        continue;
      }
      Value all = args[1 + i];
      Ints sizes(typeOf(all).getShape());
      sizes[dim] = 1;
      Values at{all, reshape(given[i], sizes)};
      at.append(starts(all, index));
      next.push_back(op("stablehlo.dynamic_update_slice", at, all.getType()));
    }
    return next;
  };
  SmallVector<Type> types(ValueRange(state).getTypes());
  const Values results =
      withRegions("stablehlo.while", state, types, {{types, condition}, {types, body}});
  return Values(llvm::drop_begin(results));
}

} // namespace weir::stablehlo
