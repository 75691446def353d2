// What an MPI has for ranks that go on where others died: user-level failure mitigation (ULFM),
// which Open MPI 5 has. Looked up in the MPI that runs, as one binary runs with an MPI that has it
// and with one that lacks it. Source: Bland et al. 2013, Post-failure recovery of MPI communication
// capability.
#pragma once

#include "absl/status/statusor.h"

#include <mpi.h>

namespace weir::distributed {

struct Ulfm {
  /// Ends what is under way on a communicator, now and later, on all ranks. Local.
  int (*revoke)(MPI_Comm comm);
  /// A communicator of the ranks that are left, in their order. They all call it.
  int (*shrink)(MPI_Comm comm, MPI_Comm *left);
  /// The bitwise and of all ranks' flags. Fails on all of them alike where one has died.
  int (*agree)(MPI_Comm comm, int *flag);
};

/// After MPI's start. Error: this MPI has none, or mpirun was not asked for it.
absl::StatusOr<Ulfm> findUlfm();

} // namespace weir::distributed
