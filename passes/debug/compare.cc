// Element by element.
#include "passes/debug/compare.h"

#include "ir/dialect/compute.h"
#include "ir/dialect/weir.h"

#include <cmath>
#include <cstring>
#include <sstream>

namespace weir::passes {

using runtime::HostTensor;

bool isUnsettled(mlir::ModuleOp module) {
  if (module->hasAttr(ir::kComputeAttr)) return true;
  return module
      .walk([](mlir::Operation *op) {
        return mlir::isa<ir::JvpOp, ir::VjpOp>(op) ? mlir::WalkResult::interrupt()
                                                   : mlir::WalkResult::advance();
      })
      .wasInterrupted();
}

static std::string mismatch(size_t result, int64_t element, double got, double want, double bound) {
  std::ostringstream out;
  out.precision(17);
  out << "result " << result << " element " << element << ": got " << got << ", expected " << want
      << " within " << bound;
  return out.str();
}

static bool within(double got, double want, double bound) {
  if (got == want || (std::isnan(got) && std::isnan(want))) return true;
  return std::isinf(bound) || std::abs(got - want) <= bound;
}

/// Integers beyond 2^53 are not exact as doubles, so integers are compared as bits.
static bool sameBits(const HostTensor &a, const HostTensor &b, int64_t element) {
  if (a.dtype() != b.dtype()) return false;
  size_t width = runtime::dtypeBytes(a.dtype());
  return std::memcmp(static_cast<const char *>(a.raw()) + element * width,
                     static_cast<const char *>(b.raw()) + element * width, width) == 0;
}

std::string compare(llvm::ArrayRef<ir::BoundedResult> expected, llvm::ArrayRef<HostTensor> got,
                    Coverage *coverage) {
  if (expected.size() != got.size())
    return "got " + std::to_string(got.size()) + " results, expected " +
           std::to_string(expected.size());
  for (size_t r = 0; r < got.size(); ++r) {
    const auto &[value, bound] = expected[r];
    if (value.dims() != got[r].dims())
      return "result " + std::to_string(r) + " is " + got[r].typeStr() + ", expected " +
             value.typeStr();
    for (int64_t k = 0; k < value.size(); ++k) {
      double allowed = bound.at(k);
      if (coverage) coverage->elements += 1, coverage->bounded += std::isfinite(allowed);
      bool good = runtime::isFloat(value.dtype())
                      ? within(got[r].at(k), value.at(k), allowed)
                      : std::isinf(allowed) || sameBits(value, got[r], k);
      if (!good) return mismatch(r, k, got[r].at(k), value.at(k), allowed);
    }
  }
  return "";
}

} // namespace weir::passes
