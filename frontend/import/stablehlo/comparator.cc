// Orders are recognised by what the comparator answers, not by how it is written.
#include "frontend/import/stablehlo/comparator.h"

#include "frontend/import/stablehlo/attributes.h"

#include "mlir/IR/BuiltinAttributes.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

using namespace mlir;

namespace weir::stablehlo {
namespace {

/// Numbers of a dtype on all sides of each other and of `constants`.
std::vector<Scalar> samplesOf(DType dtype, const std::vector<Scalar> &constants, bool many) {
  std::vector<Scalar> samples;
  if (!runtime::isFloat(dtype)) {
    std::set<int64_t> numbers{0, 1};
    if (dtype != i1) numbers.insert({2, 3});
    for (const Scalar &c : constants)
      if (c.dtype == dtype) numbers.insert({c.integer - 1, c.integer, c.integer + 1});
    for (int64_t x : numbers) samples.push_back({dtype, x, 0});
    return samples;
  }
  std::vector<double> numbers{-1.0, -0.0, 0.0, 2.0, std::numeric_limits<double>::quiet_NaN()};
  if (many)
    numbers.insert(numbers.end(),
                   {-std::numeric_limits<double>::quiet_NaN(), -INFINITY, -2.0, 1.0, INFINITY});
  for (const Scalar &c : constants)
    if (c.dtype == dtype && std::isfinite(c.real) && c.real != 0)
      numbers.insert(numbers.end(), {c.real, c.real * 0.75, c.real * 1.25});
  for (double x : numbers) samples.push_back({dtype, 0, x});
  return samples;
}

/// Before (-1), equal (0) or after (1) in ascending order.
int orderOf(const Scalar &a, const Scalar &b, bool totalOrder) {
  if (a.isFloat() && !totalOrder) {
    const bool aNan = std::isnan(a.real), bNan = std::isnan(b.real);
    if (aNan || bNan) return static_cast<int>(aNan) - static_cast<int>(bNan);
  }
  if (*compareScalars(a, b, "LT", totalOrder)) return -1;
  return *compareScalars(a, b, "GT", totalOrder) ? 1 : 0;
}

/// Arguments of the region that its result depends on, as operand numbers.
std::set<int64_t> operandsUsed(Region &region) {
  std::set<int64_t> used;
  SmallVector<Value> open(region.front().back().getOperands());
  DenseSet<Value> seen;
  while (!open.empty()) {
    const Value value = open.pop_back_val();
    if (!seen.insert(value).second) continue;
    if (auto argument = dyn_cast<BlockArgument>(value))
      used.insert(argument.getArgNumber() / 2);
    else
      llvm::append_range(open, value.getDefiningOp()->getOperands());
  }
  return used;
}

/// All ways of giving the keys values: calls `visit` with the arguments of the region until it says
/// no.
class Trials {
public:
  Trials(const std::vector<DType> &dtypes, const std::vector<int64_t> &keys,
         const std::vector<Scalar> &constants)
      : keys(keys) {
    for (DType dtype : dtypes) args.insert(args.end(), 2, Scalar{dtype, 0, 0});
    for (int64_t key : keys)
      samples.push_back(samplesOf(dtypes[static_cast<size_t>(key)], constants, keys.size() == 1));
  }

