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

/// The element type that values of a graph's element type have here: f32 for f16 and bf16, whose
/// numbers f32 holds; signless for unsigned integers; else itself.
mlir::Type computedType(mlir::Type element);

/// Emits elementwise op `op`. Operands and result are scalars, or rank-1 vectors of one length, of
/// f32, f64, i8 to i64 or i1, as the op's definition has them; `compare`, `convert` and `bitcast`
/// have functions of their own below. Returns null if `op` is unknown, or not defined for the
/// operands' element type.
mlir::Value emitElementwise(mlir::ImplicitLocOpBuilder &b, llvm::StringRef op,
                            mlir::ValueRange operands, const TargetInfo &target,
                            bool isUnsigned = false);

/// Whether elementwise op `op` of numbers of f16 (bf16) is a number of f16 (bf16).
bool isExact(llvm::StringRef op);

/// `direction`: eq ne lt le gt ge. Ordered, except that NaN ne anything. Null if it is none of
/// these.
mlir::Value emitCompare(mlir::ImplicitLocOpBuilder &b, llvm::StringRef direction, mlir::Value lhs,
                        mlir::Value rhs, bool isUnsigned = false);

/// Converts from graph element type `from` to `to`, rounding once. Float to integer rounds to zero,
/// saturates, and makes NaN 0; to i1: x != 0; integers wrap; floats round to nearest even.
mlir::Value emitConvert(mlir::ImplicitLocOpBuilder &b, mlir::Value x, mlir::Type from,
                        mlir::Type to);

/// The bits of graph element type `from` as element type `to`, which has the same width.
mlir::Value emitBitcast(mlir::ImplicitLocOpBuilder &b, mlir::Value x, mlir::Type from,
                        mlir::Type to);

/// The f32 nearest to x that f16 (bf16) holds.
mlir::Value emitRound(mlir::ImplicitLocOpBuilder &b, mlir::Value x, mlir::Type half);
/// f16 (bf16) as it lies in memory to f32, and back; `isRounded`: x is a number of f16 (bf16). In
/// memory f16 is f16, but bf16 is i16: LLVM calls functions to move bfloat around.
mlir::Value emitWiden(mlir::ImplicitLocOpBuilder &b, mlir::Value stored, mlir::Type half);
mlir::Value emitNarrow(mlir::ImplicitLocOpBuilder &b, mlir::Value x, mlir::Type half,
                       bool isRounded);

/// Integers (i32, or i64 for 64 bits) in the order of the values, for sorting: -0 is 0, NaN is
/// above all; `descending` turns the order around.
mlir::Value emitSortKey(mlir::ImplicitLocOpBuilder &b, mlir::Value x, bool isUnsigned,
                        bool descending);

/// Philox4x32-10 (Salmon et al. 2011): four words for each lane. All values are i32 of one type.
std::array<mlir::Value, 4> emitPhilox(mlir::ImplicitLocOpBuilder &b, std::array<mlir::Value, 2> key,
                                      std::array<mlir::Value, 4> counter);

} // namespace weir::codegen
