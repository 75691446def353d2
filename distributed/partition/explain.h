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

/// A value, and where its sharding came from.
struct ValueUse {
  mlir::Value value;
  std::string name; ///< of an argument
  Sharding sharding;
  bool isSaid = false;  ///< by the user
  mlir::Operation *via; ///< that brought it by propagation; null: nobody wants it split
};

/// The arguments of a graph without collectives, then the results of its ops, as propagation finds
/// them.
mlir::FailureOr<std::vector<ValueUse>> shardingsOf(mlir::func::FuncOp function);

/// In the order of the program. Those that move nothing are left out.
mlir::FailureOr<std::vector<CollectiveUse>> collectivesOf(mlir::func::FuncOp function);

/// What it costs on a cluster: "direct", seconds, bytes of all devices.
struct UseCost {
  std::string algorithm;
  double seconds = 0;
  int64_t bytes = 0;
};
mlir::FailureOr<std::vector<UseCost>> costsOf(mlir::func::FuncOp function,
                                              const std::vector<CollectiveUse> &uses,
                                              const Cluster &cluster);

/// A line for each: place, collective, value, bytes, reason; and their sum.
mlir::FailureOr<std::string> describeCollectives(mlir::func::FuncOp function);

/// Fails, with a diagnostic at each, where collectives move more than `limit` bytes to a device in
/// one run of them.
mlir::LogicalResult limitBytes(mlir::func::FuncOp function, double limit);

} // namespace weir::distributed
