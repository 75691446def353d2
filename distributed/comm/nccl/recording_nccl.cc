// One lock for everything. Whoever asks how far a stream is moves all streams as far as they can
// go.
#include "distributed/comm/nccl/recording_nccl.h"

#if WEIR_HAVE_NCCL

#include "runtime/base/dtype.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <cstring>
#include <deque>
#include <map>
#include <mutex>

namespace weir::distributed {

using runtime::DType;

namespace {

/// A communicator of all its ranks.
struct Core {
  int size = 0, joined = 0;
  bool aborted = false;
};

} // namespace

} // namespace weir::distributed

/// One rank's handle of it.
struct ncclComm {
  weir::distributed::Core *core;
  int rank;
};

namespace weir::distributed {

namespace {

struct Call {
  enum Kind { AllReduce, Reduce, Broadcast, AllGather, ReduceScatter, Send, Receive } kind;
  ncclComm *comm;
  const std::byte *from;
  std::byte *to;
  size_t count;
  ncclDataType_t type;
  ncclRedOp_t op = ncclSum;
  int peer = 0; // or root
  bool done = false;

  std::string str() const;
};

/// Calls that NCCL takes as one.
using Group = std::vector<Call>;

struct Stream {
  std::deque<Group> queue;
  uint64_t given = 0, over = 0;
  std::vector<std::string> calls;
  uint64_t word = 0;
};

DType dtypeOf(ncclDataType_t type) {
  switch (type) {
  case ncclInt8:
    return DType::I8;
  case ncclUint8:
    return DType::U8;
  case ncclInt32:
    return DType::I32;
  case ncclUint32:
    return DType::U32;
  case ncclInt64:
    return DType::I64;
  case ncclUint64:
    return DType::U64;
  case ncclFloat16:
    return DType::F16;
  case ncclBfloat16:
    return DType::BF16;
  case ncclFloat64:
    return DType::F64;
  default:
    return DType::F32;
  }
}

std::string Call::str() const {
  static const char *const names[] = {"all_reduce",     "reduce", "broadcast", "all_gather",
                                      "reduce_scatter", "send",   "receive"};
  static const char *const ops[] = {"sum", "prod", "max", "min"};
  std::string text = names[kind];
  if (kind == Send || kind == Receive)
    return absl::StrCat(text, " ", count, kind == Send ? " to " : " from ", peer);
  absl::StrAppend(&text, " ", std::string(dtypeName(dtypeOf(type))), "[", count, "]");
  if (kind == AllReduce || kind == Reduce || kind == ReduceScatter)
    absl::StrAppend(&text, " ", ops[op]);
  if (kind == Reduce || kind == Broadcast) absl::StrAppend(&text, " of ", peer);
  return text;
}

template <typename T> T apply(ncclRedOp_t op, T a, T b) {
  if constexpr (std::is_same_v<T, bool>) {
    return op == ncclMax ? a || b : a && b;
  } else {
    auto pick = [&](auto x, auto y) {
      return op == ncclSum    ? T(x + y)
             : op == ncclProd ? T(x * y)
             : op == ncclMax  ? T(std::max(x, y))
                              : T(std::min(x, y));
    };
    if constexpr (std::is_integral_v<T>)
      return op == ncclSum || op == ncclProd
                 ? pick(static_cast<uint64_t>(a), static_cast<uint64_t>(b))
                 : pick(a, b);
    else
      return pick(static_cast<double>(a), static_cast<double>(b));
  }
}

/// to[i] = to[i] combined with from[i].
void combine(const Call &call, const std::byte *from, std::byte *to, size_t count) {
  runtime::visitDType(dtypeOf(call.type), [&](auto example) {
    using T = decltype(example);
    for (size_t i = 0; i < count; ++i) {
      T a, b;
      std::memcpy(&a, to + i * sizeof(T), sizeof(T));
      std::memcpy(&b, from + i * sizeof(T), sizeof(T));
      a = apply(call.op, a, b);
      std::memcpy(to + i * sizeof(T), &a, sizeof(T));
    }
  });
}

thread_local int groupDepth = 0;
thread_local Group openGroup;
thread_local Stream *openStream = nullptr;

} // namespace

struct RecordingNccl::State {
  explicit State(int ranks) : streams(size_t(ranks)) {}

  /// Those that take part in `call`, by rank of its communicator; empty: not all have come to it.
  std::vector<Call *> partners(const Call &call);
  static void run(const std::vector<Call *> &calls);
  bool step(Stream &stream);
  void advance();

