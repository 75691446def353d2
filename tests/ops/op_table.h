// The op table: one row an op of the dialect. A row says how to build the op on which inputs, and,
// by a formula that shares nothing with the interpreter, what must come out. Everything that is
// tested for every op runs over this table.
#pragma once

#include "tests/harness/graph.h"

namespace weir::testing {

/// A tensor as the naive references see it.
struct Plain {
  std::vector<int64_t> dims;
  std::vector<double> values;

  double at(const std::vector<int64_t> &index) const;
  /// A tensor with `value(index)` at each index.
  static Plain make(std::vector<int64_t> dims,
                    const std::function<double(const std::vector<int64_t> &)> &value);
};

using Plains = std::vector<Plain>;
using Reference = std::function<Plains(const Plains &)>;

/// One use of the op.
struct Sample {
  std::string name; // what is special: a shape, an attribute
  std::vector<Arg> args;
  Body build;
  Reference reference; // null: the interpreter is the reference
};

struct Row {
  std::string op; // "weir.add"
  std::vector<runtime::DType> dtypes;
  std::function<std::vector<Sample>(runtime::DType)> samples;
  /// Kernels: what compilation makes, so no backend takes it. Derivative: has a value once autodiff
  /// has resolved it.
  enum Level { Graph, Kernels, Derivative } level = Graph;
};

/// Every row. A missing op is added to the file of its family, tests/ops/rows_<family>.cc.
const std::vector<Row> &opTable();

// One function a family.
void addElementwiseRows(std::vector<Row> &rows);
void addLayoutRows(std::vector<Row> &rows);
void addReductionRows(std::vector<Row> &rows);
void addIndexingRows(std::vector<Row> &rows);
void addOrderedRows(std::vector<Row> &rows);
void addWindowRows(std::vector<Row> &rows);
void addControlRows(std::vector<Row> &rows);

/// A body that returns the one value that `f(builder, location, arguments)` builds.
template <class F> Body single(F f) {
  return [f](mlir::OpBuilder &b, mlir::Location loc,
             mlir::ValueRange x) -> llvm::SmallVector<mlir::Value> { return {f(b, loc, x)}; };
}

// What an op takes as its first operand.
inline const std::vector<runtime::DType> kFloats = {runtime::DType::F32, runtime::DType::F64};
inline const std::vector<runtime::DType> kIntegers = {runtime::DType::I32, runtime::DType::I64};
inline const std::vector<runtime::DType> kNumeric = {runtime::DType::F32, runtime::DType::F64,
                                                     runtime::DType::I32, runtime::DType::I64};
inline const std::vector<runtime::DType> kBitwise = {runtime::DType::I1, runtime::DType::I32,
                                                     runtime::DType::I64};
inline const std::vector<runtime::DType> kAny = {runtime::DType::F32, runtime::DType::F64,
                                                 runtime::DType::I32, runtime::DType::I64,
                                                 runtime::DType::I1};

/// "[3,5]".
std::string shapeName(const std::vector<int64_t> &dims);
/// -9..9 for integers, `floats` otherwise.
Range rangeFor(runtime::DType dtype, Range floats = {});

} // namespace weir::testing
