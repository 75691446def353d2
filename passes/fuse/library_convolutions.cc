// weir-library-convolutions: convolutions that cuDNN does better than kernels of ours, for GPUs.
//
// A convolution of ours is a dot over windows that keeps no tiles in shared memory; a library's is
// several times as fast where there is much to do. So it gets those of much work with enough
// outputs, products for each of these and positions to fill its tiles. The bounds are estimates as
// those of library_dots.cc are, never measured.
//
// Every one becomes a kernel by itself here, whose arguments are as the library wants them. A
// gradient is a convolution as well (autodiff/rules/contraction.cc), of operands that are reversed
// and transposed for it: these moves go into the kernel, and the library does all of it at once.
// Where the operands come from no such moves, moves the other way are made in front.
#include "ir/dialect/library.h"
#include "ir/dialect/library_convolution.h"
#include "passes/fuse/fuse.h"
#include "passes/fuse/op_class.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/SymbolTable.h"

#include <numeric>

using namespace mlir;

namespace weir::passes {
namespace {

using Dims = SmallVector<int64_t>;
using ir::LibraryConvolution;
using Kind = LibraryConvolution::Kind;

constexpr int64_t kLeastOutputs = 16, kLeastDepth = 32, kLeastPositions = 32;
constexpr double kLeastFlops = 1 << 27;
constexpr int64_t kMostWindow = 16; ///< of each dim; what is larger is no filter
constexpr int64_t kAlignment = 16;  ///< that a library wants of operands, which loops may move

bool isWorthIt(ir::ConvolutionOp op, const LibraryConvolution &c) {
  double window = 1, positions = double(c.batch);
  for (const LibraryConvolution::Dim &dim : c.dims) {
    if (dim.filter > kMostWindow) return false;
    window *= double(dim.filter);
    positions *= double(dim.output);
  }
  const double depth = double(c.channels) * window;
  return c.outputs >= kLeastOutputs && depth >= kLeastDepth && positions >= kLeastPositions &&
         2.0 * positions * double(c.groups * c.outputs) * depth >= kLeastFlops &&
         (bytesOf(op.getLhs()) | bytesOf(op.getRhs()) | bytesOf(op.getResult())) % kAlignment == 0;
}

Dims inverse(ArrayRef<int64_t> order) {
  Dims result(order.size());
  for (auto [i, d] : llvm::enumerate(order)) result[d] = i;
  return result;
}

/// The first three dims in that order, then the spatial ones.
Dims order(int64_t a, int64_t b, int64_t c, int64_t spatial) {
  Dims dims{a, b, c};
  for (int64_t d = 0; d < spatial; ++d) dims.push_back(3 + d);
  return dims;
}

/// Transposed; what undoes an earlier transpose is its operand.
Value moved(OpBuilder &b, Location loc, Value v, ArrayRef<int64_t> permutation) {
  if (auto earlier = v.getDefiningOp<ir::TransposeOp>())
    if (ArrayRef(inverse(earlier.getPermutation())) == permutation) return earlier.getOperand();
  return ir::TransposeOp::create(b, loc, v, permutation);
}

Value reversed(OpBuilder &b, Location loc, Value v, ArrayRef<int64_t> dims) {
  if (auto earlier = v.getDefiningOp<ir::ReverseOp>())
    if (earlier.getDims() == dims) return earlier.getOperand();
  return ir::ReverseOp::create(b, loc, v, dims);
}

class Giver {
public:
  Giver(ModuleOp module)
      : symbols(module), kernels(OpBuilder::atBlockEnd(module.getBody())),
        isTf32(module->hasAttr(ir::kTf32Attr)) {}

  void give(ir::ConvolutionOp op) {
    if (auto kind = kindOf(op)) replace(op, *kind);
  }

private:
  /// Which of the three it is, if it is worth it. One that is two of them is the one whose operands
  /// are moved for it.
  static std::optional<Kind> kindOf(ir::ConvolutionOp op) {
    const bool isMoved = isa_and_present<ir::TransposeOp>(op.getLhs().getDefiningOp()) &&
                         isa_and_present<ir::TransposeOp>(op.getRhs().getDefiningOp());
    Operation *filter = op.getRhs().getDefiningOp();
    if (isa_and_present<ir::TransposeOp>(filter)) filter = filter->getOperand(0).getDefiningOp();
    SmallVector<Kind> kinds;
    if (isMoved) kinds.push_back(Kind::FilterGradient);
    if (isa_and_present<ir::ReverseOp>(filter)) kinds.push_back(Kind::InputGradient);
    kinds.append({Kind::Forward, Kind::InputGradient});
    for (Kind kind : kinds)
      if (auto c = ir::libraryConvolution(op, kind); c && isWorthIt(op, *c)) return kind;
    return std::nullopt;
  }

