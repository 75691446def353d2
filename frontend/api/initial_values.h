// What a graph's variables start with, for who writes them to files of their own.
#pragma once

#include "frontend/api/graph.h"

#include <map>

namespace weir {

/// Made now, by name; variables without a value are left out.
std::map<std::string, Array> initialValues(const Graph &graph, Location at = Location::current());

} // namespace weir
