// ONNX models as Weir graphs: the file parsed by code generated from ONNX's own definition, and
// rebuilt node by node through the public functions of frontend/api and frontend/nn. Shapes are
// static: operands that decide shapes (of Reshape, Slice, Range, ...) are computed while importing.
// What cannot be expressed is reported all at once, with the node's name and op.
#pragma once

#include "frontend/api/graph.h"

namespace weir::onnx {

struct ModelFile;

struct ImportOptions {
  /// Values of inputs. They are read only where a shape, an axis or a number of steps depends on
  /// them; the graph is then right for these values only (see `fixed` below).
  std::map<std::string, Array> values;
  /// Sizes of the dims that the model names or leaves open, by name; an open dim without a name is
  /// "INPUT.DIM". The shapes of `values` decide before these.
  std::map<std::string, int64_t> sizes;
  /// Float initializers become trainable variables instead of constants.
  bool trainable = false;
};

/// An input or output as the model declares it.
struct Port {
  std::string name;
  std::string type; ///< as the model says, for messages: "float[N, 3]"
};

/// A parsed model; cheap to copy.
class Model {
public:
  /// `file` is what errors call the bytes; external data are looked for in its folder. Throws Error
  /// when they are not an ONNX model.
  static Model parse(std::string_view bytes, const std::string &file,
                     Location at = Location::current());
  static Model read(const std::string &path, Location at = Location::current());

  /// Without the initializers.
  const std::vector<Port> &inputs() const { return inputPorts; }
  const std::vector<Port> &outputs() const { return outputPorts; }

  /// A graph with the model's inputs and outputs by name. Throws one Error that lists everything
  /// that cannot be imported. The "line" of a place is the node's number in the file, from 1.
  /// `fixed`: names of the inputs whose value the graph's shapes depend on.
  Graph graph(const ImportOptions &options = {}, std::vector<std::string> *fixed = nullptr,
              Location at = Location::current()) const;

  /// The model as a part of `graph`, on tensors in the order of its inputs: what its outputs are.
  /// With options.trainable, a model to train further. Errors as above.
  TensorList apply(Graph &graph, const TensorList &inputs, const ImportOptions &options = {},
                   Location at = Location::current()) const;

private:
  std::shared_ptr<ModelFile> file;
  std::vector<Port> inputPorts, outputPorts;
};

/// An array as ONNX stores it in a file of its own (TensorProto, as in test_data_set_0/input_0.pb).
Array readTensor(const std::string &path, Location at = Location::current());

} // namespace weir::onnx
