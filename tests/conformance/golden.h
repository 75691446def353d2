// Golden derivatives: arrays in, tan, out, jvp, cot, vjp, hvp, numbered; tan and vjp by float
// argument, jvp and cot by float result; hvp is the derivative of vjp along tan.
#pragma once

#include "tests/conformance/cases.h"

namespace weir::conformance {

struct RunOptions {
  bool widen = false;     ///< f32 as f64
  bool interpret = false; ///< by the reference interpreter instead of compiled
};

/// The program imported (with f32 widened to f64 if asked for), differentiated by Weir and run:
/// what it must give within 1e-6 relative + 1e-7 (f64) or 2e-4 (f32), and <cot, jvp> equal to
/// <vjp, tan>. "" or the reason.
std::string checkGolden(const CaseFiles &files, RunOptions options = {});

/// Values only: results against arrays out for arrays in, or, without arrays, what the module
/// itself asserts.
std::string checkValues(const CaseFiles &files, RunOptions options = {});

/// The command line of the runners, DIR [--interpret] [PART OF A NAME], and what they do with it:
/// exit status 0 when all cases pass, 1 when some fail, 2 for a wrong command line.
int runCommand(int argc, char **argv,
               const std::function<std::string(const CaseFiles &, RunOptions)> &check);

} // namespace weir::conformance
