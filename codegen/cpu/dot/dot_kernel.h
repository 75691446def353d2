// A dot compiled on its own and called without the runtime, for tests and measurements.
#ifndef WEIR_CODEGEN_CPU_DOT_DOT_KERNEL_H
#define WEIR_CODEGEN_CPU_DOT_DOT_KERNEL_H

#include "codegen/cpu/compile/mapped_image.h"
#include "codegen/cpu/dot/dot.h"

#include <memory>

namespace weir::codegen {

enum class DotElement { F32, F64, I32, I64 };

struct DotCase {
  llvm::SmallVector<int64_t> lhs, rhs; // shapes
  llvm::SmallVector<int64_t> lhsBatch, rhsBatch, lhsContract, rhsContract;
  DotElement element = DotElement::F32;

  int64_t resultElements() const;
};

class DotKernel {
public:
  /// Null when compilation fails, after diagnostics on stderr. With `epilogue`, every element of
  /// the result becomes 2 x + 1 after it is complete.
  static std::unique_ptr<DotKernel> create(const DotCase &dot, const TargetInfo &target,
                                           bool epilogue = false);

  /// Runs tasks [begin, end) with the scratch of thread `thread`.
  void run(const void *lhs, const void *rhs, void *result, int64_t begin, int64_t end,
           int thread = 0) const;

  DotPlan plan;
  double compileMillis = 0;
  size_t imageBytes = 0;

private:
  std::unique_ptr<MappedImage> image;
  KernelEntry entry = nullptr;
  std::unique_ptr<char[]> scratch[2];
};

} // namespace weir::codegen

#endif // WEIR_CODEGEN_CPU_DOT_DOT_KERNEL_H
