// Emission of Weir's elementwise functions as arith, vector and scf operations: no calls, no
// fast-math. One implementation serves scalars and rank-1 vectors, and both give the same bits, so
// the result of an op never depends on the kernel that it lands in. Accuracy: see README.md. Not
// here: loops over tensors, broadcasts, anything that knows a shape.

#pragma once

#include "codegen/cpu/target_info.h"

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include <array>

namespace weir::codegen {

/// Whether `op` (without its dialect: "tanh") is a function that emitElementwise knows.
bool isElementwise(llvm::StringRef op);

/// Emits elementwise op `op`. Operands and result are scalars, or rank-1 vectors of one length, of
/// f32, f64, i32, i64 or i1, as the op's definition has them; `compare`, `convert` and `bitcast`
/// have functions of their own below. Returns null if `op` is unknown, or not defined for the
/// operands' element type.
mlir::Value emitElementwise(mlir::ImplicitLocOpBuilder &b, llvm::StringRef op,
                            mlir::ValueRange operands, const TargetInfo &target);

/// `direction`: eq ne lt le gt ge. Ordered, except that NaN ne anything. Null if it is none of
/// these.
mlir::Value emitCompare(mlir::ImplicitLocOpBuilder &b, llvm::StringRef direction, mlir::Value lhs,
                        mlir::Value rhs);

/// Converts to element type `to`. Float to integer rounds to zero, saturates, and makes NaN 0; to
/// i1: x != 0; integers wrap; floats round to nearest even.
mlir::Value emitConvert(mlir::ImplicitLocOpBuilder &b, mlir::Value x, mlir::Type to);

/// The same bits as element type `to`, which has the same width.
mlir::Value emitBitcast(mlir::ImplicitLocOpBuilder &b, mlir::Value x, mlir::Type to);

/// Philox4x32-10 (Salmon et al. 2011): four words for each lane. All values are i32 of one type.
std::array<mlir::Value, 4> emitPhilox(mlir::ImplicitLocOpBuilder &b, std::array<mlir::Value, 2> key,
                                      std::array<mlir::Value, 4> counter);

} // namespace weir::codegen
