// Sums over iterations leave their loops. A carry that only ever gets a dot product or a sum added
// (the gradients of weights in a loop do) is computed behind the scan by one op over the stacked
// operands: a long product instead of many short ones, and no large carry to read and write in
// every iteration.
#include "ir/dialect/weir.h"
#include "passes/simplify/simplify.h"

using namespace mlir;

namespace weir::passes {
namespace {

int64_t countOf(Value v) {
  return cast<RankedTensorType>(v.getType()).getNumElements();
}

/// carry <- carry + term, and nobody else reads the carry or the term.
struct Sum {
  int64_t carry;
  Operation *term;
};

class SumMover {
public:
  explicit SumMover(ir::ScanOp scan) : scan(scan), body(scan.getBody().front()) {}

  bool run() {
    if (scan.getTrips() < 2) return false;
    for (int64_t i = 0, e = scan.numCarries(); i < e; ++i) collect<ir::DotOp>(i);
    for (int64_t i = 0, e = scan.numCarries(); i < e; ++i) collect<ir::ReduceSumOp>(i);
    if (sums.empty()) return false;
    addStacks();
    OpBuilder b(scan->getContext());
    b.setInsertionPointAfter(scan);
    for (Sum &sum : sums) {
      Location loc = sum.term->getLoc();
      Value total = ir::AddOp::create(b, loc, scan.getInits()[sum.carry], totalOf(b, sum.term));
      scan.getResult(sum.carry).replaceAllUsesWith(total);
    }
    return true;
  }

private:
  template <class Term> void collect(int64_t i) {
    BlockArgument carry = scan.carryArgs()[i];
    auto add = body.getTerminator()->getOperand(i).getDefiningOp<ir::AddOp>();
    if (!add || add->getBlock() != &body || !add->hasOneUse() || !carry.hasOneUse() ||
        *carry.getUsers().begin() != add || scan.getResult(i).use_empty())
      return;
    auto term =
        (add.getLhs() == carry ? add.getRhs() : add.getLhs()).template getDefiningOp<Term>();
    if (!term || term->getBlock() != &body || !term->hasOneUse()) return;
    // Stacks that do not exist yet cost memory; they may take the place of as much traffic on the
    // carry.
    int64_t stacked = 0;
    for (Value operand : term->getOperands()) {
      auto arg = dyn_cast<BlockArgument>(operand);
      if (operand.getParentBlock() != &body || (arg && arg.getArgNumber() < scan.numCarries()))
        return;
      if (!arg && !toStack.contains(operand)) stacked += countOf(operand);
    }
    if (stacked > 2 * countOf(carry)) return;
    for (Value operand : term->getOperands())
      if (!isa<BlockArgument>(operand)) toStack.insert(operand);
    sums.push_back({i, term});
  }

  /// Rebuilds the scan with a stacked output for each value of `toStack`.
  void addStacks() {
    SmallVector<Type> types(scan->getResultTypes());
    for (Value v : toStack) {
      auto type = cast<RankedTensorType>(v.getType());
      SmallVector<int64_t> shape{int64_t(scan.getTrips())};
      llvm::append_range(shape, type.getShape());
      types.push_back(RankedTensorType::get(shape, type.getElementType()));
    }
    OpBuilder b(scan);
    auto larger = ir::ScanOp::create(b, scan.getLoc(), types, scan.getInits(), scan.getXs(),
                                     scan.getTrips(), scan.getReverse());
    body.getTerminator()->insertOperands(scan->getNumResults(), toStack.getArrayRef());
    larger.getBody().takeBody(scan.getBody());
    scan->replaceAllUsesWith(larger->getResults().take_front(scan->getNumResults()));
    firstStack = scan->getNumResults();
    scan.erase();
    scan = larger;
  }

  Value stackOf(Value v) {
    if (auto arg = dyn_cast<BlockArgument>(v))
      return scan.getXs()[arg.getArgNumber() - scan.numCarries()];
    return scan.getResult(firstStack + (llvm::find(toStack, v) - toStack.begin()));
  }

  /// The sum of `term` over all iterations: its dims move up by one, and the iterations are summed
  /// with the others.
  Value totalOf(OpBuilder &b, Operation *term) {
    auto up = [](ArrayRef<int64_t> dims) {
      return llvm::to_vector(llvm::map_range(dims, [](int64_t d) { return d + 1; }));
    };
    auto upFrom0 = [&](ArrayRef<int64_t> dims) {
      SmallVector<int64_t> all{0};
      llvm::append_range(all, up(dims));
      return all;
    };
    if (auto reduce = dyn_cast<ir::ReduceSumOp>(term))
      return ir::ReduceSumOp::create(b, term->getLoc(), stackOf(reduce.getOperand()),
                                     upFrom0(reduce.getDims()));
    auto dot = cast<ir::DotOp>(term);
    return ir::DotOp::create(b, term->getLoc(), stackOf(dot.getLhs()), stackOf(dot.getRhs()),
                             up(dot.getLhsBatch()), up(dot.getRhsBatch()),
                             upFrom0(dot.getLhsContract()), upFrom0(dot.getRhsContract()));
  }

  ir::ScanOp scan;
  Block &body;
  SmallVector<Sum> sums;
  llvm::SetVector<Value> toStack;
  unsigned firstStack = 0;
};

} // namespace

bool moveSumsBehindLoops(Operation *root) {
  SmallVector<ir::ScanOp> scans;
  root->walk([&](ir::ScanOp scan) { scans.push_back(scan); });
  bool changed = false;
  for (ir::ScanOp scan : scans) changed |= SumMover(scan).run();
  return changed;
}

} // namespace weir::passes
