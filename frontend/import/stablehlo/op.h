// One op of the text as its rule sees it: operands as tensors, attributes by name and checked.
// Every accessor throws weir::Error when the text does not have what is asked for.
#pragma once

#include "frontend/api/math.h"
#include "frontend/import/stablehlo/attributes.h"
#include "frontend/import/stablehlo/importer.h"

#include <optional>

namespace weir::stablehlo {

class Op {
public:
  Op(Importer &importer, mlir::Operation *op) : importer(importer), op(op) {}

  // ---- Operands and results ----
  size_t size() const;
  Tensor operand(size_t i) const;
  TensorList operands(size_t from, size_t count) const;
  TensorList operands() const { return operands(0, size()); }
  void expectOperands(size_t count) const;
  /// Declared type of result i, after widening.
  TensorType result(size_t i = 0) const;
  size_t results() const;
  /// Types as the text has them, not widened.
  TensorType narrowOperand(size_t i) const;
  TensorType narrowResult(size_t i) const;

  // ---- Attributes, from properties or the dictionary ----
  mlir::Attribute attribute(llvm::StringRef name) const;
  bool has(llvm::StringRef name) const { return bool(attribute(name)); }
  int64_t integer(llvm::StringRef name, std::optional<int64_t> fallback = {}) const;
  double real(llvm::StringRef name, double fallback) const;
  bool flag(llvm::StringRef name) const;
  std::string symbol(llvm::StringRef name) const;
  std::string string(llvm::StringRef name) const;
  /// A list of numbers; `count` of them, if given. `fallback` fills the list when it is left out.
  Dims64 ints(llvm::StringRef name, std::optional<size_t> count = {},
              std::optional<int64_t> fallback = {}) const;
  /// [low, high] for each of `count` dims; zeros when left out.
  std::pair<Dims64, Dims64> padding(size_t count) const;
  /// What stands after '#stablehlo.' or in '#stablehlo<...>'.
  std::string dialectText(llvm::StringRef name) const;
  /// The word of an enum attribute, in capitals; `fallback` when it is left out.
  std::string word(llvm::StringRef name, llvm::StringRef kind, const std::string &fallback) const;
  /// The numbers of a constant that operand i is.
  Dims64 constantInts(size_t i) const;

  // ---- Regions ----
  mlir::Region &region(size_t i) const;

  /// Throws Error with this op's name and place.
  [[noreturn]] void fail(const std::string &message) const;
  std::string name() const;
  mlir::Operation *operation() const { return op; }

  Importer &importer;

private:
  TensorType typeOf(mlir::Value value, const ImportOptions &options) const;

  mlir::Operation *op;
};

/// What an op becomes. `elementwise` rules also serve in regions applied to whole tensors.
struct Rule {
  TensorList (*apply)(Op &op);
  bool elementwise = false;
};
using Rules = std::map<std::string, Rule, std::less<>>;

// Each family adds its rules, by the op's full name.
void addElementwiseRules(Rules &rules);
void addChloRules(Rules &rules);
void addLayoutRules(Rules &rules);
void addStaticFormRules(Rules &rules);
void addContractionRules(Rules &rules);
void addReductionRules(Rules &rules);
void addWindowRules(Rules &rules);
void addGatherRules(Rules &rules);
void addScatterRules(Rules &rules);
void addSortRules(Rules &rules);
void addControlRules(Rules &rules);
void addCheckRules(Rules &rules);
void addRandomRules(Rules &rules);
void addNormalizationRules(Rules &rules);
void addShardingRules(Rules &rules);

/// Null: no such op is supported.
const Rule *findRule(llvm::StringRef name);

// ---- What several rules need ----

/// Rules that are one public function of one or two operands.
template <Tensor (*function)(Arg)> TensorList unary(Op &op) {
  op.expectOperands(1);
  return {function(op.operand(0))};
}

template <Tensor (*function)(Arg, Arg)> TensorList binary(Op &op) {
  op.expectOperands(2);
  return {function(op.operand(0), op.operand(1))};
}

/// x converted to an index dtype: i32, or i64 for 64-bit and ui32 indices.
Tensor asIndex(const Tensor &x);
/// Integers that are in the total order of floats, by their bits: -NaN < -inf < ... < -0 < +0 < ...
/// < inf < NaN. x itself when it is no float.
Tensor totalOrderKey(const Tensor &x);
/// 0, 1, ..., count - 1.
Dims64 upTo(int64_t count);
/// `x` repeated along new dims until it has `shape`; x's dims are the last ones, or it is a scalar.
Tensor fill(const Tensor &x, const Shape &shape);

} // namespace weir::stablehlo
