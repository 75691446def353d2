// dot and convolution are linear in each operand; their transposes are dots and convolutions of the
// cotangent with the other operand.
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

/// What must be padded above so that a window of `window` elements takes `positions` positions.
static int64_t highFor(int64_t positions, int64_t stride, int64_t window, int64_t dilation,
                       int64_t size, int64_t sizeDilation, int64_t low) {
  return (positions - 1) * stride + (window - 1) * dilation - (size - 1) * sizeDilation - low;
}

/// The cotangent, dilated by the strides, meets the reversed window; O is contracted.
static Value transposeInLhs(RuleBuilder &b, ConvolutionOp op, Value ct) {
  int64_t rank = tensorType(ct).getRank();
  SmallVector<int64_t> spatial = llvm::to_vector(llvm::seq<int64_t>(3, rank)), low, high;
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  std::swap(order[1], order[2]);
  Value rhs = op.getRhs();
  if (!spatial.empty()) rhs = ReverseOp::create(b, rhs, spatial);
  for (auto [d, dim] : llvm::enumerate(spatial)) {
    int64_t window = shapeOf(rhs)[dim], dilation = op.getRhsDilation()[d];
    low.push_back((window - 1) * dilation - op.getLow()[d]);
    high.push_back(highFor(shapeOf(op.getLhs())[dim], op.getLhsDilation()[d], window, dilation,
                           shapeOf(ct)[dim], op.getStrides()[d], low.back()));
  }
  return ConvolutionOp::create(b, ct, transposed(b, rhs, order), op.getLhsDilation(), low, high,
                               op.getStrides(), op.getRhsDilation());
}

/// lhs meets the cotangent as its window; N is contracted, and C takes its place.
static Value transposeInRhs(RuleBuilder &b, ConvolutionOp op, Value ct) {
  int64_t rank = tensorType(ct).getRank();
  SmallVector<int64_t> high, last = llvm::to_vector(llvm::seq<int64_t>(3, rank));
  auto order = [&](int64_t x, int64_t y, int64_t z) {
    SmallVector<int64_t> dims = {x, y, z};
    dims.append(last);
    return dims;
  };
  for (auto [d, dim] : llvm::enumerate(last))
    high.push_back(highFor(shapeOf(op.getRhs())[dim], op.getRhsDilation()[d], shapeOf(ct)[dim],
                           op.getStrides()[d], shapeOf(op.getLhs())[dim], op.getLhsDilation()[d],
                           op.getLow()[d]));
  Value lhs = transposed(b, op.getLhs(), order(2, 1, 0)); // [C, G, N, ...]
  Value window = transposed(b, ct, order(1, 2, 0));       // [G, O, N, ...]
  Value result = ConvolutionOp::create(b, lhs, window, op.getRhsDilation(), op.getLow(), high,
                                       op.getLhsDilation(), op.getStrides());
  return transposed(b, result, order(1, 2, 0)); // [C, G, O, ...] -> [G, O, C, ...]
}

static Value transposeConvolution(RuleBuilder &b, ConvolutionOp op, Value ct, unsigned operand) {
  for (Value value : {op.getLhs(), op.getRhs(), op.getResult()})
    if (tensorType(value).getNumElements() == 0) return zerosLike(b, op->getOperand(operand));
  return operand == 0 ? transposeInLhs(b, op, ct) : transposeInRhs(b, op, ct);
}

void addContractionRules(DerivativeRules &c) {
  multilinear<ConvolutionOp>(c, transposeConvolution);
  multilinear<DotOp>(c, transposeDot);
}

} // namespace weir::autodiff
