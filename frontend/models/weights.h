// Published weights for the models of the zoo: safetensors files by the names of their tensors. The
// file is mapped; nothing is copied before a program is compiled.
#pragma once

#include "frontend/api/graph.h"

#include <map>

namespace weir::models {

/// Makes the tensors of the safetensors file the first values of the graph's variables of the same
/// names, converted where the float type differs. The file may have a prefix before all names
/// ("bert.", "transformer.", "model."), old names of layer norms (gamma, beta), and more tensors
/// than the graph. Returns the file's metadata.
/// Errors: no such file, not one of the format; a trainable variable that it lacks, or that has
/// another shape there.
std::map<std::string, std::string> loadWeights(Graph &graph, const std::string &path,
                                               Location at = Location::current());

} // namespace weir::models
