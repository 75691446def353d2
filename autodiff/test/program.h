// A module under test: parsed from text, differentiated by the pass, run by the reference
// interpreter in f64.
#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include <string>
#include <vector>

namespace weir::autodiff {

using Vector = std::vector<double>;
/// One entry a tensor, elements in row-major order.
using Tensors = std::vector<Vector>;

class Program {
public:
  /// A mistake in the text fails the test and leaves an empty module.
  explicit Program(const std::string &text);

  /// Adds a function of `of`'s arguments and one tangent for each `wrt` that gives its results and
  /// their tangents; its name is returned. Without `wrt` all floating-point arguments are meant.
  std::string addJvp(const std::string &of, std::vector<int64_t> wrt = {});
  /// The same in reverse: (arguments, cotangents of floating-point results) -> (results, cotangents
  /// of wrt).
  std::string addVjp(const std::string &of, std::vector<int64_t> wrt = {});
  /// Runs weir-resolve-autodiff and verifies; false, and `message` says why, when that fails.
  bool resolve();

  /// Runs a function on `arguments`; results that are integers are given as doubles too.
  Tensors run(const std::string &function, const Tensors &arguments);

  /// Which arguments and results of `function` are floating-point.
  std::vector<bool> floatArguments(const std::string &function);
  std::vector<bool> floatResults(const std::string &function);

  size_t elementsOfArgument(const std::string &function, unsigned argument);

  /// Floating point operations of a function, callees included.
  int64_t flops(const std::string &function);
  /// Ops called `op` ("weir.add") in a function, regions included.
  int64_t countOps(const std::string &function, const std::string &op);
  /// Functions whose name starts with `prefix`.
  int64_t countFunctions(const std::string &prefix);

  std::string message;
  mlir::ModuleOp module() { return *owned; }

private:
  std::string addRequest(const std::string &of, std::vector<int64_t> wrt, bool reverse);

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> owned;
};

} // namespace weir::autodiff
