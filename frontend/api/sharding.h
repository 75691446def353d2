// Shardings: the same graph on a mesh of devices. Say how a few tensors are split over the axes of
// the mesh; the compiler works out the rest, forward, backward and optimizer state alike, and puts
// collectives where values have to move. Results do not depend on it but for the order of sums.
#pragma once

#include "frontend/api/graph.h"

namespace weir {

/// Devices along named axes: Mesh("data=2,model=4") is 8 of them. Error: no such text.
class Mesh {
public:
  explicit Mesh(std::string text = "", Location at = Location::current());

  int64_t devices() const;
  const std::string &str() const { return text; }

private:
  std::string text;
};

/// The graph runs on `mesh` when it is compiled from now on. Without it, it runs on one device,
/// and shard() changes nothing. Devices are threads of this process, or one is the process and the
/// others are others (CompileOptions::communicator). Feeds, fetches and variables are whole tensors
/// all the same. Interpreted programs run all devices in this process, in lock step.
void useMesh(Graph &graph, const Mesh &mesh);

/// Reductions over the same devices, of gradients above all, go together: each of fewer than
/// `bytes` on a device, in buckets of at most so many, one message a bucket. A bucket goes as soon
/// as it is full, while the rest is computed. 0, as without it: each on its own. Error: fewer than
/// 0.
void bucketReductions(Graph &graph, int64_t bytes, Location at = Location::current());

/// x, split as said: for each dim the mesh axes that split it, major first, separated by commas, or
/// "" where it is not split: shard(x, {"data", "", "model"}). Sizes need not divide. What is said
/// is kept, also for x's cotangent, as long as what uses and makes x sees the returned tensor. Axes
/// are looked up when the graph is compiled. Error: as many entries as x has dims are needed.
Tensor shard(Arg x, const std::vector<std::string> &axes);

/// Says how an input or variable of a finished graph lies on the devices, by its name. It is kept
/// as said; a variable is brought back to that after an update. Without a mesh it changes nothing.
/// Errors: no input or variable of that name; as many entries as it has dims are needed.
void shard(Graph &graph, const Name &name, const std::vector<std::string> &axes);

} // namespace weir
