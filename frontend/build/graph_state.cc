// Tensors in and out of MLIR: records, scopes, locations, and the emission of one op.
#include "frontend/build/graph_state.h"

#include "ir/collective/spmd.h"
#include "ir/dialect/weir.h"
#include "ir/extensions/extensions.h"

using namespace mlir;

namespace weir::build {

GraphState::GraphState(uint64_t seed, Location at) : seed(seed) {
  context.loadDialect<ir::WeirDialect, ir::spmd::SpmdDialect, func::FuncDialect>();
  ir::loadExtensions(context);
  OpBuilder b(&context);
  mlir::Location made = locate(at);
  module = ModuleOp::create(made);
  b.setInsertionPointToEnd(module->getBody());
  mainFunction = func::FuncOp::create(b, made, "main", b.getFunctionType({}, {}));
  symbols.insert("main");
  scopes.push_back(std::make_unique<Scope>(
      Scope{Scope::Main, nullptr, mainFunction.addEntryBlock(), "the graph"}));
  current = scopes.back().get();
}

// ---- Types and places ----

RankedTensorType GraphState::mlirType(const TensorType &type) {
  return RankedTensorType::get(type.shape, ir::elementTypeOf(&context, type.dtype));
}

TensorType typeOf(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  return {*ir::dtypeOf(type), Shape(type.getShape().begin(), type.getShape().end())};
}

mlir::Location GraphState::locate(Location at) {
  SmallVector<mlir::Location> frames;
  for (const Place &frame : callChain(at)) {
    frames.push_back(FileLineColLoc::get(&context, frame.file, frame.line, frame.column));
    if (!frame.module.empty())
      frames.back() = NameLoc::get(StringAttr::get(&context, frame.module), frames.back());
  }
  if (frames.size() == 1) return frames[0];
  return CallSiteLoc::get(frames[0], ArrayRef<mlir::Location>(frames).drop_front());
}

OpBuilder GraphState::builder() {
  OpBuilder b(&context); // not atBlockEnd: a detached region has no context
  b.setInsertionPointToEnd(current->block);
  return b;
}

// ---- Records ----

Tensor GraphState::wrap(Value value, Location at) {
  records.push_back({value, current, typeOf(value), userFrame(callChain(at))});
  placeResult(value);
  return handle(static_cast<uint32_t>(records.size() - 1));
}

TensorList GraphState::wrapAll(ValueRange values, Location at) {
  TensorList tensors;
  for (Value value : values) tensors.push_back(wrap(value, at));
  return tensors;
}

bool GraphState::visible(uint32_t id) const {
  if (!records[id].value) return false;
  for (Scope *scope = current; scope; scope = scope->parent)
    if (scope == records[id].scope) return true;
  return false;
}

/// The value that stands for outer tensor `id` inside `scope`.
static Value resolve(Scope *scope, uint32_t id, const Record &record, mlir::Location location) {
  if (scope == record.scope) return record.value;
  if (scope->kind != Scope::Function) return resolve(scope->parent, id, record, location);
  for (auto &[outer, argument] : scope->captures)
    if (outer == id) return argument;
  scope->captures.push_back({id, scope->block->addArgument(record.value.getType(), location)});
  return scope->captures.back().second;
}

Value GraphState::valueOf(const Operand &operand, std::string_view opName, Location at) {
  const std::string who = std::string(opName) + ": " + operand.label;
  const Tensor &tensor = operand.tensor;
  if (!tensor.state) throw Error(who + " is an empty tensor", at);
  if (tensor.state.get() != this)
    throw Error(who + " belongs to another graph", at, {noteOn(operand)});
  const Record &found = records[tensor.id];
  if (!found.value)
    throw Error(who + " was given up when building it failed", at,
                {{found.made, operand.label + " was made here"}});
  if (!visible(tensor.id))
    throw Error(who + " is a value inside " + found.scope->what +
                    ", which has ended; return it from there",
                at, {noteOn(operand)});
  return resolve(current, tensor.id, found, locate(at));
}

// ---- Emission ----

/// `array` holds all elements of `type`, or the one that they all are.
static mlir::Attribute constantAttribute(RankedTensorType type, const Array &array) {
  if (type.getElementType().isInteger(1)) {
    auto bools = array.data<bool>();
    SmallVector<bool> values(bools.begin(), bools.end());
    return DenseElementsAttr::get(type, ArrayRef<bool>(values));
  }
  ArrayRef<char> bytes(static_cast<const char *>(array.raw()), array.bytes());
  const size_t width = runtime::dtypeBytes(array.dtype());
  bool splat = array.size() > 0;
  for (size_t i = width; splat && i < bytes.size(); ++i) splat = bytes[i] == bytes[i - width];
  return DenseElementsAttr::getFromRawBuffer(type, splat ? bytes.take_front(width) : bytes);
}

mlir::Attribute GraphState::convert(const Attribute &attribute) {
  Builder b(&context);
  struct Visitor {
    GraphState &state;
    Builder &b;
    mlir::Attribute operator()(int64_t value) { return b.getI64IntegerAttr(value); }
    mlir::Attribute operator()(bool value) { return b.getBoolAttr(value); }
    mlir::Attribute operator()(const std::vector<int64_t> &list) {
      return b.getDenseI64ArrayAttr(list);
    }
    mlir::Attribute operator()(DType dtype) {
      return TypeAttr::get(ir::elementTypeOf(b.getContext(), dtype));
    }
    mlir::Attribute operator()(Direction direction) {
      return ir::CompareDirectionAttr::get(b.getContext(),
                                           static_cast<ir::CompareDirection>(direction));
    }
    mlir::Attribute operator()(const Array &array) {
      return constantAttribute(state.mlirType({array.dtype(), array.dims()}), array);
    }
    mlir::Attribute operator()(const Splat &splat) {
      return constantAttribute(state.mlirType({splat.element.dtype(), splat.shape}), splat.element);
    }
  };
  return std::visit(Visitor{*this, b}, attribute.value);
}

Operation *GraphState::emit(std::string_view name, ValueRange operands,
                            const std::vector<Attribute> &attributes,
                            const std::vector<Operand> &noted, Location at) {
  OpBuilder b = builder();
  SmallVector<NamedAttribute> named;
  for (const Attribute &attribute : attributes)
    named.push_back(b.getNamedAttr(StringRef(attribute.name), convert(attribute)));
  std::string message;
  FailureOr<Operation *> op = failure();
  {
    ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
      message += (message.empty() ? "" : "; ") + diagnostic.str();
    });
    const bool ours = name.find('.') == std::string_view::npos;
    const std::string fullName = (ours ? "weir." : "") + std::string(name);
    op = ir::buildChecked(b, locate(at), fullName, operands, named);
  }
  if (succeeded(op)) return *op;
  std::vector<Note> notes;
  for (const Operand &operand : noted) notes.push_back(noteOn(operand));
  throw Error(message, at, std::move(notes));
}

