#include "tools/weir/levels.h"

#include "ir/dialect/weir.h"
#include "tools/weir/status.h"

namespace weir::tools {

using passes::Level;

void checkLevel(Model &model, const std::string &source, Level level) {
  bool hasRequests = false, hasLaunches = false;
  model.module->walk([&](mlir::Operation *op) {
    auto weirOp = mlir::dyn_cast<ir::WeirOp>(op);
    hasRequests |= weirOp && weirOp.family() == ir::Family::Autodiff;
    hasLaunches |= mlir::isa<ir::LaunchOp>(op);
  });
  const bool isPlanned = model.main()->hasAttr(ir::kArenaBytesAttr);
  if (level >= Level::Graph && hasRequests)
    fail(source + " asks for derivatives, which only level source does");
  if (level == Level::Kernels && !isPlanned)
    fail(source + " has no memory plan, so it is not at level kernels");
  if (level < Level::Kernels && (isPlanned || hasLaunches))
    fail(source + " is at level kernels already: weir compile --from kernels takes it");
}

} // namespace weir::tools
