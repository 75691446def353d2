// The flow dialect: switch, merge, enter, exit and next_iteration (README.md). Only what lowers to
// these primitives or runs them includes this; the compiler's way from a graph to kernels does not.
#pragma once

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/RegionKindInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "ir/dataflow/flow_dialect.h.inc"

#define GET_OP_CLASSES
#include "ir/dataflow/flow_ops.h.inc"