  void replace(ir::ConvolutionOp op, Kind kind) {
    OpBuilder b(op);
    const Location loc = op.getLoc();
    const int64_t spatial = op.getStrides().size();
    Dims window(spatial);
    std::iota(window.begin(), window.end(), 3);
    const Dims swapped = order(0, 2, 1, spatial), lhsOrder = order(2, 1, 0, spatial),
               rhsOrder = order(1, 2, 0, spatial);
    Value lhs = op.getLhs(), rhs = op.getRhs();
    if (kind == Kind::InputGradient) rhs = reversed(b, loc, moved(b, loc, rhs, swapped), window);
    if (kind == Kind::FilterGradient) {
      lhs = moved(b, loc, lhs, inverse(lhsOrder));
      rhs = moved(b, loc, rhs, inverse(rhsOrder));
    }

    Block *body = makeKernel(loc, lhs.getType(), rhs.getType());
    OpBuilder inner = OpBuilder::atBlockBegin(body);
    Value first = body->getArgument(0), second = body->getArgument(1);
    if (kind == Kind::InputGradient)
      second = ir::TransposeOp::create(inner, loc,
                                       ir::ReverseOp::create(inner, loc, second, window), swapped);
    if (kind == Kind::FilterGradient) {
      first = ir::TransposeOp::create(inner, loc, first, lhsOrder);
      second = ir::TransposeOp::create(inner, loc, second, rhsOrder);
    }
    auto made = cast<ir::ConvolutionOp>(inner.clone(*op));
    made->setOperands({first, second});
    made->setAttr(ir::kLibraryAttr, inner.getStringAttr(ir::nameOf(kind)));
    if (isTf32 && op.getType().getElementType().isF32())
      made->setAttr(ir::kTf32Attr, inner.getUnitAttr());
    Value result = made;
    if (kind == Kind::FilterGradient) // [C, G, O, ...] -> [G, O, C, ...]
      result = ir::TransposeOp::create(inner, loc, result, rhsOrder);
    func::ReturnOp::create(inner, loc, result);

    auto kernel = cast<func::FuncOp>(body->getParentOp());
    kernel.setType(FunctionType::get(op.getContext(), body->getArgumentTypes(), result.getType()));
    auto launch =
        ir::LaunchOp::create(b, loc, result.getType(), FlatSymbolRefAttr::get(kernel.getNameAttr()),
                             ValueRange{lhs, rhs});
    replaceUses(b, op, launch->getResult(0), kind, rhsOrder);
    op.erase();
  }

  /// A move of the op's result that undoes the library's is that of the library.
  static void replaceUses(OpBuilder &b, ir::ConvolutionOp op, Value result, Kind kind,
                          ArrayRef<int64_t> natural) {
    if (kind != Kind::FilterGradient) return op.replaceAllUsesWith(result);
    for (Operation *user : llvm::make_early_inc_range(op->getUsers())) {
      auto transpose = dyn_cast<ir::TransposeOp>(user);
      if (!transpose || transpose.getPermutation() != natural) continue;
      transpose.replaceAllUsesWith(result);
      transpose.erase();
    }
    if (op->use_empty()) return;
    op.replaceAllUsesWith(Value(ir::TransposeOp::create(b, op.getLoc(), result, inverse(natural))));
  }

  Block *makeKernel(Location loc, Type lhs, Type rhs) {
    auto kernel = func::FuncOp::create(kernels, loc, "convolution",
                                       FunctionType::get(loc.getContext(), {lhs, rhs}, {}));
    kernel.setPrivate();
    kernel->setAttr(ir::kKernelAttr, kernels.getStringAttr("op"));
    symbols.insert(kernel);
    return kernel.addEntryBlock();
  }

  SymbolTable symbols;
  OpBuilder kernels;
  bool isTf32;
};

void eraseUnusedMoves(ModuleOp module) {
  SmallVector<Operation *> moves;
  module.walk([&](Operation *op) {
    if (isa<ir::TransposeOp, ir::ReverseOp>(op)) moves.push_back(op);
  });
  for (Operation *move : llvm::reverse(moves))
    if (move->use_empty()) move->erase();
}

struct LibraryConvolutions : PassWrapper<LibraryConvolutions, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(LibraryConvolutions)
  StringRef getArgument() const final { return "weir-library-convolutions"; }
  StringRef getDescription() const final { return "give large convolutions to a library"; }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<ir::WeirDialect, func::FuncDialect>();
  }

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto libraries = module->getAttrOfType<StringAttr>(ir::kLibrariesAttr);
    if (libraries && libraries.getValue() == ir::kNoLibraries) return markAllAnalysesPreserved();
    SmallVector<ir::ConvolutionOp> convolutions;
    module.walk([&](ir::ConvolutionOp op) { convolutions.push_back(op); });
    Giver giver(module);
    for (ir::ConvolutionOp op : convolutions) giver.give(op);
    eraseUnusedMoves(module);
  }
};

} // namespace

std::unique_ptr<Pass> createLibraryConvolutionsPass() {
  return std::make_unique<LibraryConvolutions>();
}

} // namespace weir::passes
