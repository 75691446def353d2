//===- mapped_file.h - files as memory --------------------------*- C++ -*-===//
// A whole file in private pages: reading costs no copy, writing never reaches the file.
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/base/bytes.h"

#include <absl/status/statusor.h>

#include <string>

namespace weir::runtime {

/// The file's bytes; copies share the pages, which go with the last one. Errors name the path.
absl::StatusOr<Bytes> mapFile(const std::string &path);

} // namespace weir::runtime
