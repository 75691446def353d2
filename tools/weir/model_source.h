// Where commands get a graph from: a .weir file, an ONNX model, a file of weir or StableHLO text,
// standard input ("-"), or a model of the zoo by name.
#pragma once

#include "frontend/proto/graph_file.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <CLI/CLI.hpp>

#include <memory>
#include <string>

namespace weir::tools {

/// A parsed module with its context; diagnostics go to standard error with the user's lines.
struct Model {
  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  graph_file::Values values; ///< of variables, where the file has them
  mlir::func::FuncOp main() { return module->lookupSymbol<mlir::func::FuncOp>("main"); }
};

/// What is said of a model on the command line.
struct ModelOptions {
  /// A name of the zoo ("gpt2", "resnet50-train", ...), a path, or "-".
  std::string source;
  std::string size;    ///< of a model of the zoo
  int64_t batch = 0;   ///< of a model of the zoo, or of the inputs of an ONNX model; 0: not said
  int64_t length = 0;  ///< of a model of the zoo; 0: the usual one
  std::string weights; ///< a safetensors file with values of variables
  bool draw = false;   ///< the initial values of a model of the zoo
  std::vector<std::string> dims;      ///< NAME=SIZE of open dims of an ONNX model
  std::vector<std::string> shapes;    ///< INPUT=2x3 of its inputs
  std::string mesh;                   ///< "data=2,model=2"; empty: one device
  int zero = 0;                       ///< of a model of the zoo: models::ParallelOptions
  std::vector<std::string> shardings; ///< NAME=[{data},{}] of inputs and variables
};

/// Adds the file's name, --dim and --shape.
void addFileOptions(CLI::App &command, ModelOptions &options);
/// Adds --mesh, --zero and --shard.
void addMeshOptions(CLI::App &command, ModelOptions &options);
/// Adds the model's name, --dim, --shape, --size, --batch, --length, --load and --draw.
void addModelOptions(CLI::App &command, ModelOptions &options);

/// Whether --size, --batch, --length or --draw was given.
bool isSized(const ModelOptions &options);
/// Is the batch of this model open until it is loaded?
bool takesBatch(const ModelOptions &options);

/// Throws weir::Error when there is no such file, it does not parse or verify, or it has no @main.
/// StableHLO text is imported, with `widen` its f32 as f64. A .weir file is known by its first
/// bytes. Text is parsed by a child process first (safe_parse.h).
Model loadModel(const ModelOptions &options, bool widen = false);

/// Text that loadModel reads, with locations.
std::string textOf(mlir::ModuleOp module);

} // namespace weir::tools
