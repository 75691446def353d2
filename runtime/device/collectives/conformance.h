//===- conformance.h - what every communicator must do ----------*- C++ -*-===//
// One suite for all backends: every collective, type and operation, with sizes that do not divide,
// against an oracle of plain loops. Each rank calls it with its own communicator, like any program
// over ranks, so that it runs on threads and under mpirun alike. Values are small integers: results
// are exact in every type and in any order of combining.
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/device/collectives/communicator.h"

namespace weir::runtime {

struct ConformanceExtent {
  std::vector<DType> dtypes; ///< empty: all
  std::vector<int64_t> sizes = {0, 1, 2, 7, 64, 1009};
};

/// Every collective over all ranks. Error: the first wrong element, with the case.
absl::Status checkEveryCollective(Communicator &comm, const ConformanceExtent &extent = {});
/// Long vectors, which backends cut into segments.
absl::Status checkLongVectors(Communicator &comm);
/// Groups over the rows and columns of every mesh of two axes that has all ranks, their
/// collectives under way at once.
absl::Status checkOverlappingGroups(Communicator &comm);
/// Many collectives under way, waited for in another order than they began, with progress between.
absl::Status checkManyUnderWay(Communicator &comm);
/// Malformed collectives are refused, on the spot and without harm.
absl::Status checkRefusals(Communicator &comm);

} // namespace weir::runtime
