// Scalars of the text that are known while it is imported: trip counts of loops, positions of
// slices, and what a comparator or combiner does, found by trying it.
#pragma once

#include "frontend/import/stablehlo/source.h"

#include "llvm/ADT/DenseMap.h"

namespace weir::stablehlo {

/// i1 and integers are in `integer` (wrapped to their width), floats in `real`.
struct Scalar {
  DType dtype = i32;
  int64_t integer = 0;
  double real = 0;

  bool isFloat() const { return runtime::isFloat(dtype); }
  bool operator==(const Scalar &other) const;
};

using Bindings = llvm::DenseMap<mlir::Value, Scalar>;

/// The value of a scalar of the text, given those in `known`; intermediate ones are added to it.
/// Nothing when it depends on anything else, or by ops that are not evaluated here.
std::optional<Scalar> evaluate(mlir::Value value, Bindings &known, int depth = 0);

/// The one element of a constant, also when it is repeated (stablehlo.constant, then
/// broadcast_in_dim, convert or reshape).
std::optional<Scalar> constantScalar(mlir::Value value);

/// What `region`, which has one block, gives for `args`; nothing when it cannot be evaluated.
std::optional<std::vector<Scalar>> evaluateRegion(mlir::Region &region,
                                                  const std::vector<Scalar> &args);

/// Whether a region only compares, selects and combines truths. What it does then depends on
/// nothing but the order of its arguments and constants, so trying every order is a proof.
bool onlyCompares(mlir::Region &region);
/// The float or integer constants in a region.
std::vector<Scalar> constantsIn(mlir::Region &region);

/// IEEE comparison of floats, or in total order of their bits; direction is EQ, NE, LT, ....
std::optional<bool> compareScalars(const Scalar &a, const Scalar &b, const std::string &direction,
                                   bool totalOrder);

} // namespace weir::stablehlo
