// The parsed file: conversions from ONNX's messages to arrays and types.
#pragma once

#include "frontend/api/program.h"
#include "frontend/api/tensor.h"

#include "frontend/import/onnx/proto/onnx.pb.h"

#include <optional>

namespace weir::onnx {

/// What protoc generates.
namespace proto = ::onnx;

struct ModelFile {
  proto::ModelProto model;
  std::string file, folder;
};

/// Weir's name of ONNX's element type; nothing when there is none (strings, complex; see narrow.h).
std::optional<DType> dtypeOf(int32_t type);
/// "FLOAT", "STRING", ..., as ONNX names it.
std::string dtypeText(int32_t type);
/// "float[N, 3]", "seq(...)", ...
std::string typeText(const proto::TypeProto &type);
/// The content of a tensor, what is narrow in its wider type; `folder` has its external data.
/// Throws Error when sizes disagree or the element type is not supported.
Array arrayOf(const proto::TensorProto &tensor, const std::string &folder);
/// Dense form of a sparse tensor.
Array arrayOf(const proto::SparseTensorProto &tensor, const std::string &folder);
/// The numbers of an integer array; throws Error for other dtypes.
std::vector<int64_t> integersOf(const Array &array);

} // namespace weir::onnx
