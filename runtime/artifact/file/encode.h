// Executables as protobuf messages and back. Numbers are taken as they are: verify() judges them.
#pragma once

#include "runtime/artifact/executable.h"
#include "runtime/artifact/file/executable.pb.h"

#include <absl/status/status.h>

namespace weir::runtime {

/// Of an Input, Output or Variable; `batch`: elements of its leading dim for each row.
template <typename Entry> proto::Port encodePort(const Entry &entry, int64_t batch = 0);
/// Kernels, modules, buffers and instructions.
void encode(const Executable &executable, proto::Level &level);

/// False where a dtype, space or kind is none, or instructions are nested too deep.
bool decode(const proto::Level &level, Executable &executable);
template <typename Entry> bool decodePort(const proto::Port &port, Entry &entry);

} // namespace weir::runtime
