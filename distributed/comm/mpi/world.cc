// Starting and ending MPI.
#include "distributed/comm/mpi/mpi.h"

#include "absl/strings/str_cat.h"
#include "weir_mpi_config.h"

#if WEIR_HAVE_MPI
#include "distributed/comm/mpi/transport.h"

#include <mpi.h>

#include <map>
#include <thread>
#endif

#include <cstdlib>

namespace weir::distributed {

std::unique_ptr<ScheduledCommunicator> MpiWorld::communicator(CommunicatorOptions options) {
  if (options.nodeOfRank.empty()) options.nodeOfRank = nodeOfRank();
  return std::make_unique<ScheduledCommunicator>(transport(), std::move(options));
}

#if WEIR_HAVE_MPI

namespace {

/// Ranks that wait for each other on the same cores must let each other run.
void yieldWhenCrowded() {
  for (const char *name : {"OMPI_COMM_WORLD_LOCAL_SIZE", "SLURM_STEP_TASKS_PER_NODE"})
    if (const char *local = std::getenv(name))
      if (std::strtoul(local, nullptr, 10) > std::thread::hardware_concurrency())
        setenv("OMPI_MCA_mpi_yield_when_idle", "1", 0);
}

std::vector<int> hosts(int size) {
  std::vector<char> names(size_t(size) * MPI_MAX_PROCESSOR_NAME);
  char own[MPI_MAX_PROCESSOR_NAME] = {};
  int length = 0;
  MPI_Get_processor_name(own, &length);
  MPI_Allgather(own, MPI_MAX_PROCESSOR_NAME, MPI_CHAR, names.data(), MPI_MAX_PROCESSOR_NAME,
                MPI_CHAR, MPI_COMM_WORLD);
  std::vector<int> nodes;
  std::map<std::string, int> numbers;
  for (int rank = 0; rank < size; ++rank) {
    std::string name(&names[size_t(rank) * MPI_MAX_PROCESSOR_NAME]);
    nodes.push_back(numbers.try_emplace(name, int(numbers.size())).first->second);
  }
  return nodes;
}

class World : public MpiWorld {
public:
  World() {
    MPI_Comm_rank(MPI_COMM_WORLD, &me);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    nodes = hosts(ranks);
    channel = std::make_shared<MpiChannel>();
  }
  ~World() override {
    leave("", [](const std::string &) {});
  }
  void leave(const std::string &words, const MpiChannel::Tell &tell) override {
    if (!channel) return;
    const bool together = channel->close(words, tell, std::chrono::seconds(1));
    channel.reset();
    if (together)
      MPI_Finalize();
    else
      MPI_Abort(MPI_COMM_WORLD, 1);
  }
  int rank() const override { return me; }
  int size() const override { return ranks; }
  const std::vector<int> &nodeOfRank() const override { return nodes; }
  std::unique_ptr<Transport> transport() override { return mpiTransport(channel); }

private:
  int me = 0, ranks = 1;
  std::vector<int> nodes;
  std::shared_ptr<MpiChannel> channel;
};

} // namespace

absl::StatusOr<std::unique_ptr<MpiWorld>> MpiWorld::create() {
  int before = 0, provided = 0;
  MPI_Initialized(&before);
  if (before) return absl::FailedPreconditionError("MPI was started before in this process");
  yieldWhenCrowded();
  if (MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &provided) != MPI_SUCCESS)
    return absl::UnavailableError("MPI does not start");
  if (provided != MPI_THREAD_MULTIPLE) {
    MPI_Finalize();
    return absl::UnavailableError("this MPI does not support calls from several threads");
  }
  return std::make_unique<World>();
}

#else

absl::StatusOr<std::unique_ptr<MpiWorld>> MpiWorld::create() {
  return absl::UnavailableError("weir was built without MPI");
}

#endif

} // namespace weir::distributed
