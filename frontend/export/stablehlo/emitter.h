// Makes StableHLO ops, which MLIR holds as unregistered ones, and knows what each value of the
// graph has become. Rules by family turn one op of weir into some of these.
#pragma once

#include "frontend/api/error.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringMap.h"

namespace weir::stablehlo {

using Values = llvm::SmallVector<mlir::Value>;
using Ints = llvm::SmallVector<int64_t>;

/// What an attribute of an op is called and is.
using Named = std::pair<llvm::StringRef, mlir::Attribute>;

mlir::RankedTensorType typeOf(mlir::Value value);
/// "[1, 2]"
std::string listText(llvm::ArrayRef<int64_t> values);

class Emitter {
public:
  explicit Emitter(mlir::MLIRContext *context) : b(context), loc(mlir::UnknownLoc::get(context)) {}

  // ---- Ops ----
  Values ops(llvm::StringRef name, mlir::ValueRange operands, mlir::TypeRange results,
             llvm::ArrayRef<Named> attributes = {});
  mlir::Value op(llvm::StringRef name, mlir::ValueRange operands, mlir::Type result,
                 llvm::ArrayRef<Named> attributes = {}) {
    return ops(name, operands, result, attributes)[0];
  }
  /// Of the first operand's type: "add" is stablehlo.add.
  mlir::Value same(llvm::StringRef name, mlir::ValueRange operands) {
    return op(("stablehlo." + name).str(), operands, operands[0].getType());
  }
  mlir::Value compare(llvm::StringRef direction, mlir::Value lhs, mlir::Value rhs);
  mlir::Value select(mlir::Value pred, mlir::Value a, mlir::Value b) {
    return op("stablehlo.select", {pred, a, b}, a.getType());
  }
  mlir::Value reshape(mlir::Value value, llvm::ArrayRef<int64_t> shape);
  mlir::Value convert(mlir::Value value, mlir::Type element);
  mlir::Value slice(mlir::Value value, llvm::ArrayRef<int64_t> starts,
                    llvm::ArrayRef<int64_t> limits, llvm::ArrayRef<int64_t> strides);
  mlir::Value concatenate(mlir::ValueRange values, int64_t dim);
  mlir::Value broadcast(mlir::Value value, mlir::RankedTensorType type,
                        llvm::ArrayRef<int64_t> dims);
  /// `value` everywhere.
  mlir::Value splat(mlir::Type type, double value);
  mlir::Value constant(mlir::Attribute value);
  /// The least (largest) number of a dtype, infinite if it has one.
  mlir::Value extreme(mlir::Type type, bool largest);

  // ---- Regions ----
  /// Builds a block of `region` of an op being made; `body` gives what it returns.
  using Body = llvm::function_ref<Values(mlir::ValueRange arguments)>;
  struct RegionSpec {
    llvm::SmallVector<mlir::Type> arguments;
    Body body;
  };
  Values withRegions(llvm::StringRef name, mlir::ValueRange operands, mlir::TypeRange results,
                     llvm::ArrayRef<RegionSpec> regions, llvm::ArrayRef<Named> attributes = {});
  /// `trips` steps: step i has the carries and element i of each of `xs` along `dim`, and gives
  /// the next carries and elements of ys along `dim`. Results are the last carries, then the ys of
  /// `yTypes`.
  using Step = llvm::function_ref<Values(mlir::ValueRange carries, mlir::ValueRange slices)>;
  Values loop(int64_t trips, bool reverse, int64_t dim, mlir::ValueRange inits, mlir::ValueRange xs,
              mlir::TypeRange yTypes, Step step);

  // ---- Attributes ----
  mlir::Attribute ints(llvm::ArrayRef<int64_t> values) { return b.getDenseI64ArrayAttr(values); }
  mlir::Attribute number(int64_t value) { return b.getI64IntegerAttr(value); }
  /// #stablehlo.<text>
  mlir::Attribute dialect(const std::string &text);
  /// Pairs [low, high] as a constant of two columns.
  mlir::Attribute padding(llvm::ArrayRef<int64_t> low, llvm::ArrayRef<int64_t> high);

  // ---- The walk ----
  /// The block's ops, their operands looked up in `map`; what its terminator has.
  Values block(mlir::Block &from);
  Values operands(mlir::Operation *op);

  mlir::OpBuilder b;
  mlir::Location loc;
  mlir::IRMapping map;
  std::vector<Note> problems; ///< ops that have no rule
};

/// What an op becomes.
using Rule = Values (*)(Emitter &e, mlir::Operation *op);
using Rules = llvm::StringMap<Rule>;

// Each family adds its rules, by the op's name without "weir.".
void addElementwiseRules(Rules &rules);
void addLayoutRules(Rules &rules);
void addWindowRules(Rules &rules);
void addReductionRules(Rules &rules);
void addIndexingRules(Rules &rules);
void addControlRules(Rules &rules);

} // namespace weir::stablehlo
