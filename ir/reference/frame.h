// What the evaluation of one op sees: the values of its operands, a place for its results, and a
// way to run regions and functions. The evaluators of each family register themselves by op class
// in a table that the driver looks up by name.
#pragma once

#include "ir/reference/interpreter.h"
#include "ir/reference/nd_array.h"

#include "mlir/IR/DialectInterface.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"

#include <memory>

namespace weir::ir::reference {

using ArrayPtr = std::shared_ptr<const NdArray>;

/// What does not change during a run.
struct Run {
  mlir::ModuleOp module;
  const InterpretOptions &options;
  Mode mode;
  mlir::SymbolTableCollection symbols{};
  /// The values whose last use in their block is this op (or an op inside it).
  llvm::DenseMap<mlir::Operation *, llvm::SmallVector<mlir::Value>> lastUses{};
  llvm::DenseMap<mlir::Block *, llvm::SmallVector<mlir::Value>> unusedArguments{};
};

/// The live values of one activation of a function.
class Frame {
public:
  Frame(Run &run, int depth) : run(run), depth(depth) {}

  const NdArray &operator[](mlir::Value value) const { return *values.at(value); }
  const NdArray &operand(mlir::Operation *op, int i) const { return *values.at(op->getOperand(i)); }
  ArrayPtr share(mlir::Value value) const { return values.at(value); }
  Mode mode() const { return run.mode; }
  const InterpretOptions &options() const { return run.options; }

  void set(mlir::Value value, ArrayPtr array) { values[value] = std::move(array); }
  void set(mlir::Value value, NdArray array) {
    set(value, std::make_shared<const NdArray>(std::move(array)));
  }
  void drop(mlir::Value value) { values.erase(value); }

  /// Runs a block whose arguments are set; the values its terminator yields.
  mlir::FailureOr<llvm::SmallVector<ArrayPtr>> runBlock(mlir::Block &block);
  /// Runs the function that `caller` names, in a frame of its own.
  mlir::FailureOr<llvm::SmallVector<ArrayPtr>>
  call(mlir::Operation *caller, mlir::StringAttr callee, llvm::ArrayRef<ArrayPtr> arguments);
  /// Runs one op on `operands`, whatever the frame holds for them; its results.
  mlir::FailureOr<llvm::SmallVector<ArrayPtr>> runAlone(mlir::Operation *op,
                                                        llvm::ArrayRef<ArrayPtr> operands);

private:
  mlir::LogicalResult runOp(mlir::Operation *op);

  Run &run;
  int depth;
  llvm::DenseMap<mlir::Value, ArrayPtr> values;
};

using Evaluator = std::function<mlir::LogicalResult(mlir::Operation *, Frame &)>;

/// Evaluators by op name.
class Evaluators {
public:
  template <class OpT, class F> void add(F evaluate) {
    table[OpT::getOperationName()] = [evaluate](mlir::Operation *op, Frame &frame) {
      return evaluate(mlir::cast<OpT>(op), frame);
    };
  }
  const Evaluator *find(llvm::StringRef opName) const {
    auto it = table.find(opName);
    return it == table.end() ? nullptr : &it->second;
  }
  /// Every op of the dialect that can be interpreted.
  static const Evaluators &all();
  /// The evaluator of `op`: ours, or from the table of its own dialect.
  static const Evaluator *of(mlir::Operation *op);

private:
  llvm::StringMap<Evaluator> table;
};

/// What a dialect from outside the tree gives itself to be interpreted.
class DialectEvaluators : public mlir::DialectInterface::Base<DialectEvaluators> {
public:
  explicit DialectEvaluators(mlir::Dialect *dialect) : Base(dialect) {}
  Evaluators table;
};

/// An elementwise op on floats that is a function of its operands' elements and rounds once.
mlir::LogicalResult evaluateFloats(mlir::Operation *op, Frame &frame,
                                   const std::function<double(llvm::ArrayRef<double>)> &body);

// One function a family, each in the file of its name.
void addElementwise(Evaluators &evaluators);
void addLayout(Evaluators &evaluators);
void addReduction(Evaluators &evaluators);
void addContraction(Evaluators &evaluators);
void addIndexing(Evaluators &evaluators);
void addOrdered(Evaluators &evaluators);
void addCreation(Evaluators &evaluators);
void addControl(Evaluators &evaluators);
void addDataflow(Evaluators &evaluators);
void addCollective(Evaluators &evaluators);

/// Zeros of the type of `value`.
inline NdArray resultArray(mlir::Value value) {
  return NdArray(mlir::cast<mlir::RankedTensorType>(value.getType()));
}

/// Copies element and error: to[at] = from[source].
void copyElement(const NdArray &from, int64_t source, NdArray &to, int64_t at);

} // namespace weir::ir::reference
