// A worker's message is a header (step, finish) and, for a step, the gradient. The server always
// has a receive under way from every worker and takes whatever comes.
#include "distributed/comm/parameter_server/parameter_server.h"

#include <algorithm>
#include <thread>

namespace weir::distributed {

using runtime::CollectiveKind;
using runtime::CollectiveSpec;
using runtime::Communicator;
using runtime::DType;
using runtime::Group;

namespace {

enum Header : int64_t { Pull, Step, Finish };

CollectiveSpec message(CollectiveKind kind, const Group &group, int partner, DType dtype,
                       size_t count, const char *name) {
  CollectiveSpec spec{kind, group, dtype};
  spec.root = partner;
  spec.counts = {static_cast<int64_t>(count)};
  spec.name = name;
  return spec;
}

struct Worker {
  int index; ///< in the group
  int64_t header = 0;
  std::vector<float> gradient;
  Communicator::Pending pending{};
  enum State : uint8_t { Header, Gradient, Waiting, Gone } state = Header;
  int64_t steps = 0;
};

class Server {
public:
  Server(Communicator &comm, const Group &group, std::span<float> parameters,
         const ApplyGradient &apply, const ParameterServerOptions &options)
      : comm(comm), group(group), parameters(parameters), apply(apply), options(options) {
    for (int index = 1; index < group.size(); ++index)
      workers.push_back({index, 0, std::vector<float>(parameters.size())});
  }

  absl::StatusOr<ParameterServerReport> serve() {
    for (Worker &worker : workers)
      if (absl::Status status = listen(worker); !status.ok()) return status;
    while (!all(Worker::Gone)) {
      if (absl::Status status = comm.progress(); !status.ok()) return status;
      bool moved = false;
      for (Worker &worker : workers) {
        bool listening = worker.state == Worker::Header || worker.state == Worker::Gradient;
        if (!listening || !comm.done(worker.pending)) continue;
        moved = true;
        if (absl::Status status = take(worker); !status.ok()) return status;
      }
      if (absl::Status status = answer(); !status.ok()) return status;
      if (!moved) std::this_thread::yield();
    }
    for (const Worker &worker : workers) report.steps.push_back(worker.steps);
    return report;
  }

private:
  bool all(Worker::State state) const {
    return std::all_of(workers.begin(), workers.end(), [&](const Worker &worker) {
      return worker.state == state || worker.state == Worker::Gone;
    });
  }

  absl::Status begin(Worker &worker, const CollectiveSpec &spec, void *to) {
    auto prepared = comm.prepare(spec);
    if (!prepared.ok()) return prepared.status();
    auto pending = comm.start(*prepared, nullptr, to);
    if (!pending.ok()) return pending.status();
    worker.pending = *pending;
    return absl::OkStatus();
  }

  absl::Status listen(Worker &worker) {
    worker.state = Worker::Header;
    return begin(
        worker,
        message(CollectiveKind::Receive, group, worker.index, DType::I64, 1, "what a worker wants"),
        &worker.header);
  }

  /// A message has come.
  absl::Status take(Worker &worker) {
    if (worker.state == Worker::Gradient) {
      worker.state = Worker::Waiting;
      ++worker.steps;
      if (options.rule != ParameterServerOptions::Synchronous) applyOne(worker.gradient);
      return absl::OkStatus();
    }
    if (worker.header == Header::Pull) return reply(worker);
    if (worker.header == Header::Finish) {
      worker.state = Worker::Gone;
      return absl::OkStatus();
    }
    worker.state = Worker::Gradient;
    return begin(worker,
                 message(CollectiveKind::Receive, group, worker.index, DType::F32,
                         worker.gradient.size(), "a gradient"),
                 worker.gradient.data());
  }

  void applyOne(std::span<const float> gradient) {
    apply(parameters, gradient);
    ++report.applied;
  }

  /// Parameters to every worker that may go on.
  absl::Status answer() {
    bool together = options.rule == ParameterServerOptions::Synchronous;
    if (together && (!all(Worker::Waiting) || all(Worker::Gone))) return absl::OkStatus();
    if (together) applySum();
    int64_t slowest = INT64_MAX;
    for (const Worker &worker : workers)
      if (worker.state != Worker::Gone) slowest = std::min(slowest, worker.steps);
    for (Worker &worker : workers) {
      if (worker.state != Worker::Waiting) continue;
      int64_t ahead = worker.steps - slowest;
      if (options.rule == ParameterServerOptions::Bounded && ahead > options.staleness) continue;
      report.mostAhead = std::max(report.mostAhead, ahead);
      if (absl::Status status = reply(worker); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  void applySum() {
    std::vector<float> sum(parameters.size());
    for (const Worker &worker : workers)
      if (worker.state == Worker::Waiting)
        for (size_t i = 0; i < sum.size(); ++i) sum[i] += worker.gradient[i];
    applyOne(sum);
  }

  absl::Status reply(Worker &worker) {
    absl::Status status = comm.run(message(CollectiveKind::Send, group, worker.index, DType::F32,
                                           parameters.size(), "parameters"),
                                   parameters.data(), nullptr);
    return status.ok() ? listen(worker) : status;
  }

  Communicator &comm;
  const Group &group;
  std::span<float> parameters;
  const ApplyGradient &apply;
  const ParameterServerOptions &options;
  std::vector<Worker> workers;
  ParameterServerReport report;
};

} // namespace

absl::StatusOr<ParameterServerReport> serveParameters(Communicator &comm, const Group &group,
                                                      std::span<float> parameters,
                                                      const ApplyGradient &apply,
                                                      const ParameterServerOptions &options) {
  return Server(comm, group, parameters, apply, options).serve();
}

ParameterWorker::ParameterWorker(Communicator &comm, Group group)
    : comm(comm), group(std::move(group)) {}

absl::Status ParameterWorker::send(int64_t what, std::span<const float> gradient) {
  absl::Status status =
      comm.run(message(CollectiveKind::Send, group, 0, DType::I64, 1, "what a worker wants"), &what,
               nullptr);
  if (!status.ok() || what != Header::Step) return status;
  return comm.run(
      message(CollectiveKind::Send, group, 0, DType::F32, gradient.size(), "a gradient"),
      gradient.data(), nullptr);
}

absl::Status ParameterWorker::pull(std::span<float> parameters) {
  if (absl::Status status = send(Header::Pull, {}); !status.ok()) return status;
  return comm.run(
      message(CollectiveKind::Receive, group, 0, DType::F32, parameters.size(), "parameters"),
      nullptr, parameters.data());
}

absl::Status ParameterWorker::step(std::span<const float> gradient, std::span<float> parameters) {
  if (absl::Status status = send(Header::Step, gradient); !status.ok()) return status;
  return comm.run(
      message(CollectiveKind::Receive, group, 0, DType::F32, parameters.size(), "parameters"),
      nullptr, parameters.data());
}

absl::Status ParameterWorker::finish() {
  return send(Header::Finish, {});
}

} // namespace weir::distributed
