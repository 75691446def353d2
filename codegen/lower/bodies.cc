// Looking up the body of an op from outside the tree.
#include "codegen/lower/bodies.h"

namespace weir::codegen {

const ElementwiseBody *ElementwiseBodies::find(mlir::Operation *op) {
  mlir::Dialect *dialect = op->getDialect();
  auto *table = dialect ? dialect->getRegisteredInterface<ElementwiseBodies>() : nullptr;
  if (!table) return nullptr;
  auto it = table->bodies.find(op->getName().getStringRef());
  return it == table->bodies.end() ? nullptr : &it->second;
}

} // namespace weir::codegen
