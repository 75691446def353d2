// barrier: the identity, also on tangents and cotangents. Only those that are not zero pass through
// the copy.
#include "autodiff/models/models.h"
#include "autodiff/rules/rules.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::autodiff {

/// A barrier over the values that are there; `put(i, value)` for each.
static void barrierOver(RuleBuilder &b, ArrayRef<Value> values,
                        llvm::function_ref<void(unsigned, Value)> put) {
  SmallVector<Value> present;
  llvm::copy_if(values, std::back_inserter(present), [](Value value) { return value != nullptr; });
  if (present.empty()) return;
  auto results = BarrierOp::create(b, present).getOutputs().begin();
  for (auto [i, value] : llvm::enumerate(values))
    if (value) put(i, *results++);
}

void addStateRules(DerivativeRules &c) {
  c.add<BarrierOp>({Derivative::Linear,
                    [](Forward &f) {
                      barrierOver(f.b, f.tangents,
                                  [&](unsigned i, Value t) { f.resultTangents[i] = t; });
                    },
                    [](Backward &r) { barrierOver(r.b, r.cotangents, r.give); }});
}

} // namespace weir::autodiff
