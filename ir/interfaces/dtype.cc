// Dtypes of element types, and the members of each class.
#include "ir/interfaces/dtype.h"

#include "mlir/IR/MLIRContext.h"

using namespace mlir;
using weir::runtime::DType;

namespace weir::ir {

/// Every dtype, in the order of the enumeration.
constexpr DType kDtypes[] = {DType::I1,   DType::I8,  DType::I16, DType::I32, DType::I64,
                             DType::U8,   DType::U16, DType::U32, DType::U64, DType::F16,
                             DType::BF16, DType::F32, DType::F64};

Type elementTypeOf(MLIRContext *context, DType dtype) {
  switch (dtype) {
  case DType::F16:
    return Float16Type::get(context);
  case DType::BF16:
    return BFloat16Type::get(context);
  case DType::F32:
    return Float32Type::get(context);
  case DType::F64:
    return Float64Type::get(context);
  case DType::I1:
    return IntegerType::get(context, 1);
  default:
    break;
  }
  auto signedness = runtime::isUnsigned(dtype) ? IntegerType::Unsigned : IntegerType::Signless;
  return IntegerType::get(context, 8 * runtime::dtypeBytes(dtype), signedness);
}

std::optional<DType> dtypeOf(Type type) {
  if (auto tensor = dyn_cast<RankedTensorType>(type)) type = tensor.getElementType();
  for (DType dtype : kDtypes)
    if (elementTypeOf(type.getContext(), dtype) == type) return dtype;
  return std::nullopt;
}

bool isIn(DType dtype, DtypeClass dtypes) {
  bool isFloat = runtime::isFloat(dtype), isBool = dtype == DType::I1;
  switch (dtypes) {
  case DtypeClass::Float:
    return isFloat;
  case DtypeClass::Integer:
    return !isFloat && !isBool;
  case DtypeClass::Numeric:
    return !isBool;
  case DtypeClass::Bitwise:
    return !isFloat;
  case DtypeClass::Any:
    return true;
  case DtypeClass::I32:
    return dtype == DType::I32;
  }
  return false;
}

std::string describe(DtypeClass dtypes) {
  std::string list;
  for (DType dtype : kDtypes)
    if (isIn(dtype, dtypes)) list += (list.empty() ? "" : ", ") + std::string(dtypeName(dtype));
  return list;
}

} // namespace weir::ir
