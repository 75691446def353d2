// absl::Status of the runtime as the frontend's exception.
#pragma once

#include "frontend/api/error.h"

#include "absl/status/statusor.h"

namespace weir::tools {

inline void check(const absl::Status &status) {
  if (!status.ok()) throw Error(std::string(status.message()), Location::current());
}

template <typename T> T check(absl::StatusOr<T> result) {
  check(result.status());
  return std::move(*result);
}

} // namespace weir::tools
