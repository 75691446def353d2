// Recognition of a region by its one op, and what to do with those that are not recognised: a scan.
#include "frontend/import/stablehlo/combiner.h"

#include "frontend/api/control.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace weir::stablehlo {

std::optional<Combiner> combinerOf(Region &region) {
  if (!region.hasOneBlock()) return std::nullopt;
  Block &block = region.front();
  if (block.getNumArguments() != 2 || block.empty() || block.back().getNumOperands() != 1)
    return std::nullopt;
  const Value a = block.getArgument(0), b = block.getArgument(1),
              result = block.back().getOperand(0);
  if (result == a) return Combiner::First;
  if (result == b) return Combiner::Second;
  Operation *op = result.getDefiningOp();
  if (!op || op->getNumOperands() != 2 || op->getBlock() != &block ||
      !((op->getOperand(0) == a && op->getOperand(1) == b) ||
        (op->getOperand(0) == b && op->getOperand(1) == a)))
    return std::nullopt;
  static const std::map<std::string, Combiner, std::less<>> byName = {
      {"stablehlo.add", Combiner::Sum},     {"stablehlo.multiply", Combiner::Prod},
      {"stablehlo.maximum", Combiner::Max}, {"stablehlo.minimum", Combiner::Min},
      {"stablehlo.and", Combiner::And},     {"stablehlo.or", Combiner::Or}};
  auto found = byName.find(std::string_view(op->getName().getStringRef()));
  if (found == byName.end()) return std::nullopt;
  if (!getElementTypeOrSelf(a.getType()).isInteger(1)) return found->second;
  switch (found->second) {
  case Combiner::Sum:
  case Combiner::Max:
    return Combiner::Or;
  case Combiner::Prod:
  case Combiner::Min:
    return Combiner::And;
  default:
    return found->second;
  }
}

/// The smallest or largest integer of a dtype, as Scalar holds it.
static int64_t extremeInteger(DType dtype, bool largest) {
  const auto bits = static_cast<int64_t>(8 * runtime::dtypeBytes(dtype));
  switch (dtype) {
  case DType::I1:
    return largest;
  case DType::U8:
  case DType::U16:
  case DType::U32:
    return largest ? (int64_t(1) << bits) - 1 : 0;
  case DType::U64:
    return largest ? -1 : 0;
  default:
    return largest ? std::numeric_limits<int64_t>::max() >> (64 - bits)
                   : std::numeric_limits<int64_t>::min() >> (64 - bits);
  }
}

bool isIdentity(Combiner combiner, Value init) {
  std::optional<Scalar> scalar = constantScalar(init);
  if (!scalar) return false;
  const bool isFloat = scalar->isFloat();
  auto is = [&](double real, int64_t integer) {
    return isFloat ? scalar->real == real : scalar->integer == integer;
  };
  switch (combiner) {
  case Combiner::Sum:
    return is(0, 0);
  case Combiner::Prod:
    return is(1, 1);
  case Combiner::Max:
    return is(-INFINITY, extremeInteger(scalar->dtype, false));
  case Combiner::Min:
    return is(INFINITY, extremeInteger(scalar->dtype, true));
  case Combiner::And:
    // All bits set: the largest number without a sign, -1 with one.
    return !isFloat && (extremeInteger(scalar->dtype, false) == 0
                            ? scalar->integer == extremeInteger(scalar->dtype, true)
                            : scalar->integer == -1);
  case Combiner::Or:
    return is(0, 0);
  default:
    return false;
  }
}

Tensor combine(Combiner combiner, const Tensor &a, const Tensor &b) {
  switch (combiner) {
  case Combiner::Sum:
    return add(a, b);
  case Combiner::Prod:
    return mul(a, b);
  case Combiner::Max:
    return max(a, b);
  case Combiner::Min:
    return min(a, b);
  case Combiner::And:
    return logicalAnd(a, b);
  case Combiner::Or:
    return logicalOr(a, b);
  case Combiner::First:
    return a;
  case Combiner::Second:
    return b;
  }
  return a;
}

Tensor reduce(Combiner combiner, const Tensor &x, const Dims64 &dims) {
  switch (combiner) {
  case Combiner::Sum:
    return reduceSum(x, dims);
  case Combiner::Prod:
    return reduceProd(x, dims);
  case Combiner::Max:
    return reduceMax(x, dims);
  case Combiner::Min:
    return reduceMin(x, dims);
  case Combiner::And:
    return reduceAnd(x, dims);
  case Combiner::Or:
    return reduceOr(x, dims);
  default:
    throw Error("elements are not combined, but one is taken", Location::current());
  }
}

Tensor extreme(Graph graph, DType dtype, bool largest) {
  if (runtime::isFloat(dtype)) return graph.scalar(largest ? INFINITY : -INFINITY, dtype);
  const Array wide = Array::scalar(extremeInteger(dtype, largest));
  return graph.constant(wide.cast(dtype));
}

TensorList scanReduce(Op &op, Region &region, const TensorList &xs, const TensorList &inits) {
  Shape slice = xs.at(0).shape();
  slice.erase(slice.begin());
  TensorList starts;
  for (const Tensor &init : inits) starts.push_back(fill(init, slice));
  ScanBody body = [&](const TensorList &carries, const TensorList &slices) -> Scanned {
    TensorList args = carries;
    args.insert(args.end(), slices.begin(), slices.end());
    return {op.importer.lift(region, args, slice), {}};
  };
  return scan(starts, xs, body).carries;
}

} // namespace weir::stablehlo
