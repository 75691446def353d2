// The machine that runs schedules.
#include "distributed/comm/scheduled_communicator.h"

#include "distributed/comm/combine.h"

#include "absl/strings/str_cat.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace weir::distributed {

using runtime::CollectiveKind;
using runtime::CollectiveSpec;
using runtime::Traffic;

namespace {

constexpr size_t kRecords = 64;
constexpr int64_t kShortBytes = 16 << 10;

Algorithm defaultChoice(const CollectiveSpec &spec, const Topology &topology) {
  int64_t count =
      spec.counts.empty() ? 0 : *std::max_element(spec.counts.begin(), spec.counts.end());
  bool isShort = count * static_cast<int64_t>(runtime::dtypeBytes(spec.dtype)) <= kShortBytes;
  bool treeIsBest = spec.kind == CollectiveKind::Broadcast ||
                    (isShort && supports(Algorithm::Tree, spec.kind, topology));
  return treeIsBest ? Algorithm::Tree : Algorithm::Direct;
}

bool isPair(const CollectiveSpec &spec) {
  return spec.kind == CollectiveKind::Send || spec.kind == CollectiveKind::Receive;
}

/// Messages of different collectives between the same two ranks never match each other: kind, group
/// and number are all in the tag. Sends and receives to a partner only count on order.
uint32_t tagOf(const CollectiveSpec &spec, uint64_t number) {
  auto kind = static_cast<uint32_t>(isPair(spec) ? CollectiveKind::Send : spec.kind);
  uint32_t turn = isPair(spec) ? 0 : uint32_t(number & 0x3fff);
  return kind << 24 | uint32_t(spec.group.id) << 14 | turn;
}

bool overlap(const void *a, size_t aBytes, const void *b, size_t bBytes) {
  auto begin = [](const void *p) { return reinterpret_cast<uintptr_t>(p); };
  return aBytes && bBytes && begin(a) < begin(b) + bBytes && begin(b) < begin(a) + aBytes;
}

absl::Status checkBuffers(const CollectiveSpec &spec, int index, const void *input,
                          const void *output) {
  size_t bytes = runtime::dtypeBytes(spec.dtype);
  size_t in = size_t(spec.inputCount(index)) * bytes, out = size_t(spec.outputCount(index)) * bytes;
  if ((in && !input) || (out && !output))
    return absl::InvalidArgumentError(absl::StrCat(spec.str(), ": no buffer was given"));
  bool inPlace = spec.kind == CollectiveKind::Broadcast || spec.kind == CollectiveKind::Reduce ||
                 spec.kind == CollectiveKind::AllReduce;
  if (inPlace && input == output) return absl::OkStatus();
  if (spec.kind == CollectiveKind::AllGather) {
    int64_t before = 0;
    for (int i = 0; i < index; ++i) before += spec.counts[size_t(i)];
    if (input == static_cast<const std::byte *>(output) + before * int64_t(bytes))
      return absl::OkStatus();
  }
  if (overlap(input, in, output, out))
    return absl::InvalidArgumentError(absl::StrCat(spec.str(), ": input and output overlap"));
  return absl::OkStatus();
}

} // namespace

ScheduledCommunicator::ScheduledCommunicator(std::unique_ptr<Transport> transport,
                                             CommunicatorOptions options)
    : transport(std::move(transport)), options(std::move(options)), numbers(runtime::kGroupIds),
      records(kRecords) {
  if (!this->options.choose) this->options.choose = defaultChoice;
  if (!this->options.report)
    this->options.report = [](const std::string &text) { std::fputs(text.c_str(), stderr); };
}

ScheduledCommunicator::~ScheduledCommunicator() {
  if (!active.empty())
    fail(absl::CancelledError(absl::StrCat("rank ", rank(),
                                           " gave up its communicator in the middle of ",
                                           operations[size_t(active.front())].what->text)))
        .IgnoreError();
}

