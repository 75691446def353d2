// IterationSpace: building, printing.
#include "ir/interfaces/iteration_space.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace weir::ir {

int64_t IterationSpace::points() const {
  int64_t n = 1;
  for (const Loop &loop : loops) n *= loop.size;
  return n;
}

SmallVector<int64_t> IterationSpace::resultShape(unsigned r) const {
  return llvm::map_to_vector(results[r], [](const DimMap &dim) { return dim.size; });
}

static std::string loopName(int loop) {
  std::string name(1, "ijklmnop"[loop % 8]);
  return loop < 8 ? name : name + std::to_string(loop / 8);
}

static void printDim(llvm::raw_ostream &os, const DimMap &dim) {
  switch (dim.kind) {
  case DimMap::Along:
    os << loopName(dim.loops[0]);
    break;
  case DimMap::Affine:
    for (const AffineTerm &term : dim.terms) os << loopName(term.loop) << "*" << term.stride << "+";
    os << dim.offset;
    if (dim.divisor != 1) os << "/" << dim.divisor;
    break;
  case DimMap::Product:
    if (dim.loops.empty()) os << "1";
    for (int loop : dim.loops) os << loopName(loop);
    break;
  case DimMap::Indexed:
    os << "?";
    break;
  case DimMap::Whole:
    os << "*";
    break;
  }
}

static void printTensor(llvm::raw_ostream &os, const TensorMap &dims) {
  os << "[";
  llvm::interleaveComma(dims, os, [&](const DimMap &dim) { printDim(os, dim); });
  os << "]";
}

static const char *kindName(LoopKind kind) {
  constexpr const char *names[] = {"parallel", "sum", "max", "min", "prod", "and", "or"};
  return names[static_cast<int>(kind)];
}

std::string IterationSpace::str() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "(";
  llvm::interleaveComma(operands, os, [&](const TensorMap &dims) { printTensor(os, dims); });
  os << ")->";
  llvm::interleaveComma(results, os, [&](const TensorMap &dims) { printTensor(os, dims); });
  for (auto [i, loop] : llvm::enumerate(loops))
    if (loop.kind != LoopKind::Parallel)
      os << " " << kindName(loop.kind) << "={" << loopName(i) << "}";
  return text;
}

IterationSpaceBuilder::IterationSpaceBuilder(ValueRange operands, unsigned numResults)
    : values(operands) {
  space.results.resize(numResults);
  for (Value operand : operands) {
    TensorMap dims;
    for (int64_t size : cast<RankedTensorType>(operand.getType()).getShape())
      dims.push_back(DimMap::whole(size));
    space.operands.push_back(std::move(dims));
  }
}

ArrayRef<int64_t> IterationSpaceBuilder::shape(unsigned operand) const {
  return cast<RankedTensorType>(values[operand].getType()).getShape();
}

int IterationSpaceBuilder::loop(int64_t size, LoopKind kind) {
  space.loops.push_back({size, kind});
  return space.loops.size() - 1;
}

void IterationSpaceBuilder::setOperand(unsigned operand, unsigned dim, DimMap map) {
  space.operands[operand][dim] = std::move(map);
}

void IterationSpaceBuilder::operandAlong(unsigned operand, unsigned dim, int loop) {
  setOperand(operand, dim, DimMap::along(loop, shape(operand)[dim]));
}

void IterationSpaceBuilder::resultAlong(int loop, unsigned r) {
  result(DimMap::along(loop, space.loops[loop].size), r);
}

int IterationSpaceBuilder::parallel(int64_t size) {
  int l = loop(size);
  resultAlong(l);
  return l;
}

std::string shapeString(ArrayRef<int64_t> shape) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "[";
  llvm::interleaveComma(shape, os);
  os << "]";
  return text;
}

std::string typeString(Type type) {
  std::string text;
  llvm::raw_string_ostream os(text);
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor) {
    os << type;
    return text;
  }
  os << tensor.getElementType() << shapeString(tensor.getShape());
  return text;
}

} // namespace weir::ir
