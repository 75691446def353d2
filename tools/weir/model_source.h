// Where commands get a graph from: a .weir file, an ONNX model, a file of weir or StableHLO text,
// standard input ("-"), or a model of the zoo by name.
#pragma once

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <memory>
#include <string>

namespace weir::tools {

/// A parsed module with its context; diagnostics go to standard error with the user's lines.
struct Model {
  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::func::FuncOp main() { return module->lookupSymbol<mlir::func::FuncOp>("main"); }
};

/// `source`: "gpt", "gpt-eval", "lstm", ... (with the defaults of `weir train`), a path, or "-".
/// Throws weir::Error when there is no such file, it does not parse or verify, or it has no @main.
/// StableHLO text is imported, with `widen` its f32 as f64. A .weir file is known by its first
/// bytes.
Model loadModel(const std::string &source, bool widen = false);

/// What `source` may be, for --help.
std::string modelSourceHelp();

} // namespace weir::tools
