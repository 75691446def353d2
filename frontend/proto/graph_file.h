// .weir files: MLIR modules at graph level as protobuf (weir.proto) and back. The round trip is
// exact, locations included, and the same graph gives the same bytes. What comes in is not trusted:
// everything is checked here or by MLIR's verifier, and a mistake is an Error that names the op.
#pragma once

#include "frontend/api/array.h"
#include "frontend/api/error.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <functional>
#include <map>
#include <string_view>

namespace weir::graph_file {

/// The version that is written, and the newest that is read.
inline constexpr unsigned kVersion = 1;

/// The value of a variable before the first run. Where all elements have the same bits, one is
/// kept.
struct Value {
  static Value of(const Array &array);
  Array expanded() const;
  TensorType type;
  Array elements; ///< of `type`, or one scalar
};
/// By the variables' names.
using Values = std::map<std::string, Value>;

/// Tensors that leave the graph for a safetensors file.
struct ExternalTensors {
  std::string file;         ///< its path relative to the graph's folder
  int64_t fromBytes = 1024; ///< smaller tensors and splats stay in the graph
  /// In the order of their first use; each constant once. Values of variables are all there, under
  /// the variables' names.
  std::vector<std::pair<std::string, Array>> tensors;
};

/// Throws Error for what a graph file cannot hold: ops and attributes of later levels, functions
/// without a body, text that is not UTF-8. With `external`, large constants and `values` go there.
std::string exportGraph(mlir::ModuleOp module, ExternalTensors *external = nullptr,
                        Location at = Location::current(), const Values *values = nullptr);

/// Gives tensor `name` of `file`; throws Error when it cannot.
using ReadTensor = std::function<Array(const std::string &file, const std::string &name)>;

/// A verified module in `context`, which gets the dialects that it needs. `name` is what errors
/// call the file. Without `read`, tensors in other files are an Error. `values` gets those of
/// variables that the file has.
/// Memory stays within a small multiple of the file's size and of the tensors it names.
mlir::OwningOpRef<mlir::ModuleOp> importGraph(std::string_view bytes, mlir::MLIRContext &context,
                                              const std::string &name,
                                              const ReadTensor &read = nullptr,
                                              Values *values = nullptr);

/// Whether these are the first bytes of a graph file.
bool isGraphFile(std::string_view bytes);

/// importGraph of a file, with the safetensors files that it names.
mlir::OwningOpRef<mlir::ModuleOp> read(const std::string &path, mlir::MLIRContext &context,
                                       Location at = Location::current(), Values *values = nullptr);
/// Writes a file, replaced whole or not at all. With `weights`, a name beside it, large constants
/// and values of variables go to that safetensors file.
void write(const std::string &path, mlir::ModuleOp module, const std::string &weights = "",
           Location at = Location::current(), const Values *values = nullptr);

} // namespace weir::graph_file
