// A graph with its variables' values inside: what a trained model is to those who only run it.
#pragma once

#include "frontend/weir.h"

namespace weir::tools {

/// Writes `graph` to a .weir file; its variables become constants with the values that `trained`
/// has for their names, and what it updates is left out. With `weights`, a name beside it, large
/// constants go to that safetensors file. Throws weir::Error.
void writeFrozen(const std::string &path, const Graph &graph, const Program &trained,
                 const std::string &weights = "");

} // namespace weir::tools
