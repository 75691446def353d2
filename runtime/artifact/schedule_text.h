//===- schedule_text.h - an executable to read ------------------*- C++ -*-===//
// What runs in which order on which memory, one line an instruction. To read, not to parse.
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/artifact/executable.h"

namespace weir::runtime {

/// The memory statement (for one thread), inputs, outputs and variables, then the instructions:
///
///   launch exp_3(arena+64:f32[8], output y:f32[8])  1 task, 8 FLOPs, 64 bytes  # net.cc:12
///
/// A buffer is its space, where it lies there, and its type; [loop0*512] when loop 0 moves it by
/// 512 bytes a trip. `executable` must be one that verify() accepts.
std::string scheduleText(const Executable &executable);

} // namespace weir::runtime
