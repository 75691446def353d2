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

/// The dtypes of a class that op records name, the common ones first.
std::vector<runtime::DType> dtypesOf(ir::DtypeClass dtypes);

// What an op takes as its first operand; a test compares with the op's record.
inline const std::vector<runtime::DType> kFloats = dtypesOf(ir::DtypeClass::Float);
inline const std::vector<runtime::DType> kIntegers = dtypesOf(ir::DtypeClass::Integer);
inline const std::vector<runtime::DType> kNumeric = dtypesOf(ir::DtypeClass::Numeric);
inline const std::vector<runtime::DType> kBitwise = dtypesOf(ir::DtypeClass::Bitwise);
inline const std::vector<runtime::DType> kAny = dtypesOf(ir::DtypeClass::Any);

/// "[3,5]".
std::string shapeName(const std::vector<int64_t> &dims);
/// -9..9 for integers (from 0 if unsigned), `floats` otherwise.
Range rangeFor(runtime::DType dtype, Range floats = {});

} // namespace weir::testing
