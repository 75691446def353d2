// What collectives are in NCCL's calls, and waiting that notices errors and the deadline.
#include "distributed/comm/nccl/nccl.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

namespace weir::distributed {

#if WEIR_HAVE_NCCL

namespace {

using namespace runtime;
using Clock = std::chrono::steady_clock;

ncclRedOp_t redOpOf(ReduceOp op) {
  return op == ReduceOp::Sum   ? ncclSum
         : op == ReduceOp::Max ? ncclMax
         : op == ReduceOp::Min ? ncclMin
                               : ncclProd;
}

/// The type that NCCL computes in; nothing for those that it lacks.
std::optional<ncclDataType_t> dataTypeOf(DType dtype) {
  switch (dtype) {
  case DType::I1: // max and min of bytes that are 0 and 1
  case DType::U8:
    return ncclUint8;
  case DType::I8:
    return ncclInt8;
  case DType::I32:
    return ncclInt32;
  case DType::U32:
    return ncclUint32;
  case DType::I64:
    return ncclInt64;
  case DType::U64:
    return ncclUint64;
  case DType::F16:
    return ncclFloat16;
  case DType::BF16:
    return ncclBfloat16;
  case DType::F32:
    return ncclFloat32;
  case DType::F64:
    return ncclFloat64;
  default:
    return std::nullopt;
  }
}

class NcclCommunicator : public Communicator {
public:
  NcclCommunicator(const NcclTable &table, Communicator &hosts, std::unique_ptr<NcclStream> stream,
                   NcclOptions options)
      : table(table), hosts(hosts), stream(std::move(stream)), options(options) {}
  ~NcclCommunicator() override {
    std::lock_guard lock(mutex);
    for (auto &[ranks, comm] : comms)
      if (comm) failure.ok() ? table.ncclCommDestroy(comm) : table.ncclCommAbort(comm);
  }

  int rank() const override { return hosts.rank(); }
  int size() const override { return hosts.size(); }
  absl::StatusOr<Prepared> prepare(const CollectiveSpec &spec) override;
  absl::StatusOr<Pending> start(Prepared what, const void *input, void *output) override;
  absl::Status progress() override;
  bool done(Pending what) const override;
  absl::Status wait(Pending what) override;
  void abort(const absl::Status &why) override;
  const Traffic &traffic() const override { return counted; }
  std::string flightRecord() const override { return absl::StrJoin(record, "\n"); }

private:
  /// A collective that was started, until it is over.
  struct Operation {
    const CollectiveSpec *spec = nullptr;
    std::optional<uint64_t> mark; // none: a send or receive that was not given to NCCL yet
    const std::byte *input = nullptr;
    std::byte *output = nullptr;
    ncclComm_t comm = nullptr;
    Clock::time_point began;
  };

  absl::Status failed(const std::string &what, const absl::Status &why);
  absl::Status check(ncclResult_t result, const char *function, ncclComm_t comm,
                     const CollectiveSpec &spec);
  absl::StatusOr<ncclComm_t> commOf(const CollectiveSpec &spec);
  absl::Status pause(const CollectiveSpec &spec, Clock::time_point began);
  absl::Status give(const Operation &op);
  absl::Status givePieces(const Operation &op, int me);
  absl::Status giveReduction(const Operation &op, int me);
  absl::Status flush();
  absl::StatusOr<bool> isOver(uint64_t serial);

