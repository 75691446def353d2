// weir-normalize-reductions: every reduction reduces leading dims or trailing dims, since those are
// the two that have kernels. Windows (pooling) are short, so they are reduced as leading dims. Dims
// in the middle are transposed to the front (the innermost dim stays where it is, so rows stay
// dense); leading and trailing dims together are reduced in two steps, trailing first; so are large
// full reductions, which would otherwise be one row and run on one thread.
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"
#include "passes/fuse/fuse.h"
#include "passes/fuse/op_class.h"
#include "passes/fuse/widen_sums.h"

using namespace mlir;

namespace weir::passes {
namespace {

constexpr int64_t kMinRow = 64, kMaxRow = 4096; ///< elements of a row of a full reduction
constexpr int64_t kWindow =
    256; ///< elements of a window that are reduced side by side, not in a row
constexpr int64_t kOneRow = 1 << 16; ///< so many are reduced as quickly by one thread

/// The largest divisor of n within [kMinRow, kMaxRow], 0 if there is none.
int64_t rowLength(int64_t n) {
  for (int64_t c = std::min(kMaxRow, n); c >= kMinRow; --c)
    if (n % c == 0) return c;
  return 0;
}

/// Whether partial results must be wider than the elements.
template <class Op> bool roundsParts(Op op) {
  bool exact = !std::is_same_v<Op, ir::ReduceSumOp> && !std::is_same_v<Op, ir::ReduceProdOp>;
  return !exact && isNarrowFloat(op.getOperand());
}

template <class Op> Value splitFull(Op op, PatternRewriter &rewriter) {
  int64_t n = countOf(op.getOperand());
  int64_t cols = shapeOf(op.getOperand()).back();
  if (cols < kMinRow || cols > kMaxRow) cols = rowLength(n);
  if (n <= kOneRow || cols == 0) return nullptr;
  Value rows = ir::ReshapeOp::create(rewriter, op.getLoc(), op.getOperand(),
                                     ArrayRef<int64_t>{n / cols, cols});
  Value sums = Op::create(rewriter, op.getLoc(), rows, ArrayRef<int64_t>{1});
  return Op::create(rewriter, op.getLoc(), sums, ArrayRef<int64_t>{0});
}

/// Whether `v` is elementwise in what unfold gave: its trailing dims are windows.
bool readsWindows(Value v, int depth = 0) {
  Operation *op = v.getDefiningOp();
  constexpr int far = 6;
  if (!op || depth > far) return false;
  if (isa<ir::UnfoldOp>(op)) return true;
  return classOf(op) == OpClass::Elementwise &&
         llvm::any_of(op->getOperands(), [&](Value x) { return readsWindows(x, depth + 1); });
}

template <class Op> struct Normalize : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    int64_t rank = shapeOf(op.getOperand()).size(), reduced = op.getDims().size();
    if (reduced == 0) return rewriter.replaceOp(op, op.getOperand()), success();
    bool inOneStep =
        reduced == rank
            ? countOf(op.getOperand()) <= kOneRow
            : !llvm::is_contained(op.getDims(), rank - 1) ||
                  llvm::all_of(op.getDims(), [&](int64_t d) { return d >= rank - reduced; });
    if (roundsParts(op) && !inOneStep) { // In f32; that is then taken apart.
      Value wide = widened(rewriter, op.getLoc(), op.getOperand());
      wide = Op::create(rewriter, op.getLoc(), wide, op.getDims());
      return rewriter.replaceOp(op, narrowed(rewriter, op.getLoc(), wide, op.getType())), success();
    }
    SmallVector<int64_t> dims(op.getDims());
    llvm::sort(dims);
    if (reduced == rank) {
      Value split = splitFull(op, rewriter);
      if (!split) return failure();
      return rewriter.replaceOp(op, split), success();
    }
    bool windows = reductionPoints(op) / std::max<int64_t>(countOf(op.getResult()), 1) <= kWindow &&
                   readsWindows(op.getOperand());
    if (dims.back() == reduced - 1 || (dims.front() == rank - reduced && !windows))
      return failure();
    if (dims.back() == rank - 1 && !windows) { // trailing dims first
      SmallVector<int64_t> trailing;
      for (int64_t d = rank - 1; llvm::is_contained(dims, d); --d)
        trailing.insert(trailing.begin(), d);
      Value inner = Op::create(rewriter, op.getLoc(), op.getOperand(), trailing);
      dims.resize(reduced - trailing.size());
      return rewriter.replaceOpWithNewOp<Op>(op, inner, dims), success();
    }
    SmallVector<int64_t> permutation(dims);
    for (int64_t d = 0; d < rank; ++d)
      if (!llvm::is_contained(dims, d)) permutation.push_back(d);
    Value moved = ir::TransposeOp::create(rewriter, op.getLoc(), op.getOperand(), permutation);
    auto leading = llvm::to_vector(llvm::seq<int64_t>(0, reduced));
    return rewriter.replaceOpWithNewOp<Op>(op, moved, leading), success();
  }
};

struct NormalizeReductions : PassWrapper<NormalizeReductions, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(NormalizeReductions)
  StringRef getArgument() const final { return "weir-normalize-reductions"; }
  StringRef getDescription() const final {
    return "make reductions reduce leading or trailing dims";
  }

  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns
        .add<Normalize<ir::ReduceSumOp>, Normalize<ir::ReduceMaxOp>, Normalize<ir::ReduceMinOp>,
             Normalize<ir::ReduceProdOp>, Normalize<ir::ReduceAndOp>, Normalize<ir::ReduceOrOp>>(
            &getContext());
    FrozenRewritePatternSet frozen(std::move(patterns));
    // A rewritten reduction may need more steps (narrow, dims on both ends and in the middle).
    for (int step = 0; step < 4; ++step) walkAndApplyPatterns(getOperation(), frozen);
  }
};

} // namespace

std::unique_ptr<Pass> createNormalizeReductionsPass() {
  return std::make_unique<NormalizeReductions>();
}

} // namespace weir::passes
