//===- trace.h - when each launch ran ---------------------------*- C++ -*-===//
// A recorder that a session fills while it runs, and its file form, which the Perfetto UI and
// chrome://tracing open. Memory is reserved before the run; a session without a recorder does not
// even read the clock.
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/artifact/executable.h"

#include <absl/status/status.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace weir::runtime {

struct TraceEvent {
  const Kernel *kernel = nullptr;
  const Instruction *launch = nullptr;
  int64_t startNanos = 0, endNanos = 0; // since the recorder was made
  int32_t threads = 1;
};

class TraceRecorder {
public:
  explicit TraceRecorder(size_t capacity = 1 << 20) { list.reserve(capacity); }

  /// Events point into executables; the recorder keeps those alive.
  void keepAlive(std::shared_ptr<const Executable> executable) {
    executables.push_back(std::move(executable));
  }
  int64_t nowNanos() const {
    return std::chrono::nanoseconds(std::chrono::steady_clock::now() - origin).count();
  }
  /// Drops the event when the reserved memory is full.
  void record(const TraceEvent &event) {
    if (list.size() < list.capacity())
      list.push_back(event);
    else
      ++lost;
  }
  void clear() { list.clear(), lost = 0; }

  const std::vector<TraceEvent> &events() const { return list; }
  int64_t dropped() const { return lost; }

private:
  std::chrono::steady_clock::time_point origin = std::chrono::steady_clock::now();
  std::vector<std::shared_ptr<const Executable>> executables;
  std::vector<TraceEvent> list;
  int64_t lost = 0;
};

/// The events as Chrome trace JSON ("traceEvents", times in microseconds), with FLOPs, bytes and
/// the user's line as arguments of each.
std::string chromeTrace(const TraceRecorder &recorder);
/// Writes chromeTrace to `path`.
absl::Status writeChromeTrace(const TraceRecorder &recorder, const std::string &path);

} // namespace weir::runtime
