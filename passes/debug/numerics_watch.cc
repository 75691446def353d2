// Naming the op: what it is, whose derivative, and the values where it went wrong.
#include "passes/debug/numerics.h"

#include "ir/dialect/weir.h"
#include "ir/locations/locations.h"
#include "runtime/base/host_tensor.h"

#include <cmath>

using namespace mlir;

namespace weir::passes {

using runtime::HostTensor;
using runtime::NonFinite;

namespace {

/// "cotangent" or "tangent" with the location of the op that it belongs to.
NameLoc derivativeName(Location location) {
  NameLoc found;
  location->walk([&](Location part) {
    auto name = dyn_cast<NameLoc>(part);
    if (!name || (name.getName() != "cotangent" && name.getName() != "tangent"))
      return WalkResult::advance();
    found = name;
    return WalkResult::interrupt();
  });
  return found;
}

/// The op that all derivatives around it are of.
Location forwardLocation(Location location) {
  while (NameLoc name = derivativeName(location)) location = name.getChildLoc();
  return location;
}

NumericsReport::Line lineAt(Location location, std::string text) {
  auto frame = ir::userFrame(location);
  if (!frame) return {"", 0, std::move(text)};
  return {frame->getFilename().str(), frame->getLine(), std::move(text)};
}

NonFinite scan(ArrayRef<HostTensor> tensors) {
  NonFinite found;
  for (const HostTensor &t : tensors) found |= runtime::findNonFinite(t.dtype(), t.raw(), t.size());
  return found;
}

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  char text[40];
  std::snprintf(text, sizeof text, "%.9g", value);
  return text;
}

std::string indexText(int64_t flat, const std::vector<int64_t> &dims) {
  std::string text;
  for (size_t i = dims.size(); i-- > 0;) {
    text = std::to_string(flat % dims[i]) + (text.empty() ? "" : ", ") + text;
    flat /= dims[i];
  }
  return "[" + text + "]";
}

/// Its value at element `flat` of a result with `dims`, or the range of all its values.
std::string operandText(const HostTensor &operand, int64_t flat, const std::vector<int64_t> &dims) {
  const std::string type = operand.typeStr();
  if (operand.size() == 1) return type + ", is " + number(operand.at(0));
  if (operand.dims() == dims) return type + ", is " + number(operand.at(flat)) + " there";
  double low = INFINITY, high = -INFINITY;
  for (double v : operand.toDoubles()) low = std::fmin(low, v), high = std::fmax(high, v);
  return type + ", holds values from " + number(low) + " to " + number(high);
}

NumericsFinding describe(Operation *op, Location location, ArrayRef<HostTensor> operands,
                         ArrayRef<HostTensor> results, bool isNan, const ForwardOps &forward) {
  auto offends = [&](double v) { return isNan ? std::isnan(v) : std::isinf(v); };
  const std::string name = op->getName().stripDialect().str();
  const std::string derivative = forward.derivativeAt(location);
  NumericsFinding finding;
  for (const HostTensor &result : results) {
    int64_t first = -1, count = 0;
    for (int64_t i = 0; i < result.size(); ++i)
      if (offends(result.at(i)) && count++ == 0) first = i;
    if (count == 0) continue;
    const std::string what = number(result.at(first));
    finding.summary =
        lineAt(location, name + " makes " + what + (derivative.empty() ? "" : " " + derivative));
    finding.details.push_back(lineAt(location, "element " + indexText(first, result.dims()) +
                                                   " of " + result.typeStr() + " is " + what +
                                                   " (" + std::to_string(count) + " of " +
                                                   std::to_string(result.size()) + ")"));
    for (size_t i = 0; i < operands.size(); ++i)
      finding.details.push_back(
          lineAt(location, "operand " + std::to_string(i) + ", " +
                               operandText(operands[i], first, result.dims())));
    break;
  }
  return finding;
}

void append(NumericsReport &report, const NumericsFinding &finding) {
  report.lines.push_back(finding.summary);
  report.lines.insert(report.lines.end(), finding.details.begin(), finding.details.end());
}

} // namespace

ForwardOps::ForwardOps(ModuleOp source) {
  source.walk([&](Operation *op) {
    if (!isa<ir::WeirDialect>(op->getDialect()) || op->getNumOperands() == 0 ||
        op->hasTrait<OpTrait::IsTerminator>() ||
        isa<ir::JvpOp, ir::VjpOp, ir::CallOp, ir::BroadcastOp, ir::ReshapeOp>(op))
      return;
    auto &known = names[op->getLoc()];
    StringRef name = op->getName().stripDialect();
    if (!llvm::is_contained(known, name)) known.push_back(name);
  });
}

std::string ForwardOps::derivativeAt(Location location) const {
  NameLoc derivative = derivativeName(location);
  if (!derivative) return "";
  const Location of = forwardLocation(derivative.getChildLoc());
  std::string ops;
  auto known = names.find(of);
  if (known != names.end())
    for (StringRef name : known->second) ops += (ops.empty() ? "" : " and ") + name.str();
  if (ops.empty()) ops = "what " + ir::userPlace(of) + " computes";
  // Factors that reverse mode keeps are of the tangent as well: that is a detail of the making.
  const bool isCotangent = derivative.getName() == "cotangent";
  return (isCotangent ? "in the cotangent of " : "in the derivative of ") + ops;
}

void NumericsWatch::see(Operation *op, Location location, ArrayRef<HostTensor> operands,
                        ArrayRef<HostTensor> results) {
  // Ops with regions and calls: their own ops are seen.
  if (nan || operands.empty() || op->getNumRegions() > 0 || isa<ir::CallOp, ir::LaunchOp>(op))
    return;
  if (llvm::any_of(operands, [](const HostTensor &t) { return t.size() == 0; })) return;
  const NonFinite out = scan(results);
  if (!out.any()) return;
  const NonFinite in = scan(operands);
  if (out.nan && !in.nan) {
    nan = describe(op, location, operands, results, true, forward);
    nan->fromInfinity = in.infinity;
  } else if (out.infinity && !in.any() && !infinity) {
    infinity = describe(op, location, operands, results, false, forward);
  }
}

NumericsReport reportNan(const NumericsFinding &nan,
                         const std::optional<NumericsFinding> &infinity) {
  NumericsReport report;
  if (!nan.fromInfinity || !infinity) {
    append(report, nan);
    return report;
  }
  append(report, *infinity);
  append(report, nan);
  return report;
}

NumericsReport reportInfinity(const NumericsFinding &infinity) {
  NumericsReport report;
  append(report, infinity);
  return report;
}

std::optional<NumericsReport> reportOf(const NumericsWatch &watch, ArrayRef<HostTensor> results) {
  if (watch.nan) return reportNan(*watch.nan, watch.infinity);
  if (watch.infinity && scan(results).any()) return reportInfinity(*watch.infinity);
  return std::nullopt;
}

} // namespace weir::passes
