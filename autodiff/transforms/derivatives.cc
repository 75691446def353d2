// Derivative functions: the whole-function ends of jvp, split and transpose, and the cache over
// them.
#include "autodiff/transforms/control.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::autodiff {

static std::string text(std::initializer_list<const llvm::BitVector *> masks) {
  std::string result;
  for (const llvm::BitVector *mask : masks) {
    for (unsigned i = 0; i < mask->size(); ++i) result += mask->test(i) ? '1' : '0';
    result += '/';
  }
  return result;
}

func::FuncOp Derivatives::insert(func::FuncOp source, llvm::StringRef suffix, func::FuncOp f) {
  llvm::StringRef base = source.getSymName();
  if (suffix != ".jvp") base.consume_back(".jvp");
  return functions.insert(f, base + suffix);
}

const llvm::BitVector &Derivatives::activeResults(func::FuncOp f, const llvm::BitVector &wrt) {
  auto [it, isNew] = activities.try_emplace(Key(f, text({&wrt})));
  if (isNew) {
    Activity active(*this, f.front(), f.getArguments(), wrt);
    it->second = active.mask(f.front().getTerminator()->getOperands());
  }
  return it->second;
}

FailureOr<JvpFunction> Derivatives::jvp(func::FuncOp f, const llvm::BitVector &wrt) {
  Key key(f, text({&wrt}));
  if (auto it = jvps.find(key); it != jvps.end()) return it->second;
  Activity active(*this, f.front(), f.getArguments(), wrt);
  Jvp jvp(active);
  OwningOpRef<func::FuncOp> g(Functions::create(f));
  Block &body = g->front();
  SmallVector<Value> primals = addArguments(body, f.getArguments());
  for (auto [i, source] : llvm::enumerate(f.getArguments()))
    jvp.bind(source, primals[i],
             wrt[i] ? Value(body.addArgument(source.getType(), tangentLoc(source.getLoc())))
                    : Value());
  RuleBuilder b = atEnd(body, f.getLoc());
  if (failed(jvp.block(f.front(), b))) return failure();

  Operation *ret = f.front().getTerminator();
  SmallVector<Value> values =
      llvm::map_to_vector(ret->getOperands(), [&](Value v) { return jvp.primal(v); });
  llvm::BitVector varying(ret->getNumOperands());
  for (auto [i, v] : llvm::enumerate(ret->getOperands()))
    if (Value tangent = jvp.tangent(v)) varying.set(i), values.push_back(tangent);
  Functions::finish(*g, values, ret->getLoc());
  ir::eraseUnused(g->front());
  return jvps[key] = JvpFunction{insert(f, ".jvp", g.release()), varying};
}

/// A copy of `f` in which every op is either free of the linear arguments or linear in them.
static FailureOr<OwningOpRef<func::FuncOp>>
splitInOneBlock(Derivatives &derivatives, func::FuncOp f, const llvm::BitVector &linearArguments) {
  Activity linear(derivatives, f.front(), f.getArguments(), linearArguments);
  Split split(linear);
  OwningOpRef<func::FuncOp> g(Functions::create(f));
  Block &body = g->front();
  for (auto [source, copy] : llvm::zip(f.getArguments(), addArguments(body, f.getArguments())))
    linear.contains(source) ? split.bindLinear(source, copy) : split.bindPrimal(source, copy);
  Scope scope(nullptr, body, body, f.getLoc());
  if (failed(split.block(f.front(), scope))) return failure();
  Operation *ret = f.front().getTerminator();
  SmallVector<Value> values =
      llvm::map_to_vector(ret->getOperands(), [&](Value v) { return split.inLinear(v, scope); });
  Functions::finish(*g, values, ret->getLoc());
  return g;
}

