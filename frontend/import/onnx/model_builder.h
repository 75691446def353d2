// ONNX models for tests, written in a few lines each.
#pragma once

#include "frontend/import/onnx/model_file.h"
#include "frontend/import/onnx/onnx.h"

namespace weir::onnx {

using proto::TensorProto;

inline void fillTensor(TensorProto &tensor, const std::string &name, const Shape &dims,
                       const std::vector<float> &values) {
  tensor.set_name(name);
  tensor.set_data_type(TensorProto::FLOAT);
  tensor.mutable_dims()->Add(dims.begin(), dims.end());
  tensor.mutable_float_data()->Add(values.begin(), values.end());
}

/// A graph: of the model, or of an attribute.
class GraphBuilder {
public:
  explicit GraphBuilder(proto::GraphProto &graph) : graph(graph) {}

  void input(const std::string &name, const std::vector<std::string> &dims = {},
             int32_t type = TensorProto::FLOAT) {
    declare(*graph.add_input(), name, dims, type);
  }
  void output(const std::string &name) { graph.add_output()->set_name(name); }
  void floats(const std::string &name, const Shape &dims, const std::vector<float> &values) {
    fillTensor(*graph.add_initializer(), name, dims, values);
  }
  void ints(const std::string &name, const std::vector<int64_t> &values) {
    TensorProto &tensor = *graph.add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(TensorProto::INT64);
    tensor.add_dims(static_cast<int64_t>(values.size()));
    tensor.mutable_int64_data()->Add(values.begin(), values.end());
  }
  proto::NodeProto &node(const std::string &op, const std::vector<std::string> &inputs,
                         const std::vector<std::string> &outputs) {
    proto::NodeProto &node = *graph.add_node();
    node.set_op_type(op);
    node.set_name(op + "_" + outputs.at(0));
    for (const std::string &name : inputs) node.add_input(name);
    for (const std::string &name : outputs) node.add_output(name);
    return node;
  }
  proto::GraphProto &graph;

private:
  /// A dim that is no number is a name; "" is open.
  static void declare(proto::ValueInfoProto &info, const std::string &name,
                      const std::vector<std::string> &dims, int32_t type) {
    info.set_name(name);
    auto &tensor = *info.mutable_type()->mutable_tensor_type();
    tensor.set_elem_type(type);
    tensor.mutable_shape();
    for (const std::string &dim : dims) {
      auto &to = *tensor.mutable_shape()->add_dim();
      if (!dim.empty() && std::isdigit(static_cast<unsigned char>(dim[0])))
        to.set_dim_value(std::stoll(dim));
      else if (!dim.empty())
        to.set_dim_param(dim);
    }
  }
};

inline void setInt(proto::NodeProto &node, const std::string &name, int64_t value) {
  auto &attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(proto::AttributeProto::INT);
  attribute.set_i(value);
}

inline proto::GraphProto &addBody(proto::NodeProto &node, const std::string &name) {
  auto &attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(proto::AttributeProto::GRAPH);
  return *attribute.mutable_g();
}

class ModelBuilder : public GraphBuilder {
public:
  explicit ModelBuilder(int64_t opset = 18) : ModelBuilder(std::make_unique<proto::ModelProto>()) {
    model->set_ir_version(8);
    model->add_opset_import()->set_version(opset);
  }
  Model parse(const std::string &file = "test.onnx") const {
    return Model::parse(model->SerializeAsString(), file);
  }
  std::unique_ptr<proto::ModelProto> model;

private:
  explicit ModelBuilder(std::unique_ptr<proto::ModelProto> made)
      : GraphBuilder(*made->mutable_graph()), model(std::move(made)) {}
};

} // namespace weir::onnx
