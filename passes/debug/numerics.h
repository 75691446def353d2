// Where the first NaN or infinity of a run comes from (`--check-numerics`). The compiled step runs;
// what each launch wrote is scanned, and a launch that made something not finite is evaluated again
// op by op with the same inputs, so that an op can be named inside a fused kernel.
//
// NaN is reported where no operand was NaN. An infinity is reported where all operands were finite,
// and only when something comes of it: it becomes NaN, or reaches an output or variable. What the
// program has on purpose (constants, feeds, masks chosen by select) is nobody's making.
#pragma once

#include "runtime/executor/observer.h"

#include "mlir/IR/BuiltinOps.h"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace weir::runtime {
class HostTensor;
}

namespace weir::passes {

/// Lines to print, the first one the error; each with the user's place.
struct NumericsReport {
  struct Line {
    std::string file;
    unsigned line = 0;
    std::string text;
  };
  std::vector<Line> lines;
};

/// The ops of a program as the user wrote it, by location: those that a cotangent or tangent
/// belongs to.
class ForwardOps {
public:
  /// `source` before any pass.
  explicit ForwardOps(mlir::ModuleOp source);
  /// "in the cotangent of sqrt" (or "derivative", forward and for what reverse mode keeps), or ""
  /// for an op that is not of a derivative.
  std::string derivativeAt(mlir::Location location) const;

private:
  llvm::DenseMap<mlir::Location, llvm::SmallVector<llvm::StringRef, 1>> names;
};

/// An op that made something not finite.
struct NumericsFinding {
  NumericsReport::Line summary; ///< "mul makes NaN in the cotangent of sqrt"
  std::vector<NumericsReport::Line> details;
  bool fromInfinity = false; ///< Some operand was infinite.
};

/// Sees ops one after the other and keeps the first that makes NaN, and the first that makes an
/// infinity before.
class NumericsWatch {
public:
  explicit NumericsWatch(const ForwardOps &forward) : forward(forward) {}
  /// `op` is called what it is at `location`.
  void see(mlir::Operation *op, mlir::Location location,
           llvm::ArrayRef<runtime::HostTensor> operands,
           llvm::ArrayRef<runtime::HostTensor> results);
  std::optional<NumericsFinding> nan, infinity;

private:
  const ForwardOps &forward;
};

/// `nan` itself, or the infinity that it was made of.
NumericsReport reportNan(const NumericsFinding &nan,
                         const std::optional<NumericsFinding> &infinity);
NumericsReport reportInfinity(const NumericsFinding &infinity);
/// Of an interpreted run with these results; none when all is well.
std::optional<NumericsReport> reportOf(const NumericsWatch &watch,
                                       llvm::ArrayRef<runtime::HostTensor> results);

/// The observer of a session that finds the origin.
class NumericsChecker : public runtime::LaunchObserver {
public:
  /// `source`: the module before it is compiled.
  explicit NumericsChecker(mlir::ModuleOp source) : forward(source) {}
  /// `kernels`: the module as compileModule left it; both must outlive the checker.
  void attach(mlir::ModuleOp kernels, const runtime::Executable &executable);
  /// After a run that was stopped: why.
  const std::optional<NumericsReport> &report() const { return found; }

  bool begin(const runtime::Bases &bases) override;
  void before(const runtime::LaunchView &launch) override;
  bool after(const runtime::LaunchView &launch) override;
  bool end(const runtime::Bases &bases) override;

private:
  runtime::NonFinite scan(int32_t buffer, const void *data) const;
  const void *argument(const runtime::LaunchView &launch, size_t i) const;
  NumericsWatch evaluateAgain(const runtime::LaunchView &launch);
  NumericsFinding whole(mlir::Operation *launch);
  void addWhere(const runtime::LaunchView &launch, NumericsFinding &finding) const;
  void stop(NumericsReport report);

  ForwardOps forward;
  mlir::ModuleOp module;
  const runtime::Executable *executable = nullptr;
  llvm::DenseMap<const runtime::Instruction *, mlir::Operation *> launches;
  std::map<size_t, std::vector<std::byte>> saved; // arguments that the kernel overwrites
  std::optional<NumericsFinding> infinity;        // the first of this run
  std::vector<bool> wasFinite;                    // variables, before the run
  std::string fedNan;                             // "input 'x'"
  std::optional<NumericsReport> found;
};

} // namespace weir::passes
