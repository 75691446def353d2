#include "distributed/comm/mpi/launch.h"

#include <cstdlib>
#include <initializer_list>

namespace weir::distributed {

bool underMpirun() {
  for (const char *name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK", "SLURM_STEP_NUM_TASKS"})
    if (std::getenv(name)) return true;
  return false;
}

} // namespace weir::distributed
