// What goes wrong in a command, as the frontend's exception: messages of its own, and absl::Status
// of the runtime.
#pragma once

#include "frontend/api/error.h"

#include "absl/status/statusor.h"

namespace weir::tools {

/// For mistakes on the command line or in a file as a whole: "weir: error: MESSAGE".
[[noreturn]] inline void fail(std::string message, std::string fix = "") {
  throw Error(std::move(message), Place("weir", 0), {}, std::move(fix));
}

inline void check(const absl::Status &status) {
  if (!status.ok()) fail(std::string(status.message()));
}

template <typename T> T check(absl::StatusOr<T> result) {
  check(result.status());
  return std::move(*result);
}

} // namespace weir::tools
