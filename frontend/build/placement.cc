// Devices of values as the graph is built, and the words that are left where one crosses.
#include "frontend/api/placement.h"
#include "frontend/build/graph_state.h"

#include "ir/collective/placement.h"

using namespace mlir;

namespace weir {

DeviceScope::DeviceScope(Graph &graph, int64_t number, Location at)
    : state(graph.state()), before(graph.state()->device) {
  if (number < 0) throw Error("device scope: there is no device " + std::to_string(number), at);
  state->device = number;
}

DeviceScope::~DeviceScope() {
  state->device = before;
}

namespace build {

/// Where the scope says, else where what it reads lies, if that is one device.
void GraphState::placeResult(Value value) {
  if (device >= 0) {
    devices[value] = device;
    return;
  }
  Operation *op = value.getDefiningOp();
  std::optional<int64_t> common;
  for (Value operand : op ? op->getOperands() : ValueRange()) {
    auto known = devices.find(operand);
    if (known == devices.end()) continue;
    if (common && *common != known->second) return;
    common = known->second;
  }
  if (common) devices[value] = *common;
}

/// From and to: the transpose of the first brings a cotangent back.
Value GraphState::placeOperand(Value value, Location at) {
  auto known = devices.find(value);
  if (device < 0 || known == devices.end() || known->second == device) return value;
  Value &brought = broughtTo[{value.getAsOpaquePointer(), device, current->block}];
  if (brought) return brought;
  OpBuilder b = builder();
  for (int64_t place : {known->second, device})
    value = ir::spmd::ShardOp::create(b, locate(at), value.getType(), value,
                                      b.getStringAttr(ir::kDeviceWord + std::to_string(place)));
  devices[value] = device;
  return brought = value;
}

} // namespace build
} // namespace weir