absl::StatusOr<runtime::Communicator::Prepared>
ScheduledCommunicator::prepare(const CollectiveSpec &spec) {
  if (absl::Status status = runtime::checkCollective(spec, rank(), size()); !status.ok())
    return status;
  for (size_t i = 0; i < prepared.size(); ++i)
    if (prepared[i].spec == spec) return Prepared{static_cast<int>(i)};
  Topology topology{{}, transport->segmentBytes(), transport->maxMessage()};
  for (int member : spec.group.ranks)
    if (!options.nodeOfRank.empty()) topology.node.push_back(options.nodeOfRank[size_t(member)]);
  Algorithm algorithm = options.choose(spec, topology);
  if (!supports(algorithm, spec.kind, topology))
    return absl::InvalidArgumentError(
        absl::StrCat(spec.str(), ": no ", algorithmName(algorithm), " algorithm on this group"));
  int index = spec.group.indexOf(rank());
  prepared.push_back({spec, absl::StrCat(spec.str(), " over ranks ", spec.group.str()), index,
                      algorithm, buildSchedule(algorithm, spec, index, topology),
                      runtime::dtypeBytes(spec.dtype)});
  return Prepared{static_cast<int>(prepared.size()) - 1};
}

absl::StatusOr<runtime::Communicator::Pending>
ScheduledCommunicator::start(Prepared what, const void *input, void *output) {
  if (!failed.ok()) return failed;
  const Collective &collective = prepared[size_t(what.id)];
  if (absl::Status status = checkBuffers(collective.spec, collective.index, input, output);
      !status.ok())
    return fail(status);
  size_t slot = 0;
  while (slot < operations.size() && operations[slot].active) ++slot;
  if (slot == operations.size()) operations.emplace_back();
  Operation &op = operations[slot];
  op.what = &collective;
  op.serial = ++serial;
  uint64_t &number = numbers[size_t(collective.spec.group.id)];
  op.number = isPair(collective.spec) ? number : ++number;
  op.tag = tagOf(collective.spec, op.number);
  op.scratch.resize(
      std::max(op.scratch.size(), size_t(collective.schedule.scratch) * collective.elementBytes));
  op.memory[0] = static_cast<std::byte *>(const_cast<void *>(input));
  op.memory[1] = static_cast<std::byte *>(output);
  op.memory[2] = op.scratch.data();
  op.requests.assign(collective.schedule.instructions.size(), {});
  op.at = 0;
  op.firstAwaited = 0;
  op.active = true;
  op.record = recorded++ % kRecords;
  records[op.record] = {&collective, op.number, Clock::now(), {}, false};
  transport->whereabouts().enter(collective.spec.group.id, op.number, collective.text);
  active.push_back(static_cast<int>(slot));
  bool moved = false;
  if (absl::Status status = advance(op, moved); !status.ok()) return fail(status);
  return Pending{static_cast<int>(slot), op.serial};
}

std::byte *ScheduledCommunicator::address(Operation &op, const Slice &slice) const {
  return op.memory[size_t(slice.memory)] + slice.offset * int64_t(op.what->elementBytes);
}

absl::Status ScheduledCommunicator::post(Operation &op, const Instruction &instruction,
                                         Transport::Request &request) {
  int peer = op.what->spec.group.ranks[size_t(instruction.peer)];
  const Slice &slice = instruction.kind == Instruction::Send ? instruction.from : instruction.to;
  size_t bytes = size_t(slice.count) * op.what->elementBytes;
  if (instruction.kind == Instruction::Receive)
    return transport->receive(peer, op.tag, address(op, slice), bytes, request);
  const std::vector<int> &node = options.nodeOfRank;
  bool between = !node.empty() && node[size_t(peer)] != node[size_t(rank())];
  Traffic::Sent &sent =
      counted.sent[size_t(op.what->spec.kind)][between ? Traffic::Inter : Traffic::Intra];
  sent.bytes += static_cast<int64_t>(bytes);
  ++sent.messages;
  return transport->send(peer, op.tag, address(op, slice), bytes, request);
}

absl::StatusOr<bool> ScheduledCommunicator::arrived(Operation &op, const Instruction &await) {
  int &i = op.firstAwaited;
  for (i = std::max(i, await.begin); i < await.end; ++i) {
    Transport::Request &request = op.requests[size_t(i)];
    if (!request.handle) continue;
    absl::StatusOr<bool> done = transport->test(request);
    if (!done.ok())
      return absl::Status(done.status().code(),
                          absl::StrCat(op.what->text, ": ", done.status().message()));
    if (!*done) return false;
  }
  i = 0;
  return true;
}

