// Assembling the table, and the references' tensors.
#include "tests/ops/op_table.h"

namespace weir::testing {

static int64_t flatten(const std::vector<int64_t> &dims, const std::vector<int64_t> &index) {
  int64_t flat = 0;
  for (size_t d = 0; d < dims.size(); ++d) flat = flat * dims[d] + index[d];
  return flat;
}

double Plain::at(const std::vector<int64_t> &index) const {
  return values[flatten(dims, index)];
}

Plain Plain::make(std::vector<int64_t> dims,
                  const std::function<double(const std::vector<int64_t> &)> &value) {
  int64_t size = 1;
  for (int64_t d : dims) size *= d;
  Plain plain{dims, std::vector<double>(size)};
  std::vector<int64_t> index(dims.size());
  for (int64_t flat = 0; flat < size; ++flat) {
    int64_t rest = flat;
    for (size_t d = dims.size(); d-- > 0; rest /= dims[d]) index[d] = rest % dims[d];
    plain.values[flat] = value(index);
  }
  return plain;
}

const std::vector<Row> &opTable() {
  static const std::vector<Row> table = [] {
    std::vector<Row> rows;
    addElementwiseRows(rows);
    addLayoutRows(rows);
    addReductionRows(rows);
    addIndexingRows(rows);
    addOrderedRows(rows);
    addWindowRows(rows);
    addControlRows(rows);
    return rows;
  }();
  return table;
}

std::vector<runtime::DType> dtypesOf(ir::DtypeClass dtypes) {
  using enum runtime::DType;
  std::vector<runtime::DType> members;
  for (runtime::DType dtype : {F32, F64, F16, BF16, I32, I64, I8, I16, U8, U16, U32, U64, I1})
    if (ir::isIn(dtype, dtypes)) members.push_back(dtype);
  return members;
}

std::string shapeName(const std::vector<int64_t> &dims) {
  std::string name = "[";
  for (size_t d = 0; d < dims.size(); ++d) name += (d ? "," : "") + std::to_string(dims[d]);
  return name + "]";
}

Range rangeFor(runtime::DType dtype, Range floats) {
  return runtime::isFloat(dtype) ? floats : Range{-9, 9};
}

} // namespace weir::testing
