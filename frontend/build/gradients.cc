// Graph::gradients and minimize: the ops that lead from `wrt` to the loss are copied into a
// function of their own, whose vjp is asked for. The copy's forward part is the original's again
// after inlining and common subexpression elimination. Values that do not depend on `wrt` are
// captured: they become further arguments.
#include "frontend/build/function.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace weir::build {
namespace {

bool isInside(Value value, Operation *op) {
  for (Operation *outer = value.getParentBlock()->getParentOp(); outer;
       outer = outer->getParentOp())
    if (outer == op) return true;
  return false;
}

/// Everything that `op` reads, in its regions too, from outside itself.
template <typename Visit> void forEachRead(Operation *op, Visit visit) {
  for (Value operand : op->getOperands()) visit(operand);
  for (Region &region : op->getRegions())
    region.walk([&](Operation *inner) {
      for (Value operand : inner->getOperands())
        if (!isInside(operand, op)) visit(operand);
    });
}

/// The ops between `wrt` and `loss`, in order.
struct Path {
  std::vector<Operation *> ops;
  DenseSet<Value> depends; ///< on some wrt
  DenseSet<Value> needed;  ///< by the loss

  Path(GraphState &state, ValueRange wrt, Value loss) {
    std::vector<Block *> blocks; // outermost first, up to the function that is being built
    for (Scope *scope = state.current; scope; scope = scope->parent) {
      blocks.insert(blocks.begin(), scope->block);
      if (scope->kind != Scope::Region) break;
    }
    depends.insert(wrt.begin(), wrt.end());
    std::vector<Operation *> affected;
    for (Block *block : blocks)
      for (Operation &op : *block) {
        bool reads = false;
        forEachRead(&op, [&](Value value) { reads |= depends.contains(value); });
        if (!reads) continue;
        affected.push_back(&op);
        depends.insert(op.result_begin(), op.result_end());
      }
    needed.insert(loss);
    for (auto op = affected.rbegin(); op != affected.rend(); ++op) {
      if (!llvm::any_of((*op)->getResults(), [&](Value v) { return needed.contains(v); })) continue;
      ops.push_back(*op);
      forEachRead(*op, [&](Value value) { needed.insert(value); });
    }
    std::reverse(ops.begin(), ops.end());
  }
};

/// The function of wrt (and captures) that gives the loss.
struct Outlined {
  Instance instance;
  SmallVector<Value> wrt;      ///< what is passed for each wrt
  SmallVector<Value> captures; ///< what is passed after them

