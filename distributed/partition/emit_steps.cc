// One op a step.
#include "distributed/partition/emit_steps.h"

#include "ir/collective/spmd.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::distributed {

ArrayAttr axisNames(OpBuilder &b, const std::vector<int> &axes, const Mesh &mesh) {
  SmallVector<Attribute> names;
  for (int axis : axes) names.push_back(b.getStringAttr(mesh.axes[axis].name));
  return b.getArrayAttr(names);
}

ArrayAttr shardingTexts(OpBuilder &b, ArrayRef<Sharding> shardings, const Mesh &mesh) {
  SmallVector<Attribute> texts;
  for (const Sharding &sharding : shardings) texts.push_back(b.getStringAttr(sharding.str(mesh)));
  return b.getArrayAttr(texts);
}

static Operation *create(OpBuilder &b, Location loc, Value value, const Step &step,
                         const Mesh &mesh) {
  Type type = value.getType();
  ArrayAttr axes = axisNames(b, step.axes, mesh);
  IntegerAttr parts = b.getI64IntegerAttr(mesh.size(step.axes));
  StringAttr combiner = b.getStringAttr(StringRef(combinerName(step.combiner)));
  IntegerAttr dim = b.getI64IntegerAttr(step.dim);
  UnitAttr global;
  switch (step.kind) {
  case Step::Split:
    return spmd::SplitOp::create(b, loc, type, value, dim, axes, parts, global);
  case Step::AsPartial:
    return spmd::AsPartialOp::create(b, loc, type, value, axes, parts, global);
  case Step::AllGather:
    return spmd::AllGatherOp::create(b, loc, type, value, dim, axes, parts, global);
  case Step::AllReduce:
    return spmd::AllReduceOp::create(b, loc, type, value, combiner, axes, parts, global);
  case Step::ReduceScatter:
    return spmd::ReduceScatterOp::create(b, loc, type, value, combiner, dim, axes, parts, global);
  case Step::AllToAll:
    return spmd::AllToAllOp::create(b, loc, type, value, dim, b.getI64IntegerAttr(step.concat),
                                    axes, parts, global);
  case Step::Permute:
    return spmd::PermuteOp::create(b, loc, type, value, step.sources, /*local=*/false);
  }
  return nullptr;
}

Value emitStep(OpBuilder &b, Location loc, Value value, const Step &step, const Mesh &mesh) {
  Operation *op = create(b, loc, value, step, mesh);
  op->setAttr(spmd::kShardingsAttr, shardingTexts(b, step.after, mesh));
  return op->getResult(0);
}

} // namespace weir::distributed
