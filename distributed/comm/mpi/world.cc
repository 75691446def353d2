// Starting and ending MPI.
#include "distributed/comm/mpi/mpi.h"

#include "absl/strings/str_cat.h"
#include "weir_mpi_config.h"

#if WEIR_HAVE_MPI
#include "distributed/comm/mpi/transport.h"

#include <mpi.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <thread>
#endif

#include <cstdlib>

namespace weir::distributed {

std::unique_ptr<ScheduledCommunicator> MpiWorld::communicator(CommunicatorOptions options,
                                                              int ranks) {
  if (options.nodeOfRank.empty()) options.nodeOfRank = nodeOfRank();
  return std::make_unique<ScheduledCommunicator>(transport(ranks ? ranks : size()),
                                                 std::move(options));
}

#if WEIR_HAVE_MPI

namespace {

/// Numbers in MPI_COMM_WORLD, which mpirun gave.
std::vector<int> worldRanks(MPI_Comm comm) {
  int size = 0;
  MPI_Comm_size(comm, &size);
  std::vector<int> ranks(static_cast<size_t>(size)), first(ranks);
  std::iota(ranks.begin(), ranks.end(), 0);
  MPI_Group of, world;
  MPI_Comm_group(comm, &of);
  MPI_Comm_group(MPI_COMM_WORLD, &world);
  MPI_Group_translate_ranks(of, size, ranks.data(), world, first.data());
  MPI_Group_free(&of);
  MPI_Group_free(&world);
  return first;
}

/// Ranks that wait for each other on the same cores must let each other run.
void yieldWhenCrowded() {
  for (const char *name : {"OMPI_COMM_WORLD_LOCAL_SIZE", "SLURM_STEP_TASKS_PER_NODE"})
    if (const char *local = std::getenv(name))
      if (std::strtoul(local, nullptr, 10) > std::thread::hardware_concurrency())
        setenv("OMPI_MCA_mpi_yield_when_idle", "1", 0);
}

/// Open MPI 5.0's MPI_Finalize waits for ever, at times, for ranks that have died; so ranks that
/// may die meet by `Ulfm::agree` instead.
void finalizeAlone() {
  if (std::getenv("OMPI_MCA_mpi_ft_enable")) setenv("OMPI_MCA_async_mpi_finalize", "1", 0);
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
  World() : ulfm(findUlfm()) {
    int size = 0;
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    hostOf = hosts(size);
    if (ulfm.ok()) MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    take(open(MPI_COMM_WORLD));
  }
  ~World() override {
    leave("", [](const std::string &) {});
  }
  void leave(const std::string &words, const MpiChannel::Tell &tell) override {
    if (!channel) return;
    const bool together = channel->close(words, tell, std::chrono::seconds(1));
    channel.reset();
    if (int flag = 1; together && ulfm.ok()) ulfm->agree(left, &flag);
    if (together)
      MPI_Finalize();
    else
      MPI_Abort(MPI_COMM_WORLD, 1);
  }
  int rank() const override { return channel->rank; }
  int size() const override { return channel->size; }
  const std::vector<int> &nodeOfRank() const override { return nodes; }
  std::unique_ptr<Transport> transport(int ranks) override { return mpiTransport(channel, ranks); }

  absl::Status canShrink() const override { return ulfm.status(); }
  bool hasLost() const override { return channel->isRevoked(); }
  absl::StatusOr<std::vector<int>> shrink() override;
  void standBy() override { channel->standBy(); }

private:
  std::shared_ptr<MpiChannel> open(MPI_Comm all) const {
    return std::make_shared<MpiChannel>(all, ulfm.ok() ? std::optional(*ulfm) : std::nullopt);
  }
  void take(std::shared_ptr<MpiChannel> next) {
    channel = std::move(next);
    first = worldRanks(channel->data);
    nodes.clear();
    std::map<int, int> numbers;
    for (int rank : first)
      nodes.push_back(numbers.try_emplace(hostOf[size_t(rank)], int(numbers.size())).first->second);
  }

  absl::StatusOr<Ulfm> ulfm;
  MPI_Comm left = MPI_COMM_WORLD; ///< all ranks of now
  std::vector<int> hostOf;        ///< of the ranks that mpirun started
  std::vector<int> first;         ///< what mpirun calls the ranks of now
  std::vector<int> nodes;
  std::shared_ptr<MpiChannel> channel;
};

absl::StatusOr<std::vector<int>> World::shrink() {
  MPI_Comm from = channel->data;
  std::shared_ptr<MpiChannel> next;
  // Again where another rank dies meanwhile.
  for (bool isWhole = false; !isWhole; from = left) {
    if (ulfm->shrink(from, &left) != MPI_SUCCESS)
      return absl::UnavailableError("MPI cannot go on with the ranks that are left");
    MPI_Comm_set_errhandler(left, MPI_ERRORS_RETURN);
    next = open(left);
    int made = next->data != MPI_COMM_NULL;
    isWhole = ulfm->agree(left, &made) == MPI_SUCCESS && made;
  }
  std::vector<int> before = first, lost;
  take(next);
  std::ranges::set_difference(before, first, std::back_inserter(lost));
  if (lost.empty()) return absl::UnavailableError("MPI lost messages, though no rank died");
  return lost;
}

} // namespace

absl::StatusOr<std::unique_ptr<MpiWorld>> MpiWorld::create() {
  int before = 0, provided = 0;
  MPI_Initialized(&before);
  if (before) return absl::FailedPreconditionError("MPI was started before in this process");
  yieldWhenCrowded();
  finalizeAlone();
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
