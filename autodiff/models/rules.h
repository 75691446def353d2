// Rules: how one op is differentiated, and the table of them that a dialect carries.
//
// Four kinds cover every op (models/models.h builds the first three from one-line tables):
// pointwise, linear, multilinear, and by hand. A forward rule gives tangents of results from
// tangents of operands; only ops that can occur in a linear program have a backward rule, which
// gives cotangents of operands. Ops with regions or callees have a Structure instead. A dialect
// outside the tree adds rules of its own by giving itself a DerivativeRules interface.
#pragma once

#include "autodiff/models/expr.h"
#include "mlir/IR/DialectInterface.h"
#include "llvm/ADT/DenseMap.h"
#include <functional>

namespace weir::autodiff {

class Activity;
class Jvp;
class Split;
class Transpose;
struct Scope;

/// What a forward rule sees: the op, already copied into the derivative, and the tangents of its
/// operands.
struct Forward {
  RuleBuilder &b;
  mlir::Operation *op;
  llvm::ArrayRef<mlir::Value> tangents;              ///< one an operand; null when known to be zero
  llvm::MutableArrayRef<mlir::Value> resultTangents; ///< one a result; null, the default, says zero

  mlir::Value tangentOrZeros(unsigned operand) {
    return tangents[operand] ? tangents[operand] : zerosLike(b, op->getOperand(operand));
  }
};

/// What a backward rule sees: a linear op and the cotangents of its results. It calls `give` for
/// each operand on which the op depends linearly here (`isLinear`).
struct Backward {
  RuleBuilder &b;
  mlir::Operation *op;
  llvm::ArrayRef<mlir::Value> cotangents; ///< one a result; null when zero
  llvm::function_ref<bool(mlir::Value)> isLinear;
  llvm::function_ref<void(unsigned operand, mlir::Value cotangent)> give;
};

/// The transformations of an op that holds regions or names a function.
struct Structure {
  void (*activity)(Activity &, mlir::Operation *);
  llvm::LogicalResult (*jvp)(Jvp &, mlir::Operation *, mlir::OpBuilder &);
  llvm::LogicalResult (*split)(Split &, mlir::Operation *, Scope &);
  llvm::LogicalResult (*transpose)(Transpose &, mlir::Operation *, mlir::OpBuilder &);
};

struct Rule {
  ir::Derivative::Kind kind;
  std::function<void(Forward &)> forward = nullptr;
  std::function<void(Backward &)> backward = nullptr;
  const Structure *structure = nullptr;
};

/// The rules of one dialect's ops.
class DerivativeRules : public mlir::DialectInterface::Base<DerivativeRules> {
public:
  explicit DerivativeRules(mlir::Dialect *dialect) : Base(dialect) {}

  template <typename Op> void add(Rule rule) { rules[mlir::TypeID::get<Op>()] = std::move(rule); }

  /// The rule of `name`, from its dialect's table; null when there is none.
  static const Rule *find(mlir::OperationName name);

private:
  llvm::DenseMap<mlir::TypeID, Rule> rules;
};

} // namespace weir::autodiff
