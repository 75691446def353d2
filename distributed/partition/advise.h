// Which annotation would remove a collective: each candidate is tried on a copy of the graph, and
// what all collectives then cost is compared.
#pragma once

#include "distributed/partition/explain.h"

#include "mlir/IR/BuiltinOps.h"

namespace weir::distributed {

/// Collectives of one line: of values of one type, from one sharding to another for one reason.
struct CollectiveGroup {
  mlir::Location at;
  mlir::Type type;
  std::string kind, from, to, reason;
  int64_t count = 0;
  double seconds = 0; ///< of all of them, one after the other

  bool holds(const CollectiveUse &use) const;
};

/// Collectives that cost so much, dearest first.
std::vector<CollectiveGroup> groupsOf(const std::vector<CollectiveUse> &uses,
                                      const std::vector<UseCost> &costs, const Mesh &mesh);

/// Without it there is no collective at that line for values of that type.
struct Removal {
  std::string annotation; ///< "w and 3 more as [{},{model}]", "dot at model.cc:12 as [{data},{}]"
  double seconds = 0;     ///< of all collectives that are left
};

/// The annotation after which the collectives of `group` are gone and the rest costs least; none
/// where no single one does it. Tried are: the value as it is needed, what takes it, and the
/// nearest inputs and variables, without the axes that move it or split over them. `module` is a
/// graph without collectives and stays as it is.
mlir::FailureOr<std::optional<Removal>>
cheapestRemoval(mlir::ModuleOp module, const CollectiveGroup &group, const Cluster &cluster);

} // namespace weir::distributed
