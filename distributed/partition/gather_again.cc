// A line of time with the uses of all gathered variables on it says where a variable may be
// dropped. Source: Rajbhandari et al. 2020 (ZeRO), section 7.2.2.
#include "distributed/partition/gather_again.h"

#include "ir/collective/spmd.h"
#include "ir/dialect/weir.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::distributed {
namespace {

class Gatherer {
public:
  explicit Gatherer(func::FuncOp function) : function(function), block(function.front()) {}

  void run() {
    for (auto [i, op] : llvm::enumerate(block)) position[&op] = i;
    for (Operation &op : block)
      if (auto gather = dyn_cast<spmd::AllGatherOp>(op); gather && isOfVariable(gather))
        gathers.push_back(gather);
    for (auto [i, gather] : llvm::enumerate(gathers))
      for (OpOperand &use : gather->getUses()) line.push_back({position[userOf(use)], i, &use});
    llvm::sort(line, [](const Use &a, const Use &b) {
      return std::tie(a.position, a.gather) < std::tie(b.position, b.gather);
    });
    SmallVector<Operation *> current(gathers.size(), nullptr);
    times.assign(gathers.size(), 0);
    size_t last = gathers.size();
    for (const Use &use : line) {
      if (use.gather != last || !current[use.gather]) current[use.gather] = gatherFor(use);
      use.operand->set(current[use.gather]->getResult(0));
      last = use.gather;
    }
    for (spmd::AllGatherOp gather : gathers) gather->erase();
  }

private:
  struct Use {
    size_t position, gather;
    OpOperand *operand;
  };

  bool isOfVariable(spmd::AllGatherOp gather) {
    auto argument = dyn_cast<BlockArgument>(gather.getOperand());
    return argument && argument.getOwner() == &block &&
           function.getArgAttr(argument.getArgNumber(), kVariableAttr);
  }

  /// The op of the function's block that takes it.
  Operation *userOf(OpOperand &use) { return block.findAncestorOpInBlock(*use.getOwner()); }

  Operation *gatherFor(const Use &use) {
    OpBuilder b(userOf(*use.operand));
    Operation *gather = b.clone(*gathers[use.gather].getOperation());
    // Unlike the others, so that they are not taken for one.
    if (int64_t before = times[use.gather]++)
      gather->setAttr(spmd::kAgainAttr, b.getI64IntegerAttr(before));
    return gather;
  }

  func::FuncOp function;
  Block &block;
  llvm::DenseMap<Operation *, size_t> position;
  SmallVector<spmd::AllGatherOp> gathers;
  SmallVector<int64_t> times; ///< that each was gathered so far
  SmallVector<Use> line;
};

} // namespace

void gatherAgain(func::FuncOp function) {
  Gatherer(function).run();
}

} // namespace weir::distributed