  const NcclTable &table;
  Communicator &hosts;
  std::unique_ptr<NcclStream> stream;
  const NcclOptions options;
  std::deque<CollectiveSpec> specs;         // by Prepared::id; they stay where they are
  std::map<uint64_t, Operation> operations; // under way, by serial
  std::vector<uint64_t> partners;           // sends and receives that wait to be given together
  uint64_t next = 1;
  Traffic counted;
  std::deque<std::string> record;
  mutable std::mutex mutex; // of the two below, which abort() uses from other threads
  absl::Status failure;
  std::map<std::vector<int>, ncclComm_t> comms;
};

/// The first failure counts, and ends the others' work too.
absl::Status NcclCommunicator::failed(const std::string &what, const absl::Status &why) {
  absl::Status status(why.code(), absl::StrCat("rank ", rank(), ": ", what, ": ", why.message()));
  abort(status);
  std::lock_guard lock(mutex);
  return failure;
}

void NcclCommunicator::abort(const absl::Status &why) {
  {
    std::lock_guard lock(mutex);
    if (!failure.ok()) return;
    failure = why;
    for (auto &[ranks, comm] : comms)
      if (comm) table.ncclCommAbort(std::exchange(comm, nullptr));
  }
  hosts.abort(why);
}

/// Sleeps a little. Errors: another rank's, the deadline.
absl::Status NcclCommunicator::pause(const CollectiveSpec &spec, Clock::time_point began) {
  {
    std::lock_guard lock(mutex);
    if (!failure.ok()) return failure;
  }
  if (absl::Status status = hosts.progress(); !status.ok()) return failed(spec.str(), status);
  if (Clock::now() - began > options.deadline)
    return failed(spec.str(), absl::DeadlineExceededError(absl::StrCat(
                                  "not over after ", options.deadline.count(), " ms in group ",
                                  spec.group.str(), "; a rank has not arrived, or NCCL hangs")));
  std::this_thread::sleep_for(std::chrono::microseconds(20));
  return absl::OkStatus();
}

/// Communicators do not block: what is in progress is waited for here.
absl::Status NcclCommunicator::check(ncclResult_t result, const char *function, ncclComm_t comm,
                                     const CollectiveSpec &spec) {
  const Clock::time_point began = Clock::now();
  while (result == ncclInProgress) {
    if (absl::Status status = pause(spec, began); !status.ok()) return status;
    if (ncclResult_t asked = table.ncclCommGetAsyncError(comm, &result); asked != ncclSuccess)
      result = asked;
  }
  if (result == ncclSuccess) return absl::OkStatus();
  return failed(spec.str(), absl::UnavailableError(
                                absl::StrCat(function, ": ", table.ncclGetErrorString(result))));
}

absl::StatusOr<ncclComm_t> NcclCommunicator::commOf(const CollectiveSpec &spec) {
  {
    std::lock_guard lock(mutex);
    if (!failure.ok()) return failure;
    if (auto found = comms.find(spec.group.ranks); found != comms.end()) return found->second;
  }
  ncclUniqueId id{};
  const int me = spec.group.indexOf(rank());
  if (me == 0)
    if (absl::Status s = check(table.ncclGetUniqueId(&id), "ncclGetUniqueId", nullptr, spec);
        !s.ok())
      return s;
  CollectiveSpec tell{CollectiveKind::Broadcast, spec.group, DType::U8};
  tell.counts = {int64_t(sizeof id)};
  tell.name = "NCCL's unique id";
  tell.source = spec.source;
  if (absl::Status s = hosts.run(tell, &id, &id); !s.ok()) return failed(spec.str(), s);
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  ncclComm_t comm = nullptr;
  ncclResult_t made = table.ncclCommInitRankConfig(&comm, spec.group.size(), id, me, &config);
  {
    std::lock_guard lock(mutex); // At once: abort() must reach it.
    comms[spec.group.ranks] = comm;
  }
  if (absl::Status s = check(made, "ncclCommInitRankConfig", comm, spec); !s.ok()) return s;
  return comm;
}

absl::StatusOr<Communicator::Prepared> NcclCommunicator::prepare(const CollectiveSpec &spec) {
  if (absl::Status s = checkCollective(spec, rank(), size()); !s.ok()) return s;
  if (isReduction(spec.kind) && !dataTypeOf(spec.dtype))
    return absl::InvalidArgumentError(absl::StrCat(spec.str(), ": NCCL has no ",
                                                   reduceOpName(spec.op), " of ",
                                                   std::string(dtypeName(spec.dtype))));
  auto known = std::find(specs.begin(), specs.end(), spec);
  if (known == specs.end()) known = specs.insert(specs.end(), spec);
  return Prepared{int(known - specs.begin())};
}

absl::StatusOr<Communicator::Pending> NcclCommunicator::start(Prepared what, const void *input,
                                                              void *output) {
  if (what.id < 0 || size_t(what.id) >= specs.size())
    return absl::InvalidArgumentError("no such prepared collective");
  const CollectiveSpec &spec = specs[size_t(what.id)];
  auto comm = commOf(spec);
  if (!comm.ok()) return comm.status();
  const uint64_t serial = next++;
  Operation &op = operations[serial];
  op = {
      &spec, std::nullopt, static_cast<const std::byte *>(input), static_cast<std::byte *>(output),
      *comm, Clock::now()};
  Traffic::Sent &sent = counted.sent[size_t(spec.kind)][Traffic::Intra];
  sent.bytes += spec.inputCount(spec.group.indexOf(rank())) * int64_t(dtypeBytes(spec.dtype));
  ++sent.messages;
  constexpr size_t kept = 32;
  record.push_back(absl::StrCat(serial, " ", spec.str(), " in ", spec.group.str()));
  if (record.size() > kept) record.pop_front();
  if (spec.kind == CollectiveKind::Send || spec.kind == CollectiveKind::Receive) {
    // A receive on the stream holds up the send behind it, which the partner may wait for.
    partners.push_back(serial);
    return Pending{what.id, serial};
  }
  if (absl::Status s = flush(); !s.ok()) return s;
  if (absl::Status s = give(op); !s.ok()) return s;
  auto mark = stream->mark();
  if (!mark.ok()) return failed(spec.str(), mark.status());
  op.mark = *mark;
  return Pending{what.id, serial};
}

/// Gives NCCL the sends and receives that were started, as one group.
absl::Status NcclCommunicator::flush() {
  if (partners.empty()) return absl::OkStatus();
  table.ncclGroupStart();
  for (uint64_t serial : partners) {
    Operation &op = operations[serial];
    const CollectiveSpec &spec = *op.spec;
    const size_t bytes = size_t(spec.counts[0]) * dtypeBytes(spec.dtype);
    auto on = static_cast<cudaStream_t>(stream->handle());
    if (bytes == 0) continue;
    if (spec.kind == CollectiveKind::Send)
      table.ncclSend(op.input, bytes, ncclUint8, spec.root, op.comm, on);
    else
      table.ncclRecv(op.output, bytes, ncclUint8, spec.root, op.comm, on);
  }
  Operation &first = operations[partners.front()];
  if (absl::Status s = check(table.ncclGroupEnd(), "ncclGroupEnd", first.comm, *first.spec);
      !s.ok())
    return s;
  auto mark = stream->mark();
  if (!mark.ok()) return failed(first.spec->str(), mark.status());
  for (uint64_t serial : partners) operations[serial].mark = *mark;
  partners.clear();
  return absl::OkStatus();
}

absl::Status NcclCommunicator::giveReduction(const Operation &op, int me) {
  const CollectiveSpec &spec = *op.spec;
  const ncclDataType_t type = *dataTypeOf(spec.dtype);
  const ncclRedOp_t sum = redOpOf(spec.op);
  auto on = static_cast<cudaStream_t>(stream->handle());
  const auto count = size_t(spec.counts[0]);
  if (spec.kind == CollectiveKind::AllReduce)
    return check(table.ncclAllReduce(op.input, op.output, count, type, sum, op.comm, on),
                 "ncclAllReduce", op.comm, spec);
  if (spec.kind == CollectiveKind::Reduce)
    return check(table.ncclReduce(op.input, op.output, count, type, sum, spec.root, op.comm, on),
                 "ncclReduce", op.comm, spec);
  if (std::ranges::all_of(spec.counts, [&](int64_t n) { return size_t(n) == count; }))
    return check(table.ncclReduceScatter(op.input, op.output, count, type, sum, op.comm, on),
                 "ncclReduceScatter", op.comm, spec);
  // Pieces of different lengths: each is reduced to whom it belongs.
  table.ncclGroupStart();
  const std::byte *from = op.input;
  for (int member = 0; member < spec.group.size(); ++member) {
    const auto piece = size_t(spec.counts[size_t(member)]);
    if (piece > 0)
      table.ncclReduce(from, member == me ? op.output : nullptr, piece, type, sum, member, op.comm,
                       on);
    from += piece * dtypeBytes(spec.dtype);
  }
  return check(table.ncclGroupEnd(), "ncclGroupEnd", op.comm, spec);
}

/// Collectives that only move bytes, as sends and receives of one group.
absl::Status NcclCommunicator::givePieces(const Operation &op, int me) {
  const CollectiveSpec &spec = *op.spec;
  auto on = static_cast<cudaStream_t>(stream->handle());
  const size_t width = dtypeBytes(spec.dtype);
  auto bytes = [&](int64_t count) { return size_t(count) * width; };
  auto send = [&](const std::byte *from, int64_t count, int to) {
    if (count > 0) table.ncclSend(from, bytes(count), ncclUint8, to, op.comm, on);
  };
  auto receive = [&](std::byte *to, int64_t count, int from) {
    if (count > 0) table.ncclRecv(to, bytes(count), ncclUint8, from, op.comm, on);
  };
  const bool isTarget =
      std::ranges::any_of(spec.pairs, [&](auto pair) { return pair.second == me; });
  if (spec.kind == CollectiveKind::Permute && !isTarget)
    if (absl::Status s = stream->zero(op.output, int64_t(bytes(spec.counts[0]))); !s.ok())
      return failed(spec.str(), s);
  table.ncclGroupStart();
  const std::byte *from = op.input;
  std::byte *to = op.output;
  if (spec.kind == CollectiveKind::Permute)
    for (auto [source, target] : spec.pairs) {
      if (source == me) send(from, spec.counts[0], target);
      if (target == me) receive(to, spec.counts[0], source);
    }
  else
    for (int member = 0; member < spec.group.size(); ++member) {
      const int64_t count = spec.counts[size_t(member)];
      const bool all = spec.kind == CollectiveKind::AllToAll;
      if (all || (spec.kind == CollectiveKind::Scatter && me == spec.root))
        send(std::exchange(from, from + bytes(count)), count, member);
      const int64_t arriving = all ? spec.receiveCounts[size_t(member)] : count;
      if (all || (spec.kind == CollectiveKind::Gather && me == spec.root))
        receive(std::exchange(to, to + bytes(arriving)), arriving, member);
    }
  if (spec.kind == CollectiveKind::Scatter) receive(op.output, spec.counts[size_t(me)], spec.root);
  if (spec.kind == CollectiveKind::Gather) send(op.input, spec.counts[size_t(me)], spec.root);
  return check(table.ncclGroupEnd(), "ncclGroupEnd", op.comm, spec);
}

absl::Status NcclCommunicator::give(const Operation &op) {
  const CollectiveSpec &spec = *op.spec;
  const int me = spec.group.indexOf(rank());
  auto on = static_cast<cudaStream_t>(stream->handle());
  const size_t width = dtypeBytes(spec.dtype);
  if (isReduction(spec.kind)) return giveReduction(op, me);
  if (spec.kind == CollectiveKind::Barrier)
    return check(
        table.ncclAllReduce(stream->word(), stream->word(), 1, ncclInt32, ncclSum, op.comm, on),
        "ncclAllReduce", op.comm, spec);
  if (spec.kind == CollectiveKind::Broadcast)
    return check(table.ncclBroadcast(op.input, op.output, size_t(spec.counts[0]) * width, ncclUint8,
                                     spec.root, op.comm, on),
                 "ncclBroadcast", op.comm, spec);
  if (spec.kind != CollectiveKind::AllGather) return givePieces(op, me);
  const auto count = size_t(spec.counts[0]);
  if (std::ranges::all_of(spec.counts, [&](int64_t n) { return size_t(n) == count; }))
    return check(table.ncclAllGather(op.input, op.output, count * width, ncclUint8, op.comm, on),
                 "ncclAllGather", op.comm, spec);
  table.ncclGroupStart();
  std::byte *to = op.output;
  for (int member = 0; member < spec.group.size(); ++member) {
    const size_t bytes = size_t(spec.counts[size_t(member)]) * width;
    if (bytes > 0)
      table.ncclBroadcast(member == me ? op.input : to, to, bytes, ncclUint8, member, op.comm, on);
    to += bytes;
  }
  return check(table.ncclGroupEnd(), "ncclGroupEnd", op.comm, spec);
}

absl::StatusOr<bool> NcclCommunicator::isOver(uint64_t serial) {
  auto found = operations.find(serial);
  if (found == operations.end()) return true;
  const Operation &op = found->second;
  if (!op.mark) return false;
  auto over = stream->isOver(*op.mark);
  if (over.ok() && *over) operations.erase(found);
  return over;
}

bool NcclCommunicator::done(Pending what) const {
  return operations.count(what.serial) == 0;
}

absl::Status NcclCommunicator::progress() {
  {
    std::lock_guard lock(mutex);
    if (!failure.ok()) return failure;
  }
  if (absl::Status s = hosts.progress(); !s.ok()) return failed("progress", s);
  if (absl::Status s = flush(); !s.ok()) return s;
  while (!operations.empty()) { // The stream ends them in their order.
    const CollectiveSpec &spec = *operations.begin()->second.spec;
    auto over = isOver(operations.begin()->first);
    if (!over.ok()) return failed(spec.str(), over.status());
    if (!*over) break;
  }
  return absl::OkStatus();
}

absl::Status NcclCommunicator::wait(Pending what) {
  if (absl::Status s = flush(); !s.ok()) return s;
  while (true) {
    auto found = operations.find(what.serial);
    if (found == operations.end()) return absl::OkStatus();
    const Operation op = found->second;
    auto over = isOver(what.serial);
    if (!over.ok()) return failed(op.spec->str(), over.status());
    if (*over) return absl::OkStatus();
    if (absl::Status s = pause(*op.spec, op.began); !s.ok()) return s;
    ncclResult_t state = ncclSuccess;
    table.ncclCommGetAsyncError(op.comm, &state);
    if (absl::Status s = check(state, "ncclCommGetAsyncError", op.comm, *op.spec); !s.ok())
      return s;
  }
}

} // namespace

std::unique_ptr<Communicator> makeNcclCommunicator(const NcclTable &table, Communicator &hosts,
                                                   std::unique_ptr<NcclStream> stream,
                                                   NcclOptions options) {
  return std::make_unique<NcclCommunicator>(table, hosts, std::move(stream), options);
}

#else

std::unique_ptr<runtime::Communicator> makeNcclCommunicator(const NcclTable &,
                                                            runtime::Communicator &,
                                                            std::unique_ptr<NcclStream>,
                                                            NcclOptions) {
  return nullptr;
}

#endif

} // namespace weir::distributed
