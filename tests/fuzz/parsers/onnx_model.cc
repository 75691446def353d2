// ONNX models, imported as graphs. ONNX asks for messages without reflection, so those that
// mutate() changes are made from the definition at run time.
#include "frontend/import/onnx/model_builder.h"
#include "tests/fuzz/parsers/mutation.h"

#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>

#include <cstdlib>

extern "C" const unsigned char weir_onnx_definition[];
extern "C" const unsigned long weir_onnx_definition_size;

namespace weir::fuzz {

namespace {

using onnx::ModelBuilder;

std::string shapes() {
  ModelBuilder m;
  m.input("x", {"2", "6"});
  m.output("y");
  m.ints("first", {0});
  m.ints("rest", {3, -1});
  m.floats("w", {2, 2}, {1, 2, 3, 4});
  m.node("Shape", {"x"}, {"shape"});
  m.node("Gather", {"shape", "first"}, {"rows"});
  onnx::setInt(m.node("Concat", {"rows", "rest"}, {"wanted"}), "axis", 0);
  m.node("Reshape", {"x", "wanted"}, {"r"});
  m.node("MatMul", {"r", "w"}, {"d"});
  onnx::setInt(m.node("Softmax", {"d"}, {"y"}), "axis", -1);
  return m.model->SerializeAsString();
}

std::string loop() {
  ModelBuilder m;
  m.input("x", {"3"});
  m.output("y");
  m.ints("trips", {4});
  onnx::GraphBuilder body(onnx::addBody(m.node("Loop", {"trips", "", "x"}, {"y"}), "body"));
  body.input("i", {}, onnx::TensorProto::INT64);
  body.input("go", {}, onnx::TensorProto::BOOL);
  body.input("v", {"3"});
  body.node("Add", {"v", "v"}, {"twice"});
  body.node("Identity", {"go"}, {"on"});
  body.output("on");
  body.output("twice");
  return m.model->SerializeAsString();
}

/// An empty model, with reflection.
const google::protobuf::Message &prototype() {
  static google::protobuf::DescriptorPool pool;
  static google::protobuf::DynamicMessageFactory factory(&pool);
  static const google::protobuf::Message *const model = [] {
    google::protobuf::FileDescriptorSet files;
    if (!files.ParseFromArray(weir_onnx_definition, static_cast<int>(weir_onnx_definition_size)))
      std::abort();
    for (const auto &file : files.file()) pool.BuildFile(file);
    return factory.GetPrototype(pool.FindMessageTypeByName("onnx.ModelProto"));
  }();
  return *model;
}

std::string windows() {
  ModelBuilder m;
  m.input("x", {"1", "2", "5", "5"});
  m.output("y");
  m.floats("w", {1, 2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  m.node("Conv", {"x", "w"}, {"c"});
  m.node("Relu", {"c"}, {"r"});
  m.node("GlobalAveragePool", {"r"}, {"p"});
  m.ints("axes", {2, 3});
  m.node("Squeeze", {"p", "axes"}, {"y"});
  return m.model->SerializeAsString();
}

} // namespace

std::vector<std::string> seeds() {
  return {shapes(), loop(), windows()};
}

bool accepts(std::string_view bytes) {
  try {
    onnx::Model::parse(bytes, "fuzz.onnx").graph();
    return true;
  } catch (const Error &) {
    return false;
  }
}

std::string mutate(const std::string &bytes, Random &random) {
  const std::unique_ptr<google::protobuf::Message> model(prototype().New());
  if (!model->ParseFromString(bytes)) return bytes;
  static const std::vector<std::string> ops = {"Add",        "Mul",        "MatMul",
                                               "Gemm",       "Conv",       "ConvTranspose",
                                               "Concat",     "Gather",     "Slice",
                                               "Squeeze",    "Split",      "Reshape",
                                               "Expand",     "Tile",       "Pad",
                                               "TopK",       "Resize",     "ConstantOfShape",
                                               "Range",      "OneHot",     "CumSum",
                                               "MaxPool",    "LSTM",       "Einsum",
                                               "If",         "Loop",       "Scan",
                                               "SequenceAt", "Softmax",    "LayerNormalization",
                                               "Shape",      "ReduceSum",  "SpaceToDepth",
                                               "ScatterND",  "GatherND",   "NonZero",
                                               "Cast",       "Dropout",    "Where",
                                               "EyeLike",    "DFT",        "Attention",
                                               "STFT",       "HannWindow", "MelWeightMatrix",
                                               "Compress",   "Trilu",      "GridSample"};
  if (random() % 4)
    mutateMessage(*model, random);
  else
    renameField(*model, "op_type", ops, random);
  return model->SerializeAsString();
}

} // namespace weir::fuzz
