// What launchers of ranks leave in the environment; for programs without MPI too.
#pragma once

namespace weir::distributed {

/// Was this process started by mpirun or srun as one of several?
bool underMpirun();

} // namespace weir::distributed
