// weir-lower-to-dataflow: every function becomes one flow.graph, in which if and while are switch,
// merge, enter, exit and next_iteration. A region becomes a scope; a value used in a scope further
// in is led there through one switch or constant enter for each scope between. Ops without operands
// stay outside of all scopes and are led in as well, so that on a branch not taken nothing runs.
#include "ir/dataflow/flow.h"
#include "ir/dialect/weir.h"
#include "passes/control_flow/control_flow.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::passes {
namespace {

/// The two ways that a predicate decides between: the switches of what goes either way.
struct Fork {
  Value pred;
  llvm::DenseMap<Value, flow::SwitchOp> switches{};
};

/// Where values can be used: the function, a side of a fork, or a frame.
struct Scope {
  Scope *around = nullptr;
  Fork *fork = nullptr;
  bool side = false;
  StringAttr frame;
  llvm::DenseMap<Value, Value> constants{}; // entered into the frame
};

class Lowering {
public:
  explicit Lowering(func::FuncOp function)
      : function(function), b(function.getContext()), loc(function.getLoc()) {}

  LogicalResult run() {
    Block &entry = function.front();
    Operation *exit = entry.getTerminator();
    b.setInsertionPoint(exit);
    auto graph = flow::GraphOp::create(b, loc, exit->getOperandTypes());
    b.setInsertionPointToEnd(&graph.getBody().emplaceBlock());
    for (Value argument : entry.getArguments()) known[argument] = {argument, &outermost};
    SmallVector<Operation *> before;
    for (Operation &op : entry)
      if (&op != graph && &op != exit) before.push_back(&op);
    for (Operation *op : before)
      if (failed(lower(*op, outermost))) return failure();
    flow::OutputOp::create(b, loc, in(exit->getOperands(), outermost));
    exit->setOperands(graph.getOutputs());
    for (Operation *op : llvm::reverse(before)) op->erase();
    return success();
  }

private:
  using Values = SmallVector<Value>;
  struct Place {
    Value value;
    Scope *scope;
  };

  flow::SwitchOp switched(Value value, Fork &fork) {
    flow::SwitchOp &made = fork.switches[value];
    if (!made)
      made = flow::SwitchOp::create(b, loc, value.getType(), value.getType(), value, fork.pred);
    return made;
  }

  /// `value` of the scope `from`, in `to`, which is that scope or further in.
  Value lead(Value value, Scope &from, Scope &to) {
    if (&from == &to) return value;
    value = lead(value, from, *to.around);
    if (to.fork) {
      flow::SwitchOp made = switched(value, *to.fork);
      return to.side ? made.getIfTrue() : made.getIfFalse();
    }
    Value &entered = to.constants[value];
    if (!entered)
      entered =
          flow::EnterOp::create(b, loc, value.getType(), value, to.frame, /*is_constant=*/true);
    return entered;
  }

  Value in(Value value, Scope &scope) {
    Place place = known.lookup(value);
    return lead(place.value, *place.scope, scope);
  }
  Values in(ValueRange values, Scope &scope) {
    return llvm::map_to_vector(values, [&](Value v) { return in(v, scope); });
  }
  void know(ValueRange values, ValueRange lowered, Scope &scope) {
    for (auto [value, made] : llvm::zip(values, lowered)) known[value] = {made, &scope};
  }

  /// Lowers the ops of a region; what it yields, in `scope`.
  FailureOr<Values> lowerRegion(Region &region, Scope &scope) {
    for (Operation &op : region.front().without_terminator())
      if (failed(lower(op, scope))) return failure();
    return in(region.front().getTerminator()->getOperands(), scope);
  }

  LogicalResult lower(Operation &op, Scope &scope) {
    loc = op.getLoc();
    if (auto branch = dyn_cast<IfOp>(op)) return lowerIf(branch, scope);
    if (auto loop = dyn_cast<WhileOp>(op)) return lowerWhile(loop, scope);
    if (op.getNumRegions())
      return opError(loc, op.getName().getStringRef())
             << "only if and while become dataflow primitives; other control flow must be expanded "
                "before";
    IRMapping map;
    Scope &place = op.getNumOperands() ? scope : outermost;
    map.map(op.getOperands(), in(op.getOperands(), place));
    know(op.getResults(), b.clone(op, map)->getResults(), place);
    return success();
  }

  LogicalResult lowerIf(IfOp op, Scope &scope) {
    Fork fork{.pred = in(op.getPred(), scope)};
    Scope no{.around = &scope, .fork = &fork, .side = false};
    Scope yes{.around = &scope, .fork = &fork, .side = true};
    auto onFalse = lowerRegion(op.getElseRegion(), no),
         onTrue = lowerRegion(op.getThenRegion(), yes);
    if (failed(onFalse) || failed(onTrue)) return failure();
    loc = op.getLoc();
    for (auto [result, ifFalse, ifTrue] : llvm::zip(op.getResults(), *onFalse, *onTrue)) {
      auto merge = flow::MergeOp::create(b, loc, result.getType(), indexType(), {ifFalse, ifTrue});
      know(result, merge.getResult(), scope);
    }
    return success();
  }

  /// The body is the side of a fork on the condition; the other side leaves the loop.
  LogicalResult lowerWhile(WhileOp op, Scope &scope) {
    Scope frame{.around = &scope, .frame = b.getStringAttr("while_" + Twine(frames++))};
    SmallVector<flow::MergeOp> merges;
    for (Value init : in(op.getInits(), scope)) {
      Value entered =
          flow::EnterOp::create(b, loc, init.getType(), init, frame.frame, /*is_constant=*/false);
      merges.push_back(
          flow::MergeOp::create(b, loc, init.getType(), indexType(), {entered, entered}));
      know(op.getCondition().getArgument(merges.size() - 1), merges.back().getResult(), frame);
    }
    auto condition = lowerRegion(op.getCondition(), frame);
    if (failed(condition)) return failure();
    Fork fork{.pred = condition->front()};
    Scope inside{.around = &frame, .fork = &fork, .side = true};
    loc = op.getLoc();
    for (auto [k, merge] : llvm::enumerate(merges)) {
      flow::SwitchOp made = switched(merge.getResult(), fork);
      know(op.getBody().getArgument(k), made.getIfTrue(), inside);
      Value leaving = made.getIfFalse();
      auto exit = flow::ExitOp::create(b, loc, leaving.getType(), leaving);
      know(op.getResult(k), exit.getResult(), scope);
    }
    auto next = lowerRegion(op.getBody(), inside);
    if (failed(next)) return failure();
    loc = op.getLoc();
    for (auto [merge, value] : llvm::zip(merges, *next))
      merge.setOperand(1, flow::NextIterationOp::create(b, loc, value.getType(), value));
    return success();
  }

  Type indexType() { return RankedTensorType::get({}, b.getI32Type()); }

  func::FuncOp function;
  OpBuilder b;
  Location loc;
  Scope outermost;
  llvm::DenseMap<Value, Place> known;
  int frames = 0;
};

struct LowerToDataflow : PassWrapper<LowerToDataflow, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(LowerToDataflow)
  StringRef getArgument() const override { return "weir-lower-to-dataflow"; }
  StringRef getDescription() const override {
    return "make switch, merge, enter, exit and next_iteration of if and while";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<flow::FlowDialect>();
  }
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (!function.isDeclaration() && failed(Lowering(function).run())) return signalPassFailure();
  }
};

} // namespace

std::unique_ptr<Pass> createLowerToDataflowPass() {
  return std::make_unique<LowerToDataflow>();
}

} // namespace weir::passes
