// Assertions of self-checking modules, as ops of the check dialect or as custom calls, and the few
// custom calls that mean something without their library.
#include "frontend/import/stablehlo/op.h"

#include "mlir/IR/BuiltinAttributes.h"

using namespace mlir;

namespace weir::stablehlo {
namespace {

/// An attribute of the op, or of the dictionary that a custom call carries.
Attribute configured(const Op &op, StringRef name) {
  if (Attribute found = op.attribute(name)) return found;
  for (StringRef holder : {"backend_config", "mhlo.attributes"})
    if (auto dictionary = dyn_cast_or_null<DictionaryAttr>(op.attribute(holder)))
      if (Attribute found = dictionary.get(name)) return found;
  return {};
}

double numberOf(Attribute attribute, double fallback) {
  if (auto real = dyn_cast_or_null<FloatAttr>(attribute)) return real.getValueAsDouble();
  if (auto integer = dyn_cast_or_null<IntegerAttr>(attribute))
    return static_cast<double>(integer.getValue().getLimitedValue());
  return fallback;
}

/// expect_eq and the like; `..._const` compares with its attribute `value`.
TensorList check(Op &op, std::string kind) {
  const bool isConstant = kind.ends_with("_const");
  if (isConstant) kind.resize(kind.size() - std::string("_const").size());
  op.expectOperands(isConstant ? 1 : 2);
  double tolerance = 0;
  // The defaults are those of StableHLO's check dialect.
  if (kind == "expect_close")
    tolerance = numberOf(configured(op, "max_ulp_difference"), 3);
  else if (kind == "expect_almost_eq")
    tolerance = numberOf(configured(op, "tolerance"), 1e-3);
  else if (kind != "expect_eq")
    op.fail("is no assertion that is known: expect_eq, expect_almost_eq, expect_close and their "
            "..._const forms are");
  Importer &importer = op.importer;
  if (!importer.wantChecks) return {};
  if (!importer.isInMain()) op.fail("assertions are supported in @main itself only");
  const Tensor actual = op.operand(0);
  Tensor expected;
  if (isConstant) {
    std::optional<Elements> elements = elementsOf(configured(op, "value"));
    if (!elements) op.fail("needs a dense value");
    expected = fill(importer.graph.constant(elements->array.cast(actual.dtype())), actual.shape());
  } else {
    expected = op.operand(1);
  }
  if (!(actual.type() == expected.type()))
    op.fail("compares " + actual.type().str() + " with " + expected.type().str());
  importer.checks.push_back({kind, "", "", tolerance, importer.source->place(op.operation())});
  importer.checked.insert(importer.checked.end(), {actual, expected});
  return {};
}

TensorList checkRule(Op &op) {
  return check(op, op.name().substr(std::string("check.").size()));
}

TensorList customCall(Op &op) {
  const std::string target = op.string("call_target_name");
  if (target.starts_with("check.")) return check(op, target.substr(6));
  if (target == "Sharding" || target == "annotate_device_placement" ||
      target == "xla.sdy.FuncResultSharding" || target == "xla.sdy.Sharding") {
    op.expectOperands(1);
    return {op.operand(0)};
  }
  // CHLO's functions as calls, when a module was made portable.
  if (target.starts_with("mhlo."))
    if (const Rule *rule = findRule("chlo." + target.substr(5)); rule && rule->elementwise)
      return rule->apply(op);
  op.fail("calls @" + target + ", which Weir does not have");
}

} // namespace

void addCheckRules(Rules &rules) {
  rules.insert({"stablehlo.custom_call", {customCall}});
  for (const char *name :
       {"check.expect_eq", "check.expect_eq_const", "check.expect_almost_eq",
        "check.expect_almost_eq_const", "check.expect_close", "check.expect_close_const"})
    rules.insert({name, {checkRule}});
}

} // namespace weir::stablehlo
