// A folder of conformance cases: NAME.mlir (StableHLO text) with NAME.npz (arrays from outside),
// and the comparison of what Weir computes with them.
#pragma once

#include "frontend/api/array.h"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace weir::conformance {

struct CaseFiles {
  std::string name;
  std::string text;   ///< path of the StableHLO text
  std::string arrays; ///< path of the arrays; empty when there are none
};

/// By name. Texts end in .generic.mlir or .mlir; .pretty.mlir ones are left out. Throws Error when
/// the folder cannot be read or has none.
std::vector<CaseFiles> casesIn(const std::string &folder);

struct Tolerance {
  double relative, absolute;
};

/// "" when all elements agree, else the worst one: "vjp0[1, 2] is 0.5, but must be 0.7 ...".
/// Floats may have another dtype than `want`; integers and truths must be equal.
std::string compareArrays(const std::string &name, const Array &got, const Array &want,
                          Tolerance tolerance);

/// Arrays prefix0, prefix1, ... as far as there are.
std::vector<Array> numbered(const std::map<std::string, Array> &arrays, const std::string &prefix);

/// A case's reason to fail; "" when it passes.
using Check = std::function<std::string(const CaseFiles &)>;

/// Runs `check` on each case whose name contains `only` and prints those that fail with the reason,
/// then "N passed, N failed". Errors that checks throw are their reasons. The number that failed.
int runCases(const std::vector<CaseFiles> &cases, const Check &check, const std::string &only = "");
/// One case: what `check` says or throws.
std::string reasonToFail(const CaseFiles &files, const Check &check);

} // namespace weir::conformance
