// Runs flow.graph: tokens, tagged by frame and iteration, wait at an op until one has come for each
// operand; then the op is ready, in any order. A dead token makes what it reaches dead. Nothing
// here knows of if or while; ordinary ops are evaluated as everywhere else.
#include "ir/dataflow/flow.h"
#include "ir/reference/frame.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/TypeSwitch.h"

#include <deque>
#include <map>

namespace weir::ir::reference {

using mlir::failure;
using mlir::LogicalResult;
using mlir::success;

namespace {

using Tokens = llvm::SmallVector<ArrayPtr>; // null: dead

/// The tokens that have come for one op in one iteration.
struct Waiting {
  Tokens tokens;
  int missing = 0;
  bool isDead = false, hasFired = false;
};

struct FrameRun;

struct Iteration {
  llvm::DenseMap<mlir::Operation *, Waiting> waiting;
  std::map<std::string, std::unique_ptr<FrameRun>> children; // by frame name
  int64_t active = 0; // ops that wait or are ready, and children
};

/// An instance of a frame. Iterations before `first` are over.
struct FrameRun {
  FrameRun *parent = nullptr;
  int64_t parentIteration = 0;
  mlir::StringAttr name;
  int entersMissing = 0;
  int64_t first = 0;
  std::deque<Iteration> iterations;
  llvm::SmallVector<std::pair<mlir::Value, ArrayPtr>> constants;
  llvm::MapVector<mlir::Operation *, bool> exits; // those reached; whether by a living token

  Iteration &operator[](int64_t i) { return iterations[i - first]; }
  int64_t end() const { return first + iterations.size(); }
};

struct Firing {
  mlir::Operation *op;
  FrameRun *frame;
  int64_t iteration;
  Tokens tokens;
  bool isDead;
};

class GraphRun {
public:
  GraphRun(flow::GraphOp graph, Frame &frame)
      : graph(graph), frame(frame), order(frame.options().firingOrder) {
    for (auto enter : graph.getBody().getOps<flow::EnterOp>()) ++enters[enter.getFrameAttr()];
  }

  LogicalResult run() {
    outermost.iterations.emplace_back();
    start();
    while (!ready.empty()) {
      Firing firing = next();
      if (failed(fire(firing))) return failure();
      --(*firing.frame)[firing.iteration].active;
      settle(*firing.frame);
    }
    if (!hasOutput) return graph.emitError("no living token reaches the output");
    return success();
  }

private:
  /// Gives the tokens of what comes from outside, and fires what needs none.
  void start() {
    mlir::Block &block = graph.getBody().front();
    for (mlir::Operation &op : block) {
      for (mlir::OpOperand &operand : op.getOpOperands())
        if (operand.get().getParentBlock() != &block)
          arrive(operand, outermost, 0, frame.share(operand.get()));
      if (op.getNumOperands()) continue;
      ++outermost[0].active;
      ready.push_back({&op, &outermost, 0, {}, false});
    }
  }

  Firing next() {
    if (order) {
      order = order * 6364136223846793005u + 1442695040888963407u;
      std::swap(ready.front(), ready[(order >> 33) % ready.size()]);
    }
    Firing firing = std::move(ready.front());
    ready.pop_front();
    return firing;
  }

  /// How many tokens come to `op` in iteration `i`.
  static int expected(mlir::Operation *op, int64_t i) {
    auto comesBack = [](mlir::Value v) { return v.getDefiningOp<flow::NextIterationOp>(); };
    int back = llvm::count_if(op->getOperands(), comesBack);
    if (!mlir::isa<flow::MergeOp>(op) || !back) return op->getNumOperands();
    return i > 0 ? back : op->getNumOperands() - back;
  }

  void arrive(mlir::OpOperand &use, FrameRun &in, int64_t i, const ArrayPtr &token) {
    mlir::Operation *op = use.getOwner();
    Iteration &iteration = in[i];
    auto [entry, isNew] = iteration.waiting.try_emplace(op);
    Waiting &waiting = entry->second;
    if (isNew) {
      ++iteration.active;
      waiting.tokens.resize(op->getNumOperands());
      waiting.missing = expected(op, i);
      waiting.isDead = mlir::isa<flow::MergeOp>(op);
    }
    --waiting.missing;
    waiting.tokens[use.getOperandNumber()] = token;
    if (mlir::isa<flow::MergeOp>(op)) {
      if (token && !waiting.hasFired) {
        ++iteration.active;
        ready.push_back({op, &in, i, waiting.tokens, false});
        waiting.hasFired = true;
      }
    } else {
      waiting.isDead |= !token;
    }
    if (waiting.missing) return;
    if (waiting.hasFired)
      --iteration.active;
    else
      ready.push_back({op, &in, i, std::move(waiting.tokens), waiting.isDead});
    iteration.waiting.erase(op);
  }

  void deliver(mlir::Value value, FrameRun &in, int64_t i, const ArrayPtr &token) {
    for (mlir::OpOperand &use : value.getUses()) arrive(use, in, i, token);
  }

