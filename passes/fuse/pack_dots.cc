// weir-pack-dots: every dot gets a form that codegen has a kernel for.
//
// 1. Adjacent batch, free and contracted dims are merged by views, so that most dots are plain
// matrix products.
// 2. The right operand's last dim becomes a free one, the vector dim: operands are swapped if only
// the left one has free dims, and a right operand whose last dim is contracted is transposed to
// [batch, contracted, free], once for all dots that read it.
// 3. A large right operand is laid out in panels, [batch, free / w, contracted, w], where its rows
// are far apart and many rows of the left operand read it.
// 4. A dot whose vector dim would be missing or would cost a transpose as large as the dot itself
// (dot products, matrix times vector) becomes a product and a reduction.
#include "ir/dialect/library.h"
#include "mlir/IR/PatternMatch.h"
#include "passes/fuse/fuse.h"
#include "passes/fuse/op_class.h"
#include "passes/fuse/widen_sums.h"
#include "llvm/ADT/SetVector.h"

#include <numeric>

using namespace mlir;

namespace weir::passes {
namespace {

using Dims = SmallVector<int64_t>;

constexpr int64_t kPanelRowBytes = 128;             ///< two cache lines: a register tile's width
constexpr int64_t kLeastPanels = 4;                 ///< fewer: rows are not far apart
constexpr int64_t kFewRows = 256, kManyRows = 1024; ///< of the left operand
constexpr int64_t kLargeBytes = 1 << 20, kHugeBytes = 8 << 20; ///< of the right one

/// The dimension numbers of a dot, in a form that can be changed.
struct Dot {
  Value lhs, rhs;
  Dims lhsBatch, rhsBatch, lhsContract, rhsContract, lhsFree, rhsFree;

  explicit Dot(ir::DotOp op)
      : lhs(op.getLhs()), rhs(op.getRhs()), lhsBatch(op.getLhsBatch()), rhsBatch(op.getRhsBatch()),
        lhsContract(op.getLhsContract()), rhsContract(op.getRhsContract()), lhsFree(op.lhsFree()),
        rhsFree(op.rhsFree()) {}

  void swapOperands() {
    std::swap(lhs, rhs);
    std::swap(lhsBatch, rhsBatch);
    std::swap(lhsContract, rhsContract);
    std::swap(lhsFree, rhsFree);
  }
};

Dims sizesOf(Value v, ArrayRef<int64_t> dims) {
  return llvm::to_vector(llvm::map_range(dims, [&](int64_t d) { return shapeOf(v)[d]; }));
}

int64_t product(ArrayRef<int64_t> sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), int64_t(1), std::multiplies<>());
}

Dims concat(std::initializer_list<ArrayRef<int64_t>> parts) {
  Dims all;
  for (ArrayRef<int64_t> part : parts) all.append(part.begin(), part.end());
  return all;
}

bool isAscendingByOne(ArrayRef<int64_t> dims) {
  for (size_t i = 1; i < dims.size(); ++i)
    if (dims[i] != dims[i - 1] + 1) return false;
  return true;
}

Value transposed(OpBuilder &b, Location loc, Value v, ArrayRef<int64_t> permutation) {
  if (llvm::is_sorted(permutation)) return v;
  return ir::TransposeOp::create(b, loc, v, permutation);
}

/// Replaces runs of adjacent dims by single ones; `groups` are lists of dims of `v`, updated to the
/// new numbering.
Value mergeDims(OpBuilder &b, Location loc, Value v, ArrayRef<Dims *> groups) {
  SmallVector<std::pair<int64_t, Dims *>> starts; // first dim and its group
  for (Dims *group : groups)
    if (!group->empty()) starts.push_back({group->front(), group});
  llvm::sort(starts, [](auto &x, auto &y) { return x.first < y.first; });
  Dims shape;
  for (auto &[first, group] : starts) {
    shape.push_back(product(sizesOf(v, *group)));
    *group = {int64_t(shape.size()) - 1};
  }
  return shape == Dims(shapeOf(v)) ? v : Value(ir::ReshapeOp::create(b, loc, v, shape));
}