absl::Status ScheduledCommunicator::advance(Operation &op, bool &moved) {
  const std::vector<Instruction> &instructions = op.what->schedule.instructions;
  const CollectiveSpec &spec = op.what->spec;
  for (; op.at < instructions.size(); ++op.at) {
    const Instruction &instruction = instructions[op.at];
    switch (instruction.kind) {
    case Instruction::Send:
    case Instruction::Receive:
      if (absl::Status status = post(op, instruction, op.requests[op.at]); !status.ok())
        return status;
      break;
    case Instruction::Await: {
      int before = op.firstAwaited;
      absl::StatusOr<bool> all = arrived(op, instruction);
      if (!all.ok()) return all.status();
      moved |= *all || op.firstAwaited > std::max(before, instruction.begin);
      if (!*all) return absl::OkStatus();
      break;
    }
    case Instruction::Copy:
      std::memmove(address(op, instruction.to), address(op, instruction.from),
                   size_t(instruction.to.count) * op.what->elementBytes);
      break;
    case Instruction::Combine:
      combine(spec.dtype, spec.op, address(op, instruction.from), address(op, instruction.other),
              address(op, instruction.to), instruction.to.count);
      break;
    case Instruction::Zero:
      std::memset(address(op, instruction.to), 0,
                  size_t(instruction.to.count) * op.what->elementBytes);
      break;
    }
  }
  moved = true;
  finish(op);
  return absl::OkStatus();
}

void ScheduledCommunicator::finish(Operation &op) {
  op.active = false;
  records[op.record].done = true;
  records[op.record].ended = Clock::now();
  auto at = std::find_if(active.begin(), active.end(),
                         [&](int slot) { return &operations[size_t(slot)] == &op; });
  active.erase(at);
  if (active.empty()) transport->whereabouts().leave();
}

absl::Status ScheduledCommunicator::step(bool &moved) {
  for (size_t i = 0; i < active.size();) {
    size_t before = active.size();
    if (absl::Status status = advance(operations[size_t(active[i])], moved); !status.ok())
      return fail(status);
    if (active.size() == before) ++i;
  }
  return absl::OkStatus();
}

absl::Status ScheduledCommunicator::progress() {
  if (!failed.ok()) return failed;
  if (absl::Status status = transport->aborted(); !status.ok()) return fail(status);
  bool moved = false;
  return step(moved);
}

bool ScheduledCommunicator::done(Pending what) const {
  const Operation &op = operations[size_t(what.id)];
  return op.serial != what.serial || !op.active;
}

absl::Status ScheduledCommunicator::wait(Pending what) {
  Clock::time_point since{}; // of the first idle turn in a row
  bool reported = false;
  while (!done(what)) {
    if (!failed.ok()) return failed;
    bool moved = false;
    if (absl::Status status = step(moved); !status.ok()) return status;
    if (moved) {
      since = {};
      continue;
    }
    transport->idle();
    if (absl::Status status = transport->aborted(); !status.ok()) return fail(status);
    Clock::time_point now = Clock::now();
    if (since == Clock::time_point{}) since = now;
    const Operation &op = operations[size_t(what.id)];
    if (!reported && now - since >= std::min(options.reportAfter, options.failAfter)) {
      reported = true;
      options.report(explain(op, now - since) + "\n");
    }
    if (now - since >= options.failAfter)
      return fail(absl::DeadlineExceededError(explain(op, now - since)));
  }
  return failed;
}

absl::Status ScheduledCommunicator::fail(absl::Status why) {
  if (!failed.ok()) return failed;
  transport->abort(why);
  absl::Status first = transport->aborted(); // another rank's, if it was first
  failed = first.ok() ? why : first;
  for (int slot : active) {
    Operation &op = operations[size_t(slot)];
    for (Transport::Request &request : op.requests)
      if (request.handle) transport->cancel(request);
    op.active = false;
  }
  active.clear();
  transport->whereabouts().leave();
  return failed;
}

} // namespace weir::distributed
