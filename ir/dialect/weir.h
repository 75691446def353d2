// The weir dialect: all op classes. Include this wherever ops are built or matched.
#pragma once

#include "ir/interfaces/derivative.h"
#include "ir/interfaces/iteration_space.h"
#include "ir/ops/support.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "ir/dialect/weir_dialect.h.inc"
#include "ir/dialect/weir_enums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "ir/dialect/weir_attrs.h.inc"

#include "ir/interfaces/weir_interfaces.h.inc"

#define GET_OP_CLASSES
#include "ir/ops/contraction.h.inc"
#define GET_OP_CLASSES
#include "ir/ops/control.h.inc"
#define GET_OP_CLASSES
#include "ir/ops/elementwise.h.inc"
#define GET_OP_CLASSES
#include "ir/ops/indexing.h.inc"
#define GET_OP_CLASSES
#include "ir/ops/layout.h.inc"
#define GET_OP_CLASSES
#include "ir/ops/random.h.inc"
#define GET_OP_CLASSES
#include "ir/ops/reduction.h.inc"
#define GET_OP_CLASSES
#include "ir/ops/state.h.inc"

namespace weir::ir {

/// Names of function argument, result and kernel attributes.
inline constexpr llvm::StringLiteral kNameAttr = "weir.name";         ///< feed or fetch
inline constexpr llvm::StringLiteral kVariableAttr = "weir.variable"; ///< state, donated
inline constexpr llvm::StringLiteral kUpdatesAttr =
    "weir.updates"; ///< result: argument that it replaces
inline constexpr llvm::StringLiteral kKernelAttr = "weir.kernel";   ///< kind of a kernel function
inline constexpr llvm::StringLiteral kInplaceAttr = "weir.inplace"; ///< pairs [result, argument]
inline constexpr llvm::StringLiteral kBufferAttr =
    "weir.buffer"; ///< memory plan of an op's results
inline constexpr llvm::StringLiteral kBodyBuffersAttr =
    "weir.body_buffers"; ///< of a scan's body arguments
inline constexpr llvm::StringLiteral kCopiesAttr =
    "weir.copies"; ///< [src, dst] pairs to copy before the op
inline constexpr llvm::StringLiteral kLoopAttr = "weir.loop"; ///< number of a scan in @main
inline constexpr llvm::StringLiteral kArenaBytesAttr = "weir.arena_bytes";
inline constexpr llvm::StringLiteral kLiveBytesAttr =
    "weir.live_bytes"; ///< lower bound of any plan

/// Builds an op whose result types are inferred. A mistake is diagnosed at `loc` ("dot: contracted
/// dims differ: …") and nothing is built; the generated `XOp::create` must only be called with
/// operands known to fit.
llvm::FailureOr<mlir::Operation *>
buildChecked(mlir::OpBuilder &b, mlir::Location loc, llvm::StringRef opName,
             mlir::ValueRange operands, llvm::ArrayRef<mlir::NamedAttribute> attributes = {});

} // namespace weir::ir
