// Why there is a collective, and what it moves: read off a graph that collectives were inserted
// into.
#pragma once

#include "distributed/partition/partition.h"
#include "runtime/device/collectives/communicator.h"

#include <optional>

namespace weir::distributed {

struct CollectiveUse {
  mlir::Operation *op; ///< the collective; of edges that an op reads of its neighbours, that op
  mlir::Value value;   ///< that is moved
  std::string kind;    ///< "all_gather"
  Sharding from, to;
  double bytes;      ///< that each device receives, once
  int64_t times = 1; ///< how often it runs, by the trips of the scans around it
  bool isInWhile = false;
  std::string reason = {}; ///< who takes the value so
  /// Of what is no redistribution: parts of a value that go to other devices.
  std::optional<runtime::CollectiveSpec> spec = {};
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

/// In the order of the program, with the permutes that windows and gathers of whole slices will be
/// on each device. Those that move nothing are left out.
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
