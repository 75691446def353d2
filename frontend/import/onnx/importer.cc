// The walk itself: graphs, functions, placeholders, the report.
#include "frontend/import/onnx/importer.h"

#include "frontend/import/onnx/narrow.h"
#include "frontend/import/onnx/node.h"

#include <algorithm>

namespace weir::onnx {
namespace {

std::map<std::string, int64_t>
opsetsOf(const google::protobuf::RepeatedPtrField<proto::OperatorSetIdProto> &imports) {
  std::map<std::string, int64_t> opsets;
  for (const auto &opset : imports)
    opsets[opset.domain() == "ai.onnx" ? "" : opset.domain()] = opset.version();
  return opsets;
}

bool hasBody(const proto::NodeProto &node) {
  return std::any_of(node.attribute().begin(), node.attribute().end(),
                     [](const auto &a) { return a.has_g() || a.graphs_size() > 0; });
}

/// Why there is no rule for an op.
std::string refusalOf(const std::string &type) {
  static const std::map<std::string, std::string> reasons = {
      {"ImageDecoder", "this op is not supported: images are decoded before they are fed"},
      {"RegexFullMatch", "this op is not supported: there are no strings"},
      {"StringConcat", "this op is not supported: there are no strings"},
      {"StringNormalizer", "this op is not supported: there are no strings"},
      {"StringSplit", "this op is not supported: there are no strings"},
  };
  auto found = reasons.find(type);
  return found == reasons.end() ? "this op is not supported" : found->second;
}

} // namespace

std::string domainOf(const proto::NodeProto &node) {
  return node.domain() == "ai.onnx" ? "" : node.domain();
}

ValuePtr Frame::find(const std::string &name) const {
  for (const Frame *frame = this; frame; frame = frame->outer)
    if (auto found = frame->values.find(name); found != frame->values.end()) return found->second;
  return nullptr;
}

ValuePtr Importer::constant(const Array &array) {
  auto value = std::make_shared<Value>();
  value->tensor = graph.constant(array);
  value->knowledge = Knowledge::Always;
  value->known = array;
  return value;
}

ValuePtr Importer::wrap(Tensor tensor) {
  auto value = std::make_shared<Value>();
  value->tensor = std::move(tensor);
  return value;
}

// ---- Graphs ----

TensorList Importer::importMain(const TensorList *given) {
  const proto::GraphProto &main = file.model.graph();
  Frame frame;
  frame.opsets = opsetsOf(file.model.opset_import());
  CallScope scope(Place(file.file, 0));
  importInitializers(main, frame, true);
  size_t next = 0;
  for (const auto &input : main.input()) {
    if (frame.values.count(input.name())) continue;
    if (!given)
      declareInput(input, frame);
    else if (next < given->size())
      frame.values[input.name()] = wrap((*given)[next++]);
    else
      note("input '" + input.name() + "' is not given");
  }
  importNodes(main.node(), frame);
  TensorList results;
  for (const auto &output : main.output()) {
    const ValuePtr value = frame.find(output.name());
    if (!value && problems.empty()) note("output '" + output.name() + "' is not defined");
    if (value && value->sequence)
      note("output '" + output.name() + "' is a sequence, which is not supported");
    else if (value)
      results.push_back(value->tensor);
  }
  throwReport();
  return results;
}

void Importer::importInitializers(const proto::GraphProto &body, Frame &frame, bool main) {
  auto bind = [&](const std::string &name, int32_t element, auto &tensor) {
    try {
      const Array array = arrayOf(tensor, file.folder);
      const bool trained =
          main && options.trainable && runtime::isFloat(array.dtype()) && !narrowOf(element);
      frame.values[name] =
          trained ? wrap(graph.variable(graph.uniqueName(name), array)) : constant(array);
      if (narrowOf(element)) frame.values[name]->element = element;
    } catch (const std::exception &error) {
      const auto *own = dynamic_cast<const Error *>(&error);
      note(own ? own->message() : "tensor '" + name + "': " + error.what());
      frame.values[name] = nullptr;
    }
  };
  for (const auto &tensor : body.initializer()) bind(tensor.name(), tensor.data_type(), tensor);
  for (const auto &tensor : body.sparse_initializer())
    bind(tensor.values().name(), tensor.values().data_type(), tensor);
}

void Importer::declareInput(const proto::ValueInfoProto &input, Frame &frame) {
  const std::string &name = input.name();
  frame.values[name] = nullptr;
  const std::string what = "input '" + name + "' is " + typeText(input.type());
  const auto &type = input.type().tensor_type();
  const Narrow *narrow = narrowOf(type.elem_type());
  const std::optional<DType> dtype = narrow ? narrow->held : dtypeOf(type.elem_type());
  if (!input.type().has_tensor_type() || !dtype) return note(what + ", which is not supported");
  auto given = options.values.find(name);
  const Array *array = given == options.values.end() ? nullptr : &given->second;
  Shape shape;
  if (array) shape = array->dims();
  if (!array && !type.has_shape()) return note(what + " and has no shape; give it a value");
  for (int d = 0; type.has_shape() && d < type.shape().dim_size(); ++d) {
    const auto &dim = type.shape().dim(d);
    const std::string wish =
        dim.dim_param().empty() ? name + "." + std::to_string(d) : dim.dim_param();
    auto size = options.sizes.find(wish);
    if (array) continue;
    if (dim.has_dim_value())
      shape.push_back(dim.dim_value());
    else if (size != options.sizes.end())
      shape.push_back(size->second);
    else
      return note(what + ": the size of dim " + std::to_string(d) + " is open; give '" + wish +
                  "' a size");
  }
  if (array && array->dtype() != *dtype)
    return note(what + ", but its value is " + array->typeStr());
  try {
    ValuePtr value = wrap(graph.input(name, *dtype, shape));
    value->input = name;
    if (narrow) value->element = narrow->type;
    if (array) {
      value->knowledge = Knowledge::FromInputs;
      value->known = *array;
    }
    frame.values[name] = value;
  } catch (const Error &error) {
    note(error.message());
  }
}

ValueList Importer::importGraph(const proto::GraphProto &body, Frame &frame,
                                const ValueList &inputs) {
  if (body.input_size() != static_cast<int>(inputs.size()))
    throw Error("the graph '" + body.name() + "' takes " + std::to_string(body.input_size()) +
                    " values, " + std::to_string(inputs.size()) + " are given",
                Location::current());
  importInitializers(body, frame, false);
  for (int i = 0; i < body.input_size(); ++i)
    frame.values[body.input(i).name()] = inputs[static_cast<size_t>(i)];
  importNodes(body.node(), frame);
  ValueList results;
  for (const auto &output : body.output()) {
    results.push_back(frame.find(output.name()));
    if (!results.back()) throw MissingOperand();
  }
  return results;
}

const proto::FunctionProto *Importer::findFunction(const proto::NodeProto &node) const {
  for (const auto &function : file.model.functions())
    if (function.name() == node.op_type() && function.domain() == node.domain() &&
        function.overload() == node.overload())
      return &function;
  return nullptr;
}

ValueList Importer::importFunction(const proto::FunctionProto &function, const Made &call) {
  const std::string id = function.domain() + ":" + function.name() + ":" + function.overload();
  constexpr size_t deepest = 100;
  if (active.size() >= deepest)
    throw Error("functions call each other too deeply", Location::current());
  if (!active.insert(id).second)
    throw Error("the function calls itself, which is not supported", Location::current());
  const std::shared_ptr<void> leave(nullptr, [&](void *) { active.erase(id); });
  Frame frame;
  frame.opsets = opsetsOf(function.opset_import());
  if (frame.opsets.empty()) frame.opsets = opsetsOf(file.model.opset_import());
  for (const auto &attribute : function.attribute_proto())
    frame.attributes[attribute.name()] = &attribute;
  for (const auto &attribute : call.node->attribute()) {
    const proto::AttributeProto *actual = &attribute;
    if (!attribute.ref_attr_name().empty()) {
      auto found = call.attributes.find(attribute.ref_attr_name());
      if (found == call.attributes.end()) continue;
      actual = found->second;
    }
    frame.attributes[attribute.name()] = actual;
  }
  for (int i = 0; i < function.input_size(); ++i) {
    const auto at = static_cast<size_t>(i);
    frame.values[function.input(i)] = at < call.operands.size() ? call.operands[at] : nullptr;
  }
  importNodes(function.node(), frame);
  ValueList results;
  for (const std::string &output : function.output()) results.push_back(frame.find(output));
  return results;
}

// ---- One node ----

void Importer::importNodes(const google::protobuf::RepeatedPtrField<proto::NodeProto> &nodes,
                           Frame &frame) {
  // A few functions that call each other twice are more nodes than any memory holds.
  constexpr int64_t most = 1'000'000;
  for (const proto::NodeProto &node : nodes) {
    if (++imported > most) {
      if (imported == most + 1) note("has more than " + std::to_string(most) + " nodes");
      return;
    }
    numbers.emplace(&node, static_cast<unsigned>(numbers.size() + 1));
    importNode(node, frame);
  }
}

void Importer::importNode(const proto::NodeProto &node, Frame &frame) {
  CallScope scope(place(node), node.name().empty()
                                   ? node.op_type() + " " + std::to_string(place(node).line)
                                   : node.name());
  auto made = std::make_shared<Made>();
  made->node = &node;
  made->attributes = frame.attributes;
  auto opset = frame.opsets.find(domainOf(node));
  made->version = opset == frame.opsets.end() ? 1 : opset->second;
  ValueList results;
  try {
    const bool supported = findFunction(node) || findRule(domainOf(node), node.op_type());
    if (!supported) throw Error(refusalOf(node.op_type()), Location::current());
    for (const std::string &name : node.input()) {
      made->operands.push_back(name.empty() ? nullptr : frame.find(name));
      if (name.empty() || made->operands.back()) continue;
      bool stands = false; // for something that could not be imported
      for (const Frame *f = &frame; f; f = f->outer) stands |= f->values.count(name) > 0;
      if (!stands && frame.attributes.empty() && active.empty())
        throw Error("operand '" + name + "' is not defined", Location::current());
      if (active.empty()) throw MissingOperand();
    }
    results = applyRule(made, frame);
  } catch (const MissingOperand &) {
  } catch (const Error &error) {
    note(node, error.message());
  } catch (const std::exception &error) {
    note(node, error.what());
  }
  for (int i = 0; i < node.output_size(); ++i)
    if (!node.output(i).empty()) {
      const auto at = static_cast<size_t>(i);
      frame.values[node.output(i)] = at < results.size() ? results[at] : nullptr;
    }
}

ValueList Importer::applyRule(const std::shared_ptr<Made> &made, Frame &frame) {
  if (const proto::FunctionProto *function = findFunction(*made->node))
    return importFunction(*function, *made);
  const Rule *rule = findRule(domainOf(*made->node), made->node->op_type());
  Node view(*this, graph, *made, &frame);
  if (rule->values) return rule->values(view);
  constexpr int deepest = 1000;
  Knowledge knowledge = hasBody(*made->node) ? Knowledge::Never : Knowledge::Always;
  int depth = 0;
  for (const ValuePtr &operand : made->operands) {
    if (!operand) continue;
    knowledge = std::min(knowledge, operand->knowledge);
    if (!operand->known) depth = std::max(depth, operand->depth + 1);
  }
  if (depth > deepest) knowledge = Knowledge::Never;
  ValueList results;
  for (Tensor &tensor : rule->tensors(view)) {
    ValuePtr value = wrap(tensor);
    if (results.empty()) value->element = view.element();
    value->knowledge = knowledge;
    value->made = made;
    value->result = results.size();
    value->depth = depth;
    results.push_back(value);
  }
  return results;
}

// ---- The report ----

Place Importer::place(const proto::NodeProto &node) const {
  auto number = numbers.find(&node);
  return {file.file, number == numbers.end() ? 0 : number->second};
}

void Importer::note(const proto::NodeProto &node, const std::string &message) {
  const std::string text =
      (node.name().empty() ? "" : "node '" + node.name() + "': ") + node.op_type() + ": " + message;
  auto same = [&](const Note &other) { return other.message == text; };
  if (std::none_of(problems.begin(), problems.end(), same)) problems.push_back({place(node), text});
}

void Importer::note(const std::string &message) {
  problems.push_back({Place(file.file, 0), message});
}

void Importer::throwReport() const {
  if (problems.empty()) return;
  if (problems.size() == 1) throw Error(problems[0].message, problems[0].at, {}, "");
  throw Error(std::to_string(problems.size()) + " things cannot be imported", problems[0].at,
              problems, "");
}

} // namespace weir::onnx
