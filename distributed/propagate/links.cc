// Ops with a rule link operands and results; a region op, values that are the same: init, argument,
// yielded value and result of a carry; an update, the next value and the variable.
#include "distributed/propagate/links.h"

#include "ir/collective/spmd.h"
#include "ir/dialect/weir.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::distributed {
namespace {

class Collector {
public:
  std::vector<DimLink> links;

  void visit(Block &block) {
    for (Operation &op : block) {
      for (Region &region : op.getRegions())
        for (Block &inner : region) visit(inner);
      link(&op);
    }
  }

private:
  void link(Operation *op) {
    if (auto scan = dyn_cast<ScanOp>(op)) return linkScan(scan);
    if (auto loop = dyn_cast<WhileOp>(op)) return linkWhile(loop);
    if (auto branch = dyn_cast<IfOp>(op)) return linkIf(branch);
    if (auto end = dyn_cast<func::ReturnOp>(op)) return linkUpdates(end);
    if (op->getNumRegions() == 0 && !op->hasTrait<OpTrait::IsTerminator>()) linkByRule(op);
  }

  /// All `values` have one sharding; those in `stacked` have it behind an unsplit first dim.
  void same(Operation *op, ArrayRef<Value> values, ArrayRef<Value> stacked = {}) {
    DimLink link{op, {}, {}, {}, DimLink::Same};
    DimFactors dims;
    for (int64_t size : cast<RankedTensorType>(values[0].getType()).getShape()) {
      dims.push_back(link.factors.size());
      link.factors.push_back({size});
      link.factors.back().isSplittable = size > 1;
    }
    link.values.append(values.begin(), values.end());
    link.dims.append(values.size(), dims);
    dims.insert(dims.begin(), -1);
    link.values.append(stacked.begin(), stacked.end());
    link.dims.append(stacked.size(), dims);
    links.push_back(std::move(link));
  }

  void linkScan(ScanOp scan) {
    ValueRange yielded = scan.getBody().front().getTerminator()->getOperands();
    int64_t carries = scan.numCarries();
    for (int64_t i = 0; i < carries; ++i)
      same(scan, {scan.getInits()[i], scan.carryArgs()[i], yielded[i], scan.finalCarries()[i]});
    for (auto [slice, x] : llvm::zip(scan.sliceArgs(), scan.getXs())) same(scan, {slice}, {x});
    for (auto [slice, y] : llvm::zip(yielded.drop_front(carries), scan.stackedOutputs()))
      same(scan, {slice}, {y});
  }

  void linkWhile(WhileOp loop) {
    ValueRange yielded = loop.getBody().front().getTerminator()->getOperands();
    for (size_t i = 0; i < loop.getInits().size(); ++i)
      same(loop, {loop.getInits()[i], loop.getCondition().getArgument(i),
                  loop.getBody().getArgument(i), yielded[i], loop.getOutputs()[i]});
  }

  void linkIf(IfOp branch) {
    ValueRange then = branch.getThenRegion().front().getTerminator()->getOperands(),
               otherwise = branch.getElseRegion().front().getTerminator()->getOperands();
    for (size_t i = 0; i < branch.getOutputs().size(); ++i)
      same(branch, {then[i], otherwise[i], branch.getOutputs()[i]});
  }

  void linkUpdates(func::ReturnOp end) {
    auto function = end->getParentOfType<func::FuncOp>();
    for (auto [i, value] : llvm::enumerate(end.getOperands()))
      if (auto updates = function.getResultAttrOfType<IntegerAttr>(i, kUpdatesAttr))
        same(end, {value, function.getArgument(updates.getInt())});
  }

  void linkByRule(Operation *op) {
    OpRule rule = ruleOf(op);
    DimLink link{op, {}, {}, rule.factors, DimLink::Parallel};
    auto weirOp = dyn_cast<WeirOp>(op);
    bool isCheap =
        weirOp && (weirOp.family() == Family::Layout || weirOp.family() == Family::State);
    if (isCheap || op->hasTrait<OpTrait::Elementwise>() || isa<spmd::ShardOp>(op))
      link.phase = DimLink::Same;
    llvm::append_range(link.values, op->getOperands());
    llvm::append_range(link.values, op->getResults());
    llvm::append_range(link.dims, rule.operands);
    llvm::append_range(link.dims, rule.results);
    if (!link.factors.empty()) links.push_back(std::move(link));
  }
};

} // namespace

std::vector<DimLink> linksOf(func::FuncOp function) {
  Collector collector;
  for (Block &block : function.getBody()) collector.visit(block);
  return std::move(collector.links);
}

} // namespace weir::distributed
