// Model: what users see of the importer.
#include "frontend/import/onnx/importer.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/message_lite.h>
#include <google/protobuf/stubs/logging.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace weir::onnx {
namespace {

std::string contentOf(const std::string &path, Location at) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) throw Error("cannot open " + path + ": " + std::strerror(errno), at);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// Errors are told by the caller, not printed by the parser.
bool parseQuietly(google::protobuf::MessageLite &message, std::string_view bytes) {
  if (bytes.size() > INT32_MAX) return false;
  google::protobuf::LogSilencer silence;
  google::protobuf::io::ArrayInputStream stream(bytes.data(), static_cast<int>(bytes.size()));
  google::protobuf::io::CodedInputStream coded(&stream);
  coded.SetRecursionLimit(60);
  return message.ParseFromCodedStream(&coded) && coded.ConsumedEntireMessage();
}

} // namespace

Model Model::parse(std::string_view bytes, const std::string &file, Location at) {
  Model model;
  model.file = std::make_shared<ModelFile>();
  ModelFile &parsed = *model.file;
  parsed.file = file;
  parsed.folder = std::filesystem::path(file).parent_path().string();
  if (!parseQuietly(parsed.model, bytes) || !parsed.model.has_graph())
    throw Error(file + " is not an ONNX model", at);
  std::set<std::string> initialized;
  for (const auto &tensor : parsed.model.graph().initializer()) initialized.insert(tensor.name());
  for (const auto &tensor : parsed.model.graph().sparse_initializer())
    initialized.insert(tensor.values().name());
  for (const auto &input : parsed.model.graph().input())
    if (!initialized.count(input.name()))
      model.inputPorts.push_back({input.name(), typeText(input.type())});
  for (const auto &output : parsed.model.graph().output())
    model.outputPorts.push_back({output.name(), typeText(output.type())});
  return model;
}

Model Model::read(const std::string &path, Location at) {
  return parse(contentOf(path, at), path, at);
}

Graph Model::graph(const ImportOptions &options, std::vector<std::string> *fixed,
                   Location at) const {
  Importer importer(*file, options, Graph(0, at));
  const TensorList results = importer.importMain();
  for (size_t i = 0; i < results.size(); ++i)
    importer.graph.output(outputPorts[i].name, results[i]);
  if (fixed) fixed->assign(importer.fixed.begin(), importer.fixed.end());
  return importer.graph;
}

TensorList Model::apply(Graph &graph, const TensorList &inputs, const ImportOptions &options,
                        Location at) const {
  CallScope scope(at);
  return Importer(*file, options, graph).importMain(&inputs);
}

Array readTensor(const std::string &path, Location at) {
  proto::TensorProto tensor;
  if (!parseQuietly(tensor, contentOf(path, at)))
    throw Error(path + " is not a tensor of ONNX", at);
  return arrayOf(tensor, std::filesystem::path(path).parent_path().string());
}

} // namespace weir::onnx
