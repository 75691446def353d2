// Element types: the one mapping between MLIR's types and the runtime's dtypes, and the classes of
// dtypes by which op records say what they take.
#pragma once

#include "runtime/base/dtype.h"

#include "mlir/IR/BuiltinTypes.h"

#include <optional>
#include <string>

namespace weir::ir {

/// The dtype of an element type (f32) or of a tensor's elements; none for types that no tensor of a
/// graph has.
std::optional<runtime::DType> dtypeOf(mlir::Type type);
/// The inverse: unsigned dtypes are unsigned types (ui8), the other integers are signless.
mlir::Type elementTypeOf(mlir::MLIRContext *context, runtime::DType dtype);

/// Which dtypes an op takes: of its first operand, or of its result where it has no operands.
enum class DtypeClass {
  Float,   ///< f16 bf16 f32 f64
  Integer, ///< i8 to i64, ui8 to ui64
  Numeric, ///< floats and integers
  Bitwise, ///< integers and i1
  Any,     ///< all of these
  I32      ///< i32 alone
};

bool isIn(runtime::DType dtype, DtypeClass dtypes);
/// The dtypes of a class as messages list them: "f16, bf16, f32, f64".
std::string describe(DtypeClass dtypes);

} // namespace weir::ir
