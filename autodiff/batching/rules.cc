// Rules that only edit attributes: numbers of dims go up by one, lists with an entry for each dim
// get one for the batch, elementwise ops stay as they are. And the table of all rules.
#include "autodiff/batching/batch.h"

#include "llvm/ADT/DenseMap.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::autodiff {

namespace {

/// How an attribute changes.
enum class Edit {
  Dim,   ///< a dim, or a number of leading dims: one more
  Dims,  ///< dims: each one more
  Moves, ///< where dims go: each one more, the batch stays first
  Zero,  ///< an entry for each dim: 0 for the batch
  One,   ///< 1 for the batch
  Size   ///< the size of the batch
};

struct AttributeRule {
  std::vector<std::pair<llvm::StringRef, Edit>> edits;
  /// An operand that must be the same for every slice, and has no batch; -1: none.
  int shared = -1;
};

using Table = llvm::DenseMap<TypeID, AttributeRule>;

template <typename... Ops> void add(Table &table, const AttributeRule &rule) {
  ((table[TypeID::get<Ops>()] = rule), ...);
}

} // namespace

static Attribute edited(OpBuilder &b, Attribute attribute, Edit edit, int64_t size) {
  if (edit == Edit::Dim) {
    auto number = cast<IntegerAttr>(attribute);
    return b.getIntegerAttr(number.getType(), number.getInt() + 1);
  }
  SmallVector<int64_t> list(cast<DenseI64ArrayAttr>(attribute).asArrayRef());
  if (edit == Edit::Dims || edit == Edit::Moves)
    for (int64_t &dim : list) ++dim;
  if (edit != Edit::Dims)
    list.insert(list.begin(), edit == Edit::Size ? size : edit == Edit::One ? 1 : 0);
  return b.getDenseI64ArrayAttr(list);
}

static Table makeTable() {
  Table t;
  add<BroadcastOp>(t, {{{"shape", Edit::Size}, {"dims", Edit::Moves}}});
  add<ReshapeOp>(t, {{{"shape", Edit::Size}}});
  add<TransposeOp>(t, {{{"permutation", Edit::Moves}}});
  add<SliceOp>(t, {{{"starts", Edit::Zero}, {"limits", Edit::Size}, {"strides", Edit::One}}});
  add<PadOp>(t, {{{"low", Edit::Zero}, {"high", Edit::Zero}, {"interior", Edit::Zero}}, 1});
  add<UnfoldOp>(t, {{{"dims", Edit::Dims}}, 1});
  add<ConcatenateOp, ArgmaxOp, ArgminOp, CumulativeSumOp, CumulativeProdOp, CumulativeMaxOp,
      CumulativeMinOp, CumulativeLogsumexpOp, LinearRecurrenceOp, SortOp>(t,
                                                                          {{{"dim", Edit::Dim}}});
  add<ReverseOp, ReduceSumOp, ReduceMaxOp, ReduceMinOp, ReduceProdOp, ReduceAndOp, ReduceOrOp,
      FoldOp>(t, {{{"dims", Edit::Dims}}});
  add<GatherOp, ScatterAddOp, ScatterMulOp, ScatterMaxOp, ScatterMinOp, ScatterSetOp>(
      t, {{{"dim", Edit::Dim}, {"batch_dims", Edit::Dim}}});
  return t;
}

static const AttributeRule *attributeRuleOf(Operation *op) {
  static const Table *table = new Table(makeTable());
  static const AttributeRule *unchanged = new AttributeRule;
  if (op->hasTrait<OpTrait::Elementwise>() && isa<InferTypeOpInterface>(op)) return unchanged;
  auto it = table->find(op->getName().getTypeID());
  return it == table->end() ? nullptr : &it->second;
}

static FailureOr<bool> batchByAttributes(Batch &batch, Operation *op, RuleBuilder &b) {
  const AttributeRule &rule = *attributeRuleOf(op);
  if (rule.shared >= 0 && batch.differs(op->getOperand(rule.shared))) return false;
  SmallVector<Value> operands;
  for (auto [i, v] : llvm::enumerate(op->getOperands()))
    operands.push_back(static_cast<int>(i) == rule.shared ? batch.copy(v) : batch.batched(b, v));
  NamedAttrList attributes(op->getAttrDictionary());
  for (auto [name, edit] : rule.edits)
    attributes.set(name, edited(b, attributes.get(name), edit, batch.size));
  auto copy =
      buildChecked(b, b.getLoc(), op->getName().getStringRef(), operands, attributes.getAttrs());
  if (failed(copy)) return failure();
  for (auto [source, result] : llvm::zip(op->getResults(), (*copy)->getResults()))
    batch.bind(source, result);
  return true;
}