  std::mutex mutex;
  std::deque<Stream> streams;
  std::map<std::string, std::unique_ptr<Core>> cores; // by unique id
  std::deque<ncclComm> comms;
  int ids = 0;
  State *outer = nullptr;
  static State *current;
};

RecordingNccl::State *RecordingNccl::State::current = nullptr;

/// A stream stands before its first group; calls of one group may end one by one.
std::vector<Call *> RecordingNccl::State::partners(const Call &call) {
  const bool isPair = call.kind == Call::Send || call.kind == Call::Receive;
  std::vector<Call *> found(isPair ? 2 : size_t(call.comm->core->size));
  for (Stream &stream : streams) {
    if (stream.queue.empty()) continue;
    for (Call &other : stream.queue.front()) {
      if (other.done || other.comm->core != call.comm->core) continue;
      const int rank = other.comm->rank;
      if (!isPair) {
        // The first of its kind that is left: pieces are given in one order by all.
        const bool same = other.kind == call.kind && other.peer == call.peer;
        if (same && !found[size_t(rank)]) found[size_t(rank)] = &other;
        continue;
      }
      const int source = call.kind == Call::Send ? call.comm->rank : call.peer;
      const int target = call.kind == Call::Send ? call.peer : call.comm->rank;
      if (other.kind == Call::Send && rank == source && other.peer == target && !found[0])
        found[0] = &other;
      if (other.kind == Call::Receive && rank == target && other.peer == source && !found[1])
        found[1] = &other;
    }
  }
  for (Call *each : found)
    if (!each) return {};
  return found;
}

void RecordingNccl::State::run(const std::vector<Call *> &calls) {
  const Call &first = *calls[0];
  const size_t bytes = first.count * dtypeBytes(dtypeOf(first.type)), root = size_t(first.peer);
  auto whole = [&](size_t count) { // Everybody's input combined, in the order of ranks.
    std::vector<std::byte> sum(first.from ? count * dtypeBytes(dtypeOf(first.type)) : 0);
    if (!sum.empty()) std::memcpy(sum.data(), first.from, sum.size());
    for (size_t i = 1; i < calls.size(); ++i) combine(first, calls[i]->from, sum.data(), count);
    return sum;
  };
  auto put = [](std::byte *to, const std::byte *from, size_t size) {
    if (size > 0) std::memmove(to, from, size);
  };
  std::vector<std::byte> result;
  switch (first.kind) {
  case Call::AllReduce:
    result = whole(first.count);
    for (Call *call : calls) put(call->to, result.data(), bytes);
    break;
  case Call::Reduce:
    result = whole(first.count);
    put(calls[root]->to, result.data(), bytes);
    break;
  case Call::Broadcast:
    for (Call *call : calls) put(call->to, calls[root]->from, bytes);
    break;
  case Call::AllGather:
    for (Call *from : calls) result.insert(result.end(), from->from, from->from + bytes);
    for (Call *call : calls) put(call->to, result.data(), result.size());
    break;
  case Call::ReduceScatter:
    result = whole(first.count * calls.size());
    for (size_t i = 0; i < calls.size(); ++i) put(calls[i]->to, result.data() + i * bytes, bytes);
    break;
  default: // A send and its receive, of the same length or this is seen as what was not written.
    put(calls[1]->to, calls[0]->from, std::min(calls[0]->count, calls[1]->count));
  }
  for (Call *call : calls) call->done = true;
}

bool RecordingNccl::State::step(Stream &stream) {
  if (stream.queue.empty()) return false;
  bool moved = false, all = true;
  for (Call &call : stream.queue.front()) {
    if (!call.done)
      if (auto with = partners(call); !with.empty()) {
        run(with);
        moved = true;
      }
    all = all && call.done;
  }
  if (!all) return moved;
  stream.queue.pop_front();
  ++stream.over;
  return true;
}

void RecordingNccl::State::advance() {
  for (bool moved = true; moved;) {
    moved = false;
    for (Stream &stream : streams) moved |= step(stream);
  }
}

namespace {

using State = RecordingNccl::State;

ncclResult_t give(Call call, cudaStream_t on) {
  auto *stream = reinterpret_cast<Stream *>(on);
  if (groupDepth > 0) {
    openGroup.push_back(call);
    openStream = stream;
    return ncclSuccess;
  }
  std::lock_guard lock(State::current->mutex);
  stream->calls.push_back(call.str());
  stream->queue.push_back({call});
  ++stream->given;
  return ncclSuccess;
}

ncclResult_t endGroup() {
  if (--groupDepth > 0 || openGroup.empty()) return ncclSuccess;
  std::vector<std::string> texts;
  for (const Call &call : openGroup) texts.push_back(call.str());
  std::lock_guard lock(State::current->mutex);
  openStream->calls.push_back("group(" + absl::StrJoin(texts, ", ") + ")");
  openStream->queue.push_back(std::move(openGroup));
  ++openStream->given;
  openGroup = {};
  return ncclSuccess;
}

const std::byte *in(const void *memory) {
  return static_cast<const std::byte *>(memory);
}
std::byte *out(void *memory) {
  return static_cast<std::byte *>(memory);
}

void addCommunicators(NcclTable &t) {
  t.ncclGetVersion = [](int *version) -> ncclResult_t {
    *version = NCCL_VERSION_CODE;
    return ncclSuccess;
  };
  t.ncclGetErrorString = [](ncclResult_t) -> const char * { return "as the double was told"; };
  t.ncclGetUniqueId = [](ncclUniqueId *id) -> ncclResult_t {
    std::lock_guard lock(State::current->mutex);
    std::string text = "id" + std::to_string(++State::current->ids);
    std::memset(id->internal, 0, sizeof id->internal);
    std::memcpy(id->internal, text.data(), text.size());
    return ncclSuccess;
  };
  t.ncclCommInitRankConfig = [](ncclComm_t *comm, int ranks, ncclUniqueId id, int rank,
                                ncclConfig_t *) -> ncclResult_t {
    std::lock_guard lock(State::current->mutex);
    auto &core = State::current->cores[id.internal];
    if (!core) core = std::make_unique<Core>(Core{ranks});
    ++core->joined;
    *comm = &State::current->comms.emplace_back(ncclComm{core.get(), rank});
    return core->joined < ranks ? ncclInProgress : ncclSuccess;
  };
  t.ncclCommGetAsyncError = [](ncclComm_t comm, ncclResult_t *state) -> ncclResult_t {
    std::lock_guard lock(State::current->mutex);
    *state = comm->core->aborted                     ? ncclRemoteError
             : comm->core->joined < comm->core->size ? ncclInProgress
                                                     : ncclSuccess;
    return ncclSuccess;
  };
  t.ncclCommDestroy = [](ncclComm_t) -> ncclResult_t { return ncclSuccess; };
  t.ncclCommAbort = [](ncclComm_t comm) -> ncclResult_t {
    std::lock_guard lock(State::current->mutex);
    comm->core->aborted = true;
    return ncclSuccess;
  };
}

void addCollectives(NcclTable &t) {
  t.ncclGroupStart = []() -> ncclResult_t {
    ++groupDepth;
    return ncclSuccess;
  };
  t.ncclGroupEnd = endGroup;
  t.ncclAllReduce = [](const void *from, void *to, size_t count, ncclDataType_t type,
                       ncclRedOp_t op, ncclComm_t comm, cudaStream_t on) -> ncclResult_t {
    return give({Call::AllReduce, comm, in(from), out(to), count, type, op}, on);
  };
  t.ncclReduce = [](const void *from, void *to, size_t count, ncclDataType_t type, ncclRedOp_t op,
                    int root, ncclComm_t comm, cudaStream_t on) -> ncclResult_t {
    return give({Call::Reduce, comm, in(from), out(to), count, type, op, root}, on);
  };
  t.ncclBroadcast = [](const void *from, void *to, size_t count, ncclDataType_t type, int root,
                       ncclComm_t comm, cudaStream_t on) -> ncclResult_t {
    return give({Call::Broadcast, comm, in(from), out(to), count, type, ncclSum, root}, on);
  };
  t.ncclAllGather = [](const void *from, void *to, size_t count, ncclDataType_t type,
                       ncclComm_t comm, cudaStream_t on) -> ncclResult_t {
    return give({Call::AllGather, comm, in(from), out(to), count, type}, on);
  };
  t.ncclReduceScatter = [](const void *from, void *to, size_t count, ncclDataType_t type,
                           ncclRedOp_t op, ncclComm_t comm, cudaStream_t on) -> ncclResult_t {
    return give({Call::ReduceScatter, comm, in(from), out(to), count, type, op}, on);
  };
  t.ncclSend = [](const void *from, size_t count, ncclDataType_t type, int peer, ncclComm_t comm,
                  cudaStream_t on) -> ncclResult_t {
    return give({Call::Send, comm, in(from), nullptr, count, type, ncclSum, peer}, on);
  };
  t.ncclRecv = [](void *to, size_t count, ncclDataType_t type, int peer, ncclComm_t comm,
                  cudaStream_t on) -> ncclResult_t {
    return give({Call::Receive, comm, nullptr, out(to), count, type, ncclSum, peer}, on);
  };
}

class DoubleStream : public NcclStream {
public:
  explicit DoubleStream(Stream &stream) : stream(stream) {}
  void *handle() override { return &stream; }
  void *word() override { return &stream.word; }
  absl::StatusOr<uint64_t> mark() override {
    std::lock_guard lock(State::current->mutex);
    return stream.given;
  }
  absl::StatusOr<bool> isOver(uint64_t mark) override {
    std::lock_guard lock(State::current->mutex);
    State::current->advance();
    return stream.over >= mark;
  }
  absl::Status zero(void *memory, int64_t bytes) override {
    // At once: the permute behind it does not write where no member sends.
    std::memset(memory, 0, size_t(bytes));
    return absl::OkStatus();
  }

private:
  Stream &stream;
};

} // namespace

RecordingNccl::RecordingNccl(int ranks) : state(std::make_unique<State>(ranks)) {
  state->outer = State::current;
  State::current = state.get();
  addCommunicators(functions);
  addCollectives(functions);
}

RecordingNccl::~RecordingNccl() {
  State::current = state->outer;
}

std::unique_ptr<NcclStream> RecordingNccl::stream(int rank) {
  return std::make_unique<DoubleStream>(state->streams[size_t(rank)]);
}

std::vector<std::string> RecordingNccl::calls(int rank) const {
  std::lock_guard lock(state->mutex);
  return state->streams[size_t(rank)].calls;
}

} // namespace weir::distributed

#endif
