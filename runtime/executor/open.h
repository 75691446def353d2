//===- open.h - a session of a .weirx file ----------------------*- C++ -*-===//
// What everyone does who has read a .weirx file: its values become the variables, where they lie.
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/artifact/file/executable_file.h"
#include "runtime/executor/session.h"

namespace weir::runtime {

/// A session with variables of its own, on `threads` threads; 0: as many as there are cores.
/// Variables without a value in the file have none yet. Errors: those of Session::create.
absl::StatusOr<std::unique_ptr<Session>> openSession(LoadedExecutable loaded, int threads);

} // namespace weir::runtime
