#include "tools/weir/ports.h"

#include "ir/dialect/argument_name.h"

namespace weir::tools {

static Port portOf(mlir::Type type, mlir::StringAttr name, const std::string &fallback) {
  auto tensor = mlir::cast<mlir::RankedTensorType>(type);
  return {name ? name.str() : fallback, *ir::dtypeOf(tensor), Shape(tensor.getShape())};
}

std::vector<Port> arguments(mlir::func::FuncOp main) {
  std::vector<Port> ports;
  for (unsigned i = 0; i < main.getNumArguments(); ++i) {
    ports.push_back(
        portOf(main.getArgumentTypes()[i], ir::argumentName(main, i), "arg" + std::to_string(i)));
  }
  return ports;
}

std::vector<Port> results(mlir::func::FuncOp main) {
  std::vector<Port> ports;
  for (unsigned i = 0; i < main.getNumResults(); ++i) {
    auto name = main.getResultAttrOfType<mlir::StringAttr>(i, ir::kNameAttr);
    auto updates = main.getResultAttrOfType<mlir::IntegerAttr>(i, ir::kUpdatesAttr);
    std::string fallback =
        updates ? arguments(main)[updates.getInt()].name : "result" + std::to_string(i);
    ports.push_back(portOf(main.getResultTypes()[i], name, fallback));
  }
  return ports;
}

} // namespace weir::tools
