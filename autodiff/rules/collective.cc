// Collectives are linear in what the devices hold together, so their tangents take the same way.
// Transposed, a whole value has a partial cotangent and a partial value a whole one: what gathered
// reduces and scatters, what reduced for all does so again. A user's word on a value also holds for
// its tangent and cotangent.
#include "autodiff/models/models.h"
#include "autodiff/rules/rules.h"
#include "ir/collective/spmd.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::autodiff {

/// `transpose(b, op, ct)`.
template <typename Op, typename TransposeFn>
static void collective(DerivativeRules &c, TransposeFn transpose) {
  c.add<Op>({Derivative::Linear,
             [](Forward &f) {
               if (!f.tangents[0]) return;
               Operation *copy = f.op->clone();
               copy->setOperands(f.tangents[0]);
               copy->setLoc(f.b.getLoc());
               f.resultTangents[0] = f.b.insert(copy)->getResult(0);
             },
             [transpose](Backward &r) {
               r.give(0, transpose(r.b, llvm::cast<Op>(r.op), r.cotangents[0]));
             }});
}

static StringAttr sumName(RuleBuilder &b) {
  return b.getStringAttr("sum");
}

/// The largest (smallest) of the devices' values: those that equal it share its tangent.
static void reduceExtreme(Forward &f, spmd::AllReduceOp op) {
  if (!f.tangents[0]) return;
  if (op.getCombiner() == "prod") {
    op.emitError("all_reduce: a product over devices has no derivative; multiply logarithms, or "
                 "gather first");
    return;
  }
  Expr x(f.b, op.getOperand()), tangent(f.b, f.tangents[0]), zero = x.number(0);
  auto sum = [&](Value v) -> Value {
    return spmd::AllReduceOp::create(f.b, v.getType(), v, sumName(f.b), op.getAxesAttr(),
                                     op.getPartsAttr(), op.getLocalAttr());
  };
  Expr isExtreme = equal(x, Expr(f.b, op.getResult()));
  Expr count(f.b, sum(select(isExtreme, x.number(1), zero)));
  f.resultTangents[0] = sum(select(isExtreme, tangent / count, zero));
}

static void addAllReduce(DerivativeRules &c) {
  c.add<spmd::AllReduceOp>({Derivative::ByHand,
                            [](Forward &f) {
                              auto op = llvm::cast<spmd::AllReduceOp>(f.op);
                              if (op.getCombiner() != "sum") return reduceExtreme(f, op);
                              if (!f.tangents[0]) return;
                              f.resultTangents[0] = spmd::AllReduceOp::create(
                                  f.b, op.getType(), f.tangents[0], op.getCombinerAttr(),
                                  op.getAxesAttr(), op.getPartsAttr(), op.getLocalAttr());
                            },
                            [](Backward &r) {
                              Operation *copy = r.op->clone();
                              copy->setOperands(r.cotangents[0]);
                              copy->setLoc(r.b.getLoc());
                              r.give(0, r.b.insert(copy)->getResult(0));
                            }});
}

static Value inversePermute(RuleBuilder &b, spmd::PermuteOp op, Value ct) {
  SmallVector<int64_t> inverse(op.getSources().size());
  for (auto [to, from] : llvm::enumerate(op.getSources())) inverse[from] = to;
  return spmd::PermuteOp::create(b, op.getType(), ct, b.getDenseI64ArrayAttr(inverse),
                                 op.getLocalAttr());
}

void addCollectiveRules(DerivativeRules &c) {
  collective<spmd::ShardOp>(c, [](RuleBuilder &b, spmd::ShardOp op, Value ct) -> Value {
    return spmd::ShardOp::create(b, ct.getType(), ct, op.getShardingAttr());
  });
  collective<spmd::AllGatherOp>(c, [](RuleBuilder &b, spmd::AllGatherOp op, Value ct) -> Value {
    return spmd::ReduceScatterOp::create(b, op.getOperand().getType(), ct, sumName(b),
                                         op.getDimAttr(), op.getAxesAttr(), op.getPartsAttr(),
                                         op.getLocalAttr());
  });
  collective<spmd::ReduceScatterOp>(
      c, [](RuleBuilder &b, spmd::ReduceScatterOp op, Value ct) -> Value {
        return spmd::AllGatherOp::create(b, op.getOperand().getType(), ct, op.getDimAttr(),
                                         op.getAxesAttr(), op.getPartsAttr(), op.getLocalAttr());
      });
  addAllReduce(c);
  collective<spmd::AllToAllOp>(c, [](RuleBuilder &b, spmd::AllToAllOp op, Value ct) -> Value {
    return spmd::AllToAllOp::create(b, op.getOperand().getType(), ct, op.getConcatDimAttr(),
                                    op.getSplitDimAttr(), op.getAxesAttr(), op.getPartsAttr(),
                                    op.getLocalAttr());
  });
  collective<spmd::PermuteOp>(c, inversePermute);
  collective<spmd::SplitOp>(c, [](RuleBuilder &b, spmd::SplitOp op, Value ct) -> Value {
    Value all = spmd::AllGatherOp::create(b, op.getOperand().getType(), ct, op.getDimAttr(),
                                          op.getAxesAttr(), op.getPartsAttr(), op.getLocalAttr());
    return spmd::AsPartialOp::create(b, all.getType(), all, op.getAxesAttr(), op.getPartsAttr(),
                                     op.getLocalAttr());
  });
  collective<spmd::AsPartialOp>(c, [](RuleBuilder &b, spmd::AsPartialOp op, Value ct) -> Value {
    return spmd::AsPartialOp::create(b, ct.getType(), ct, op.getAxesAttr(), op.getPartsAttr(),
                                     op.getLocalAttr());
  });
}

} // namespace weir::autodiff
