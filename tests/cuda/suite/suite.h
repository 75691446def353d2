// The device suite: a folder of executables with inputs and what must come out, run on a device. No
// compiler here: this is what goes to a machine with a GPU.
//
// A case is NAME.weirx, with a level for GPUs, and NAME.npz, whose arrays are called "in:x",
// "var:w" (before the run), "out:y" and "new:w" (after it), and "bound:out:y" or "bound:new:w"
// where the difference that is allowed is known element by element.
#pragma once

#include "runtime/device/device.h"

#include <cstdio>

namespace weir::suite {

struct Options {
  std::string filter; ///< only cases whose names contain it
  int repeat = 0;     ///< further runs of each case, timed
};

struct Result {
  int passed = 0, failed = 0;
};

/// Runs every case of `folder`, a line each to `out`: what is wrong, or the largest part of its
/// bound that an element is off by, and times. Errors: no such folder, no case in it.
absl::StatusOr<Result> run(const std::string &folder,
                           const std::shared_ptr<runtime::Device> &device, const Options &options,
                           std::FILE *out);

} // namespace weir::suite
