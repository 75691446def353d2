// Marks the inputs, lets propagation and insertion do the rest, and turns the first collective into
// a message about the op that is the cause of it.
#include "distributed/batch/batch.h"

#include "distributed/partition/partition.h"
#include "distributed/propagate/rule.h"
#include "ir/collective/spmd.h"
#include "ir/dialect/argument_name.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::distributed {
namespace {

constexpr llvm::StringLiteral kAxis = "batch";
constexpr const char *kNeed = "; a batch range needs rows that do not depend on each other";

ModuleOp moduleOf(func::FuncOp function) {
  return function->getParentOfType<ModuleOp>();
}

/// Leaves nothing of a sharding in the function, its own words included.
void forgetShardings(func::FuncOp function) {
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    for (StringRef name : {spmd::kShardingAttr, spmd::kShapeAttr}) function.removeArgAttr(i, name);
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    for (StringRef name : {spmd::kShardingAttr, spmd::kShapeAttr})
      function.removeResultAttr(i, StringAttr::get(function.getContext(), name));
  function.walk([](spmd::ShardOp shard) {
    shard.replaceAllUsesWith(shard.getOperand());
    shard.erase();
  });
}

std::string nameOf(func::FuncOp function, unsigned argument) {
  if (const StringAttr name = argumentName(function, argument))
    return ("'" + name.getValue() + "'").str();
  return "argument " + std::to_string(argument);
}

/// Says why the rows of a batch depend on each other, of a collective that they would need.
class Refusal {
public:
  Refusal(func::FuncOp function, Operation *collective)
      : function(function), collective(collective) {}

  void emit() {
    if (isa<spmd::AllReduceOp, spmd::ReduceScatterOp>(collective)) {
      Operation *maker = makerOf(collective->getOperand(0));
      error(maker) << "combines the rows of the batch" << kNeed;
    } else if (isa<spmd::SplitOp>(collective)) {
      emitPosition(collective->getOperand(0));
    } else {
      Operation *user = userOf(collective->getResult(0));
      if (!isa<func::ReturnOp>(user)) {
        error(user) << "takes all rows of the batch at once" << kNeed;
        return;
      }
      emitError(collective->getLoc())
          << "an output does not have the batch as its leading dim" << kNeed;
    }
  }

private:
  static InFlightDiagnostic error(Operation *op) {
    return opError(op->getLoc(), op->getName().getStringRef());
  }

  /// The op that reduces, of a partial value that others may have passed on.
  static Operation *makerOf(Value partial) {
    Operation *op = partial.getDefiningOp();
    for (bool found = true; found;) {
      found = false;
      auto texts = [](Operation *of) { return of->getAttrOfType<ArrayAttr>(spmd::kShardingsAttr); };
      for (Value operand : op->getOperands()) {
        auto result = dyn_cast<OpResult>(operand);
        if (!result || !texts(result.getOwner())) continue;
        auto text = cast<StringAttr>(texts(result.getOwner())[result.getResultNumber()]);
        if (!text.getValue().contains("partial")) continue;
        op = result.getOwner();
        found = true;
        break;
      }
    }
    return op;
  }

  /// Who takes the value, past other collectives.
  static Operation *userOf(Value value) {
    Operation *user = *value.getUsers().begin();
    while (isa<spmd::SpmdDialect>(user->getDialect()) && !user->use_empty())
      user = *user->getUsers().begin();
    return user;
  }

  /// Rows of a value that is known as a whole.
  void emitPosition(Value whole) {
    Operation *user = userOf(collective->getResult(0));
    if (auto argument = dyn_cast<BlockArgument>(whole);
        argument && argument.getOwner() == &function.front()) {
      const std::string name = nameOf(function, argument.getArgNumber());
      error(user) << "takes a row of " << name << " for each row of the batch, but " << name
                  << " is not an input with a batch";
      return;
    }
    Operation *maker = whole.getDefiningOp();
    InFlightDiagnostic diagnostic = error(maker ? maker : user);
    diagnostic << "differs from row to row of the batch by position" << kNeed;
    if (maker) diagnostic.attachNote(user->getLoc()) << "it is used row by row here";
  }

  func::FuncOp function;
  Operation *collective;
};

LogicalResult refuseCollectives(func::FuncOp function) {
  Operation *first = nullptr;
  function.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (!isa<spmd::SpmdDialect>(op->getDialect())) return WalkResult::advance();
    first = op;
    return WalkResult::interrupt();
  });
  if (first) Refusal(function, first).emit();
  return failure(first != nullptr);
}

/// The loop by rows of an op that computes something else for each; null where all do the same.
const Factor *positional(Operation *op, const OpRule &rule,
                         const llvm::DenseMap<Value, Sharding> &shardings) {
  auto find = [&](ValueRange values, ArrayRef<DimFactors> tensors) -> const Factor * {
    for (auto [value, dims] : llvm::zip(values, tensors))
      for (auto [factor, axes] : llvm::zip(dims, shardings.find(value)->second.dims))
        if (factor >= 0 && rule.factors[factor].isPositional && !axes.empty())
          return &rule.factors[factor];
    return nullptr;
  };
  const Factor *found = find(op->getOperands(), rule.operands);
  return found ? found : find(op->getResults(), rule.results);
}

