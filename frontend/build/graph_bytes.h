// Graphs from the bytes of a .weir file, for who has them in memory.
#pragma once

#include "frontend/api/graph.h"

#include <string_view>

namespace weir::build {

/// As Graph::load; `name` is what errors call the bytes. Tensors in other files are an Error.
Graph graphFrom(std::string_view bytes, const std::string &name, Location at = Location::current());

} // namespace weir::build