static FailureOr<bool> batchBarrier(Batch &batch, Operation *op, RuleBuilder &b) {
  SmallVector<Value> inputs;
  for (Value v : op->getOperands()) inputs.push_back(batch.batched(b, v));
  auto barrier = BarrierOp::create(b, inputs);
  for (auto [source, result] : llvm::zip(op->getResults(), barrier->getResults()))
    batch.bind(source, result);
  return true;
}

BatchRule batchRuleOf(Operation *op) {
  static const auto *rules = new llvm::DenseMap<TypeID, BatchRule>{
      {TypeID::get<BarrierOp>(), batchBarrier},
      {TypeID::get<DotOp>(), batchDot},
      {TypeID::get<ConvolutionOp>(), batchConvolution},
      {TypeID::get<GatherOp>(), batchGather},
      {TypeID::get<DynamicSliceOp>(), batchDynamicSlice},
      {TypeID::get<DynamicUpdateSliceOp>(), batchDynamicUpdateSlice},
      {TypeID::get<IfOp>(), batchIf},
      {TypeID::get<ScanOp>(), batchScan},
      {TypeID::get<WhileOp>(), batchWhile},
      {TypeID::get<SweepOp>(), batchSweep},
      {TypeID::get<CallOp>(), batchCall},
      {TypeID::get<CustomJvpOp>(), batchCustomJvp},
      {TypeID::get<CustomVjpOp>(), batchCustomVjp},
      {TypeID::get<CustomLinearOp>(), batchCustomLinear}};
  if (BatchRule rule = rules->lookup(op->getName().getTypeID())) return rule;
  return attributeRuleOf(op) ? batchByAttributes : nullptr;
}

FailureOr<bool> batchGather(Batch &batch, Operation *op, RuleBuilder &b) {
  auto gather = cast<GatherOp>(op);
  bool both = batch.differs(gather.getOperand()) && batch.differs(gather.getIndices());
  if (both || gather.getBatchDims() > 0) return batchByAttributes(batch, op, b);
  // The batch is one more dim of the operand, or of the indices: nothing is repeated.
  int64_t dim = gather.getDim(), isOperand = batch.differs(gather.getOperand());
  Value picked = GatherOp::create(b, batch.copy(gather.getOperand()),
                                  batch.copy(gather.getIndices()), dim + isOperand, 0);
  batch.bind(gather.getResult(), isOperand ? picked : withDimAt(b, picked, dim, 0));
  return true;
}

/// `starts` behind that of the batch; none when they differ.
static SmallVector<Value> startsOf(Batch &batch, ValueRange starts, RuleBuilder &b) {
  SmallVector<Value> all;
  if (llvm::any_of(starts, [&](Value v) { return batch.differs(v); })) return all;
  if (!starts.empty()) all.push_back(zeros(b, starts[0].getType()));
  llvm::append_range(all, batch.copiesOf(starts));
  return all;
}

FailureOr<bool> batchDynamicSlice(Batch &batch, Operation *op, RuleBuilder &b) {
  auto slice = cast<DynamicSliceOp>(op);
  SmallVector<Value> starts = startsOf(batch, slice.getStarts(), b);
  if (starts.empty()) return false;
  SmallVector<int64_t> sizes{batch.size};
  llvm::append_range(sizes, slice.getSizes());
  batch.bind(slice.getResult(),
             DynamicSliceOp::create(b, batch.copy(slice.getOperand()), starts, sizes));
  return true;
}

FailureOr<bool> batchDynamicUpdateSlice(Batch &batch, Operation *op, RuleBuilder &b) {
  auto slice = cast<DynamicUpdateSliceOp>(op);
  SmallVector<Value> starts = startsOf(batch, slice.getStarts(), b);
  if (starts.empty()) return false;
  Value operand = batch.batched(b, slice.getOperand()),
        update = batch.batched(b, slice.getUpdate());
  batch.bind(slice.getResult(), DynamicUpdateSliceOp::create(b, operand, update, starts));
  return true;
}

} // namespace weir::autodiff
