// One node of the model as its rule sees it: operands as tensors or, where shapes depend on them,
// as arrays; attributes by name and checked. Every accessor throws weir::Error when the model does
// not have what is asked for.
#pragma once

#include "frontend/api/math.h"
#include "frontend/api/ops.h"
#include "frontend/import/onnx/importer.h"

namespace weir::onnx {

struct Narrow;

class Node {
public:
  Node(Importer &importer, Graph graph, const Made &made, Frame *frame)
      : importer(importer), graph(std::move(graph)), version(made.version), frame(frame),
        made(made) {}

  // ---- Operands and results ----
  size_t size() const { return made.operands.size(); }
  /// Whether operand i is there: optional ones may be left out.
  bool has(size_t i) const { return i < size() && made.node->input(static_cast<int>(i)) != ""; }
  Tensor operator[](size_t i) const;
  const ValuePtr &value(size_t i) const;
  TensorList operands() const;
  void expectOperands(size_t least, size_t most) const;
  /// The value of operand i, which a shape depends on; Error when only a run knows it.
  Array array(size_t i, const std::string &what) const;
  Shape ints(size_t i, const std::string &what) const { return integersOf(array(i, what)); }
  /// Nothing when only a run knows it.
  std::optional<Array> known(size_t i) const;
  size_t results() const { return static_cast<size_t>(made.node->output_size()); }
  /// Whether the model uses result i.
  bool wants(size_t i) const {
    return i < results() && made.node->output(static_cast<int>(i)) != "";
  }

  // ---- Attributes ----
  const proto::AttributeProto *attribute(const std::string &name) const;
  bool has(const std::string &name) const { return attribute(name) != nullptr; }
  int64_t integer(const std::string &name, std::optional<int64_t> fallback = {}) const;
  bool flag(const std::string &name, bool fallback = false) const {
    return integer(name, fallback ? 1 : 0) != 0;
  }
  double real(const std::string &name, std::optional<double> fallback = {}) const;
  std::string string(const std::string &name, const std::string &fallback) const;
  std::vector<std::string> strings(const std::string &name) const;
  Shape ints(const std::string &name) const; ///< Empty when left out.
  std::vector<double> reals(const std::string &name) const;
  Array array(const std::string &name) const;
  const proto::GraphProto &body(const std::string &name) const;
  /// An element type by ONNX's number.
  DType dtype(int64_t number) const;

  // ---- Element types that are held in wider ones (narrow.h) ----
  /// That of operand i; null where it is as Weir's.
  const Narrow *narrow(size_t i) const;
  /// Says that the first result has elements of this type.
  void holds(const Narrow &type) const;
  /// ONNX's number of the first result's, or 0: as told, or that of an operand whose elements are
  /// only moved.
  int32_t element() const;

  /// Dims `axes` (attribute) or operand `i` where opset `since` made it one, counted from the
  /// front. Nothing when both are left out.
  std::optional<Shape> axes(int64_t since, size_t i, const std::string &name = "axes") const;
  /// Operand i where opset `since` made it one, else the attribute. Nothing when left out.
  std::optional<Shape> intsSince(int64_t since, size_t i, const std::string &name) const;

  /// Fails where `factors`, which a small file may make as large as it likes, have a product that
  /// is too large for a table made while importing.
  void limit(const std::string &what, std::initializer_list<int64_t> factors) const;
  [[noreturn]] void fail(const std::string &message) const;
  /// `axis` counted from the front of `rank` dims.
  int64_t dim(int64_t axis, int64_t rank) const;

  Importer &importer;
  mutable Graph graph;
  const int64_t version; ///< Of the operator set that the model imports.
  Frame *const frame;    ///< Null when the node is computed while importing.
  const Made &made;

private:
  mutable int32_t resultElement = 0;
};

/// What a node becomes: tensors, or values that may be known already.
struct Rule {
  template <typename F>
    requires std::is_invocable_r_v<TensorList, F, Node &>
  Rule(F f) : tensors(f) {}
  template <typename F>
    requires std::is_invocable_r_v<ValueList, F, Node &>
  Rule(F f) : values(f) {}
  TensorList (*tensors)(Node &) = nullptr;
  ValueList (*values)(Node &) = nullptr;
};
using Rules = std::map<std::string, Rule, std::less<>>;

// Each family adds its rules, by op type.
void addActivationRules(Rules &rules);
void addAttentionRules(Rules &rules);
void addControlRules(Rules &rules);
void addContractionRules(Rules &rules);
void addConvolutionRules(Rules &rules);
void addCreationRules(Rules &rules);
void addElementwiseRules(Rules &rules);
void addGatherRules(Rules &rules);
void addImageRules(Rules &rules);
void addLayoutRules(Rules &rules);
void addLinearAttentionRules(Rules &rules);
void addLossRules(Rules &rules);
void addNormalizationRules(Rules &rules);
void addOrderRules(Rules &rules);
void addPoolingRules(Rules &rules);
void addQuantizationRules(Rules &rules);
void addRecurrentRules(Rules &rules);
void addReductionRules(Rules &rules);
void addResizeRules(Rules &rules);
void addScatterRules(Rules &rules);
void addSelectionRules(Rules &rules);
void addSequenceRules(Rules &rules);
void addShapeRules(Rules &rules);
void addSignalRules(Rules &rules);
void addSliceRules(Rules &rules);
void addTrainingRules(Rules &rules);

/// Null: no such op is supported. `domain` is "" for ONNX's own.
const Rule *findRule(const std::string &domain, const std::string &type);

// ---- What several rules need ----

template <Tensor (*function)(Arg)> TensorList unary(Node &node) {
  node.expectOperands(1, 1);
  return {function(node[0])};
}

/// Operands of a binary op, with the broadcasting of opsets before 7.
std::pair<Tensor, Tensor> broadcastOperands(Node &node);

template <Tensor (*function)(Arg, Arg)> TensorList binary(Node &node) {
  const auto [lhs, rhs] = broadcastOperands(node);
  return {function(lhs, rhs)};
}

/// The subgraph `body` of a node on `inputs`, in a frame of its own.
ValueList runBody(Node &node, const proto::GraphProto &body, const ValueList &inputs);

/// Integers converted to an index dtype, negative ones counted from the end of a dim of `size`.
Tensor wrapIndices(const Tensor &indices, int64_t size);
/// Product of the sizes from `from` up to `to`; Error where it overflows.
int64_t product(const Shape &shape, int64_t from = 0, int64_t to = -1);
/// 0, 1, ..., count - 1.
Shape upTo(int64_t count);
/// x flattened.
Tensor flat(const Tensor &x);
/// Dims [begin, end) of a shape.
Shape part(const Shape &shape, int64_t begin, int64_t end = -1);
Shape joined(Shape a, const Shape &b);
/// x with `value` around it; negative sizes cut off.
Tensor padOrCrop(const Tensor &x, Arg value, Shape low, Shape high);
/// `x` in f32 if it is a 16-bit float.
Tensor widened(const Tensor &x);

} // namespace weir::onnx
