// Which forms of control flow random graphs have, and how deep they are in each other.
#pragma once

#include "mlir/IR/BuiltinOps.h"

#include <map>
#include <ostream>
#include <string>

namespace weir::testing {

/// "while" -> depth -> how often; depth 1 is in no other form.
using Forms = std::map<std::string, std::map<int, int>>;

/// Adds what @main has, in the functions that it calls or differentiates too: if, choice (among
/// more than two), scan, bounded (a while, as a scan), segments (a scan by), while, sweep, call,
/// checkpoint, jvp, vjp, vmap, custom_jvp, custom_vjp. A call is no depth of its own.
void countForms(mlir::ModuleOp module, Forms &forms);

/// A row for each form, a column for each depth.
void print(const Forms &forms, std::ostream &out);

} // namespace weir::testing
