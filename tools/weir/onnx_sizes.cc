#include "tools/weir/onnx_sizes.h"

#include "tools/weir/status.h"

#include <charconv>

namespace weir::tools {

/// "FLOAT[batch, 3, ?]" -> {"batch", "3", "x.2"}; none if it is no tensor.
std::vector<std::string> onnxDims(const onnx::Port &port) {
  std::vector<std::string> dims;
  const size_t open = port.type.find('['), close = port.type.rfind(']');
  if (open == std::string::npos || close == std::string::npos) return dims;
  std::string list = port.type.substr(open + 1, close - open - 1);
  for (size_t at = 0; at < list.size();) {
    const size_t comma = std::min(list.find(", ", at), list.size());
    std::string dim = list.substr(at, comma - at);
    dims.push_back(dim == "?" ? port.name + "." + std::to_string(dims.size()) : dim);
    at = comma + 2;
  }
  return dims;
}

std::optional<int64_t> onnxSize(std::string_view dim) {
  int64_t size = 0;
  auto [end, code] = std::from_chars(dim.data(), dim.data() + dim.size(), size);
  if (code != std::errc() || end != dim.data() + dim.size() || size < 0) return std::nullopt;
  return size;
}

namespace {

/// NAME=TEXT; names may have '=' in them, values not.
std::pair<std::string, std::string> splitPair(const std::string &flag, const std::string &word) {
  const size_t equals = word.rfind('=');
  if (equals == std::string::npos || equals == 0)
    fail(flag + " " + word + ": NAME=" + (flag == "--dim" ? "SIZE" : "2x3x4") + " is expected");
  return {word.substr(0, equals), word.substr(equals + 1)};
}

std::vector<int64_t> shapeFrom(const std::string &word, const std::string &text) {
  std::vector<int64_t> shape;
  for (size_t at = 0; at <= text.size() && !text.empty();) {
    const size_t end = std::min(text.find_first_of("x,", at), text.size());
    const auto size = onnxSize(std::string_view(text).substr(at, end - at));
    if (!size) fail("--shape " + word + ": '" + text + "' is no shape; write it as 1x3x224x224");
    shape.push_back(*size);
    at = end + 1;
  }
  return shape;
}

class Sizes {
public:
  explicit Sizes(const onnx::Model &model) : model(model) {}

  void setDim(const std::string &word) {
    auto [name, text] = splitPair("--dim", word);
    const auto size = onnxSize(text);
    if (!size) fail("--dim " + word + ": '" + text + "' is no size");
    std::string open;
    for (const onnx::Port &port : model.inputs())
      for (const std::string &dim : onnxDims(port))
        if (dim == name)
          return set(name, *size, "--dim " + word);
        else if (!onnxSize(dim))
          open += (open.empty() ? "" : ", ") + dim;
    fail("--dim " + word + ": the model has no open dim of this name" +
         (open.empty() ? "; all its dims have sizes" : "; there are: " + open));
  }

  void setShape(const std::string &word) {
    auto [name, text] = splitPair("--shape", word);
    const std::vector<int64_t> shape = shapeFrom(word, text);
    for (const onnx::Port &port : model.inputs()) {
      if (port.name != name) continue;
      const std::vector<std::string> dims = onnxDims(port);
      if (dims.size() != shape.size())
        fail("--shape " + word + ": input " + name + " is " + port.type);
      for (size_t d = 0; d < dims.size(); ++d) {
        const auto fixed = onnxSize(dims[d]);
        if (fixed && *fixed != shape[d])
          fail("--shape " + word + ": dim " + std::to_string(d) + " of input " + name + " is " +
               dims[d] + " in the model, which is " + port.type);
        if (!fixed) set(dims[d], shape[d], "--shape " + word);
      }
      return;
    }
    std::string names;
    for (const onnx::Port &port : model.inputs()) names += (names.empty() ? "" : ", ") + port.name;
    fail("--shape " + word + ": the model has no input of this name; there are: " + names);
  }

  /// Of all inputs that leave their leading dim open.
  void setBatch(int64_t batch) {
    for (const onnx::Port &port : model.inputs()) {
      const std::vector<std::string> dims = onnxDims(port);
      if (!dims.empty() && !onnxSize(dims[0])) sizes.try_emplace(dims[0], batch);
    }
  }

  std::map<std::string, int64_t> take(const std::string &source) {
    std::string inputs, flags;
    std::map<std::string, bool> told;
    for (const onnx::Port &port : model.inputs())
      for (const std::string &dim : onnxDims(port)) {
        if (onnxSize(dim) || sizes.count(dim) || told[dim]) continue;
        told[dim] = true;
        inputs += (inputs.empty() ? "" : ", ") + port.name + " is " + port.type;
        flags += " --dim " + dim + "=1";
      }
    if (!flags.empty())
      fail(source + " leaves sizes open: " + inputs, "give them, for example" + flags);
    return std::move(sizes);
  }

private:
  void set(const std::string &name, int64_t size, const std::string &flag) {
    auto [known, isNew] = sizes.try_emplace(name, size);
    if (!isNew && known->second != size)
      fail(flag + ": " + name + " is " + std::to_string(known->second) + " by another flag");
  }

  const onnx::Model &model;
  std::map<std::string, int64_t> sizes;
};

} // namespace

std::map<std::string, int64_t> onnxSizes(const onnx::Model &model, const ModelOptions &options) {
  Sizes sizes(model);
  for (const std::string &word : options.dims) sizes.setDim(word);
  for (const std::string &word : options.shapes) sizes.setShape(word);
  if (options.batch) sizes.setBatch(options.batch);
  return sizes.take(options.source);
}

} // namespace weir::tools
