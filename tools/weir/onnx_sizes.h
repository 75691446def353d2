// Sizes of an ONNX model's open dims from --dim and --shape.
#pragma once

#include "frontend/import/onnx/onnx.h"
#include "tools/weir/model_source.h"

#include <map>
#include <optional>

namespace weir::tools {

/// Dims of an input or output as the model declares them: sizes, or the names that
/// onnx::ImportOptions::sizes takes. Empty for what is no tensor.
std::vector<std::string> onnxDims(const onnx::Port &port);
/// The size that one of them is, if it is one.
std::optional<int64_t> onnxSize(std::string_view dim);

/// By the names that onnx::ImportOptions::sizes takes. Throws weir::Error for what the model does
/// not have, for shapes that disagree with it, and for dims left open, all of them at once.
std::map<std::string, int64_t> onnxSizes(const onnx::Model &model, const ModelOptions &options);

} // namespace weir::tools
