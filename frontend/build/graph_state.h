// GraphState: the MLIR module that a Graph builds, and what is known about each tensor handed out.
// Tensors are numbers into `records`; scopes say where a value may be used: the main function, a
// function body (outer tensors become further arguments) or a region (outer tensors are used
// directly).
#pragma once

#include "frontend/api/graph.h"
#include "frontend/build/emit.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <tuple>

namespace weir::build {

struct Scope {
  enum Kind { Main, Function, Region };
  Kind kind;
  Scope *parent;
  mlir::Block *block;
  std::string what; ///< "function loss", "scan body": for messages
  /// Function: outer tensors in use, and the arguments that stand for them.
  std::vector<std::pair<uint32_t, mlir::Value>> captures = {};
};

/// One tensor handed out.
struct Record {
  mlir::Value value; ///< null: given up after an error
  Scope *scope;
  TensorType type;
  Place made;
};

struct InputRecord {
  std::string name;
  uint32_t tensor;
};
struct OutputRecord {
  std::string name;
  uint32_t tensor;
  Place at;
};
struct VariableRecord {
  std::string name;
  uint32_t tensor;
  std::function<Array()> initial; ///< empty: no value before somebody sets it
  bool trainable;
  std::optional<uint32_t> update = {};
};

/// A function body built for one combination of argument types.
struct Instance {
  std::string symbol;
  mlir::func::FuncOp function;
  std::vector<TensorType> arguments, results;
  std::vector<uint32_t> captures; ///< Passed after the declared arguments.
};

class GraphState : public std::enable_shared_from_this<GraphState> {
public:
  GraphState(uint64_t seed, Location at);

  // ---- Tensors ----
  static const StatePtr &stateOf(const Tensor &tensor) { return tensor.state; }
  static uint32_t idOf(const Tensor &tensor) { return tensor.id; }
  Tensor handle(uint32_t id) { return Tensor(shared_from_this(), id); }
  Tensor wrap(mlir::Value value, Location at);
  TensorList wrapAll(mlir::ValueRange values, Location at);
  const Record &record(uint32_t id) const { return records[id]; }
  /// The value by which `tensor` is known in the current scope. Error: another graph's, out of
  /// scope, empty.
  mlir::Value valueOf(const Operand &operand, std::string_view opName, Location at);
  /// That value on the device of the scope that is open: what an op reads.
  mlir::Value use(const Operand &operand, std::string_view opName, Location at) {
    return placeOperand(valueOf(operand, opName, at), at);
  }
  bool visible(uint32_t id) const;

  // ---- Emission ----
  mlir::OpBuilder builder();
  mlir::Location locate(Location at);
  mlir::RankedTensorType mlirType(const TensorType &type);
  mlir::Operation *emit(std::string_view name, mlir::ValueRange operands,
                        const std::vector<Attribute> &attributes, const std::vector<Operand> &notes,
                        Location at);
  /// An op with regions or a callee, whose result types the caller knows.
  mlir::Operation *emitKnown(std::string_view name, mlir::ValueRange operands,
                             mlir::TypeRange results,
                             mlir::ArrayRef<mlir::NamedAttribute> attributes,
                             mlir::MutableArrayRef<std::unique_ptr<mlir::Region>> regions,
                             Location at);
  /// The value of a variable before the first run. Error: it is made with another type.
  Array initialValue(const VariableRecord &variable) const;
  std::string uniqueName(const std::string &wish) const;
  void claimName(const std::string &name, std::string_view what, Location at);

  /// The module with @main completed: results, argument names, terminator. A copy; the graph can
  /// grow on.
  mlir::OwningOpRef<mlir::ModuleOp> finish();

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::func::FuncOp mainFunction;
  Scope *current;
  uint64_t seed;
  std::deque<std::unique_ptr<Scope>> scopes;
  std::deque<Record> records; ///< A deque: references to types stay valid.
  std::vector<InputRecord> inputs;
  std::vector<OutputRecord> outputs;
  std::vector<VariableRecord> variables;
  std::vector<std::shared_ptr<Instance>>
      instances; ///< Erased by rollback; caches hold weak pointers.
  std::set<std::string> names, symbols;
  /// Of the DeviceScope that is open; -1: none. And where values lie, if that was said.
  int64_t device = -1;
  mlir::DenseMap<mlir::Value, int64_t> devices;
  void placeResult(mlir::Value value);
  /// What was brought where in this block: several readers share one copy, and their cotangents.
  std::map<std::tuple<void *, int64_t, mlir::Block *>, mlir::Value> broughtTo;
  /// `value` where the open scope is.
  mlir::Value placeOperand(mlir::Value value, Location at);
  /// What was said of inputs and variables by name, by tensor.
  std::map<uint32_t, std::string> shardings;

private:
  mlir::Attribute convert(const Attribute &attribute);
};

TensorType typeOf(mlir::Value value);

/// Restores the graph to what it was at construction unless commit() is called.
class Transaction {
public:
  explicit Transaction(GraphState &state);
  ~Transaction();
  Transaction(const Transaction &) = delete;
  Transaction &operator=(const Transaction &) = delete;
  void commit() { committed = true; }

private:
  GraphState &state;
  Scope *scope;
  mlir::Operation *lastOp;
  size_t records, instances, inputs, variables, outputs;
  std::vector<std::optional<uint32_t>> updates;
  std::vector<size_t> captures; ///< of the scopes from `scope` outwards
  std::set<std::string> names, symbols;
  bool committed = false;
};

/// Makes `scope` current while it lives.
class EnterScope {
public:
  EnterScope(GraphState &state, Scope::Kind kind, mlir::Block *block, std::string what);
  ~EnterScope() { state.current = scope->parent; }
  Scope *operator->() { return scope; }

private:
  GraphState &state;
  Scope *scope;
};

} // namespace weir::build
