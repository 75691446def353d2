// Contractions, indexing, random numbers, hints. No MLIR here.
#include "frontend/api/graph.h"
#include "frontend/build/emit.h"

#include <numbers>
#include <numeric>

namespace weir {

using namespace build;

// ---- Contraction ----

namespace {

/// Both operands with equal dtypes, named lhs and rhs.
std::pair<Operand, Operand> dotOperands(const Arg &lhs, const Arg &rhs) {
  std::pair<Operand, Operand> operands{{tensorOf("dot", lhs, "lhs"), "lhs"},
                                       {tensorOf("dot", rhs, "rhs"), "rhs"}};
  stateOf("dot", {lhs, rhs});
  DType a = lhs.tensor.dtype(lhs.at), b = rhs.tensor.dtype(lhs.at);
  if (a != b)
    throw Error("dot: dtypes differ: lhs is " + std::string(runtime::dtypeName(a)) + ", rhs is " +
                    std::string(runtime::dtypeName(b)),
                lhs.at, {noteOn(operands.first), noteOn(operands.second)});
  return operands;
}

Shape batchOf(const Tensor &x) {
  return Shape(x.shape().begin(), x.shape().end() - std::min<int64_t>(2, x.rank()));
}

/// x with the batch dims of `batch` in front of its matrix.
Tensor withBatch(const Tensor &x, Shape batch, Location at) {
  batch.insert(batch.end(), x.shape().end() - 2, x.shape().end());
  return stretch(x, batch, at);
}

} // namespace

Tensor dot(Arg lhs, Arg rhs, DotDims dims) {
  auto [l, r] = dotOperands(lhs, rhs);
  return emit("dot", {l, r},
              {{"lhs_batch", dims.lhsBatch},
               {"rhs_batch", dims.rhsBatch},
               {"lhs_contract", dims.lhsContract},
               {"rhs_contract", dims.rhsContract}},
              lhs.at);
}

Tensor matmul(Arg lhs, Arg rhs) {
  auto [l, r] = dotOperands(lhs, rhs);
  const Location at = lhs.at;
  for (const Operand &operand : {l, r})
    if (operand.tensor.rank() == 0)
      throw Error("matmul: " + operand.label + " is a scalar", at, {noteOn(l), noteOn(r)},
                  "multiply with *");
  const int64_t lhsRank = l.tensor.rank(), rhsRank = r.tensor.rank();
  const int64_t rhsContract = std::max<int64_t>(0, rhsRank - 2);
  // A matrix on the right serves every row on the left: one dot without batch dims.
  if (rhsRank <= 2) return dot(lhs, rhs, {{}, {}, {lhsRank - 1}, {rhsContract}});
  if (lhsRank == 1) {
    Tensor row = expandDims(lhs, 0);
    return squeeze(Arg(matmul(Arg(row, at), rhs), at), -2);
  }
  Shape batch = batchOf(l.tensor);
  if (batch != batchOf(r.tensor)) {
    // Only the batch dims broadcast; ones stand for the matrices.
    Shape a = batch, b = batchOf(r.tensor);
    auto ones = [&](const Shape &shape) {
      return numberAs(stateOf("matmul", {lhs}), "matmul", Arg(0, at), {l.tensor.dtype(), shape});
    };
    batch = broadcastShapes("matmul", {ones(a), "lhs batch"}, {ones(b), "rhs batch"}, at);
    l.tensor = withBatch(l.tensor, batch, at);
    r.tensor = withBatch(r.tensor, batch, at);
  }
  std::vector<int64_t> dims(batch.size());
  std::iota(dims.begin(), dims.end(), 0);
  const auto n = static_cast<int64_t>(batch.size());
  return dot(Arg(l.tensor, at), Arg(r.tensor, at), {dims, dims, {n + 1}, {n}});
}

// ---- Indexing ----

Tensor gather(Arg operand, Arg indices, int64_t dim, int64_t batchDims) {
  Operand from{tensorOf("gather", operand), "operand"},
      at{tensorOf("gather", indices, "indices"), "indices"};
  stateOf("gather", {operand, indices});
  dim = normalizeDim("gather", dim, operand, from.tensor);
  return emit("gather", {from, at}, {{"dim", dim}, {"batch_dims", batchDims}}, operand.at);
}

static Tensor scatter(std::string_view name, const Arg &operand, const Arg &indices,
                      const Arg &updates, int64_t dim, int64_t batchDims) {
  Operand into{tensorOf(name, operand), "operand"};
  stateOf(name, {operand, indices, updates});
  dim = normalizeDim(name, dim, operand, into.tensor);
  return emit(name,
              {into,
               {tensorOf(name, indices, "indices"), "indices"},
               {tensorOf(name, updates, "updates"), "updates"}},
              {{"dim", dim}, {"batch_dims", batchDims}}, operand.at);
}

#define WEIR_DEFINE_SCATTER(function, op)                                                          \
  Tensor function(Arg operand, Arg indices, Arg updates, int64_t dim, int64_t batchDims) {         \
    return scatter(#op, operand, indices, updates, dim, batchDims);                                \
  }
WEIR_SCATTER_FUNCTIONS(WEIR_DEFINE_SCATTER)
#undef WEIR_DEFINE_SCATTER

namespace {

/// Appends scalar starts; numbers become i32 constants.
void addStarts(std::string_view name, const Arg &operand, const std::vector<Arg> &starts,
               std::vector<Operand> &operands) {
  for (size_t i = 0; i < starts.size(); ++i) {
    Tensor start = starts[i].kind == Arg::IsTensor
                       ? starts[i].tensor
                       : numberAs(stateOf(name, {operand}), name, starts[i], {i32, {}});
    operands.push_back({start, "start " + std::to_string(i)});
  }
}

} // namespace

Tensor dynamicSlice(Arg operand, const std::vector<Arg> &starts, Shape sizes) {
  std::vector<Operand> operands{{tensorOf("dynamic_slice", operand), "operand"}};
  addStarts("dynamic_slice", operand, starts, operands);
  return emit("dynamic_slice", operands, {{"sizes", sizes}}, operand.at);
}

Tensor dynamicUpdateSlice(Arg operand, Arg update, const std::vector<Arg> &starts) {
  std::vector<Operand> operands{{tensorOf("dynamic_update_slice", operand), "operand"},
                                {tensorOf("dynamic_update_slice", update, "update"), "update"}};
  addStarts("dynamic_update_slice", operand, starts, operands);
  return emit("dynamic_update_slice", operands, {}, operand.at);
}

Tensor oneHot(Arg labels, int64_t classes, DType dtype) {
  CallScope scope(labels.at);
  const Tensor t = tensorOf("oneHot", labels, "labels");
  Shape shape = t.shape();
  shape.push_back(classes);
  return convert(t.graph().iota(t.dtype(), shape) == expandDims(t, -1), dtype);
}

// ---- Random numbers ----

Tensor randomBits(Arg key, Shape shape) {
  return emit("random_bits", {{tensorOf("random_bits", key, "key"), "key"}}, {{"shape", shape}},
              key.at);
}

namespace {

/// Uniform numbers from random words, two for f64: as many bits as the dtype's numbers below 1
/// have.
Tensor uniformFrom(const Tensor &bits, DType dtype) {
  if (dtype == f32) return convert(shiftRightLogical(bits, 8), f32) * 0x1p-24;
  if (dtype == f16) return convert(shiftRightLogical(bits, 21), f16) * 0x1p-11;
  if (dtype == bf16) return convert(shiftRightLogical(bits, 24), bf16) * 0x1p-8;
  Tensor high = convert(shiftRightLogical(sliceDim(bits, -1, 0, 1), 5), f64);
  Tensor low = convert(shiftRightLogical(sliceDim(bits, -1, 1, 2), 6), f64);
  return squeeze((high * 0x1p26 + low) * 0x1p-53, -1);
}

void requireFloat(const char *name, DType dtype, Location at) {
  if (!runtime::isFloat(dtype))
    throw Error(std::string(name) + ": " + std::string(runtime::dtypeName(dtype)) +
                    " is not a float dtype",
                at);
}

} // namespace

Tensor uniform(Arg key, Shape shape, DType dtype) {
  CallScope scope(key.at);
  requireFloat("uniform", dtype, key.at);
  if (dtype == f64) shape.push_back(2);
  return uniformFrom(randomBits(Arg(tensorOf("uniform", key, "key")), shape), dtype);
}

Tensor normal(Arg key, Shape shape, DType dtype) {
  CallScope scope(key.at);
  requireFloat("normal", dtype, key.at);
  // Box-Muller; the two uniforms of an element are neighbours, as in data/philox.h.
  if (runtime::dtypeBytes(dtype) < 4) return convert(normal(key, std::move(shape), f32), dtype);
  shape.push_back(2);
  Tensor pairs = uniform(Arg(tensorOf("normal", key, "key")), shape, dtype);
  Tensor first = squeeze(sliceDim(pairs, -1, 0, 1), -1),
         second = squeeze(sliceDim(pairs, -1, 1, 2), -1);
  return sqrt(-2 * log1p(-first)) * cos(2 * std::numbers::pi * second);
}

} // namespace weir
