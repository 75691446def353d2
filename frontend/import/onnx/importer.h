// The walk over a model's graph: each node goes to its rule, which builds it with the public
// functions. A node that cannot be imported is noted with its reason and the walk goes on, so that
// one report has all reasons. Values that shapes depend on are computed by the reference
// interpreter, one node at a time, and remembered.
#pragma once

#include "frontend/api/graph.h"
#include "frontend/import/onnx/model_file.h"
#include "frontend/import/onnx/onnx.h"

#include <set>

namespace weir::onnx {

struct Frame;
struct Value;
using ValuePtr = std::shared_ptr<Value>;
using ValueList = std::vector<ValuePtr>;
using Attributes = std::map<std::string, const proto::AttributeProto *>;

/// What a value depends on: what only a run knows, inputs whose value is given, or neither.
enum class Knowledge { Never, FromInputs, Always };

/// A node with its operands: what can be computed while importing.
struct Made {
  const proto::NodeProto *node;
  ValueList operands; ///< Null where an optional one is left out.
  int64_t version;
  Attributes attributes; ///< Of the function that the node is in.
  bool tried = false;
  std::vector<Array> arrays; ///< Of all results, once computed.
};

/// What a name of the model stands for.
struct Value {
  Tensor tensor;
  int32_t element =
      0; ///< ONNX's number of the element type where it is narrower than the tensor's.
  Knowledge knowledge = Knowledge::Never;
  std::optional<Array> known;
  std::string input;                 ///< The model's input that it is, if it is one.
  std::optional<ValueList> sequence; ///< Its elements; then there is no tensor.
  std::shared_ptr<Made> made;
  size_t result = 0;
  int depth = 0; ///< Nodes to compute one after the other.
};

/// Names that a graph, a subgraph or a function sees.
struct Frame {
  Frame *outer = nullptr; ///< Of the graph around; null: the main graph, or a function's body.
  std::map<std::string, ValuePtr> values;
  Attributes attributes; ///< What a function was called with.
  std::map<std::string, int64_t> opsets;
  /// Null: no such name, or it could not be imported.
  ValuePtr find(const std::string &name) const;
};

class Importer {
public:
  Importer(const ModelFile &file, const ImportOptions &options, Graph graph)
      : file(file), options(options), graph(std::move(graph)) {}

  /// The main graph on `given`, or on inputs that it declares; throws the report.
  TensorList importMain(const TensorList *given = nullptr);
  /// The nodes of `body`; what its outputs are. `inputs` are bound in order.
  ValueList importGraph(const proto::GraphProto &body, Frame &frame, const ValueList &inputs);

  /// The value, if it does not depend on anything that is only known when the graph runs.
  std::optional<Array> evaluate(const ValuePtr &value);
  ValuePtr constant(const Array &array);
  ValuePtr wrap(Tensor tensor);

  const ModelFile &file;
  const ImportOptions &options;
  Graph graph;
  std::set<std::string> fixed; ///< Inputs whose values were read.
  std::vector<Note> problems;
  int64_t unrolled = 0; ///< Steps of loops that were imported one by one.

private:
  void importNodes(const google::protobuf::RepeatedPtrField<proto::NodeProto> &nodes, Frame &frame);
  void importNode(const proto::NodeProto &node, Frame &frame);
  void importInitializers(const proto::GraphProto &body, Frame &frame, bool main);
  void declareInput(const proto::ValueInfoProto &input, Frame &frame);
  /// A model-local function.
  ValueList importFunction(const proto::FunctionProto &function, const Made &call);
  ValueList applyRule(const std::shared_ptr<Made> &made, Frame &frame);
  const proto::FunctionProto *findFunction(const proto::NodeProto &node) const;
  void compute(Made &made);
  void note(const proto::NodeProto &node, const std::string &message);
  void note(const std::string &message);
  Place place(const proto::NodeProto &node) const;
  void throwReport() const;

  std::map<const proto::NodeProto *, unsigned> numbers;
  std::set<std::string> active; ///< functions that are being imported
  int64_t imported = 0;         ///< nodes, each time that they were
};

/// "" for ONNX's own operators.
std::string domainOf(const proto::NodeProto &node);

/// Thrown when an operand is the result of a node that could not be imported: not a problem of its
/// own.
struct MissingOperand {};

} // namespace weir::onnx
