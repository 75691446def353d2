// The zoo by name: what the command line and other programs ask for with words. Parameters are
// drawn only when a program needs them, so that graphs of billions of them cost little to look at.
#pragma once

#include "frontend/api/graph.h"

namespace weir::models {

struct ZooRequest {
  std::string name;      ///< "gpt2", "resnet50-train", ...
  std::string size = {}; ///< of models that come in several; empty: the usual one
  int64_t batch = 0;     ///< 0: the usual one
  int64_t length = 0;    ///< tokens of a window, or pixels of an image's side; 0: the usual one
};

struct ZooEntry {
  std::string name, summary;
  std::vector<std::string> sizes; ///< the first is the usual one; empty: there is one
};
/// In alphabetical order. X-train is the model with its loss and an optimizer, X-eval what
/// `weir train X` evaluates.
const std::vector<ZooEntry> &zoo();
/// Error: no model of that name, no such size, a batch or length that it does not take.
Graph zooGraph(const ZooRequest &request, Location at = Location::current());

} // namespace weir::models