  Outlined(GraphState &state, const Path &path, ValueRange wrtValues, Value loss, Location at);

private:
  void copyOps(GraphState &state, const Path &path, OpBuilder &inside, Location at);
  Block *block;
  IRMapping map;
  llvm::SmallMapVector<Value, Value, 8>
      displaced; ///< wrt that depends on another one -> its offset argument
};

Outlined::Outlined(GraphState &state, const Path &path, ValueRange wrtValues, Value loss,
                   Location at) {
  OpBuilder b = OpBuilder::atBlockEnd(state.module->getBody());
  instance.symbol = state.uniqueName("loss");
  state.symbols.insert(instance.symbol);
  instance.function =
      func::FuncOp::create(b, state.locate(at), instance.symbol, b.getFunctionType({}, {}));
  instance.function.setPrivate();
  state.instances.push_back(std::make_shared<Instance>(instance));
  block = new Block;
  instance.function.getBody().push_back(block);
  DenseSet<Value> made;
  for (Operation *op : path.ops) made.insert(op->result_begin(), op->result_end());
  for (Value value : wrtValues) {
    Value argument = block->addArgument(value.getType(), state.locate(at));
    instance.arguments.push_back(typeOf(value));
    if (!made.contains(value)) {
      map.map(value, argument);
      wrt.push_back(value);
      continue;
    }
    // It is computed from another wrt: the derivative is taken by an offset to it, which is zero.
    displaced[value] = argument;
    wrt.push_back(
        state
            .emit("constant", {},
                  {{"value", Splat{Array::zeros(typeOf(value).dtype, {}), typeOf(value).shape}}},
                  {}, at)
            ->getResult(0));
  }
  OpBuilder inside = OpBuilder::atBlockEnd(block);
  copyOps(state, path, inside, at);
  func::ReturnOp::create(inside, state.locate(at), map.lookup(loss));
  instance.results = {typeOf(loss)};
  instance.function.setFunctionType(b.getFunctionType(block->getArgumentTypes(), {loss.getType()}));
}

void Outlined::copyOps(GraphState &state, const Path &path, OpBuilder &inside, Location at) {
  for (Operation *op : path.ops) {
    forEachRead(op, [&](Value value) {
      if (map.contains(value)) return;
      map.map(value, block->addArgument(value.getType(), value.getLoc()));
      captures.push_back(value);
    });
    Operation *copy = inside.clone(*op, map);
    for (auto [from, to] : llvm::zip(op->getResults(), copy->getResults())) {
      auto offset = displaced.find(from);
      if (offset == displaced.end()) continue;
      OperationState sum(state.locate(at), "weir.add", ValueRange{to, offset->second},
                         from.getType());
      map.map(from, inside.create(sum)->getResult(0));
    }
  }
}

/// What gradients and minimize both need to know.
struct Request {
  GraphState &state;
  TensorList wrt;
  SmallVector<Value> values;
  Value loss;
  TensorType lossType;
};

Request checkRequest(GraphState &state, const char *name, const Arg &loss, const TensorList &wrt) {
  const Location at = loss.at;
  Request request{state, wrt, {}, {}, {}};
  Tensor lossTensor = tensorOf(name, loss, "loss");
  request.loss = state.valueOf({lossTensor, "loss"}, name, at);
  request.lossType = lossTensor.type(at);
  if (!request.lossType.shape.empty() || !runtime::isFloat(request.lossType.dtype))
    throw Error(std::string(name) + ": loss is " + request.lossType.str() +
                    ", but only a float scalar has a gradient",
                at, {noteOn({lossTensor, "loss"})});
  auto isOutside = [&](const Tensor &tensor) {
    for (Scope *scope = state.current; scope; scope = scope->parent) {
      if (scope == state.record(GraphState::idOf(tensor)).scope) return false;
      if (scope->kind != Scope::Region) return true;
    }
    return true;
  };
  for (size_t i = 0; i < wrt.size(); ++i) {
    const Operand operand{wrt[i], "wrt " + std::to_string(i)};
    request.values.push_back(state.valueOf(operand, name, at));
    if (!runtime::isFloat(wrt[i].dtype(at)))
      throw Error(std::string(name) + ": " + operand.label + " is " + wrt[i].type().str() +
                      "; only floats have gradients",
                  at, {noteOn(operand)});
    if (isOutside(wrt[i]) || isOutside(lossTensor))
      throw Error(std::string(name) + ": loss and " + operand.label +
                      " must be values of this function; pass outer ones as arguments",
                  at, {noteOn({lossTensor, "loss"}), noteOn(operand)});
  }
  return request;
}

TensorList emitGradients(Request &request, const Path &path, Location at) {
  GraphState &state = request.state;
  StatePtr shared = state.shared_from_this();
  llvm::SetVector<Value> distinct;
  for (Value value : request.values)
    if (path.depends.contains(request.loss) && path.needed.contains(value)) distinct.insert(value);
  TensorList gradients(request.wrt.size());
  if (!distinct.empty()) {
    Outlined outlined(state, path, distinct.getArrayRef(), request.loss, at);
    SmallVector<Value> operands = outlined.wrt;
    llvm::append_range(operands, outlined.captures);
    Tensor one = numberAs(shared, "gradients", Arg(1, at), request.lossType);
    operands.push_back(state.use({one, "seed"}, "gradients", at));
    SmallVector<Type> types{request.loss.getType()};
    SmallVector<int64_t> wrt;
    for (auto [i, value] : llvm::enumerate(distinct)) {
      types.push_back(value.getType());
      wrt.push_back(static_cast<int64_t>(i));
    }
    OpBuilder b = state.builder();
    auto callee = FlatSymbolRefAttr::get(b.getContext(), outlined.instance.symbol);
    Operation *op = state.emitKnown(
        "vjp", operands, types,
        {b.getNamedAttr("callee", callee), b.getNamedAttr("wrt", b.getDenseI64ArrayAttr(wrt))}, {},
        at);
    for (size_t i = 0; i < gradients.size(); ++i)
      if (auto found = llvm::find(distinct, request.values[i]); found != distinct.end())
        gradients[i] =
            state.wrap(op->getResult(static_cast<unsigned>(1 + (found - distinct.begin()))), at);
  }
  for (size_t i = 0; i < gradients.size(); ++i)
    if (gradients[i].empty())
      gradients[i] = numberAs(shared, "gradients", Arg(0, at), request.wrt[i].type());
  return gradients;
}

} // namespace
} // namespace weir::build

namespace weir {

using namespace build;

TensorList Graph::gradients(Arg loss, const TensorList &wrt) {
  Transaction transaction(*shared);
  Request request = checkRequest(*shared, "gradients", loss, wrt);
  Path path(*shared, request.values, request.loss);
  TensorList gradients = emitGradients(request, path, loss.at);
  transaction.commit();
  return gradients;
}

/// The trainable variables, or those of them that `only` names.
static std::vector<Gradient> minimized(const Graph &graph, const TensorList &only, Location at) {
  std::vector<Gradient> trainables = graph.trainables(), picked;
  if (only.empty()) return trainables;
  for (const Tensor &tensor : only) {
    tensor.type(at);
    auto found = llvm::find_if(trainables, [&](const Gradient &candidate) {
      return GraphState::stateOf(tensor) == graph.state() &&
             GraphState::idOf(candidate.variable) == GraphState::idOf(tensor);
    });
    if (found == trainables.end())
      throw Error("minimize: not a trainable variable of this graph", at, {noteOn(tensor, "it")});
    picked.push_back(*found);
  }
  return picked;
}

void Graph::minimize(Arg loss, const UpdateRule &rule, const TensorList &only) {
  Transaction transaction(*shared);
  if (shared->current->kind != Scope::Main)
    throw Error("minimize: not inside " + shared->current->what + "; do it at the top level",
                loss.at);
  std::vector<Gradient> candidates = minimized(*this, only, loss.at), reached;
  TensorList wrt;
  for (const Gradient &candidate : candidates) wrt.push_back(candidate.variable);
  Request all = checkRequest(*shared, "minimize", loss, wrt);
  Path path(*shared, all.values, all.loss);
  Request request{*shared, {}, {}, all.loss, all.lossType};
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (!path.depends.contains(all.loss) || !path.needed.contains(all.values[i])) continue;
    reached.push_back(candidates[i]);
    request.wrt.push_back(wrt[i]);
    request.values.push_back(all.values[i]);
  }
  if (reached.empty())
    throw Error(candidates.empty() ? "minimize: the graph has no trainable variables"
                                   : "minimize: the loss depends on no trainable variable",
                loss.at, {noteOn({loss.tensor, "loss"})});
  TensorList gradients = emitGradients(request, path, loss.at);
  for (size_t i = 0; i < reached.size(); ++i) reached[i].gradient = gradients[i];
  CallScope scope(loss.at);
  rule(*this, reached);
  transaction.commit();
}

} // namespace weir
