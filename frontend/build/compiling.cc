// What programs of machine code and programs on devices have in common.
#include "frontend/build/backends.h"

#include "passes/pipelines/pipelines.h"

using namespace mlir;

namespace weir::build {

void require(const absl::Status &status, const char *what, Location at) {
  if (!status.ok()) throw Error(std::string(what) + ": " + std::string(status.message()), at);
}

void loadCompiler(GraphState &state) {
  DialectRegistry registry;
  passes::registerDialects(registry);
  state.context.appendDialectRegistry(registry);
  state.context.loadAllAvailableDialects(); // kernels are emitted outside of any pass
}

template <typename Ports> static int32_t positionOf(const Ports &ports, const std::string &name) {
  for (size_t i = 0; i < ports.size(); ++i)
    if (ports[i].name == name) return static_cast<int32_t>(i);
  return -1;
}

PortOrder::PortOrder(const GraphState &state, const runtime::Executable &executable) {
  for (const runtime::Input &input : executable.inputs)
    inputs.push_back(positionOf(state.inputs, input.name));
  for (const OutputRecord &output : state.outputs)
    outputs.push_back(positionOf(executable.outputs, output.name));
}

std::vector<Array> PortOrder::feeds(const std::vector<Array> &ofProgram) const {
  std::vector<Array> ordered;
  for (int32_t input : inputs) ordered.push_back(ofProgram[static_cast<size_t>(input)]);
  return ordered;
}

std::vector<int32_t> PortOrder::fetches(const std::vector<int32_t> &ofProgram) const {
  std::vector<int32_t> positions;
  for (int32_t fetch : ofProgram) positions.push_back(outputs[static_cast<size_t>(fetch)]);
  return positions;
}

} // namespace weir::build