FailureOr<Halves> Derivatives::split(func::FuncOp f, const llvm::BitVector &linearArguments,
                                     ArrayAttr saved) {
  Key key(f, text({&linearArguments}));
  llvm::raw_string_ostream(key.second) << saved;
  if (auto it = halves.find(key); it != halves.end()) return it->second;
  Activity linear(*this, f.front(), f.getArguments(), linearArguments);
  Split split(linear);
  OwningOpRef<func::FuncOp> primal(Functions::create(f)), tangent(Functions::create(f));
  Block &primalBody = primal->front(), &linearBody = tangent->front();
  SmallVector<Value> mine = masked(f.getArguments(), linearArguments, false);
  SmallVector<Value> theirs = masked(f.getArguments(), linearArguments);
  for (auto [source, copy] : llvm::zip(mine, addArguments(primalBody, mine)))
    split.bindPrimal(source, copy);
  for (auto [source, copy] : llvm::zip(theirs, addArguments(linearBody, theirs)))
    split.bindLinear(source, copy);

  Operation *ret = f.front().getTerminator();
  Halves result;
  result.linearResults = linear.mask(ret->getOperands());
  SmallVector<Value> residuals;
  Scope scope(nullptr, primalBody, linearBody, f.getLoc());
  std::optional<CheckpointPolicy> policy;
  if (saved) scope.policy = &policy.emplace(saved);
  scope.residual = [&](Value value) -> Value {
    residuals.push_back(value);
    return linearBody.insertArgument(residuals.size() - 1, value.getType(), value.getLoc());
  };
  if (failed(split.block(f.front(), scope))) return failure();

  SmallVector<Value> primalValues, linearValues;
  for (Value v : masked(ret->getOperands(), result.linearResults, false))
    primalValues.push_back(split.inPrimal(v));
  for (Value v : masked(ret->getOperands(), result.linearResults))
    linearValues.push_back(split.inLinear(v, scope));
  for (Value residual : residuals) {
    if (auto argument = dyn_cast<BlockArgument>(residual))
      result.residuals.push_back({true, argument.getArgNumber()});
    else
      result.residuals.push_back({false, position(primalValues, residual)});
  }
  Functions::finish(*primal, primalValues, ret->getLoc());
  Functions::finish(*tangent, linearValues, ret->getLoc());
  if (!primalValues.empty()) result.primal = insert(f, ".primal", primal.release());
  result.linear = insert(f, ".linear", tangent.release());
  return halves[key] = result;
}

/// Not in the module yet.
static FailureOr<std::pair<OwningOpRef<func::FuncOp>, llvm::BitVector>>
transposed(Derivatives &derivatives, func::FuncOp f, const llvm::BitVector &linearArguments,
           const llvm::BitVector &linearResults, const llvm::BitVector &seeded) {
  OwningOpRef<func::FuncOp> g(f.clone());
  Block &body = g->front();
  Activity linear(derivatives, body, body.getArguments(), linearArguments);
  Transpose transpose(linear);
  Location loc = cotangentLoc(body.getTerminator()->getLoc());
  SmallVector<Value> returned = takeTerminator(body), arguments(body.getArguments());
  RuleBuilder b = atEnd(body, loc);
  for (unsigned i : seeded.set_bits())
    transpose.give(b, loc, returned[i], body.addArgument(returned[i].getType(), loc));
  if (failed(transpose.block(body, b))) return failure();
  transpose.eraseLinearOps(body);

  SmallVector<Value> values = masked(returned, linearResults, false);
  llvm::BitVector reached(arguments.size());
  for (unsigned i : linearArguments.set_bits())
    if (Value ct = transpose.cotangent(arguments[i])) reached.set(i), values.push_back(ct);
  llvm::BitVector gone = linearArguments;
  gone.resize(body.getNumArguments());
  body.eraseArguments(gone);
  Functions::finish(*g, values, loc);
  ir::eraseUnused(g->front());
  return std::pair(std::move(g), reached);
}

FailureOr<TransposedFunction> Derivatives::transpose(func::FuncOp f, const llvm::BitVector &linear,
                                                     const llvm::BitVector &linearResults,
                                                     const llvm::BitVector &seeded) {
  Key key(f, text({&linear, &linearResults, &seeded}));
  if (auto it = transposes.find(key); it != transposes.end()) return it->second;
  auto result = transposed(*this, f, linear, linearResults, seeded);
  if (failed(result)) return failure();
  return transposes[key] =
             TransposedFunction{insert(f, ".transpose", result->first.release()), result->second};
}

FailureOr<TransposedFunction> Derivatives::vjp(func::FuncOp f, const llvm::BitVector &wrt,
                                               const llvm::BitVector &cotangents) {
  Key key(f, text({&wrt, &cotangents}));
  if (auto it = vjps.find(key); it != vjps.end()) return it->second;
  auto forward = jvp(f, wrt);
  if (failed(forward)) return failure();
  // Tangents come after the arguments, and after the results.
  unsigned arguments = f.getNumArguments(), results = f.getNumResults();
  llvm::BitVector tangents(forward->function.getNumArguments()),
      linearResults(forward->function.getNumResults());
  tangents.set(arguments, tangents.size());
  linearResults.set(results, linearResults.size());
  llvm::BitVector seeded(linearResults.size());
  for (auto [k, i] : llvm::enumerate(forward->results.set_bits()))
    if (cotangents[i]) seeded.set(results + k);

  auto cut = splitInOneBlock(*this, forward->function, tangents);
  if (failed(cut)) return failure();
  auto backward = transposed(*this, **cut, tangents, linearResults, seeded);
  if (failed(backward)) return failure();
  llvm::BitVector reached(arguments);
  for (auto [k, i] : llvm::enumerate(wrt.set_bits()))
    if (backward->second[arguments + k]) reached.set(i);
  return vjps[key] = TransposedFunction{insert(f, ".vjp", backward->first.release()), reached};
}

} // namespace weir::autodiff
