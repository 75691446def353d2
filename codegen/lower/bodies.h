// Scalar bodies of elementwise ops from outside the tree. Their dialect gives itself this
// interface; such an op then fuses, vectorises and runs like one of the core's.
#pragma once

#include "codegen/cpu/target_info.h"

#include "mlir/IR/DialectInterface.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Operation.h"
#include "llvm/ADT/StringMap.h"

#include <functional>

namespace weir::codegen {

/// The result of an op for operands that are all scalars or all rank-1 vectors of one length, in
/// arith operations and emitElementwise (codegen/cpu/math); null where it has no body for their
/// element type. The same formula must serve scalars and vectors.
using ElementwiseBody = std::function<mlir::Value(mlir::ImplicitLocOpBuilder &, mlir::Operation *,
                                                  mlir::ValueRange, const TargetInfo &)>;

class ElementwiseBodies : public mlir::DialectInterface::Base<ElementwiseBodies> {
public:
  explicit ElementwiseBodies(mlir::Dialect *dialect) : Base(dialect) {}

  template <class OpT> void add(ElementwiseBody body) {
    bodies[OpT::getOperationName()] = std::move(body);
  }
  /// The body of `op` from its dialect's table; null when there is none.
  static const ElementwiseBody *find(mlir::Operation *op);

private:
  llvm::StringMap<ElementwiseBody> bodies;
};

} // namespace weir::codegen
