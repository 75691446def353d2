// The forward halves that all linear and all multilinear ops share, and the lookup of rules.
#include "autodiff/models/models.h"

using namespace mlir;

namespace weir::autodiff {

const Rule *DerivativeRules::find(OperationName name) {
  Dialect *dialect = name.getDialect();
  auto *table = dialect ? dialect->getRegisteredInterface<DerivativeRules>() : nullptr;
  if (!table) return nullptr;
  auto it = table->rules.find(name.getTypeID());
  return it == table->rules.end() ? nullptr : &it->second;
}

/// The op once more, on `operands`.
static Operation *again(Forward &f, ArrayRef<Value> operands) {
  Operation *copy = f.op->clone();
  copy->setOperands(operands);
  copy->setLoc(f.b.getLoc());
  return f.b.insert(copy);
}

void detail::applyToTangents(Forward &f, const ir::Derivative &derivative) {
  SmallVector<Value> operands(f.op->getOperands());
  bool any = false;
  for (unsigned i = 0; i < operands.size(); ++i) any |= derivative.isLinearIn(i) && f.tangents[i];
  if (!any) return;
  for (unsigned i = 0; i < operands.size(); ++i)
    if (derivative.isLinearIn(i)) operands[i] = f.tangentOrZeros(i);
  f.resultTangents[0] = again(f, operands)->getResult(0);
}

static void addTo(Forward &f, Value term) {
  Value &tangent = f.resultTangents[0];
  tangent = tangent ? Value(ir::AddOp::create(f.b, tangent, term)) : term;
}

void detail::productRule(Forward &f, const ir::Derivative &derivative) {
  for (unsigned i = 0; i < f.op->getNumOperands(); ++i) {
    if (!derivative.isLinearIn(i) || !f.tangents[i]) continue;
    SmallVector<Value> operands(f.op->getOperands());
    operands[i] = f.tangents[i];
    addTo(f, again(f, operands)->getResult(0));
  }
}

void detail::addTerm(Forward &f, unsigned operand, Value factor) {
  Value tangent = f.tangents[operand];
  addTo(f, factor ? Value(ir::MulOp::create(f.b, tangent, factor)) : tangent);
}

} // namespace weir::autodiff
