// Which of the compiler's levels a text is at.
#pragma once

#include "passes/pipelines/pipelines.h"
#include "tools/weir/model_source.h"

namespace weir::tools {

/// Throws weir::Error, saying why, where the model cannot be at this level. `source` is what
/// messages call it.
void checkLevel(Model &model, const std::string &source, passes::Level level);

} // namespace weir::tools
