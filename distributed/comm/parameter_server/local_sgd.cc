// An all-reduce and a division.
#include "distributed/comm/parameter_server/local_sgd.h"

namespace weir::distributed {

LocalSgd::LocalSgd(runtime::Communicator &comm, runtime::Group group, int64_t every)
    : comm(comm), group(std::move(group)), every(every) {}

absl::Status LocalSgd::stepDone(std::span<float> parameters) {
  return ++steps % every ? absl::OkStatus() : average(parameters);
}

absl::Status LocalSgd::average(std::span<float> parameters) {
  ++averaged;
  runtime::CollectiveSpec spec{runtime::CollectiveKind::AllReduce, group};
  spec.counts = {static_cast<int64_t>(parameters.size())};
  spec.name = "parameters to average";
  absl::Status status = comm.run(spec, parameters.data(), parameters.data());
  for (float &value : parameters) value /= static_cast<float>(group.size());
  return status;
}

} // namespace weir::distributed
