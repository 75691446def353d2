// Forward mode over straight-line ops; ops with regions or callees bring their own (Structure).
#include "autodiff/transforms/jvp.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::autodiff {

static constexpr llvm::StringLiteral kTangent = "tangent", kCotangent = "cotangent";

static Location named(llvm::StringRef name, Location child) {
  return NameLoc::get(StringAttr::get(child.getContext(), name), child);
}
Location tangentLoc(Location forward) {
  return named(kTangent, forward);
}
Location cotangentLoc(Location location) {
  auto outer = dyn_cast<NameLoc>(location);
  return named(kCotangent, outer && outer.getName() == kTangent ? outer.getChildLoc() : location);
}

void Jvp::bind(Value v, Value copy, Value tangent) {
  primals.map(v, copy);
  if (tangent) tangents[v] = tangent;
}

Value Jvp::tangentOrZeros(OpBuilder &b, Value v) {
  if (Value known = tangent(v)) return known;
  RuleBuilder zero(tangentLoc(v.getLoc()), b);
  // What is never read has a tangent that is never read.
  if (v.getDefiningOp<UndefOp>())
    return UndefOp::create(zero, shapeOf(v), tensorType(v).getElementType());
  return zerosLike(zero, v);
}

LogicalResult Jvp::block(Block &from, OpBuilder &b) {
  for (Operation &op : from.without_terminator())
    if (failed(visit(&op, b))) return failure();
  return success();
}

LogicalResult Jvp::visit(Operation *op, OpBuilder &b) {
  const Rule *rule = DerivativeRules::find(op->getName());
  if (rule && rule->structure && active.touches(op)) return rule->structure->jvp(*this, op, b);

  Operation *copy = b.clone(*op, primals);
  SmallVector<Value> operands =
      llvm::map_to_vector(op->getOperands(), [&](Value operand) { return tangent(operand); });
  bool anyTangent = llvm::any_of(operands, [](Value t) { return t != nullptr; });
  if (!anyTangent || llvm::none_of(op->getResults(), [&](Value r) { return active.contains(r); }))
    return success();
  if (!rule) return op->emitError() << op->getName().stripDialect() << ": no derivative is defined";

  RuleBuilder at(tangentLoc(op->getLoc()), b);
  SmallVector<Value> results(op->getNumResults());
  Forward forward{at, copy, operands, results};
  rule->forward(forward);
  for (auto [source, t] : llvm::zip(op->getResults(), results))
    if (t) tangents[source] = t;
  return success();
}

} // namespace weir::autodiff
