// Protobuf's parser with its limits; files with their weights beside them.
#include "frontend/proto/wire.h"

#include "frontend/proto/codec.h"
#include "ir/dialect/weir.h"
#include "runtime/base/file.h"
#include "runtime/base/mapped_file.h"
#include "runtime/base/safetensors.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <filesystem>
#include <google/protobuf/io/coded_stream.h>
#include <map>

using namespace mlir;

namespace weir::graph_file {

bool parseMessage(std::string_view bytes, proto::Graph &graph) {
  if (bytes.size() > kMaxBytes) return false;
  google::protobuf::io::CodedInputStream stream(reinterpret_cast<const uint8_t *>(bytes.data()),
                                                static_cast<int>(bytes.size()));
  stream.SetRecursionLimit(kMaxDepth);
  return graph.ParseFromCodedStream(&stream) && stream.ConsumedEntireMessage();
}

bool isGraphOp(OperationName name) {
  return name.getStringRef() == func::ReturnOp::getOperationName() ||
         name.hasInterface<ir::WeirOp>();
}

bool isGraphFile(std::string_view bytes) {
  return bytes.starts_with("\n\x04weir");
}

template <typename T> static T valueOf(absl::StatusOr<T> value, Location at) {
  if (!value.ok()) throw Error(std::string(value.status().message()), at);
  return *std::move(value);
}

namespace {

void requireWithin(const std::filesystem::path &file, Location at) {
  bool inside = !file.empty() && file.is_relative();
  for (const auto &part : file) inside &= part != "..";
  if (!inside)
    throw Error("weights file '" + file.string() + "' is not within the graph's folder", at);
}

/// The safetensors files beside a graph, opened when they are named.
class Weights {
public:
  Weights(std::filesystem::path folder, Location at) : folder(std::move(folder)), at(at) {}

  Array read(const std::string &file, const std::string &name) {
    auto known = files.find(file);
    if (known == files.end()) {
      requireWithin(file, at);
      known =
          files.emplace(file, valueOf(runtime::SafetensorsFile::open((folder / file).string()), at))
              .first;
    }
    return valueOf(known->second.tensor(name), at);
  }

private:
  std::filesystem::path folder;
  Location at;
  std::map<std::string, runtime::SafetensorsFile> files;
};

} // namespace

OwningOpRef<ModuleOp> read(const std::string &path, MLIRContext &context, Location at,
                           Values *values) {
  const auto file = valueOf(runtime::mapFile(path), at);
  Weights weights(std::filesystem::path(path).parent_path(), at);
  auto readTensor = [&](const std::string &name, const std::string &tensor) {
    return weights.read(name, tensor);
  };
  return importGraph({reinterpret_cast<const char *>(file.data()), file.size()}, context, path,
                     readTensor, values);
}

void write(const std::string &path, ModuleOp module, const std::string &weights, Location at,
           const Values *values) {
  if (!weights.empty()) requireWithin(weights, at);
  ExternalTensors external{weights};
  const std::string bytes = exportGraph(module, weights.empty() ? nullptr : &external, at, values);
  auto check = [&](const absl::Status &status) {
    if (!status.ok()) throw Error(std::string(status.message()), at);
  };
  if (!external.tensors.empty())
    check(runtime::writeSafetensors((std::filesystem::path(path).parent_path() / weights).string(),
                                    external.tensors));
  check(runtime::writeFileAtomically(path, {std::as_bytes(std::span(bytes))}));
}

} // namespace weir::graph_file
