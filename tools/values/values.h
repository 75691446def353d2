// Values for what a graph takes, from the command line. No compiler here: weir-run links this too.
#pragma once

#include "frontend/api/array.h"
#include "runtime/artifact/batch.h"

#include <string>
#include <vector>

namespace weir::tools {

/// An argument or result of a graph.
struct Port {
  std::string name;
  DType dtype = f32;
  Shape shape;
};

/// Normal numbers (floats) or 0 and 1, the same for the same seed and name.
Array randomValue(const Port &port, uint64_t seed);
/// Values of all arguments: those given as NAME=VALUE (zeros, ones, random, iota, or numbers
/// separated by commas), and random ones for the rest. Throws Error.
std::vector<Array> argumentValues(const std::vector<Port> &ports,
                                  const std::vector<std::string> &given);
/// Those of a .npz file by name (or inN for argument N), and random ones for the rest. Throws
/// Error.
std::vector<Array> argumentValues(const std::vector<Port> &ports, const std::string &archive,
                                  uint64_t seed);

/// Values of an executable's inputs, given in one of these two ways, for a batch of `rows`; 0: of
/// as many as the values given have, else the most. Throws Error.
std::vector<Array> batchValues(const runtime::BatchExecutable &batch, int64_t rows,
                               const std::vector<std::string> &given, const std::string &archive);

} // namespace weir::tools