Operation *GraphState::emitKnown(std::string_view name, ValueRange operands, TypeRange results,
                                 ArrayRef<NamedAttribute> attributes,
                                 MutableArrayRef<std::unique_ptr<Region>> regions, Location at) {
  OperationState op(locate(at), "weir." + std::string(name), operands, results, attributes);
  for (std::unique_ptr<Region> &region : regions) op.addRegion(std::move(region));
  return builder().create(op);
}

// ---- The interface without MLIR (emit.h) ----

std::vector<Tensor> emitAll(std::string_view name, const std::vector<Operand> &operands,
                            const std::vector<Attribute> &attributes, Location at) {
  GraphState *state = nullptr;
  for (const Operand &operand : operands)
    if (!state) state = GraphState::stateOf(operand.tensor).get();
  if (!state) throw Error(std::string(name) + ": " + operands[0].label + " is an empty tensor", at);
  SmallVector<Value> values;
  for (const Operand &operand : operands) values.push_back(state->use(operand, name, at));
  Operation *op = state->emit(name, values, attributes, operands, at);
  return state->wrapAll(op->getResults(), at);
}

Tensor emit(std::string_view name, const std::vector<Operand> &operands,
            const std::vector<Attribute> &attributes, Location at) {
  return emitAll(name, operands, attributes, at).front();
}

Tensor emitIn(const StatePtr &state, std::string_view name,
              const std::vector<Attribute> &attributes, Location at) {
  Operation *op = state->emit(name, {}, attributes, {}, at);
  return state->wrap(op->getResult(0), at);
}

Note noteOn(const Operand &operand) {
  const Record &record =
      GraphState::stateOf(operand.tensor)->record(GraphState::idOf(operand.tensor));
  return {record.made, operand.label + " is " + record.type.str()};
}

} // namespace weir::build

namespace weir {

Note noteOn(const Tensor &tensor, const std::string &label) {
  tensor.type();
  return build::noteOn({tensor, label});
}

const TensorType &Tensor::type(Location at) const {
  if (!state) throw Error("this tensor is empty: it belongs to no graph", at);
  const build::Record &record = state->record(id);
  if (!record.value) throw Error("this tensor was given up when building it failed", at);
  return record.type;
}

} // namespace weir
