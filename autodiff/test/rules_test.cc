// Every op of the dialect has the rule that its derivative class asks for, or none where the
// derivative is zero. features: A6
#include "autodiff/models/rules.h"
#include "autodiff/transforms/passes.h"
#include "mlir/IR/MLIRContext.h"

#include <gtest/gtest.h>
#include <set>

namespace weir::autodiff {
namespace {

using ir::Derivative;
using ir::Family;

const char *fileOf(Family family) {
  switch (family) {
  case Family::Elementwise:
    return "autodiff/rules/elementwise.cc";
  case Family::Layout:
    return "autodiff/rules/layout.cc";
  case Family::Reduction:
    return "autodiff/rules/reduction.cc";
  case Family::Contraction:
    return "autodiff/rules/contraction.cc";
  case Family::Indexing:
    return "autodiff/rules/indexing.cc";
  case Family::State:
    return "autodiff/rules/state.cc";
  default:
    return "autodiff/transforms/control.h";
  }
}

/// Never differentiated: requests are resolved first, kernels come later, yield belongs to its
/// parent.
const std::set<std::string> kNoRule = {"weir.jvp", "weir.vjp", "weir.vmap", "weir.launch",
                                       "weir.yield"};

TEST(Rules, EveryOpHasTheRuleItsClassAsksFor) {
  mlir::DialectRegistry registry;
  registerDerivativeRules(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  context.loadDialect<ir::WeirDialect>();
  int ops = 0;
  for (mlir::RegisteredOperationName name : context.getRegisteredOperations()) {
    if (name.getDialectNamespace() != "weir" || kNoRule.count(name.getStringRef().str())) continue;
    auto *declared = name.getInterface<ir::WeirOp>();
    ASSERT_TRUE(declared) << name.getStringRef().str();
    Derivative::Kind kind = declared->derivativeClass().kind;
    const Rule *rule = DerivativeRules::find(name);
    std::string edit = name.getStringRef().str() + ": edit " + fileOf(declared->family());
    ++ops;
    if (kind == Derivative::Zero) {
      EXPECT_FALSE(rule) << edit << ": its derivative is declared zero";
      continue;
    }
    ASSERT_TRUE(rule) << edit << ": no rule";
    EXPECT_EQ(rule->kind, kind) << edit << ": the rule is of another class than declared";
    bool isLinear = kind == Derivative::Linear || kind == Derivative::Multilinear;
    bool mayBeLinear = isLinear || kind == Derivative::ByHand;
    EXPECT_TRUE(rule->backward || !isLinear) << edit << ": linear, but has no transpose";
    EXPECT_TRUE(!rule->backward || mayBeLinear) << edit << ": has a transpose, but is not linear";
    EXPECT_NE(static_cast<bool>(rule->forward), rule->structure != nullptr) << edit;
  }
  EXPECT_GT(ops, 60);
}

} // namespace
} // namespace weir::autodiff
