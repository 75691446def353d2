// Batched functions, and the cache over them.
#include "autodiff/batching/batch.h"

#include "ir/pruning/prune.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::autodiff {

static std::string text(const llvm::BitVector &mask) {
  std::string result;
  for (unsigned i = 0; i < mask.size(); ++i) result += mask.test(i) ? '1' : '0';
  return result;
}

static Spread spreadOf(Batches &batches, func::FuncOp f, const llvm::BitVector &mask) {
  Spread spread(batches);
  for (unsigned i : mask.set_bits()) spread.insert(f.getArgument(i));
  spread.run(f.front());
  return spread;
}

const llvm::BitVector &Batches::spread(func::FuncOp f, const llvm::BitVector &mask) {
  Key key(f, text(mask));
  auto it = spreads.find(key);
  if (it == spreads.end())
    it = spreads
             .emplace(key, spreadOf(*this, f, mask).mask(f.front().getTerminator()->getOperands()))
             .first;
  return it->second;
}

/// What `f` returns for `value`, one of its own.
static Value returned(Batch &batch, RuleBuilder &b, Value value, Out out) {
  if (out == Out::AsIs) return batch.copy(value);
  Value all = batch.batched(b, value);
  return out == Out::Batched ? all : Value(ReduceSumOp::create(b, all, ArrayRef<int64_t>{0}));
}

FailureOr<BatchedFunction> Batches::batch(func::FuncOp f, const llvm::BitVector &mask, int64_t size,
                                          ArrayRef<Out> outs) {
  std::string what = text(mask) + "/" + std::to_string(size) + "/";
  for (Out out : outs) what += static_cast<char>(out);
  Key key(f, what);
  if (auto it = made.find(key); it != made.end()) return it->second;

  Spread spread = spreadOf(*this, f, mask);
  ValueRange values = f.front().getTerminator()->getOperands();
  llvm::BitVector results = spread.mask(values);
  for (auto [i, out] : llvm::enumerate(outs)) {
    if (out == Out::Batched) results.set(i);
    if (out == Out::Summed) results.reset(i);
  }
  // Known from now on: a rule may use the function whose rule it is.
  func::FuncOp g = functions.insert(Functions::create(f), f.getSymName() + ".vmap");
  made[key] = {g, results};
  Batch batch(spread, *this, size);
  Block &body = g.front();
  for (Value argument : f.getArguments())
    batch.bind(argument, body.addArgument(batch.typeOf(argument), argument.getLoc()));
  RuleBuilder b = atEnd(body, f.front().getTerminator()->getLoc());
  if (failed(batch.block(f.front(), b))) return failure();
  SmallVector<Value> all;
  for (auto [i, value] : llvm::enumerate(values))
    all.push_back(returned(batch, b, value, outs.empty() ? Out::AsIs : outs[i]));
  Functions::finish(g, all, b.getLoc());
  ir::eraseUnused(body);
  return made[key];
}

} // namespace weir::autodiff