class PackDot {
public:
  PackDot(ir::DotOp op, llvm::DenseMap<std::pair<Value, Attribute>, Value> &packed)
      : op(op), b(op), loc(op.getLoc()), dot(op), packed(packed) {}

  void run() {
    if (dot.rhsFree.empty()) dot.swapOperands(); // the result's dims stay: one side had none
    bool needsPacking =
        dot.rhsFree.empty() || dot.rhsFree.back() != int64_t(shapeOf(dot.rhs).size()) - 1;
    Value result;
    if (needsPacking && (dot.rhsFree.empty() || dot.lhsFree.empty())) {
      result = multiplyAndReduce();
    } else {
      if (wantsPanels(needsPacking))
        layOutPanels();
      else if (needsPacking)
        packRhs();
      mergeAll();
      result = ir::DotOp::create(b, loc, dot.lhs, dot.rhs, dot.lhsBatch, dot.rhsBatch,
                                 dot.lhsContract, dot.rhsContract);
    }
    if (result.getType() != op.getType())
      result = ir::ReshapeOp::create(b, loc, result, shapeOf(op.getResult()));
    op.replaceAllUsesWith(result);
    op.erase();
  }

private:
  /// sum over contracted dims of lhs * rhs, both brought to [batch, free of the rhs, contracted].
  Value multiplyAndReduce() {
    Dims lhsOrder = concat({dot.lhsBatch, dot.lhsFree, dot.lhsContract});
    Dims rhsOrder = concat({dot.rhsBatch, dot.rhsFree, dot.rhsContract});
    Value lhs = transposed(b, loc, dot.lhs, lhsOrder), rhs = transposed(b, loc, dot.rhs, rhsOrder);
    int64_t batch = dot.lhsBatch.size(), free = dot.rhsFree.size(),
            contract = dot.rhsContract.size();
    if (lhs.getType() != rhs.getType()) { // the lhs has no free dims: repeat it along the rhs's
      Dims dims;
      for (int64_t d = 0; d < batch; ++d) dims.push_back(d);
      for (int64_t d = 0; d < contract; ++d) dims.push_back(batch + free + d);
      lhs = ir::BroadcastOp::create(b, loc, lhs, shapeOf(rhs), dims);
    }
    if (contract == 0) return ir::MulOp::create(b, loc, lhs, rhs);
    Value products = ir::MulOp::create(b, loc, widened(b, loc, lhs), widened(b, loc, rhs));
    auto dims = llvm::to_vector(llvm::seq<int64_t>(batch + free, batch + free + contract));
    return narrowed(b, loc, ir::ReduceSumOp::create(b, loc, products, dims), op.getType());
  }

  /// Measured: a dot kernel that copies its column tiles from distant rows itself reaches 80 to 95
  /// % of the peak, less the larger the operand; one that reads panels 90 to 95 %, but making
  /// panels costs as much as 30 rows, unless a transposed copy has to be made anyway.
  bool wantsPanels(bool isTransposed) const {
    if (dot.rhsFree.size() != 1 || dot.rhsContract.size() != 1) return false;
    int64_t rows = product(sizesOf(dot.lhs, dot.lhsFree)), columns = columnsOfRhs();
    int64_t bytes = bytesOf(dot.rhs) / product(sizesOf(dot.rhs, dot.rhsBatch));
    if (columns % panelColumns() || columns < kLeastPanels * panelColumns()) return false;
    if (isTransposed) return rows >= kFewRows && bytes >= kLargeBytes;
    return rows >= kManyRows && bytes >= kHugeBytes;
  }
  int64_t columnsOfRhs() const { return shapeOf(dot.rhs)[dot.rhsFree.front()]; }
  int64_t panelColumns() const { return kPanelRowBytes / elementBytes(dot.rhs.getType()); }

  void packRhs() {
    dot.rhs = packedCopy(dot.rhs, concat({dot.rhsBatch, dot.rhsContract, dot.rhsFree}));
    number({&dot.rhsBatch, &dot.rhsContract, &dot.rhsFree});
  }

