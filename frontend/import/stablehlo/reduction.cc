// reduce: by Weir's reductions where the region is one op, as argmax or argmin where that is what
// the region does, else by a scan over what is reduced.
#include "frontend/import/stablehlo/combiner.h"

#include <algorithm>
#include <cmath>

using namespace mlir;

namespace weir::stablehlo {
namespace {

// ---- argmax and argmin ----

/// What an argmax (argmin) over (value, position) pairs gives: NaN wins, then the first of equals.
bool prefersFirst(const Scalar &a, int64_t atA, const Scalar &b, int64_t atB, bool largest) {
  const bool aNan = a.isFloat() && std::isnan(a.real), bNan = b.isFloat() && std::isnan(b.real);
  if (aNan != bNan) return aNan;
  if (aNan || *compareScalars(a, b, "EQ", false)) return atA < atB;
  return *compareScalars(a, b, largest ? "GT" : "LT", false);
}

std::vector<Scalar> valueSamples(DType dtype) {
  std::vector<Scalar> samples;
  if (runtime::isFloat(dtype))
    for (double x : {double(-INFINITY), -1.0, 0.0, 1.0, double(INFINITY), double(NAN)})
      samples.push_back({dtype, 0, x});
  else
    for (int64_t x : {0, 1, 2}) samples.push_back({dtype, x, 0});
  return samples;
}

/// Whether `region` picks the pair that argmax (argmin) picks. It is tried on all orders; what it
/// does for two NaNs is left open, as programs differ there.
bool isArgReduction(Region &region, DType values, DType positions, bool largest) {
  if (!onlyCompares(region) || !constantsIn(region).empty()) return false;
  for (const Scalar &a : valueSamples(values))
    for (const Scalar &b : valueSamples(values))
      for (auto [atA, atB] : {std::pair<int64_t, int64_t>(0, 1), {1, 0}, {1, 2}, {2, 1}}) {
        const Scalar first{positions, atA, 0}, second{positions, atB, 0};
        auto result = evaluateRegion(region, {a, first, b, second});
        if (!result || result->size() != 2) return false;
        const bool expectFirst = prefersFirst(a, atA, b, atB, largest);
        if (std::isnan(a.real) && std::isnan(b.real)) continue;
        if (!((*result)[1] == (expectFirst ? first : second)) ||
            !(*compareScalars((*result)[0], expectFirst ? a : b, "EQ", false) ||
              std::isnan((*result)[0].real)))
          return false;
      }
  return true;
}

/// Whether `value` counts along `dim`.
bool isPositions(Value value, int64_t dim) {
  Operation *op = value.getDefiningOp();
  if (!op || op->getName().getStringRef() != "stablehlo.iota") return false;
  auto properties = dyn_cast_or_null<DictionaryAttr>(op->getPropertiesAsAttribute());
  auto along = properties ? properties.getAs<IntegerAttr>("iota_dimension")
                          : op->getAttrOfType<IntegerAttr>("iota_dimension");
  return along && along.getInt() == dim;
}

std::optional<TensorList> argReduction(Op &op, const Dims64 &dims) {
  Operation *operation = op.operation();
  if (op.size() != 4 || dims.size() != 1 || !isPositions(operation->getOperand(1), dims[0]))
    return std::nullopt;
  const Tensor x = op.operand(0);
  const DType positions = op.operand(1).dtype();
  std::optional<Scalar> start = constantScalar(operation->getOperand(3));
  if (!start || start->isFloat() || start->integer != 0 || x.dtype() == i1) return std::nullopt;
  for (bool largest : {true, false}) {
    if (!isIdentity(largest ? Combiner::Max : Combiner::Min, operation->getOperand(2)) ||
        !isArgReduction(op.region(0), op.narrowOperand(0).dtype, positions, largest))
      continue;
    return TensorList{largest ? reduceMax(x, dims) : reduceMin(x, dims),
                      convert(largest ? argmax(x, dims[0]) : argmin(x, dims[0]), positions)};
  }
  return std::nullopt;
}

// ---- reduce ----

/// x with `dims` flattened to one first dim; the other dims keep their order.
Tensor reducedFirst(const Tensor &x, const Dims64 &dims) {
  Dims64 order = dims;
  Shape shape{1};
  for (int64_t d : dims) shape[0] *= x.dim(d);
  for (int64_t d = 0; d < x.rank(); ++d)
    if (std::find(dims.begin(), dims.end(), d) == dims.end()) {
      order.push_back(d);
      shape.push_back(x.dim(d));
    }
  return reshape(transpose(x, order), shape);
}

TensorList reduceRule(Op &op) {
  const size_t count = op.size() / 2;
  if (count == 0) op.fail("needs operands");
  op.expectOperands(2 * count);
  const Dims64 dims = op.ints("dimensions");
  const TensorList xs = op.operands(0, count), inits = op.operands(count, count);
  for (const Tensor &x : xs) {
    if (x.shape() != xs[0].shape()) op.fail("operands have different shapes");
    for (int64_t d : dims)
      if (d < 0 || d >= x.rank()) op.fail("there is no dim " + std::to_string(d));
  }
  for (const Tensor &init : inits)
    if (init.rank() != 0) op.fail("an initial value is no scalar");
  std::optional<Combiner> combiner = combinerOf(op.region(0));
  if (count == 1 && combiner && *combiner < Combiner::Second) {
    Tensor result = dims.empty() ? xs[0] : reduce(*combiner, xs[0], dims);
    if (!isIdentity(*combiner, op.operation()->getOperand(1)))
      result = combine(*combiner, fill(inits[0], result.shape()), result);
    return {result};
  }
  if (auto found = argReduction(op, dims)) return *found;
  TensorList slices;
  for (const Tensor &x : xs) slices.push_back(reducedFirst(x, dims));
  return scanReduce(op, op.region(0), slices, inits);
}

} // namespace

void addReductionRules(Rules &rules) {
  rules.insert({"stablehlo.reduce", {reduceRule}});
}

} // namespace weir::stablehlo
