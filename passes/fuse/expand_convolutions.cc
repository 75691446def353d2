// weir-expand-convolutions: a convolution becomes windows of its left operand and a dot.
//
// Padding and the left dilation come first, so that windows are plain strided reads of memory,
// which a dot's kernel takes as they are: unfold, then a dot over channels and window, then the
// result's dims in order. The vector dim is the output channels; where these are few, positions.
// One channel a group (depthwise) is a product and a sum, since a dot would have next to no work an
// element.
#include "ir/dialect/library.h"
#include "passes/fuse/fuse.h"
#include "passes/fuse/op_class.h"

#include "mlir/IR/Builders.h"

using namespace mlir;

namespace weir::passes {
namespace {

using Dims = SmallVector<int64_t>;

constexpr int64_t kFewChannels = 8; ///< fewer output channels do not fill a vector

Dims range(int64_t low, int64_t high) {
  return llvm::to_vector(llvm::seq(low, high));
}

Value zeros(OpBuilder &b, Location loc, RankedTensorType type) {
  return ir::ConstantOp::create(b, loc,
                                DenseElementsAttr::get(type, b.getZeroAttr(type.getElementType())));
}

class Expansion {
public:
  explicit Expansion(ir::ConvolutionOp op)
      : op(op), b(op), loc(op.getLoc()), spatial(op.getStrides().size()),
        outputs(shapeOf(op.getRhs())[1]), channels(shapeOf(op.getRhs())[2]) {}

  void run() {
    Value result;
    if (countOf(op.getResult()) == 0)
      result = zeros(b, loc, op.getType());
    else if (channels == 1 && outputs < kFewChannels)
      result = productAndSum(windows());
    else
      result = product(windows());
    op.replaceAllUsesWith(result);
    op.erase();
  }

private:
  /// [N, G, C, positions..., window...].
  Value windows() {
    Value x = op.getLhs();
    if (spatial == 0) return x;
    auto element = cast<RankedTensorType>(op.getType()).getElementType();
    Value zero = zeros(b, loc, RankedTensorType::get({}, element));
    Dims low(3, 0), high(3, 0), interior(3, 0), lessLow, lessHigh;
    for (int64_t d = 0; d < spatial; ++d) {
      low.push_back(std::max<int64_t>(op.getLow()[d], 0));
      high.push_back(std::max<int64_t>(op.getHigh()[d], 0));
      interior.push_back(op.getLhsDilation()[d] - 1);
      lessLow.push_back(std::min<int64_t>(op.getLow()[d], 0));
      lessHigh.push_back(std::min<int64_t>(op.getHigh()[d], 0));
    }
    auto isZero = [](int64_t n) { return n == 0; };
    if (!llvm::all_of(low, isZero) || !llvm::all_of(high, isZero) ||
        !llvm::all_of(interior, isZero))
      x = ir::PadOp::create(b, loc, x, zero, low, high, interior);
    return ir::UnfoldOp::create(b, loc, x, zero, range(3, 3 + spatial),
                                shapeOf(op.getRhs()).drop_front(3), op.getStrides(),
                                op.getRhsDilation(), lessLow, lessHigh);
  }

  Value product(Value windows) {
    Dims lhsContract = {2}, rhsContract = {2};
    llvm::append_range(lhsContract, range(3 + spatial, 3 + 2 * spatial));
    llvm::append_range(rhsContract, range(3, 3 + spatial));
    Dims one = {1}, first = {0};
    Dims order;
    Value made;
    if (outputs >= kFewChannels) { // [G, N, positions..., O]
      made = ir::DotOp::create(b, loc, windows, op.getRhs(), one, first, lhsContract, rhsContract);
      order = {1, 0, 2 + spatial};
      llvm::append_range(order, range(2, 2 + spatial));
    } else { // [G, O, N, positions...]
      made = ir::DotOp::create(b, loc, op.getRhs(), windows, first, one, rhsContract, lhsContract);
      order = {2, 0, 1};
      llvm::append_range(order, range(3, 3 + spatial));
    }
    return ir::TransposeOp::create(b, loc, made, order);
  }

  /// The sum over leading dims of [C, window..., N, G, O, positions...].
  Value productAndSum(Value windows) {
    Dims order = {2};
    llvm::append_range(order, range(3 + spatial, 3 + 2 * spatial));
    llvm::append_range(order, Dims{0, 1});
    llvm::append_range(order, range(3, 3 + spatial));
    windows = ir::TransposeOp::create(b, loc, windows, order);
    Dims rhsOrder = {2};
    llvm::append_range(rhsOrder, range(3, 3 + spatial));
    llvm::append_range(rhsOrder, Dims{0, 1});
    Value weights = ir::TransposeOp::create(b, loc, op.getRhs(), rhsOrder);

    int64_t summed = 1 + spatial;
    Dims shape(shapeOf(windows).take_front(summed + 2));
    shape.push_back(outputs);
    llvm::append_range(shape, shapeOf(windows).drop_front(summed + 2));
    Dims windowDims = range(0, summed + 2), weightDims = range(0, summed);
    llvm::append_range(windowDims, range(summed + 3, summed + 3 + spatial));
    llvm::append_range(weightDims, Dims{summed + 1, summed + 2});
    windows = ir::BroadcastOp::create(b, loc, windows, shape, windowDims);
    weights = ir::BroadcastOp::create(b, loc, weights, shape, weightDims);
    Value products = ir::MulOp::create(b, loc, windows, weights);
    return ir::ReduceSumOp::create(b, loc, products, range(0, summed));
  }

  ir::ConvolutionOp op;
  OpBuilder b;
  Location loc;
  int64_t spatial, outputs, channels;
};

struct ExpandConvolutions : PassWrapper<ExpandConvolutions, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ExpandConvolutions)
  StringRef getArgument() const final { return "weir-expand-convolutions"; }
  StringRef getDescription() const final { return "make convolutions windows and dots"; }

  void runOnOperation() override {
    SmallVector<ir::ConvolutionOp> convolutions;
    getOperation().walk([&](ir::ConvolutionOp op) {
      if (!op->hasAttr(ir::kLibraryAttr)) convolutions.push_back(op);
    });
    for (ir::ConvolutionOp op : convolutions) Expansion(op).run();
  }
};

} // namespace

std::unique_ptr<Pass> createExpandConvolutionsPass() {
  return std::make_unique<ExpandConvolutions>();
}

} // namespace weir::passes
