// dot is linear in each operand; both transposes are dots of the cotangent with the other operand.
#include "autodiff/models/models.h"
#include "autodiff/rules/rules.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::autodiff {

namespace {
/// A dot that gives the cotangent of `operand`, and where its result dims belong in that operand.
struct DotTranspose {
  Value lhs, rhs;
  SmallVector<int64_t> lhsBatch, rhsBatch, lhsContract, rhsContract;
  SmallVector<int64_t> operandDim; ///< of each result dim
};
} // namespace

/// Dims of the operand in the order of `others`' contracted dims, which a dot leaves ascending.
static SmallVector<int64_t> pairedAscending(ArrayRef<int64_t> mine, ArrayRef<int64_t> others) {
  SmallVector<std::pair<int64_t, int64_t>> pairs;
  for (auto [m, o] : llvm::zip(mine, others)) pairs.push_back({o, m});
  llvm::sort(pairs);
  return llvm::map_to_vector(pairs, [](auto pair) { return pair.second; });
}

/// Contracts the cotangent with the other operand over the other's free dims. `cotangentFirst`
/// orders the factors.
static DotTranspose plan(DotOp op, Value ct, unsigned operand, bool cotangentFirst) {
  bool left = operand == 0;
  ArrayRef<int64_t> mineBatch = left ? op.getLhsBatch() : op.getRhsBatch();
  ArrayRef<int64_t> otherBatch = left ? op.getRhsBatch() : op.getLhsBatch();
  SmallVector<int64_t> mineFree = left ? op.lhsFree() : op.rhsFree();
  SmallVector<int64_t> otherFree = left ? op.rhsFree() : op.lhsFree();
  SmallVector<int64_t> contracted = left
                                        ? pairedAscending(op.getLhsContract(), op.getRhsContract())
                                        : pairedAscending(op.getRhsContract(), op.getLhsContract());
  // The cotangent's dims are batch, lhs free, rhs free.
  int64_t batch = mineBatch.size(), first = batch + (left ? mineFree.size() : 0);
  SmallVector<int64_t> ctBatch = llvm::to_vector(llvm::seq<int64_t>(0, batch));
  SmallVector<int64_t> ctContract =
      llvm::to_vector(llvm::seq<int64_t>(first, first + otherFree.size()));
  Value other = op->getOperand(1 - operand);

  DotTranspose t;
  t.operandDim.assign(mineBatch.begin(), mineBatch.end());
  llvm::append_range(t.operandDim, cotangentFirst ? mineFree : contracted);
  llvm::append_range(t.operandDim, cotangentFirst ? contracted : mineFree);
  t.lhs = cotangentFirst ? ct : other;
  t.rhs = cotangentFirst ? other : ct;
  t.lhsBatch = cotangentFirst ? ctBatch : SmallVector<int64_t>(otherBatch);
  t.rhsBatch = cotangentFirst ? SmallVector<int64_t>(otherBatch) : ctBatch;
  t.lhsContract = cotangentFirst ? ctContract : otherFree;
  t.rhsContract = cotangentFirst ? otherFree : ctContract;
  return t;
}

static Value transposeDot(RuleBuilder &b, DotOp op, Value ct, unsigned operand) {
  // Prefer the order of factors whose result needs no transpose.
  DotTranspose t = plan(op, ct, operand, operand == 0);
  if (!llvm::is_sorted(t.operandDim)) {
    DotTranspose swapped = plan(op, ct, operand, operand != 0);
    if (llvm::is_sorted(swapped.operandDim)) t = swapped;
  }
  Value result =
      DotOp::create(b, t.lhs, t.rhs, t.lhsBatch, t.rhsBatch, t.lhsContract, t.rhsContract);
  SmallVector<int64_t> permutation(t.operandDim.size());
  for (auto [from, to] : llvm::enumerate(t.operandDim)) permutation[to] = from;
  return transposed(b, result, permutation);
}

void addContractionRules(DerivativeRules &c) {
  multilinear<DotOp>(c, transposeDot);
}

} // namespace weir::autodiff
