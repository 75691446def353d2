//===- open.h - a session of a .weirx file ----------------------*- C++ -*-===//
// What everyone does who has read a .weirx file: its values become the variables, where they lie.
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/artifact/file/executable_file.h"
#include "runtime/executor/batch_session.h"

namespace weir::runtime {

/// A session with variables of its own, on `threads` threads; 0: as many as there are cores.
/// Variables without a value in the file have none yet. Of a batch range it runs the largest.
/// Errors: those of Session::create.
absl::StatusOr<std::unique_ptr<Session>> openSession(LoadedExecutable loaded, int threads);

/// The same for any batch that the file takes, or its one size.
absl::StatusOr<std::unique_ptr<BatchSession>> openBatchSession(LoadedExecutable loaded,
                                                               int threads);

} // namespace weir::runtime
