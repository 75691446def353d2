//===- verify.h - refuses executables that would touch foreign memory -*- C++ -*-===//
// An executable may come from a file or from a faulty compiler: everything that the executor
// follows blindly (indices, offsets, extents of moving slices, alignment, kernel entries) is
// checked here, once, at load. Machine code itself is trusted.
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/artifact/executable.h"

#include <absl/status/status.h>

namespace weir::runtime {

/// OK, or an invalid-argument status that names the executable and the first offending record.
absl::Status verify(const Executable &executable);

} // namespace weir::runtime
