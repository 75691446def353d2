// Reductions over the same groups in buckets: what they reduce is laid side by side and goes as one
// message. A bucket goes where its last member went, so that what is computed later overlaps with
// it; it is closed when it is full, and before anything that depends on one of its members is
// reduced. So no two buckets can wait for each other.
// Source: Li et al. 2020 (PyTorch Distributed), section 3.2.3.
#include "distributed/partition/partition.h"

#include "distributed/partition/local_ops.h"
#include "ir/collective/spmd.h"
#include "ir/dialect/weir.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/SetVector.h"

#include <optional>

using namespace mlir;
using namespace weir::ir;

namespace weir::distributed {
namespace {

RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// What members of a bucket have in common.
struct Kind {
  OperationName op;
  Attribute combiner, axes;
  Type element;

  static std::optional<Kind> of(Operation *op) {
    Type element = op->getNumOperands() ? typeOf(op->getOperand(0)).getElementType() : Type();
    if (auto reduce = dyn_cast<spmd::AllReduceOp>(op); reduce && reduce.getLocal())
      return Kind{op->getName(), reduce.getCombinerAttr(), reduce.getAxesAttr(), element};
    if (auto reduce = dyn_cast<spmd::ReduceScatterOp>(op); reduce && reduce.getLocal())
      return Kind{op->getName(), reduce.getCombinerAttr(), reduce.getAxesAttr(), element};
    return std::nullopt;
  }
  bool operator==(const Kind &) const = default;
};

struct Bucket {
  Kind kind;
  SmallVector<Operation *> members;
  llvm::SetVector<Operation *> dependents; ///< ops behind a member that take what follows from it
  int64_t bytes = 0;
};

class Bucketer {
public:
  Bucketer(Block &block, int64_t limit) : block(block), limit(limit) {}

  void run() {
    for (Operation &op : llvm::make_early_inc_range(block)) visit(&op);
    while (!open.empty()) close(0);
  }

private:
  void visit(Operation *op) {
    std::optional<Kind> kind = Kind::of(op);
    for (size_t i = open.size(); i-- > 0;) {
      if (!dependsOn(op, open[i])) continue;
      if (kind)
        close(i);
      else
        open[i].dependents.insert(op);
    }
    if (!kind) return;
    const int64_t bytes =
        typeOf(op->getOperand(0)).getNumElements() * elementBytes(op->getOperand(0));
    if (bytes >= limit) return;
    auto at = llvm::find_if(open, [&](const Bucket &bucket) { return bucket.kind == *kind; });
    if (at != open.end() && at->bytes + bytes > limit) {
      close(static_cast<size_t>(at - open.begin()));
      at = open.end();
    }
    if (at == open.end()) {
      open.push_back({*kind, {}, {}, 0});
      at = std::prev(open.end());
    }
    at->members.push_back(op);
    at->bytes += bytes;
  }

  /// Does `op`, or one inside of it, take what a member gives, or what follows from that?
  bool dependsOn(Operation *op, const Bucket &bucket) const {
    WalkResult found = op->walk([&](Operation *inner) {
      for (Value operand : inner->getOperands()) {
        Operation *from = operand.getDefiningOp();
        if (from && from->getBlock() == &block &&
            (llvm::is_contained(bucket.members, from) || bucket.dependents.contains(from)))
          return WalkResult::interrupt();
      }
      return WalkResult::advance();
    });
    return found.wasInterrupted();
  }

  void close(size_t index) {
    Bucket bucket = std::move(open[index]);
    open.erase(open.begin() + static_cast<std::ptrdiff_t>(index));
    if (bucket.members.size() > 1) combine(bucket);
  }

  void combine(const Bucket &bucket) {
    Operation *last = bucket.members.back(), *after = last;
    for (Operation *op : bucket.dependents) { // those behind the last member stay where they are
      if (last->isBeforeInBlock(op)) continue;
      op->moveAfter(after);
      after = op;
    }
    SmallVector<Location> places;
    for (Operation *member : bucket.members) places.push_back(member->getLoc());
    ImplicitLocOpBuilder b(FusedLoc::get(last->getContext(), places), last);
    if (isa<spmd::AllReduceOp>(last))
      reduceAll(b, bucket.members);
    else
      scatterAll(b, bucket.members);
    for (Operation *member : bucket.members) member->erase();
  }

  /// Each as a row [1, n] of [1, sum of n].
  void reduceAll(ImplicitLocOpBuilder &b, ArrayRef<Operation *> members) {
    auto like = cast<spmd::AllReduceOp>(members.back());
    Value together = sideBySide(b, members, 1);
    auto reduced =
        spmd::AllReduceOp::create(b, together.getType(), together, like.getCombinerAttr(),
                                  like.getAxesAttr(), like.getPartsAttr(), b.getUnitAttr());
    takeApart(b, reduced, members);
  }

  /// Each as a row [n / parts] for each device: [parts, sum of n / parts].
  void scatterAll(ImplicitLocOpBuilder &b, ArrayRef<Operation *> members) {
    auto like = cast<spmd::ReduceScatterOp>(members.back());
    const auto parts = static_cast<int64_t>(like.getParts());
    Value together = sideBySide(b, members, parts);
    auto piece = typeOf(together).clone({1, typeOf(together).getDimSize(1)});
    auto scattered = spmd::ReduceScatterOp::create(b, piece, together, like.getCombinerAttr(),
                                                   b.getI64IntegerAttr(0), like.getAxesAttr(),
                                                   like.getPartsAttr(), b.getUnitAttr());
    takeApart(b, scattered, members);
  }

  static Value sideBySide(ImplicitLocOpBuilder &b, ArrayRef<Operation *> members, int64_t rows) {
    SmallVector<Value> columns;
    for (Operation *member : members) {
      Value value = member->getOperand(0);
      columns.push_back(
          ReshapeOp::create(b, value, ArrayRef{rows, typeOf(value).getNumElements() / rows}));
    }
    return ConcatenateOp::create(b, columns, 1);
  }

  static void takeApart(ImplicitLocOpBuilder &b, Operation *together,
                        ArrayRef<Operation *> members) {
    keepNotes(together, members.front());
    if (auto reason = together->getAttrOfType<StringAttr>(spmd::kReasonAttr))
      together->setAttr(spmd::kReasonAttr,
                        b.getStringAttr(reason.getValue() + ", and " + Twine(members.size() - 1) +
                                        " more in this bucket"));
    int64_t start = 0;
    for (Operation *member : members) {
      RankedTensorType type = typeOf(member->getResult(0));
      const int64_t end = start + type.getNumElements();
      Value columns = SliceOp::create(b, together->getResult(0), ArrayRef<int64_t>{0, start},
                                      ArrayRef<int64_t>{1, end}, ArrayRef<int64_t>{1, 1});
      member->getResult(0).replaceAllUsesWith(ReshapeOp::create(b, columns, type.getShape()));
      start = end;
    }
  }

  Block &block;
  int64_t limit;
  SmallVector<Bucket> open;
};

} // namespace

LogicalResult combineReductions(func::FuncOp function) {
  Attribute said = function->getParentOfType<ModuleOp>()->getAttr(spmd::kBucketBytesAttr);
  if (!said) return success();
  auto limit = dyn_cast<IntegerAttr>(said);
  if (!limit || limit.getInt() < 0)
    return function.emitError() << spmd::kBucketBytesAttr << " is a number of bytes, not " << said;
  Bucketer(function.front(), limit.getInt()).run();
  return success();
}

} // namespace weir::distributed
