// Sequences and optionals: lists of values while importing, of a length that is known then. The
// graph itself has tensors only.
#include "frontend/import/onnx/node.h"

#include <algorithm>

namespace weir::onnx {
namespace {

ValueList sequence(ValueList elements) {
  auto value = std::make_shared<Value>();
  value->sequence = std::move(elements);
  return {value};
}

const ValueList &elementsOf(Node &node, size_t i) {
  if (!node.value(i)->sequence) node.fail("operand " + std::to_string(i) + " is not a sequence");
  return *node.value(i)->sequence;
}

/// Operand i as a place among `size`; the last one (or behind it, where `most` is size) by default.
size_t placeOf(Node &node, size_t i, int64_t size, int64_t most) {
  const int64_t given = node.has(i) ? node.ints(i, "the position").at(0) : most;
  const int64_t place = given < 0 ? given + size : given;
  if (place < 0 || place > most)
    node.fail("position " + std::to_string(given) + " is not in a sequence of " +
              std::to_string(size));
  return static_cast<size_t>(place);
}

ValueList construct(Node &node) {
  ValueList elements;
  for (size_t i = 0; i < node.size(); ++i) elements.push_back(node.value(i));
  return sequence(elements);
}

ValueList empty(Node &) {
  return sequence({});
}

ValueList at(Node &node) {
  node.expectOperands(2, 2);
  const ValueList &elements = elementsOf(node, 0);
  const auto size = static_cast<int64_t>(elements.size());
  return {elements.at(placeOf(node, 1, size, size - 1))};
}

ValueList insert(Node &node) {
  node.expectOperands(2, 3);
  ValueList elements = elementsOf(node, 0);
  const auto size = static_cast<int64_t>(elements.size());
  const size_t place = placeOf(node, 2, size, size);
  elements.insert(elements.begin() + static_cast<std::ptrdiff_t>(place), node.value(1));
  return sequence(elements);
}

ValueList erase(Node &node) {
  node.expectOperands(1, 2);
  ValueList elements = elementsOf(node, 0);
  const auto size = static_cast<int64_t>(elements.size());
  if (size == 0) node.fail("the sequence is empty");
  elements.erase(elements.begin() + static_cast<std::ptrdiff_t>(placeOf(node, 1, size, size - 1)));
  return sequence(elements);
}

ValueList length(Node &node) {
  node.expectOperands(1, 1);
  const auto size = static_cast<int64_t>(elementsOf(node, 0).size());
  return {node.importer.constant(Array::scalar<int64_t>(size))};
}

ValueList concatFromSequence(Node &node) {
  node.expectOperands(1, 1);
  TensorList parts;
  const bool stacks = node.flag("new_axis");
  for (const ValuePtr &element : elementsOf(node, 0)) parts.push_back(element->tensor);
  if (parts.empty()) node.fail("the sequence is empty");
  const int64_t axis = node.dim(node.integer("axis"), parts[0].rank() + (stacks ? 1 : 0));
  if (stacks)
    for (Tensor &part : parts) part = expandDims(part, axis);
  return {node.importer.wrap(concatenate(parts, axis))};
}

ValueList splitToSequence(Node &node) {
  node.expectOperands(1, 2);
  const Tensor x = node[0];
  const int64_t axis = node.dim(node.integer("axis", 0), x.rank()), size = x.dim(axis);
  node.limit("the operand", {size, 1 << 10});
  Shape sizes;
  if (!node.has(1)) {
    sizes.assign(static_cast<size_t>(size), 1);
  } else if (sizes = node.ints(1, "the sizes"); node.value(1)->tensor.rank() == 0) {
    const int64_t chunk = sizes.at(0);
    if (chunk < 1) node.fail("a size is below 1");
    sizes.clear();
    for (int64_t i = 0; i < size; i += chunk) sizes.push_back(std::min(chunk, size - i));
  }
  ValueList elements;
  int64_t from = 0;
  for (int64_t count : sizes) {
    if (count < 0 || from + count > size) node.fail("the sizes are not those of the operand");
    Tensor part = sliceDim(x, axis, from, from + count);
    if (!node.has(1) && !node.flag("keepdims", true)) part = squeeze(part, axis);
    elements.push_back(node.importer.wrap(part));
    from += count;
  }
  return sequence(elements);
}

/// The body on each element; tensors go to all of them.
ValueList map(Node &node) {
  const size_t count = elementsOf(node, 0).size();
  const proto::GraphProto &body = node.body("body");
  std::vector<ValueList> results(static_cast<size_t>(body.output_size()));
  for (size_t i = 0; i < count; ++i) {
    ValueList inputs;
    for (size_t o = 0; o < node.size(); ++o) {
      const ValuePtr &value = node.value(o);
      inputs.push_back(value->sequence ? value->sequence->at(i) : value);
    }
    const ValueList made = runBody(node, body, inputs);
    for (size_t r = 0; r < made.size(); ++r) results[r].push_back(made[r]);
  }
  ValueList sequences;
  for (const ValueList &list : results) sequences.push_back(sequence(list)[0]);
  return sequences;
}

ValueList same(Node &node) {
  node.expectOperands(1, 1);
  return {node.value(0)};
}

ValueList hasElement(Node &node) {
  return {node.importer.constant(Array::scalar<bool>(node.has(0)))};
}

} // namespace

void addSequenceRules(Rules &rules) {
  const Rules own = {
      {"ConcatFromSequence", concatFromSequence},
      {"Identity", same},
      {"Optional", same},
      {"OptionalGetElement", same},
      {"OptionalHasElement", hasElement},
      {"SequenceAt", at},
      {"SequenceConstruct", construct},
      {"SequenceEmpty", empty},
      {"SequenceErase", erase},
      {"SequenceInsert", insert},
      {"SequenceLength", length},
      {"SequenceMap", map},
      {"SplitToSequence", splitToSequence},
  };
  rules.insert(own.begin(), own.end());
}

} // namespace weir::onnx
