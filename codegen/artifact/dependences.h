// What each instruction has to wait for: whoever made what it reads, and whoever still needs or
// makes the bytes that it writes, which is where the memory plan uses them again.
#pragma once

#include "runtime/artifact/executable.h"

namespace weir::codegen {

/// Fills in Instruction::deps of all lists. `results[k]`: how many of the last buffers of kernel k
/// are written. Loops, branches and collectives count as one instruction in the list that has them.
void addDependences(runtime::Executable &executable, const std::vector<int32_t> &results);

} // namespace weir::codegen
