// Writing while loops as C++ functions of the carries, for the expansion of other loops.
#pragma once

#include "passes/control_flow/scalars.h"

namespace weir::passes {

using Values = llvm::SmallVector<mlir::Value>;
using Condition = llvm::function_ref<mlir::Value(Scalars &, mlir::ValueRange carries)>;
using Body = llvm::function_ref<Values(Scalars &, mlir::ValueRange carries)>;

/// while (condition(carries)) carries = body(carries); gives the final ones.
Values loop(Scalars &at, llvm::ArrayRef<mlir::Value> inits, Condition condition, Body body);

/// Copies the body of `from` to `b`, on `arguments`; gives what it yields.
Values inlineBody(mlir::Region &from, mlir::ValueRange arguments, mlir::OpBuilder &b);

} // namespace weir::passes
