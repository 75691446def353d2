// What the bytes of a graph file begin with and how far they are trusted.
#pragma once

#include "frontend/proto/weir.pb.h"

#include "mlir/IR/OperationSupport.h"

#include <string_view>

namespace weir::graph_file {

inline constexpr const char *kFormat = "weir";
inline constexpr size_t kMaxBytes = (size_t(1) << 31) - 1; // protobuf's own

/// False when the bytes are not a message, or nest too deeply.
bool parseMessage(std::string_view bytes, proto::Graph &graph);

/// Ops of a graph: those with the op interface of the dialect, and func.return.
bool isGraphOp(mlir::OperationName name);

} // namespace weir::graph_file
