//===- session.h - runs an executable ---------------------------*- C++ -*-===//
// A session is an executable in place: its code mapped, its arena reserved, its variables bound. A
// run checks the feeds, walks the instructions in order (threads join inside each launch), and
// leaves the fetches in the caller's memory; it allocates nothing of its own. No compiler here.
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/artifact/executable.h"
#include "runtime/base/host_tensor.h"
#include "runtime/device/cpu/thread_pool.h"
#include "runtime/executor/observer.h"
#include "runtime/executor/program.h"
#include "runtime/executor/trace.h"
#include "runtime/memory/mapping.h"
#include "runtime/memory/variable_store.h"

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <atomic>
#include <memory>
#include <string_view>
#include <vector>

namespace weir::runtime {

struct SessionOptions {
  /// Null: a store of its own. Sessions on one store share variables by name and must not run at
  /// once.
  std::shared_ptr<VariableStore> variables;
  /// Null: ThreadPool::shared(). Results have the same bits with any pool.
  std::shared_ptr<ThreadPool> pool;
  /// Shared with no session that runs at the same time. Null, or less than Executable::arenaBytes:
  /// one of its own.
  std::shared_ptr<Reservation> arena;
  /// The same for the threads' scratch (MemoryStatement::scratchBytes).
  std::shared_ptr<Mapping> scratch;
  /// What a program for a mesh needs: one of as many ranks as the mesh has devices. Sessions may
  /// share it, one at a time. Null: none.
  std::shared_ptr<Communicator> communicator;
};

struct Counters {
  int64_t runs = 0;     // that succeeded
  int64_t launches = 0; // kernels started, in failed runs too
};

/// One run at a time: a second thread gets a failed-precondition status.
/// A run that fails after it began (it was cancelled, or another device gave up) leaves its
/// variables without values until they are set again; a run whose feeds are refused changes
/// nothing. On a mesh it ends the communicator of all devices with its error, so that none waits
/// for it.
class Session {
public:
  /// Errors: a malformed executable, variables that disagree with the store, no memory; no
  /// communicator, or one of another size, for a program for a mesh.
  static absl::StatusOr<std::unique_ptr<Session>>
  create(std::shared_ptr<const Executable> executable, SessionOptions options = {});

  /// Feeds in the order of Executable::inputs; returns all outputs, in order.
  /// Errors: a wrong number of feeds, or a feed of another type; the message names the feed and
  /// both types.
  absl::StatusOr<std::vector<HostTensor>> run(const std::vector<HostTensor> &feeds);
  /// Returns the outputs at positions `fetches`, in that order.
  absl::StatusOr<std::vector<HostTensor>> run(const std::vector<HostTensor> &feeds,
                                              const std::vector<int32_t> &fetches);
  /// Writes into tensors of the caller: one for each output, null where it is not wanted. They must
  /// have the outputs' types.
  absl::Status runInto(const std::vector<HostTensor> &feeds,
                       const std::vector<HostTensor *> &fetches);
  /// The same without any check of types: one pointer for each input, and one for each output (null
  /// where it is not wanted). Memory is borrowed for the call, dense, and aligned to 64 bytes. A
  /// fetch must not overlap a feed or another fetch.
  absl::Status runRaw(const void *const *feeds, void *const *fetches);

  /// Makes the run in progress, if any, stop before its next launch with a cancelled status, also
  /// one that waits for other devices. Safe from any thread; without a communicator, also from a
  /// signal handler.
  void cancel();

  absl::Status setVariable(std::string_view name, const HostTensor &value) {
    return store->set(name, value);
  }
  absl::StatusOr<HostTensor> getVariable(std::string_view name) const { return store->get(name); }
  VariableStore &variables() { return *store; }

  /// Null turns tracing off. The recorder is not owned.
  void setTrace(TraceRecorder *recorder);

  /// Null: none. Not owned. A run that the observer stops has an aborted status and changes no
  /// variable.
  void setObserver(LaunchObserver *watching) { observer = watching; }

  const Executable &executable() const { return *compiled; }
  const Counters &counters() const { return totals; }
  /// What this session holds and what a run borrows, line by line.
  MemoryStatement memory() const { return memoryStatement(*compiled, pool->size()); }

private:
  Session(std::shared_ptr<const Executable> executable, std::shared_ptr<VariableStore> store,
          std::shared_ptr<ThreadPool> pool);
  absl::Status load(SessionOptions options);
  absl::Status prepareCollectives();
  absl::Status checkFeeds(const std::vector<HostTensor> &feeds) const;
  absl::Status runExclusively(const void *const *feeds, void *const *fetches);
  absl::Status bindCaller(const void *const *feeds, void *const *fetches);
  absl::Status runObserved();
  absl::Status whyStopped() const;
  bool execute();
  template <bool observed, bool traced> bool executeSteps();
  bool launchObserved(int32_t step);
  template <bool traced> void launch(const Step &step);
  /// A collective that was started.
  struct UnderWay {
    int32_t number;
    Communicator::Pending collective;
    const Instruction *source;
    int64_t startNanos, endNanos; // of the trace; the end once it was seen, else 0
  };
  bool communicate(const Step &step);
  bool awaitCollectives(int32_t before);
  absl::Status await(const UnderWay &what);
  absl::Status moveOn();
  void dropCollectives();
  void record(TraceEvent::Kind kind, const Instruction *collective, int64_t startNanos,
              int64_t endNanos);

  std::shared_ptr<const Executable> compiled;
  std::shared_ptr<VariableStore> store;
  std::shared_ptr<ThreadPool> pool;
  std::shared_ptr<Communicator> communicator;
  std::vector<Communicator::Prepared> prepared; // of Program::collectives
  std::vector<UnderWay> pending;                // by number
  absl::Status failed;                          // what ended a collective
  Mapping code;
  std::shared_ptr<Mapping> scratchMemory;
  std::shared_ptr<Reservation> arena;
  Mapping unwanted; // where outputs go that nobody fetches; untouched otherwise
  std::byte *scratch = nullptr;
  int64_t scratchStride = 0;
  Bases bases;
  std::vector<std::byte *> unwantedOutputs;
  std::unique_ptr<Program> program;
  std::vector<const void *> feedPointers; // of the run in progress, so that runs allocate nothing
  std::vector<void *> fetchPointers;
  TraceRecorder *trace = nullptr;
  LaunchObserver *observer = nullptr;
  std::vector<int64_t> backJumps; // see LaunchView
  Counters totals;
  std::atomic<bool> running{false};
  std::atomic<bool> cancelled{false};
};

} // namespace weir::runtime
