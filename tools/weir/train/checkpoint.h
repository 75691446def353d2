// A training run on disk: all variables, the losses so far, and where the data stands, in one
// safetensors file.
#pragma once

#include "tools/weir/train/training_loop.h"

namespace weir::tools {

/// Written whole or not at all; on a mesh by all its processes together.
void saveCheckpoint(const std::string &path, const Program &program, const TrainTask &task,
                    const TrainResult &result);

/// Puts variables, losses and data back. Errors: missing or damaged file; another configuration,
/// naming the difference.
void restoreCheckpoint(const std::string &path, Program &program, const TrainTask &task,
                       TrainResult &result);

} // namespace weir::tools
