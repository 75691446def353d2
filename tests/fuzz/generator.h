// Random graphs: modules of the graph level that are valid, deterministic in the seed, use every op
// of the dialect, and keep their values tame (bounded by a small number, away from poles), so that
// results on different backends can be compared.
#pragma once

#include "tests/harness/graph.h"

#include <map>

namespace weir::testing {

struct GenerateOptions {
  int minOps = 10, maxOps = 60; // of @main, regions included
  /// Floats are f64 only, for derivatives against central differences.
  bool onlyF64 = false;
  /// Mostly control flow: every form of loop, branch and call, and what is made of functions, to
  /// depth 3.
  bool nested = false;
  /// With `nested`: jvp and vjp of functions are ops among others.
  bool requests = false;
  /// With `nested`: custom_vjp in @main, which then has no forward mode.
  bool reverseRules = false;
};

/// A module with @main and functions that it calls. Arguments take values of randomInputs with
/// kInputRange.
mlir::OwningOpRef<mlir::ModuleOp> randomModule(mlir::MLIRContext *context, uint64_t seed,
                                               const GenerateOptions &options = {});

inline constexpr Range kInputRange = {-2, 2};

/// Random inputs of @main.
std::vector<runtime::HostTensor> randomInputsOf(mlir::ModuleOp module, uint64_t seed);

/// How often each op of the dialect occurs in a module is added to `counts`.
void countOps(mlir::ModuleOp module, std::map<std::string, int> &counts);

} // namespace weir::testing
