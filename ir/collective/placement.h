// Where values lie when one graph uses several devices: a spmd.shard to "device=1" says that its
// result lies on device 1 as a whole. Before placement that is the user's word; after it, a copy.
#pragma once

#include "ir/collective/spmd.h"

#include <optional>

namespace weir::ir {

/// Of an argument of @main, and of an op at the kernels level: the device (i64). None: device 0.
inline constexpr llvm::StringLiteral kDeviceAttr = "weir.device";

inline constexpr llvm::StringLiteral kDeviceWord = "device=";

/// The device that `shard` names; nothing where it is about a mesh.
inline std::optional<int64_t> deviceNamed(spmd::ShardOp shard) {
  llvm::StringRef text = shard.getSharding();
  int64_t device = 0;
  if (!text.consume_front(kDeviceWord) || text.getAsInteger(10, device)) return std::nullopt;
  return device;
}

} // namespace weir::ir
