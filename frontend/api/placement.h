// One graph on several devices: what is built inside a DeviceScope is computed and kept there. The
// compiler inserts copies where values cross; derivatives run on the devices of what they are of.
// On the CPU devices are parts of one process: each has an arena of its own.
#pragma once

#include "frontend/api/graph.h"

namespace weir {

/// While it lives, what is declared and computed in `graph` lies on device `number`, and what it
/// reads of other devices is copied there. What is built outside of scopes lies where what it reads
/// lies. Not together with a mesh. Error: a negative number.
class DeviceScope {
public:
  DeviceScope(Graph &graph, int64_t number, Location at = Location::current());
  ~DeviceScope();
  DeviceScope(const DeviceScope &) = delete;
  DeviceScope &operator=(const DeviceScope &) = delete;

private:
  std::shared_ptr<build::GraphState> state;
  int64_t before;
};

} // namespace weir
