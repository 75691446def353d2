// What reverse mode keeps of a function under checkpoint, which is a call with the attribute
// `weir.checkpoint`: the list of what is saved. "*dots" saves the results of contractions, any
// other entry the values of that name (a barrier's `weir.name`). Everything else, but the
// arguments, is computed again.
#pragma once

#include "ir/dialect/weir.h"

namespace weir::ir {

inline constexpr llvm::StringLiteral kCheckpointAttr = "weir.checkpoint";
inline constexpr llvm::StringLiteral kSaveDots = "*dots";

class CheckpointPolicy {
public:
  explicit CheckpointPolicy(mlir::ArrayAttr saved) : saved(saved) {}
  bool saves(mlir::Operation *op) const {
    if (mlir::isa<DotOp, ConvolutionOp>(op) && lists(kSaveDots)) return true;
    auto name = op->getAttrOfType<mlir::StringAttr>(kNameAttr);
    return name && lists(name.getValue());
  }

private:
  bool lists(llvm::StringRef name) const {
    return llvm::any_of(saved.getAsRange<mlir::StringAttr>(),
                        [&](mlir::StringAttr entry) { return entry.getValue() == name; });
  }

  mlir::ArrayAttr saved;
};

} // namespace weir::ir
