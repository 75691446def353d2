// What a communicator says about itself: the flight record, and who keeps whom waiting.
#include "distributed/comm/scheduled_communicator.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

#include <algorithm>

namespace weir::distributed {

using runtime::CollectiveKind;

namespace {

double seconds(std::chrono::steady_clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

} // namespace

std::vector<int> ScheduledCommunicator::awaitedPeers(const Operation &op) const {
  std::vector<int> peers;
  for (size_t i = 0; i < op.requests.size(); ++i)
    if (op.requests[i].handle)
      peers.push_back(op.what->spec.group.ranks[size_t(op.what->schedule.instructions[i].peer)]);
  std::sort(peers.begin(), peers.end());
  peers.erase(std::unique(peers.begin(), peers.end()), peers.end());
  return peers;
}

std::string ScheduledCommunicator::explain(const Operation &op, Clock::duration waited) {
  const runtime::CollectiveSpec &spec = op.what->spec;
  std::string text =
      absl::StrCat("rank ", rank(), " has waited ", absl::StrFormat("%.1f", seconds(waited)),
                   " s in ", op.what->text, ", for rank ", absl::StrJoin(awaitedPeers(op), ", "));
  bool pair = spec.kind == CollectiveKind::Send || spec.kind == CollectiveKind::Receive;
  std::vector<std::optional<Whereabouts::State>> states =
      transport->collect(std::chrono::milliseconds(1000));
  for (int member : spec.group.ranks) {
    if (member == rank() || (pair && member != spec.group.ranks[size_t(spec.root)])) continue;
    const std::optional<Whereabouts::State> &state = states[size_t(member)];
    absl::StrAppend(&text, "\n  rank ", member, " ");
    if (!state) {
      absl::StrAppend(&text, "does not answer");
      continue;
    }
    if (!pair)
      absl::StrAppend(&text, state->begun(spec.group.id) >= op.number ? "has arrived; it is "
                                                                      : "has not arrived; it is ");
    absl::StrAppend(&text, state->doing.empty() ? "in no collective" : "in " + state->doing);
  }
  return text;
}

std::string ScheduledCommunicator::flightRecord() const {
  std::string text;
  size_t kept = std::min(recorded, records.size());
  for (size_t i = recorded - kept; i < recorded; ++i) {
    const Record &record = records[i % records.size()];
    const Collective &what = *record.what;
    absl::StrAppend(&text, "rank ", rank(), " #", i + 1, " ", what.text, ", ",
                    algorithmName(what.algorithm), ", number ", record.number, " of its group: ");
    if (record.done)
      absl::StrAppendFormat(&text, "done in %.6f s\n", seconds(record.ended - record.began));
    else
      absl::StrAppendFormat(&text, "under way for %.6f s\n", seconds(Clock::now() - record.began));
  }
  return text;
}

} // namespace weir::distributed