LogicalResult refusePositions(func::FuncOp function) {
  FailureOr<Mesh> mesh = meshOf(function);
  auto shardings = readShardings(function, *mesh);
  if (failed(shardings)) return failure();
  auto walked = function.getBody().walk([&](Operation *op) {
    if (op->getNumRegions() > 0 || op->hasTrait<OpTrait::IsTerminator>())
      return WalkResult::advance();
    const OpRule rule = ruleOf(op);
    const Factor *factor = positional(op, rule, *shardings);
    if (!factor) return WalkResult::advance();
    InFlightDiagnostic error = opError(op->getLoc(), op->getName().getStringRef());
    if (!factor->halos.empty()) {
      error << "takes all rows of the batch at once" << kNeed;
      return WalkResult::interrupt();
    }
    error << "differs from row to row of the batch by position" << kNeed;
    if (!op->use_empty())
      error.attachNote((*op->getUsers().begin())->getLoc()) << "it is used row by row here";
    return WalkResult::interrupt();
  });
  return failure(walked.wasInterrupted());
}

/// The first op behind which a variable's next value comes out.
LogicalResult refuseUpdates(func::FuncOp function) {
  for (auto [i, value] : llvm::enumerate(function.front().getTerminator()->getOperands())) {
    auto updates = function.getResultAttrOfType<IntegerAttr>(i, kUpdatesAttr);
    if (!updates || value == function.getArgument(updates.getInt())) continue;
    return emitError(value.getLoc())
               << "variable " << nameOf(function, updates.getInt())
               << " is updated here; a batch range takes graphs that update none, as a batch may "
                  "be run in parts",
           failure();
  }
  return success();
}

class Splitter {
public:
  Splitter(func::FuncOp function, ArrayRef<unsigned> inputs, int64_t batch)
      : function(function), inputs(inputs), batch(batch) {}

  FailureOr<BatchPorts> run() {
    if (FailureOr<Mesh> mesh = meshOf(function); failed(mesh) || mesh->devices() > 1)
      return function.emitError("a graph on a mesh of devices takes no batch range"), failure();
    forgetShardings(function);
    say();
    if (failed(insertCollectives(function)) || failed(refuseCollectives(function)) ||
        failed(refusePositions(function)) || failed(refuseUpdates(function)) ||
        failed(verifySharding(function)))
      return failure();
    return ports();
  }

private:
  /// Every argument is split by rows or whole.
  void say() {
    OpBuilder b(function.getContext());
    moduleOf(function)->setAttr(spmd::kMeshAttr,
                                b.getStringAttr(kAxis + "=" + std::to_string(batch)));
    for (BlockArgument argument : function.getArguments()) {
      const unsigned i = argument.getArgNumber();
      const bool isSplit = llvm::is_contained(inputs, i);
      std::string text = "[";
      for (int64_t d = 0, rank = cast<RankedTensorType>(argument.getType()).getRank(); d < rank;
           ++d)
        text += std::string(d ? "," : "") + (d == 0 && isSplit ? "{batch}" : "{}");
      function.setArgAttr(i, spmd::kShardingAttr, b.getStringAttr(text + "]"));
    }
  }

  FailureOr<BatchPorts> ports() {
    FailureOr<Mesh> mesh = meshOf(function);
    auto shardings = readShardings(function, *mesh);
    if (failed(shardings)) return failure();
    auto leading = [&](Value value) {
      const Sharding &s = shardings->find(value)->second;
      return s.dims.empty() || s.dims[0].empty() ? 0 : shapeOf(value)[0] / batch;
    };
    BatchPorts ports;
    for (Value argument : function.getArguments()) ports.arguments.push_back(leading(argument));
    for (Value result : function.front().getTerminator()->getOperands()) {
      ports.results.push_back(leading(result));
      const Sharding &s = shardings->find(result)->second;
      for (size_t d = 1; d < s.dims.size(); ++d)
        if (!s.dims[d].empty())
          return emitError(result.getLoc())
                     << "an output has the batch as its dim " << d
                     << "; a batch range needs it as the leading dim of every output",
                 failure();
    }
    return ports;
  }

  func::FuncOp function;
  ArrayRef<unsigned> inputs;
  int64_t batch;
};

} // namespace

FailureOr<BatchPorts> splitRows(func::FuncOp function, ArrayRef<unsigned> inputs, int64_t batch) {
  return Splitter(function, inputs, batch).run();
}

LogicalResult setRows(func::FuncOp function, int64_t rows) {
  if (failed(localize(function, rows))) return failure();
  forgetShardings(function);
  moduleOf(function)->removeAttr(spmd::kMeshAttr);
  return success();
}

} // namespace weir::distributed