  template <typename Visit> bool all(const Visit &visit, size_t slot = 0) {
    if (slot == 2 * keys.size()) return visit(args);
    const size_t key = slot / 2;
    for (const Scalar &sample : samples[key]) {
      args[static_cast<size_t>(2 * keys[key]) + slot % 2] = sample;
      if (!all(visit, slot + 1)) return false;
    }
    return true;
  }

private:
  std::vector<int64_t> keys;
  std::vector<Scalar> args;
  std::vector<std::vector<Scalar>> samples;
};

struct Hypothesis {
  bool descending, totalOrder, withNans;
};

/// Whether the region decides strictly before or not, as `hypothesis` says, for these arguments.
bool agrees(Region &region, const std::vector<Scalar> &args, const std::vector<int64_t> &keys,
            const Hypothesis &hypothesis) {
  int order = 0;
  for (int64_t key : keys) {
    const Scalar &a = args[static_cast<size_t>(2 * key)],
                 &b = args[static_cast<size_t>(2 * key) + 1];
    if (!hypothesis.withNans && (std::isnan(a.real) || std::isnan(b.real))) return true;
    if (order == 0) order = orderOf(a, b, hypothesis.totalOrder);
  }
  auto result = evaluateRegion(region, args);
  return result && result->size() == 1 && (*result)[0].dtype == i1 &&
         ((*result)[0].integer != 0) == (order == (hypothesis.descending ? 1 : -1));
}

/// Whether `a` computes of even arguments what `b` computes of the odd ones.
bool sameOfPair(Value a, Value b, int depth = 0) {
  auto x = dyn_cast<BlockArgument>(a), y = dyn_cast<BlockArgument>(b);
  if (x || y)
    return x && y && x.getOwner() == y.getOwner() && x.getArgNumber() % 2 == 0 &&
           y.getArgNumber() == x.getArgNumber() + 1;
  Operation *p = a.getDefiningOp(), *q = b.getDefiningOp();
  if (depth > 50 || p->getName() != q->getName() || p->getNumResults() != 1 ||
      p->getNumRegions() != 0 || p->getNumOperands() != q->getNumOperands() ||
      p->getResultTypes() != q->getResultTypes() ||
      p->getAttrDictionary() != q->getAttrDictionary() ||
      p->getPropertiesAsAttribute() != q->getPropertiesAsAttribute())
    return false;
  for (auto [u, v] : llvm::zip(p->getOperands(), q->getOperands()))
    if (!sameOfPair(u, v, depth + 1)) return false;
  return true;
}

} // namespace

std::optional<SortOrder> sortOrderOf(Region &region, const std::vector<DType> &dtypes) {
  constexpr size_t kMostKeys = 3;
  if (!onlyCompares(region) || region.front().empty() ||
      region.front().getNumArguments() != 2 * dtypes.size())
    return std::nullopt;
  const std::set<int64_t> used = operandsUsed(region);
  const std::vector<int64_t> keys(used.begin(), used.end());
  if (keys.empty() || keys.size() > kMostKeys) return std::nullopt;
  const std::vector<Scalar> constants = constantsIn(region);
  if (constants.size() > 16) return std::nullopt;
  for (const Hypothesis &hypothesis : {Hypothesis{false, false, true},
                                       {true, false, true},
                                       {false, true, true},
                                       {true, true, true},
                                       {false, false, false},
                                       {true, false, false}}) {
    auto visit = [&](const std::vector<Scalar> &args) {
      return agrees(region, args, keys, hypothesis);
    };
    if (Trials(dtypes, keys, constants).all(visit))
      return SortOrder{keys, hypothesis.descending, hypothesis.totalOrder};
  }
  return std::nullopt;
}

std::optional<ComparedKeys> comparedKeysOf(Region &region) {
  if (!region.hasOneBlock() || region.front().empty()) return std::nullopt;
  Operation &end = region.front().back();
  Operation *op = end.getNumOperands() == 1 ? end.getOperand(0).getDefiningOp() : nullptr;
  if (!op || op->getName().getStringRef() != "stablehlo.compare" || op->getNumOperands() != 2)
    return std::nullopt;
  auto properties = dyn_cast_or_null<DictionaryAttr>(op->getPropertiesAsAttribute());
  auto wordOf = [&](StringRef name, std::string_view kind) -> std::string {
    auto text =
        properties ? properties.getAs<OpaqueAttr>(name) : op->getAttrOfType<OpaqueAttr>(name);
    return text ? parseEnum(text.getAttrData().str(), kind) : "";
  };
  const std::string direction = wordOf("comparison_direction", "comparison_direction");
  if (direction != "LT" && direction != "GT") return std::nullopt;
  if (!sameOfPair(op->getOperand(0), op->getOperand(1))) return std::nullopt;
  return ComparedKeys{op->getOperand(0), direction == "GT",
                      wordOf("compare_type", "comparison_type") == "TOTALORDER"};
}

} // namespace weir::stablehlo
