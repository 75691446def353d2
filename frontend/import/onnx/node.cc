// Accessors of a node, the table of all rules, and what several rules need.
#include "frontend/import/onnx/node.h"

#include "frontend/import/onnx/narrow.h"

#include <algorithm>

namespace weir::onnx {

using proto::AttributeProto;

// ---- Operands ----

const ValuePtr &Node::value(size_t i) const {
  if (i >= size() || !made.operands[i]) {
    if (has(i)) throw MissingOperand();
    fail("needs operand " + std::to_string(i));
  }
  return made.operands[i];
}

Tensor Node::operator[](size_t i) const {
  if (value(i)->sequence) fail("operand " + std::to_string(i) + " is a sequence");
  return value(i)->tensor;
}

TensorList Node::operands() const {
  TensorList list;
  for (size_t i = 0; i < size(); ++i) list.push_back((*this)[i]);
  return list;
}

void Node::expectOperands(size_t least, size_t most) const {
  if (size() < least || size() > most)
    fail("has " + std::to_string(size()) + " operands, must have " + std::to_string(least) +
         (most > least ? " to " + std::to_string(most) : ""));
  for (size_t i = 0; i < least; ++i) value(i);
}

std::optional<Array> Node::known(size_t i) const {
  return importer.evaluate(value(i));
}

Array Node::array(size_t i, const std::string &what) const {
  std::optional<Array> array = known(i);
  if (!array)
    fail(what + " ('" + made.node->input(static_cast<int>(i)) +
         "') is only known when the graph runs, but shapes depend on it");
  return *array;
}

// ---- Attributes ----

const AttributeProto *Node::attribute(const std::string &name) const {
  for (const AttributeProto &attribute : made.node->attribute()) {
    if (attribute.name() != name) continue;
    if (attribute.ref_attr_name().empty()) return &attribute;
    auto found = made.attributes.find(attribute.ref_attr_name());
    return found == made.attributes.end() ? nullptr : found->second;
  }
  return nullptr;
}

int64_t Node::integer(const std::string &name, std::optional<int64_t> fallback) const {
  if (const AttributeProto *a = attribute(name)) return a->i();
  if (!fallback) fail("needs the attribute " + name);
  return *fallback;
}

double Node::real(const std::string &name, std::optional<double> fallback) const {
  if (const AttributeProto *a = attribute(name)) return a->f();
  if (!fallback) fail("needs the attribute " + name);
  return *fallback;
}

std::string Node::string(const std::string &name, const std::string &fallback) const {
  const AttributeProto *a = attribute(name);
  return a ? a->s() : fallback;
}

std::vector<std::string> Node::strings(const std::string &name) const {
  const AttributeProto *a = attribute(name);
  return a ? std::vector<std::string>(a->strings().begin(), a->strings().end())
           : std::vector<std::string>();
}

Shape Node::ints(const std::string &name) const {
  const AttributeProto *a = attribute(name);
  return a ? Shape(a->ints().begin(), a->ints().end()) : Shape();
}

std::vector<double> Node::reals(const std::string &name) const {
  const AttributeProto *a = attribute(name);
  return a ? std::vector<double>(a->floats().begin(), a->floats().end()) : std::vector<double>();
}

Array Node::array(const std::string &name) const {
  const AttributeProto *a = attribute(name);
  if (!a || !a->has_t()) fail("needs the tensor attribute " + name);
  return arrayOf(a->t(), importer.file.folder);
}

const proto::GraphProto &Node::body(const std::string &name) const {
  const AttributeProto *a = attribute(name);
  if (!a || !a->has_g()) fail("needs the graph attribute " + name);
  return a->g();
}

DType Node::dtype(int64_t number) const {
  const std::optional<DType> dtype = dtypeOf(static_cast<int32_t>(number));
  if (!dtype) fail("element type " + dtypeText(static_cast<int32_t>(number)) + " is not supported");
  return *dtype;
}

const Narrow *Node::narrow(size_t i) const {
  return has(i) ? narrowOf(value(i)->element) : nullptr;
}

void Node::holds(const Narrow &type) const {
  resultElement = type.type;
}

int32_t Node::element() const {
  static const std::set<std::string> moves = {"Flatten", "Gather",  "Identity",  "Reshape",
                                              "Slice",   "Squeeze", "Transpose", "Unsqueeze"};
  if (resultElement || !moves.count(made.node->op_type())) return resultElement;
  const Narrow *moved = narrow(0);
  return moved ? moved->type : 0;
}

std::optional<Shape> Node::intsSince(int64_t since, size_t i, const std::string &name) const {
  if (version >= since) {
    if (!has(i)) return {};
    return ints(i, name);
  }
  if (!attribute(name)) return {};
  return ints(name);
}

std::optional<Shape> Node::axes(int64_t since, size_t i, const std::string &name) const {
  std::optional<Shape> list = intsSince(since, i, name);
  if (list)
    for (int64_t &axis : *list) axis = dim(axis, (*this)[0].rank());
  return list;
}

void Node::fail(const std::string &message) const {
  throw Error(message, Location::current());
}

void Node::limit(const std::string &what, std::initializer_list<int64_t> factors) const {
  constexpr int64_t most = int64_t(1) << 26;
  int64_t product = 1;
  for (int64_t factor : factors)
    if (factor < 0 || __builtin_mul_overflow(product, factor, &product) || product > most)
      fail(what + " is too large");
}

int64_t Node::dim(int64_t axis, int64_t rank) const {
  if (axis < -rank || axis >= rank)
    fail("axis " + std::to_string(axis) + " is not a dim of " + std::to_string(rank));
  return axis < 0 ? axis + rank : axis;
}

// ---- Rules ----

const Rule *findRule(const std::string &domain, const std::string &type) {
  static const Rules rules = [] {
    Rules all;
    for (auto *add :
         {addActivationRules,    addAttentionRules, addControlRules,         addContractionRules,
          addConvolutionRules,   addCreationRules,  addElementwiseRules,     addGatherRules,
          addImageRules,         addLayoutRules,    addLinearAttentionRules, addLossRules,
          addNormalizationRules, addOrderRules,     addPoolingRules,         addQuantizationRules,
          addRecurrentRules,     addReductionRules, addResizeRules,          addScatterRules,
          addSequenceRules,      addShapeRules,     addSignalRules,          addSliceRules,
          addTrainingRules,      addSelectionRules})
      add(all);
    return all;
  }();
  const bool known =
      domain.empty() || domain == "ai.onnx.preview" || domain == "ai.onnx.preview.training";
  auto found = known ? rules.find(type) : rules.end();
  return found == rules.end() ? nullptr : &found->second;
}

// ---- What several rules need ----

std::pair<Tensor, Tensor> broadcastOperands(Node &node) {
  node.expectOperands(2, 2);
  const Tensor lhs = node[0], rhs = node[1];
  if (node.version >= 7 || !node.flag("broadcast")) return {lhs, rhs};
  // The dims of rhs are those of lhs from `axis` on.
  const int64_t axis = node.dim(node.integer("axis", lhs.rank() - rhs.rank()), lhs.rank() + 1);
  Shape shape = rhs.shape();
  if (axis + rhs.rank() > lhs.rank()) node.fail("operands do not broadcast");
  shape.resize(static_cast<size_t>(lhs.rank() - axis), 1);
  return {lhs, reshape(rhs, shape)};
}

Tensor wrapIndices(const Tensor &indices, int64_t size) {
  const DType dtype = indices.dtype() == i64 || indices.dtype() == u32 ? i64 : i32;
  const Tensor x = indices.dtype() == dtype ? indices : convert(indices, dtype);
  return select(x < 0, x + size, x);
}

int64_t product(const Shape &shape, int64_t from, int64_t to) {
  int64_t count = 1;
  const auto end = to < 0 ? shape.size() : static_cast<size_t>(to);
  for (size_t i = static_cast<size_t>(from); i < end; ++i)
    if (__builtin_mul_overflow(count, shape.at(i), &count))
      throw Error("a shape has too many elements", Location::current());
  return count;
}

Shape upTo(int64_t count) {
  Shape list;
  for (int64_t i = 0; i < count; ++i) list.push_back(i);
  return list;
}

Tensor flat(const Tensor &x) {
  return reshape(x, {x.size()});
}

Shape part(const Shape &shape, int64_t begin, int64_t end) {
  const auto last = end < 0 ? static_cast<int64_t>(shape.size()) : end;
  if (begin > last) return {};
  return {shape.begin() + begin, shape.begin() + last};
}

Shape joined(Shape a, const Shape &b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Tensor padOrCrop(const Tensor &x, Arg value, Shape low, Shape high) {
  Shape from(low.size(), 0), to = x.shape();
  for (size_t d = 0; d < low.size(); ++d) {
    from[d] = std::max<int64_t>(0, -low[d]);
    to.at(d) -= std::max<int64_t>(0, -high[d]);
    low[d] = std::max<int64_t>(0, low[d]);
    high[d] = std::max<int64_t>(0, high[d]);
  }
  return pad(slice(x, from, to), value, low, high);
}

Tensor widened(const Tensor &x) {
  return x.dtype() == f16 || x.dtype() == bf16 ? convert(x, f32) : x;
}

} // namespace weir::onnx
