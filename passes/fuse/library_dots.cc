// weir-library-dots: dots that cuBLASLt does better than a kernel of ours, for GPUs.
//
// A library does a large product of dense matrices several times as fast as kernels that keep no
// tiles in shared memory, but what follows the dot is then a kernel of its own that reads the
// result again, and small or narrow products leave most of a library's tiles empty. So the library
// gets products that are large in every dim and of much work in all. The bounds are estimates from
// a GPU's figures (some 1e13 operations a second of our own kernels, two microseconds a launch),
// never measured.
//
// Such a dot becomes one of rank 2, or 3 with a batch in front, by views alone; where that would
// need a copy, the dot stays as it is. Windows that a dot's kernel reads in place stay as well.
#include "ir/dialect/library.h"
#include "passes/fuse/fuse.h"
#include "passes/fuse/op_class.h"

#include <numeric>

using namespace mlir;

namespace weir::passes {
namespace {

using Dims = SmallVector<int64_t>;

constexpr int64_t kLeastDim = 32;
constexpr double kLeastFlops = 1 << 27;

int64_t sizeOf(Value v, ArrayRef<int64_t> dims) {
  int64_t size = 1;
  for (int64_t d : dims) size *= shapeOf(v)[d];
  return size;
}

/// The dims of more than one element, as they are ordered in memory.
Dims ordered(Value v, std::initializer_list<ArrayRef<int64_t>> groups) {
  Dims dims;
  for (ArrayRef<int64_t> group : groups)
    for (int64_t d : group)
      if (shapeOf(v)[d] != 1) dims.push_back(d);
  return dims;
}

bool isInOrder(Value v, std::initializer_list<ArrayRef<int64_t>> groups) {
  return llvm::is_sorted(ordered(v, groups));
}

bool readsWindows(Value v) {
  Operation *op = v.getDefiningOp();
  while (isa_and_present<ir::ReshapeOp>(op)) op = op->getOperand(0).getDefiningOp();
  return isa_and_present<ir::UnfoldOp>(op);
}

bool isWorthIt(ir::DotOp dot) {
  const int64_t batch = sizeOf(dot.getLhs(), dot.getLhsBatch()),
                rows = sizeOf(dot.getLhs(), dot.lhsFree()),
                columns = sizeOf(dot.getRhs(), dot.rhsFree()),
                depth = sizeOf(dot.getLhs(), dot.getLhsContract());
  return std::min({rows, columns, depth}) >= kLeastDim &&
         2.0 * double(batch) * double(rows) * double(columns) * double(depth) >= kLeastFlops;
}

/// An operand as [batch, outer, inner] without its batch where there is none.
Value asMatrices(OpBuilder &b, Location loc, Value v, int64_t batch, int64_t outer, int64_t inner) {
  Dims shape{outer, inner};
  if (batch > 1) shape.insert(shape.begin(), batch);
  return ArrayRef(shape) == shapeOf(v) ? v : Value(ir::ReshapeOp::create(b, loc, v, shape));
}

/// Whether the dot was replaced.
bool giveToLibrary(ir::DotOp dot, bool isTf32) {
  Value lhs = dot.getLhs(), rhs = dot.getRhs();
  if (!isa<FloatType>(dot.getType().getElementType()) || !isWorthIt(dot) || readsWindows(lhs) ||
      readsWindows(rhs))
    return false;
  const Dims rows = dot.lhsFree(), columns = dot.rhsFree();
  const bool isLhsPlain = isInOrder(lhs, {dot.getLhsBatch(), rows, dot.getLhsContract()}),
             isRhsPlain = isInOrder(rhs, {dot.getRhsBatch(), dot.getRhsContract(), columns});
  if ((!isLhsPlain && !isInOrder(lhs, {dot.getLhsBatch(), dot.getLhsContract(), rows})) ||
      (!isRhsPlain && !isInOrder(rhs, {dot.getRhsBatch(), columns, dot.getRhsContract()})))
    return false;
  OpBuilder b(dot);
  const int64_t batch = sizeOf(lhs, dot.getLhsBatch()), m = sizeOf(lhs, rows),
                n = sizeOf(rhs, columns), k = sizeOf(lhs, dot.getLhsContract());
  lhs = asMatrices(b, dot.getLoc(), lhs, batch, isLhsPlain ? m : k, isLhsPlain ? k : m);
  rhs = asMatrices(b, dot.getLoc(), rhs, batch, isRhsPlain ? k : n, isRhsPlain ? n : k);
  const int64_t first = batch > 1 ? 1 : 0;
  const Dims batchDims = batch > 1 ? Dims{0} : Dims{};
  auto product =
      ir::DotOp::create(b, dot.getLoc(), lhs, rhs, batchDims, batchDims,
                        Dims{first + (isLhsPlain ? 1 : 0)}, Dims{first + (isRhsPlain ? 0 : 1)});
  product->setAttr(ir::kLibraryAttr, b.getUnitAttr());
  if (isTf32 && dot.getType().getElementType().isF32())
    product->setAttr(ir::kTf32Attr, b.getUnitAttr());
  Value result = product;
  if (result.getType() != dot.getType())
    result = ir::ReshapeOp::create(b, dot.getLoc(), result, shapeOf(dot.getResult()));
  dot.replaceAllUsesWith(result);
  dot.erase();
  return true;
}

struct LibraryDots : PassWrapper<LibraryDots, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(LibraryDots)
  StringRef getArgument() const final { return "weir-library-dots"; }
  StringRef getDescription() const final { return "give large dots to a library"; }

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto libraries = module->getAttrOfType<StringAttr>(ir::kLibrariesAttr);
    if (libraries && libraries.getValue() == ir::kNoLibraries) return markAllAnalysesPreserved();
    const bool isTf32 = module->hasAttr(ir::kTf32Attr);
    SmallVector<ir::DotOp> dots;
    module.walk([&](ir::DotOp dot) { dots.push_back(dot); });
    for (ir::DotOp dot : dots) giveToLibrary(dot, isTf32);
  }
};

} // namespace

std::unique_ptr<Pass> createLibraryDotsPass() {
  return std::make_unique<LibraryDots>();
}

} // namespace weir::passes
