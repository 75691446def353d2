// The parsed text: an MLIR module whose StableHLO ops are unregistered, and what its types and
// places are to Weir.
#pragma once

#include "frontend/import/stablehlo/stablehlo.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <optional>

namespace weir::stablehlo {

struct Source {
  std::string file;
  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::func::FuncOp main;

  mlir::func::FuncOp function(llvm::StringRef symbol) {
    return module->lookupSymbol<mlir::func::FuncOp>(symbol);
  }

  /// Throws Error at the line of the text that is wrong.
  static std::shared_ptr<Source> parse(std::string_view text, const std::string &file);

  /// The one block of a region; throws Error at `place` when there are none or several.
  static mlir::Block &onlyBlock(mlir::Region &region, const Place &place);
  /// The line of the text where `op` stands.
  Place place(mlir::Operation *op) const;
};

/// The dtype of an element; nothing when Weir has none for it.
std::optional<DType> dtypeOf(mlir::Type element, const ImportOptions &options);
/// Nothing for dynamic shapes, tokens, tuples, and elements without a dtype.
std::optional<TensorType> tensorTypeOf(mlir::Type type, const ImportOptions &options);
/// As MLIR prints it.
std::string textOf(mlir::Type type);

/// The elements of a constant attribute as they stand, not widened; a splat has one element and no
/// dims. Nothing when the attribute holds no plain numbers.
struct Elements {
  Array array;
  bool splat;
};
std::optional<Elements> elementsOf(mlir::Attribute attribute);

} // namespace weir::stablehlo
