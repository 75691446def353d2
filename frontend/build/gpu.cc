// Attributes of the module, which passes/fuse reads.
#include "frontend/api/gpu.h"

#include "frontend/build/graph_state.h"

#include "ir/dialect/library.h"

using namespace mlir;

namespace weir {

void allowTf32(Graph &graph, bool isAllowed) {
  Operation *module = *graph.state()->module;
  if (isAllowed)
    module->setAttr(ir::kTf32Attr, UnitAttr::get(module->getContext()));
  else
    module->removeAttr(ir::kTf32Attr);
}

void useLibraries(Graph &graph, bool areUsed) {
  Operation *module = *graph.state()->module;
  if (areUsed)
    module->removeAttr(ir::kLibrariesAttr);
  else
    module->setAttr(ir::kLibrariesAttr, StringAttr::get(module->getContext(), ir::kNoLibraries));
}

} // namespace weir
