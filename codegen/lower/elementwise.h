// From weir ops to codegen/cpu/math, which emits their scalar bodies.
#pragma once

#include "codegen/lower/kernel_builder.h"

namespace weir::codegen {

/// The result of elementwise op `op` for operands that are all scalars or all vectors; null after a
/// diagnostic.
mlir::Value emitElementwise(KernelBuilder &k, mlir::Operation *op, mlir::ValueRange operands);
/// The op by name, "add" or "max", for instance, on operands of the graph's `element`. Not rounded
/// to f16 or bf16: KernelBuilder::round does.
mlir::Value emitNamed(KernelBuilder &k, llvm::StringRef name, mlir::Type element,
                      mlir::ValueRange operands);
/// As weir.compare of the graph's `element`; `direction` is "lt", for instance.
mlir::Value emitComparison(KernelBuilder &k, llvm::StringRef direction, mlir::Type element,
                           mlir::Value lhs, mlir::Value rhs);
/// An integer (i32, or i64 for wide elements) whose order is the one in which x, of the graph's
/// `element`, is sorted.
mlir::Value emitSortKey(KernelBuilder &k, mlir::Value x, mlir::Type element, bool descending);
/// Word `index` (i32 or i64) of the Philox stream with key (low, high).
mlir::Value emitRandomWord(KernelBuilder &k, mlir::Value index, mlir::Value low, mlir::Value high);
/// All words of a vector of counters, one after another: four times as many lanes.
mlir::Value emitRandomRun(KernelBuilder &k, mlir::Value counters, mlir::Value low,
                          mlir::Value high);
/// About how many instructions an elementwise op is.
int costOf(mlir::Operation *op);

} // namespace weir::codegen