  LogicalResult fire(Firing &f) {
    auto dead = [&] {
      for (mlir::Value result : f.op->getResults()) deliver(result, *f.frame, f.iteration, nullptr);
      if (frame.options().observeDead) frame.options().observeDead(f.op);
      return success();
    };
    return llvm::TypeSwitch<mlir::Operation *, LogicalResult>(f.op)
        .Case([&](flow::EnterOp op) { return enter(op, f); })
        .Case([&](flow::ExitOp op) { return exit(op, f); })
        .Case([&](flow::NextIterationOp op) { return nextIteration(op, f); })
        .Case([&](flow::OutputOp op) { return output(op, f); })
        .Case([&](flow::SwitchOp op) {
          if (f.isDead) return dead();
          bool taken = f.tokens[1]->ints[0];
          deliver(op.getIfFalse(), *f.frame, f.iteration, taken ? nullptr : f.tokens[0]);
          deliver(op.getIfTrue(), *f.frame, f.iteration, taken ? f.tokens[0] : nullptr);
          return success();
        })
        .Case([&](flow::MergeOp op) {
          if (f.isDead) return dead();
          auto alive =
              llvm::find_if(f.tokens, [](const ArrayPtr &token) { return token != nullptr; });
          NdArray index = resultArray(op.getIndex());
          index.ints[0] = alive - f.tokens.begin();
          deliver(op.getResult(), *f.frame, f.iteration, *alive);
          deliver(op.getIndex(), *f.frame, f.iteration,
                  std::make_shared<const NdArray>(std::move(index)));
          return success();
        })
        .Default([&](mlir::Operation *op) -> LogicalResult {
          if (f.isDead) return dead();
          auto results = frame.runAlone(op, f.tokens);
          if (failed(results)) return failure();
          for (auto [value, array] : llvm::zip(op->getResults(), *results))
            deliver(value, *f.frame, f.iteration, array);
          return success();
        });
  }

  LogicalResult enter(flow::EnterOp op, Firing &f) {
    Iteration &around = (*f.frame)[f.iteration];
    auto &entry = around.children[op.getFrame().str()];
    if (!entry) {
      entry = std::make_unique<FrameRun>();
      FrameRun &child = *entry;
      ++around.active;
      child.parent = f.frame;
      child.parentIteration = f.iteration;
      child.name = op.getFrameAttr();
      child.entersMissing = enters.lookup(child.name);
      child.iterations.emplace_back();
    }
    FrameRun &child = *entry;
    if (op.getIsConstant()) child.constants.push_back({op.getResult(), f.tokens[0]});
    int64_t end = op.getIsConstant() ? child.end() : 1;
    for (int64_t i = 0; i < end; ++i) deliver(op.getResult(), child, i, f.tokens[0]);
    --child.entersMissing;
    settle(child);
    return success();
  }

  LogicalResult exit(flow::ExitOp op, Firing &f) {
    f.frame->exits[op] |= !f.isDead;
    if (f.isDead) return success(); // a living token may still come; finish() knows
    deliver(op.getResult(), *f.frame->parent, f.frame->parentIteration, f.tokens[0]);
    return success();
  }

  LogicalResult nextIteration(flow::NextIterationOp op, Firing &f) {
    if (f.isDead) return success();
    FrameRun &in = *f.frame;
    int64_t i = f.iteration + 1;
    if (i == in.end()) {
      in.iterations.emplace_back();
      for (auto &[value, token] : in.constants) deliver(value, in, i, token);
    }
    deliver(op.getResult(), in, i, f.tokens[0]);
    return success();
  }

  LogicalResult output(flow::OutputOp op, Firing &f) {
    if (f.isDead) return success();
    for (auto [value, array] : llvm::zip(graph.getOutputs(), f.tokens)) frame.set(value, array);
    hasOutput = true;
    return success();
  }

  /// Forgets iterations in which nothing can happen any more, and the frame after its last one.
  void settle(FrameRun &in) {
    if (in.entersMissing) return;
    while (!in.iterations.empty() && !in.iterations.front().active) {
      in.iterations.pop_front();
      ++in.first;
    }
    if (in.iterations.empty() && in.parent) finish(in);
  }

  /// The exits through which nothing living went give a dead token.
  void finish(FrameRun &in) {
    FrameRun &parent = *in.parent;
    const int64_t i = in.parentIteration;
    for (auto [op, isAlive] : in.exits)
      if (!isAlive) deliver(op->getResult(0), parent, i, nullptr);
    parent[i].children.erase(in.name.str());
    --parent[i].active;
    settle(parent);
  }

  flow::GraphOp graph;
  Frame &frame; // of the interpreter: the values outside the graph
  uint64_t order;
  llvm::DenseMap<mlir::StringAttr, int> enters; // of each frame
  FrameRun outermost;
  std::deque<Firing> ready;
  bool hasOutput = false;
};

} // namespace

void addDataflow(Evaluators &evaluators) {
  evaluators.add<flow::GraphOp>([](flow::GraphOp op, Frame &frame) -> LogicalResult {
    if (frame.mode().bounds)
      return op.emitError("the interpreter knows no bounds of dataflow graphs");
    return GraphRun(op, frame).run();
  });
}

} // namespace weir::ir::reference
