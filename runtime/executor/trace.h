//===- trace.h - when each launch ran ---------------------------*- C++ -*-===//
// A recorder that a session fills while it runs, and its file form, which the Perfetto UI and
// chrome://tracing open. Memory is reserved before the run; a session without a recorder does not
// even read the clock. On a mesh each device has a recorder, and the file has all of them.
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/artifact/executable.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace weir::runtime {

struct TraceEvent {
  enum class Kind : uint8_t {
    Kernel,
    Copy,       // from one device of a graph to another
    Collective, // under way, from its start to when it was seen to have ended
    Exposed,    // the device did nothing but move this collective or wait for it
  };
  Kind kind = Kind::Kernel;
  const Kernel *kernel = nullptr;       // of a Kernel
  const Instruction *launch = nullptr;  // or the copy or collective
  int64_t startNanos = 0, endNanos = 0; // since the recorder was made, or restarted
  int32_t threads = 1;
  int64_t bytes = 0; // that a copy moves, or a collective takes of this device
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
  void clear() { list.clear(), lost = runs = 0; }
  /// Time counts from now on. Devices do it together.
  void restart() {
    clear();
    origin = std::chrono::steady_clock::now();
  }
  void addRun(int64_t nanos) { runs += nanos; }
  /// Of all runs.
  int64_t runNanos() const { return runs; }

  const std::vector<TraceEvent> &events() const { return list; }
  int64_t dropped() const { return lost; }

private:
  std::chrono::steady_clock::time_point origin = std::chrono::steady_clock::now();
  std::vector<std::shared_ptr<const Executable>> executables;
  std::vector<TraceEvent> list;
  int64_t lost = 0, runs = 0;
};

/// What communication cost a device.
struct CommunicationTime {
  int64_t runNanos = 0;
  int64_t underWayNanos = 0; ///< some collective was
  int64_t exposedNanos = 0;  ///< of these, while the device computed nothing
  double exposedShare() const {
    return runNanos ? static_cast<double>(exposedNanos) / static_cast<double>(runNanos) : 0;
  }
};
CommunicationTime communicationTime(const TraceRecorder &recorder);

/// The events as Chrome trace JSON ("traceEvents", times in microseconds), with FLOPs, bytes and
/// the user's line as arguments of each.
std::string chromeTrace(const TraceRecorder &recorder);
/// The same of several devices. A device's part can be made where it runs: `chromeEvents`.
std::string chromeTrace(const std::vector<std::string> &eventsOfDevices);
std::string chromeEvents(const TraceRecorder &recorder, int device);

} // namespace weir::runtime