  /// The free dim becomes two, [free / w, w], with the contracted one between them.
  void layOutPanels() {
    int64_t free = dot.rhsFree.front(), contract = dot.rhsContract.front();
    Dims shape(shapeOf(dot.rhs)), order;
    shape[free] /= panelColumns();
    shape.insert(shape.begin() + free + 1, panelColumns());
    auto moved = [&](int64_t d) { return d > free ? d + 1 : d; };
    for (int64_t d : dot.rhsBatch) order.push_back(moved(d));
    order.append({free, moved(contract), free + 1});
    dot.rhs = packedCopy(dot.rhs, order, shape);
    Dims outer{0}, inner{0};
    number({&dot.rhsBatch, &outer, &dot.rhsContract, &inner});
    dot.rhsFree = concat({outer, inner});
  }

  /// `v`, seen in `shape` if there is one, with its dims in `order`; made once for all dots.
  Value packedCopy(Value v, ArrayRef<int64_t> order, ArrayRef<int64_t> shape = {}) {
    Value &copy = packed[{v, b.getDenseI64ArrayAttr(order)}];
    if (copy) return copy;
    // Just before the first dot that reads it, but outside of loops that it does not change in.
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(v.getParentBlock()->findAncestorOpInBlock(*op));
    if (!shape.empty()) v = ir::ReshapeOp::create(b, loc, v, shape);
    return copy = transposed(b, loc, v, order);
  }

  static void number(std::initializer_list<Dims *> groups) {
    int64_t next = 0;
    for (Dims *dims : groups)
      for (int64_t &d : *dims) d = next++;
  }

  /// Merges each group of dims where it is adjacent and in one order in all the tensors that have
  /// it.
  void mergeAll() {
    auto mergeable = [](ArrayRef<Dims *> groups) {
      return llvm::all_of(groups, [](Dims *g) { return isAscendingByOne(*g); });
    };
    SmallVector<Dims> singles; // dims that stay as they are, each a group of one
    singles.reserve(2 * (shapeOf(dot.lhs).size() + shapeOf(dot.rhs).size()));
    SmallVector<Dims *> lhsGroups, rhsGroups;
    SmallVector<std::pair<Dims *, std::pair<size_t, size_t>>> split;
    auto add = [&](Dims &dims, SmallVector<Dims *> &groups, bool merge) {
      if (merge) return groups.push_back(&dims);
      split.push_back({&dims, {singles.size(), dims.size()}});
      for (int64_t d : dims) {
        singles.push_back({d});
        groups.push_back(&singles.back());
      }
    };
    bool batch = mergeable({&dot.lhsBatch, &dot.rhsBatch}),
         contract = mergeable({&dot.lhsContract, &dot.rhsContract});
    add(dot.lhsBatch, lhsGroups, batch);
    add(dot.rhsBatch, rhsGroups, batch);
    add(dot.lhsContract, lhsGroups, contract);
    add(dot.rhsContract, rhsGroups, contract);
    add(dot.lhsFree, lhsGroups, mergeable({&dot.lhsFree}));
    add(dot.rhsFree, rhsGroups, mergeable({&dot.rhsFree}));
    dot.lhs = mergeDims(b, loc, dot.lhs, lhsGroups);
    dot.rhs = mergeDims(b, loc, dot.rhs, rhsGroups);
    for (auto &[dims, range] : split)
      for (size_t i = 0; i < range.second; ++i) (*dims)[i] = singles[range.first + i].front();
  }

  ir::DotOp op;
  OpBuilder b;
  Location loc;
  Dot dot;
  llvm::DenseMap<std::pair<Value, Attribute>, Value> &packed;
};

struct PackDots : PassWrapper<PackDots, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(PackDots)
  StringRef getArgument() const final { return "weir-pack-dots"; }
  StringRef getDescription() const final { return "give dots the form that their kernels need"; }

  void runOnOperation() override {
    SmallVector<ir::DotOp> dots;
    getOperation().walk([&](ir::DotOp dot) {
      if (!dot->hasAttr(ir::kLibraryAttr)) dots.push_back(dot);
    });
    llvm::DenseMap<std::pair<Value, Attribute>, Value> packed;
    for (ir::DotOp dot : dots) PackDot(dot, packed).run();
  }
};

} // namespace

std::unique_ptr<Pass> createPackDotsPass() {
  return std::make_unique<PackDots>();
}

} // namespace weir::passes
