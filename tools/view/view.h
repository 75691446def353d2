// A graph as one HTML page that needs nothing else: its ops folded by module, derivatives beside
// what they are of, the kernels after fusion, and the memory plan.
#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Support/LLVM.h"

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace weir::tools {

struct ViewOptions {
  std::string title;
  int64_t memoryBudget = 0; ///< as PipelineOptions has it
};

/// What the page shows (README.md has the fields). `module` is at the source level and left at the
/// kernels level. Errors are diagnostics.
mlir::FailureOr<nlohmann::json> viewDocument(mlir::ModuleOp module, const ViewOptions &options);

/// The page with this document in it.
std::string viewPage(const nlohmann::json &document);

} // namespace weir::tools
