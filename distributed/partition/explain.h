// Why there is a collective, and what it moves: read off a graph that collectives were inserted
// into.
#pragma once

#include "distributed/partition/partition.h"

namespace weir::distributed {

struct CollectiveUse {
  mlir::Operation *op;
  Sharding from, to;
  double bytes;  ///< that each device receives, once
  int64_t times; ///< how often it runs, by the trips of the scans around it
  bool isInWhile;
  std::string reason; ///< who takes the value so
};

/// In the order of the program. Those that move nothing are left out.
mlir::FailureOr<std::vector<CollectiveUse>> collectivesOf(mlir::func::FuncOp function);

/// A line for each: place, collective, value, bytes, reason; and their sum.
mlir::FailureOr<std::string> describeCollectives(mlir::func::FuncOp function);

/// Fails, with a diagnostic at each, where collectives move more than `limit` bytes to a device in
/// one run of them.
mlir::LogicalResult limitBytes(mlir::func::FuncOp function, double limit);

} // namespace weir::distributed
