// Recorders, and their texts gathered.
#include "distributed/session/mesh_trace.h"

#include <absl/strings/str_format.h>

#include <algorithm>

namespace weir::distributed {

using runtime::CollectiveKind;
using runtime::CollectiveSpec;
using runtime::CommunicationTime;
using runtime::DType;

namespace {

constexpr const char *kName = "the trace";

/// Of all processes, where each has one of `mine`.
template <typename T>
absl::StatusOr<std::vector<T>> gather(MeshState &state, const T &mine, DType dtype) {
  const size_t ranks = static_cast<size_t>(state.mesh().devices()), words = sizeof(T) / 8;
  static_assert(sizeof(T) % 8 == 0);
  std::vector<T> all(ranks);
  CollectiveSpec spec = state.worldCollective(CollectiveKind::AllGather, dtype, kName);
  spec.counts.assign(ranks, static_cast<int64_t>(words));
  if (absl::Status s = state.communicate(spec, &mine, all.data()); !s.ok()) return s;
  return all;
}

absl::StatusOr<std::vector<std::string>> gatherTexts(MeshState &state, const std::string &mine) {
  auto lengths = gather<int64_t>(state, static_cast<int64_t>(mine.size()), DType::I64);
  if (!lengths.ok()) return lengths.status();
  CollectiveSpec spec = state.worldCollective(CollectiveKind::AllGather, DType::I8, kName);
  int64_t total = 0;
  for (int64_t length : *lengths) total += length;
  spec.counts = *lengths;
  std::string all(static_cast<size_t>(total), ' ');
  if (absl::Status s = state.communicate(spec, mine.data(), all.data()); !s.ok()) return s;
  std::vector<std::string> texts;
  size_t at = 0;
  for (int64_t length : *lengths) {
    texts.push_back(all.substr(at, static_cast<size_t>(length)));
    at += static_cast<size_t>(length);
  }
  return texts;
}

} // namespace

absl::StatusOr<std::unique_ptr<MeshTrace>> MeshTrace::start(MeshSession &session) {
  std::unique_ptr<MeshTrace> trace(new MeshTrace(session));
  MeshState &state = *session.state();
  for (size_t here = 0; here < state.size(); ++here)
    trace->recorders.push_back(std::make_unique<runtime::TraceRecorder>());
  CollectiveSpec barrier = state.worldCollective(CollectiveKind::Barrier, DType::I8, kName);
  if (!state.isAlone())
    if (absl::Status s = state.communicate(barrier, nullptr, nullptr); !s.ok()) return s;
  for (auto &recorder : trace->recorders) recorder->restart();
  for (size_t here = 0; here < state.size(); ++here)
    session.session(here).setTrace(trace->recorders[here].get());
  return trace;
}

MeshTrace::~MeshTrace() {
  for (size_t here = 0; here < session.state()->size(); ++here)
    session.session(here).setTrace(nullptr);
}

absl::StatusOr<MeshTrace::Result> MeshTrace::finish() {
  MeshState &state = *session.state();
  Result result;
  std::vector<std::string> events;
  for (size_t here = 0; here < recorders.size(); ++here) {
    session.session(here).setTrace(nullptr);
    result.ofDevice.push_back(runtime::communicationTime(*recorders[here]));
    events.push_back(runtime::chromeEvents(*recorders[here], static_cast<int>(state.device(here))));
  }
  if (!state.isAlone()) {
    auto times = gather<CommunicationTime>(state, result.ofDevice[0], DType::I64);
    if (!times.ok()) return times.status();
    auto texts = gatherTexts(state, events[0]);
    if (!texts.ok()) return texts.status();
    result.ofDevice = *std::move(times);
    events = *std::move(texts);
  }
  result.file = runtime::chromeTrace(events);
  return result;
}

std::string MeshTrace::Result::str() const {
  size_t most = 0;
  CommunicationTime all;
  for (size_t device = 0; device < ofDevice.size(); ++device) {
    const CommunicationTime &time = ofDevice[device];
    if (time.exposedShare() > ofDevice[most].exposedShare()) most = device;
    all.runNanos += time.runNanos;
    all.underWayNanos += time.underWayNanos;
    all.exposedNanos += time.exposedNanos;
  }
  const double hidden = all.underWayNanos ? 1 - static_cast<double>(all.exposedNanos) /
                                                    static_cast<double>(all.underWayNanos)
                                          : 0;
  return absl::StrFormat("%.1f %% of the time of runs is exposed communication (most: %.1f %%, of "
                         "device %d); %.1f %% of communication is hidden behind kernels",
                         100 * all.exposedShare(), 100 * ofDevice[most].exposedShare(), most,
                         100 * std::max(0., hidden));
}

} // namespace weir::distributed
