// weir-expand-scans: a scan becomes a while loop that counts, takes slices of the inputs and puts
// slices into its stacked outputs. Only the way to dataflow primitives needs this; kernels are made
// of scans as they are.
#include "passes/control_flow/control_flow.h"
#include "passes/control_flow/loops.h"

#include "mlir/IR/BuiltinOps.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::passes {
namespace {

Value zeros(Scalars &at, Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return ConstantOp::create(
      at.b, DenseElementsAttr::get(tensor, at.b.getZeroAttr(tensor.getElementType())));
}

Values expand(ScanOp scan) {
  Scalars at(scan.getLoc(), scan);
  const int64_t trips = scan.getTrips(), carries = scan.numCarries();
  Values inits{at.number(0)};
  llvm::append_range(inits, scan.getInits());
  for (Value y : scan.stackedOutputs()) inits.push_back(zeros(at, y.getType()));
  auto goesOn = [&](Scalars &in, ValueRange c) { return in.less(c[0], in.number(trips)); };
  auto step = [&](Scalars &in, ValueRange c) {
    Value i = scan.getReverse() ? in.sub(in.number(trips - 1), c[0]) : c[0];
    Values arguments(c.slice(1, carries));
    for (Value x : scan.getXs()) arguments.push_back(in.slice(x, i));
    Values yielded = inlineBody(scan.getBody(), arguments, in.b);
    Values next{in.add(c[0], in.number(1))};
    llvm::append_range(next, ValueRange(yielded).take_front(carries));
    for (size_t k = carries; k < yielded.size(); ++k)
      next.push_back(in.setSlice(c[1 + k], i, yielded[k]));
    return next;
  };
  Values finals = trips ? loop(at, inits, goesOn, step) : inits;
  finals.erase(finals.begin());
  return finals;
}

struct ExpandScans : PassWrapper<ExpandScans, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ExpandScans)
  StringRef getArgument() const override { return "weir-expand-scans"; }
  StringRef getDescription() const override { return "make while loops of scans"; }
  void runOnOperation() override {
    // Inner ones first: their loops are part of the bodies that outer ones copy.
    SmallVector<ScanOp> scans;
    getOperation().walk([&](ScanOp scan) { scans.push_back(scan); });
    for (ScanOp scan : scans) {
      scan->replaceAllUsesWith(expand(scan));
      scan.erase();
    }
  }
};

} // namespace

std::unique_ptr<Pass> createExpandScansPass() {
  return std::make_unique<ExpandScans>();
}

} // namespace weir::passes
