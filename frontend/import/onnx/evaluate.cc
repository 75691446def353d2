// What is known while importing: a node whose operands are known is built in a graph of its own and
// run by the reference interpreter.
#include "frontend/import/onnx/node.h"

namespace weir::onnx {

std::optional<Array> Importer::evaluate(const ValuePtr &value) {
  if (!value || value->knowledge == Knowledge::Never) return {};
  if (!value->input.empty()) fixed.insert(value->input);
  if (value->known) return value->known;
  Made &made = *value->made;
  if (!made.tried) compute(made);
  // Remembered in the node only: inputs that it reads are noted each time.
  if (value->result < made.arrays.size()) return made.arrays[value->result];
  return {};
}

void Importer::compute(Made &made) {
  made.tried = true;
  Graph small;
  Made copy = made;
  for (ValuePtr &operand : copy.operands) {
    if (!operand) continue;
    const std::optional<Array> array = evaluate(operand);
    if (!array) return;
    auto value = std::make_shared<Value>();
    value->tensor = small.constant(*array);
    value->knowledge = Knowledge::Always;
    value->known = array;
    value->element = operand->element;
    operand = value;
  }
  Node view(*this, small, copy, nullptr);
  const TensorList results = findRule(domainOf(*made.node), made.node->op_type())->tensors(view);
  constexpr int64_t most = int64_t(1) << 24; // a table that decides shapes is smaller
  for (const Tensor &result : results)
    if (result.size() > most) return;
  for (size_t i = 0; i < results.size(); ++i)
    small.output("result" + std::to_string(i), results[i]);
  const Fetched fetched = small.compile({.interpret = true}).run();
  for (size_t i = 0; i < results.size(); ++i)
    made.arrays.push_back(fetched[Name("result" + std::to_string(i))]);
}

} // namespace weir::onnx
