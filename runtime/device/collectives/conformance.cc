//===- conformance.cc - every collective against an oracle ----------------===//
// The oracle computes what one member must have from what all members had.
//===----------------------------------------------------------------------===//
#include "runtime/device/collectives/conformance.h"

#include "absl/strings/str_cat.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <type_traits>

namespace weir::runtime {

namespace {

constexpr std::array<CollectiveKind, 9> kOverAll = {
    CollectiveKind::Broadcast, CollectiveKind::Scatter,  CollectiveKind::Gather,
    CollectiveKind::AllGather, CollectiveKind::Reduce,   CollectiveKind::ReduceScatter,
    CollectiveKind::AllReduce, CollectiveKind::AllToAll, CollectiveKind::Permute};
constexpr std::array<ReduceOp, 4> kOps = {ReduceOp::Sum, ReduceOp::Max, ReduceOp::Min,
                                          ReduceOp::Prod};

/// Elements that a rank's thread owns, with guards on both sides.
template <typename T> class Guarded {
public:
  explicit Guarded(int64_t count) : count(count), memory(new T[size_t(count) + 2 * kGuard]) {
    std::memset(static_cast<void *>(memory.get()), kPattern, bytes());
  }
  T *data() { return memory.get() + kGuard; }
  bool intact() const {
    auto *raw = reinterpret_cast<const unsigned char *>(memory.get());
    size_t edge = kGuard * sizeof(T);
    for (size_t i = 0; i < edge; ++i)
      if (raw[i] != kPattern || raw[bytes() - 1 - i] != kPattern) return false;
    return true;
  }

private:
  static constexpr size_t kGuard = 8;
  static constexpr unsigned char kPattern = 0x5a;
  size_t bytes() const { return (size_t(count) + 2 * kGuard) * sizeof(T); }

  int64_t count;
  std::unique_ptr<T[]> memory;
};

template <typename T> T number(int64_t value) {
  if constexpr (std::is_same_v<T, bool>)
    return value & 1;
  else if constexpr (std::is_integral_v<T>)
    return static_cast<T>(value);
  else
    return T(static_cast<double>(value));
}

/// Element i of a member's input. Products of eight of the second kind stay exact in bf16.
int64_t valueOf(const CollectiveSpec &spec, int member, int64_t i) {
  int64_t mixed = member * 7 + i * 3 + (i >> 5) + member * i;
  bool product = isReduction(spec.kind) && spec.op == ReduceOp::Prod;
  if (product) return mixed % 3 == 0 ? 2 : mixed % 3 == 1 ? 1 : -1;
  return mixed % 11 - (isUnsigned(spec.dtype) ? 0 : 5);
}

template <typename T> T apply(ReduceOp op, T a, T b) {
  if constexpr (std::is_same_v<T, bool>) {
    return op == ReduceOp::Max ? a || b : a && b;
  } else if constexpr (std::is_integral_v<T>) {
    auto x = static_cast<uint64_t>(a), y = static_cast<uint64_t>(b);
    switch (op) {
    case ReduceOp::Sum:
      return static_cast<T>(x + y);
    case ReduceOp::Prod:
      return static_cast<T>(x * y);
    case ReduceOp::Max:
      return std::max(a, b);
    case ReduceOp::Min:
      return std::min(a, b);
    }
  } else {
    double x = a, y = b;
    switch (op) {
    case ReduceOp::Sum:
      return T(x + y);
    case ReduceOp::Prod:
      return T(x * y);
    case ReduceOp::Max:
      return T(std::max(x, y));
    case ReduceOp::Min:
      return T(std::min(x, y));
    }
  }
  __builtin_unreachable();
}

int64_t before(const std::vector<int64_t> &counts, int member) {
  int64_t sum = 0;
  for (int i = 0; i < member; ++i) sum += counts[size_t(i)];
  return sum;
}

/// What member `me` must have of an exchange, `counts(source, target)` elements each.
template <typename T, typename Counts>
std::vector<T> exchanged(const CollectiveSpec &spec, int me, Counts counts) {
  std::vector<T> result;
  for (int source = 0; source < spec.group.size(); ++source) {
    int64_t offset = 0;
    for (int target = 0; target < me; ++target) offset += counts(source, target);
    for (int64_t i = 0; i < counts(source, me); ++i)
      result.push_back(number<T>(valueOf(spec, source, offset + i)));
  }
  return result;
}

int64_t exchangeCount(int64_t size, bool ragged, int source, int target) {
  return ragged ? (size + source * 3 + target * 5) % (size + 2) : size;
}

template <typename T>
std::vector<T> combined(const CollectiveSpec &spec, int64_t begin, int64_t count) {
  std::vector<T> result;
  for (int64_t i = begin; i < begin + count; ++i) {
    T value = number<T>(valueOf(spec, 0, i));
    for (int member = 1; member < spec.group.size(); ++member)
      value = apply(spec.op, value, number<T>(valueOf(spec, member, i)));
    result.push_back(value);
  }
  return result;
}

/// What member `me` must have at the end. all_to_all is not asked here.
template <typename T> std::vector<T> expected(const CollectiveSpec &spec, int me) {
  int64_t count = spec.outputCount(me);
  std::vector<T> result;
  auto from = [&](int member, int64_t begin, int64_t n) {
    for (int64_t i = begin; i < begin + n; ++i)
      result.push_back(number<T>(valueOf(spec, member, i)));
  };
  switch (spec.kind) {
  case CollectiveKind::Broadcast:
    from(spec.root, 0, count);
    return result;
  case CollectiveKind::Scatter:
    from(spec.root, before(spec.counts, me), count);
    return result;
  case CollectiveKind::Gather:
  case CollectiveKind::AllGather:
    for (int member = 0; count > 0 && member < spec.group.size(); ++member)
      from(member, 0, spec.counts[size_t(member)]);
    return result;
  case CollectiveKind::Reduce:
  case CollectiveKind::AllReduce:
    return combined<T>(spec, 0, count);
  case CollectiveKind::ReduceScatter:
    return combined<T>(spec, before(spec.counts, me), count);
  case CollectiveKind::Permute:
    result.assign(size_t(count), number<T>(0));
    for (auto [source, target] : spec.pairs)
      if (target == me) {
        result.clear();
        from(source, 0, count);
      }
    return result;
  default:
    return result;
  }
}

template <typename T>
absl::Status compare(const CollectiveSpec &spec, const std::string &label, int rank, const T *got,
                     const std::vector<T> &want, const char *what) {
  for (size_t i = 0; i < want.size(); ++i) {
    T wanted = want[i];
    if (std::memcmp(&got[i], &wanted, sizeof(T)) != 0)
      return absl::InternalError(absl::StrCat(label, ", ", spec.group.size(), " members: rank ",
                                              rank, ", ", what, " ", i, " of ", want.size(), " is ",
                                              double(got[i]), ", expected ", double(wanted)));
  }
  return absl::OkStatus();
}

/// One collective with its buffers, and what must be in them at the end.
template <typename T> struct Trial {
  Trial(Communicator &comm, CollectiveSpec spec, std::string label, std::vector<T> want,
        bool inPlace = false)
      : comm(comm), spec(std::move(spec)), label(std::move(label)), want(std::move(want)),
        me(this->spec.group.indexOf(comm.rank())), input(this->spec.inputCount(me)),
        output(this->spec.outputCount(me)), inPlace(inPlace) {
    T *to = inPlace ? output.data() : input.data();
    for (int64_t i = 0; i < this->spec.inputCount(me); ++i) {
      before.push_back(number<T>(valueOf(this->spec, me, i)));
      to[i] = before.back();
    }
  }

  absl::Status start() {
    auto prepared = comm.prepare(spec);
    if (!prepared.ok()) return prepared.status();
    auto begun = comm.start(*prepared, inPlace ? output.data() : input.data(), output.data());
    if (!begun.ok()) return begun.status();
    pending = *begun;
    return absl::OkStatus();
  }
  absl::Status finish() {
    if (absl::Status status = comm.wait(pending); !status.ok()) return status;
    if (!comm.done(pending)) return absl::InternalError(label + ": not done after wait");
    if (!input.intact() || !output.intact())
      return absl::InternalError(label + ": wrote outside of the buffers");
    if (!inPlace)
      if (auto status = compare(spec, label, comm.rank(), input.data(), before, "input");
          !status.ok())
        return status;
    return compare(spec, label, comm.rank(), output.data(), want, "element");
  }
  absl::Status run() {
    absl::Status status = start();
    return status.ok() ? finish() : status;
  }

  Communicator &comm;
  CollectiveSpec spec;
  std::string label;
  std::vector<T> want, before;
  int me;
  Guarded<T> input, output;
  bool inPlace;
  Communicator::Pending pending{};
};

struct Shape {
  CollectiveKind kind;
  ReduceOp op = ReduceOp::Sum;
  int64_t size = 0;
  bool ragged = false;
  int root = 0;
};

CollectiveSpec specOf(const Group &group, int me, DType dtype, const Shape &shape) {
  CollectiveSpec spec{shape.kind, group, dtype, shape.op, shape.root % group.size()};
  spec.source = "conformance.cc:1";
  switch (shape.kind) {
  case CollectiveKind::Scatter:
  case CollectiveKind::Gather:
  case CollectiveKind::AllGather:
  case CollectiveKind::ReduceScatter:
    for (int member = 0; member < group.size(); ++member)
      spec.counts.push_back(!shape.ragged ? shape.size : member % 3 == 1 ? 0 : shape.size + member);
    break;
  case CollectiveKind::AllToAll:
    for (int member = 0; member < group.size(); ++member) {
      spec.counts.push_back(exchangeCount(shape.size, shape.ragged, me, member));
      spec.receiveCounts.push_back(exchangeCount(shape.size, shape.ragged, member, me));
    }
    break;
  case CollectiveKind::Barrier:
    break;
  default:
    spec.counts = {shape.size};
  }
  if (shape.kind == CollectiveKind::Permute) // ragged: the last has no target, the first no source
    for (int member = 0; member < group.size() - (shape.ragged ? 1 : 0); ++member)
      spec.pairs.emplace_back(member, (member + 1) % group.size());
  return spec;
}

template <typename T>
Trial<T> trialOf(Communicator &comm, const Group &group, const Shape &shape, bool inPlace = false) {
  int me = group.indexOf(comm.rank());
  CollectiveSpec spec = specOf(group, me, dtypeOf<T>(), shape);
  std::vector<T> want = shape.kind != CollectiveKind::AllToAll
                            ? expected<T>(spec, me)
                            : exchanged<T>(spec, me, [&](int source, int target) {
                                return exchangeCount(shape.size, shape.ragged, source, target);
                              });
  std::string label = absl::StrCat(collectiveName(shape.kind), " ",
                                   std::string(dtypeName(dtypeOf<T>())), "[", shape.size, "]");
  if (isReduction(shape.kind)) absl::StrAppend(&label, " ", reduceOpName(shape.op));
  if (shape.ragged) absl::StrAppend(&label, " ragged");
  if (inPlace) absl::StrAppend(&label, " in place");
  return Trial<T>(comm, std::move(spec), std::move(label), std::move(want), inPlace);
}

template <typename T> using Trials = std::vector<std::unique_ptr<Trial<T>>>;

template <typename T>
absl::Status begin(Trials<T> &trials, Communicator &comm, const Group &group, const Shape &shape,
                   bool inPlace = false) {
  trials.push_back(std::make_unique<Trial<T>>(trialOf<T>(comm, group, shape, inPlace)));
  return trials.back()->start();
}

template <typename T> absl::Status finishAll(Trials<T> &trials) {
  for (auto &trial : trials)
    if (absl::Status status = trial->finish(); !status.ok()) return status;
  trials.clear();
  return absl::OkStatus();
}

/// One kind with equal and with other pieces, in place where it can be.
template <typename T>
absl::Status beginKind(Trials<T> &trials, Communicator &comm, const Group &group, Shape shape) {
  bool inPlace = shape.kind == CollectiveKind::AllReduce || shape.kind == CollectiveKind::Broadcast;
  for (bool ragged : {false, true}) {
    shape.ragged = ragged;
    if (auto status = begin(trials, comm, group, shape); !status.ok()) return status;
    if (!inPlace) continue;
    if (auto status = begin(trials, comm, group, shape, true); !status.ok()) return status;
  }
  return absl::OkStatus();
}

/// All kinds and operations under way at once: waiting for each by itself is much slower where
/// ranks share cores, and shows less.
template <typename T> absl::Status checkSize(Communicator &comm, const Group &group, int64_t size) {
  int root = static_cast<int>(size) + 1;
  Trials<T> trials;
  for (CollectiveKind kind : kOverAll)
    for (ReduceOp op : kOps) {
      bool logical = op == ReduceOp::Max || op == ReduceOp::Min;
      if (!isReduction(kind) && op != ReduceOp::Sum) continue;
      if (isReduction(kind) && std::is_same_v<T, bool> && !logical) continue;
      if (auto status = beginKind<T>(trials, comm, group, {kind, op, size, false, root++});
          !status.ok())
        return status;
    }
  return finishAll(trials);
}

/// Everybody sends to the next and receives from the one before, both under way at once.
absl::Status checkSendReceive(Communicator &comm, const Group &group, int64_t size) {
  int n = group.size(), me = group.indexOf(comm.rank());
  if (n == 1) return absl::OkStatus();
  Shape shape{CollectiveKind::Receive, ReduceOp::Sum, size, false, (me + n - 1) % n};
  CollectiveSpec receive = specOf(group, me, DType::F32, shape);
  std::vector<float> want;
  for (int64_t i = 0; i < size; ++i) want.push_back(number<float>(valueOf(receive, shape.root, i)));
  Trial<float> in(comm, receive, "receive", want);
  shape.kind = CollectiveKind::Send;
  shape.root = (me + 1) % n;
  Trial<float> out(comm, specOf(group, me, DType::F32, shape), "send", {});
  for (absl::Status status : {in.start(), out.start(), out.finish(), in.finish()})
    if (!status.ok()) return status;
  return absl::OkStatus();
}

} // namespace

absl::Status checkEveryCollective(Communicator &comm, const ConformanceExtent &extent) {
  Group group = worldGroup(comm.size());
  for (int64_t size : extent.sizes) {
    for (int i = 0; i <= static_cast<int>(DType::F64); ++i) {
      auto dtype = static_cast<DType>(i);
      bool wanted = extent.dtypes.empty() || std::find(extent.dtypes.begin(), extent.dtypes.end(),
                                                       dtype) != extent.dtypes.end();
      if (!wanted) continue;
      absl::Status status = visitDType(
          dtype, [&](auto example) { return checkSize<decltype(example)>(comm, group, size); });
      if (!status.ok()) return status;
    }
    if (auto status = checkSendReceive(comm, group, size); !status.ok()) return status;
    CollectiveSpec barrier{.kind = CollectiveKind::Barrier, .group = group};
    if (auto status = comm.run(barrier, nullptr, nullptr); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status checkLongVectors(Communicator &comm) {
  Group group = worldGroup(comm.size());
  for (CollectiveKind kind : kOverAll) {
    Trials<float> trials;
    if (auto status =
            beginKind<float>(trials, comm, group, {kind, ReduceOp::Sum, 300'007, false, 1});
        !status.ok())
      return status;
    if (auto status = finishAll(trials); !status.ok()) return status;
  }
  return trialOf<BFloat16>(comm, group, {CollectiveKind::AllReduce, ReduceOp::Max, 1'000'003})
      .run();
}

absl::Status checkOverlappingGroups(Communicator &comm) {
  for (int rows = 1; rows <= comm.size(); ++rows) {
    if (comm.size() % rows) continue;
    std::vector<int64_t> mesh = {rows, comm.size() / rows};
    Group row = meshGroup(mesh, {1}, comm.rank()), column = meshGroup(mesh, {0}, comm.rank());
    Group all = meshGroup(mesh, {0, 1}, comm.rank());
    for (int64_t size : {1, 37, 100'003}) {
      Trials<float> trials;
      for (const Group *group : {&row, &column, &all, &column, &row})
        for (CollectiveKind kind : {CollectiveKind::AllReduce, CollectiveKind::AllGather})
          if (auto status = begin(trials, comm, *group, {kind, ReduceOp::Sum, size}); !status.ok())
            return status;
      if (auto status = finishAll(trials); !status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

absl::Status checkManyUnderWay(Communicator &comm) {
  Group group = worldGroup(comm.size());
  Trials<int32_t> trials;
  for (int64_t i = 0; i < 40; ++i) {
    CollectiveKind kind = kOverAll[size_t(i) % kOverAll.size()];
    Shape shape{kind, ReduceOp::Sum, i * i, i % 2 == 1, static_cast<int>(i)};
    if (auto status = begin(trials, comm, group, shape); !status.ok()) return status;
    if (auto status = comm.progress(); !status.ok()) return status;
  }
  for (size_t i = trials.size(); i-- > 0;)
    if (auto status = trials[i]->finish(); !status.ok()) return status;
  return absl::OkStatus();
}

absl::Status checkRefusals(Communicator &comm) {
  Group world = worldGroup(comm.size());
  Group foreign{3, {(comm.rank() + 1) % comm.size()}};
  CollectiveSpec good{CollectiveKind::AllReduce, world, DType::F32, ReduceOp::Sum, 0, {4}};
  std::vector<CollectiveSpec> bad(7, good);
  bad[0].counts = {4, 4};
  bad[1].counts = {-1};
  bad[2].root = comm.size();
  bad[3].group.ranks.push_back(0);
  bad[4].group.ranks.push_back(comm.size());
  bad[5].dtype = DType::I1;
  bad[6].group.id = kGroupIds;
  if (comm.size() > 1) {
    bad.push_back(good);
    bad.back().group = foreign;
  }
  for (size_t i = 0; i < bad.size(); ++i)
    if (comm.prepare(bad[i]).status().code() != absl::StatusCode::kInvalidArgument)
      return absl::InternalError(absl::StrCat("malformed collective ", i, " was not refused"));
  return trialOf<float>(comm, world, {CollectiveKind::AllReduce, ReduceOp::Sum, 4}).run();
}

} // namespace weir::runtime
