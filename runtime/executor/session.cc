//===- session.cc - runs an executable ------------------------------------===//
// Loading, the checks before a run, and the loop over the steps.
//===----------------------------------------------------------------------===//
#include "runtime/executor/session.h"

#include "runtime/artifact/verify.h"
#include "runtime/device/cpu/float_environment.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <new>

namespace weir::runtime {

namespace {

template <typename Entry> int64_t storageBytes(const Entry &entry) {
  return roundUp(elementCount(entry.dims).value_or(0) * dtypeBytes(entry.dtype), kBufferAlignment);
}

bool isAligned(const void *pointer) {
  return reinterpret_cast<uintptr_t>(pointer) % kBufferAlignment == 0;
}

absl::Status checkCommunicator(const Executable &executable, const Communicator *communicator) {
  const int64_t devices = meshDevices(executable.mesh);
  if (executable.mesh.empty() || (communicator && communicator->size() == devices))
    return absl::OkStatus();
  std::string axes;
  for (const MeshAxis &axis : executable.mesh)
    absl::StrAppend(&axes, axes.empty() ? "" : ",", axis.name, "=", axis.size);
  return absl::FailedPreconditionError(absl::StrCat(
      "'", executable.name, "' is a program for ", devices, " devices (", axes, "), but there ",
      communicator ? absl::StrCat("are ", communicator->size(), " ranks") : "is one device"));
}

/// Clears a flag when it goes.
struct Release {
  std::atomic<bool> &flag;
  ~Release() { flag.store(false, std::memory_order_release); }
};

} // namespace

Session::Session(std::shared_ptr<const Executable> executable, std::shared_ptr<VariableStore> store,
                 std::shared_ptr<ThreadPool> pool)
    : compiled(std::move(executable)), store(std::move(store)), pool(std::move(pool)) {}

absl::StatusOr<std::unique_ptr<Session>>
Session::create(std::shared_ptr<const Executable> executable, SessionOptions options) {
  if (absl::Status s = verify(*executable); !s.ok()) return s;
  if (!executable->modules.empty())
    return absl::InvalidArgumentError(
        absl::StrCat("'", executable->name, "' is compiled for GPUs, and this is a CPU"));
  if (!options.variables) options.variables = std::make_shared<VariableStore>();
  if (!options.pool) options.pool = ThreadPool::shared();
  if (absl::Status s = checkCommunicator(*executable, options.communicator.get()); !s.ok())
    return s;
  std::unique_ptr<Session> session(
      new Session(std::move(executable), options.variables, options.pool));
  session->communicator = std::move(options.communicator);
  if (absl::Status s = session->load(std::move(options)); !s.ok()) return s;
  return session;
}

absl::Status Session::load(SessionOptions options) {
  if (absl::Status s = store->declare(compiled->variables); !s.ok()) return s;
  absl::StatusOr<Mapping> mapped = Mapping::code(compiled->image);
  if (!mapped.ok()) return mapped.status();
  code = *std::move(mapped);

  MemoryStatement lines = memory();
  arena = std::move(options.arena);
  if (!arena || arena->size() < lines.arenaBytes) {
    absl::StatusOr<std::shared_ptr<Reservation>> fresh = Reservation::start(lines.arenaBytes);
    if (!fresh.ok()) return fresh.status();
    arena = *std::move(fresh);
  }
  scratchMemory = std::move(options.scratch);
  if (!scratchMemory || scratchMemory->size() < lines.scratchBytes) {
    mapped = Mapping::zeros(lines.scratchBytes);
    if (!mapped.ok()) return mapped.status();
    scratchMemory = std::make_shared<Mapping>(*std::move(mapped));
    scratchMemory->populate();
  }
  mapped = Mapping::zeros(lines.outputBytes);
  if (!mapped.ok()) return mapped.status();
  unwanted = *std::move(mapped);

  scratch = scratchMemory->data();
  scratchStride = lines.scratchBytes / pool->size();
  bases.arena = arena->data();
  bases.code = code.data();
  bases.constants = compiled->constants.data();
  bases.inputs.resize(compiled->inputs.size());
  std::byte *next = unwanted.data();
  for (const Output &output : compiled->outputs) {
    unwantedOutputs.push_back(next);
    next += storageBytes(output);
  }
  bases.outputs = unwantedOutputs;
  for (const Variable &variable : compiled->variables)
    bases.variables.push_back(static_cast<std::byte *>(store->address(variable.name)));
  bases.rank = communicator ? communicator->rank() : 0;
  program = std::make_unique<Program>(*compiled, bases, pool->size());
  feedPointers.resize(compiled->inputs.size());
  fetchPointers.resize(compiled->outputs.size());
  return prepareCollectives();
}

absl::Status Session::prepareCollectives() {
  for (const CollectiveSpec &spec : program->collectives()) {
    auto ready = communicator->prepare(spec);
    if (!ready.ok()) return ready.status();
    prepared.push_back(*ready);
  }
  return absl::OkStatus();
}

void Session::cancel() {
  cancelled.store(true, std::memory_order_relaxed);
  if (communicator && running.load())
    communicator->abort(
        absl::CancelledError(absl::StrCat("the run of '", compiled->name, "' was cancelled")));
}

/// After a run that did not come to its end.
absl::Status Session::whyStopped() const {
  if (!failed.ok()) return failed;
  if (cancelled.load(std::memory_order_relaxed))
    return absl::CancelledError(absl::StrCat("the run of '", compiled->name, "' was cancelled"));
  return absl::AbortedError(absl::StrCat("the run of '", compiled->name, "' was stopped"));
}

absl::Status Session::checkFeeds(const std::vector<HostTensor> &feeds) const {
  const std::vector<Input> &inputs = compiled->inputs;
  if (feeds.size() != inputs.size())
    return absl::InvalidArgumentError(absl::StrCat("'", compiled->name, "' needs ", inputs.size(),
                                                   " feeds, given ", feeds.size()));
  for (size_t i = 0; i < inputs.size(); ++i)
    if (feeds[i].dtype() != inputs[i].dtype || feeds[i].dims() != inputs[i].dims)
      return absl::InvalidArgumentError(absl::StrCat("feed '", inputs[i].name, "' is ",
                                                     feeds[i].typeStr(), ", the graph needs ",
                                                     typeStr(inputs[i].dtype, inputs[i].dims)));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<HostTensor>> Session::run(const std::vector<HostTensor> &feeds) {
  std::vector<int32_t> all(compiled->outputs.size());
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<int32_t>(i);
  return run(feeds, all);
}

absl::StatusOr<std::vector<HostTensor>> Session::run(const std::vector<HostTensor> &feeds,
                                                     const std::vector<int32_t> &fetches) {
  const std::vector<Output> &outputs = compiled->outputs;
  std::vector<HostTensor> results;
  std::vector<HostTensor *> targets(outputs.size());
  try {
    results.reserve(fetches.size());
    for (int32_t fetch : fetches) {
      if (fetch < 0 || static_cast<size_t>(fetch) >= outputs.size() || targets[fetch])
        return absl::InvalidArgumentError(
            absl::StrCat("fetch ", fetch, " of ", outputs.size(), " outputs, or fetched twice"));
      results.emplace_back(outputs[fetch].dtype, outputs[fetch].dims);
      targets[fetch] = &results.back();
    }
  } catch (const std::bad_alloc &) {
    return absl::ResourceExhaustedError("no memory for the fetches");
  }
  if (absl::Status s = runInto(feeds, targets); !s.ok()) return s;
  return results;
}

absl::Status Session::runInto(const std::vector<HostTensor> &feeds,
                              const std::vector<HostTensor *> &fetches) {
  const std::vector<Output> &outputs = compiled->outputs;
  if (absl::Status s = checkFeeds(feeds); !s.ok()) return s;
  if (fetches.size() != outputs.size())
    return absl::InvalidArgumentError(absl::StrCat("'", compiled->name, "' has ", outputs.size(),
                                                   " outputs, given ", fetches.size()));
  if (running.exchange(true, std::memory_order_acquire))
    return absl::FailedPreconditionError("the session is running already");
  Release release{running};
  for (size_t i = 0; i < feeds.size(); ++i) feedPointers[i] = feeds[i].raw();
  for (size_t i = 0; i < fetches.size(); ++i) {
    if (fetches[i] &&
        (fetches[i]->dtype() != outputs[i].dtype || fetches[i]->dims() != outputs[i].dims))
      return absl::InvalidArgumentError(absl::StrCat(
          "fetch '", outputs[i].name, "' is ", typeStr(outputs[i].dtype, outputs[i].dims),
          ", the tensor given for it is ", fetches[i]->typeStr()));
    fetchPointers[i] = fetches[i] ? fetches[i]->mutableRaw() : nullptr;
  }
  return runExclusively(feedPointers.data(), fetchPointers.data());
}

absl::Status Session::runRaw(const void *const *feeds, void *const *fetches) {
  if (running.exchange(true, std::memory_order_acquire))
    return absl::FailedPreconditionError("the session is running already");
  Release release{running};
  return runExclusively(feeds, fetches);
}

absl::Status Session::runExclusively(const void *const *feeds, void *const *fetches) {
  if (!store->allSet())
    if (absl::Status s = store->requireValues(compiled->variables); !s.ok()) return s;
  if (absl::Status s = bindCaller(feeds, fetches); !s.ok()) return s;
  cancelled.store(false, std::memory_order_relaxed);
  failed = absl::OkStatus();
  if (observer) return runObserved();
  if (!execute()) {
    program->rebind(bases);
    absl::Status why = whyStopped();
    store->poison(compiled->variables, failed.ok() ? "it was cancelled" : "a device gave up");
    if (communicator) {
      communicator->abort(why);
      dropCollectives();
    }
    return why;
  }
  ++totals.runs;
  return absl::OkStatus();
}

absl::Status Session::bindCaller(const void *const *feeds, void *const *fetches) {
  for (size_t i = 0; i < bases.inputs.size(); ++i) {
    auto *feed = static_cast<std::byte *>(const_cast<void *>(feeds[i])); // never written
    if (feed && feed == bases.inputs[i]) continue;
    if (!feed || !isAligned(feed))
      return absl::InvalidArgumentError(absl::StrCat("feed '", compiled->inputs[i].name,
                                                     "' is null or not aligned to ",
                                                     kBufferAlignment, " bytes"));
    bases.inputs[i] = feed;
    program->bindInput(static_cast<int>(i), feed);
  }
  for (size_t i = 0; i < bases.outputs.size(); ++i) {
    auto *fetch = fetches[i] ? static_cast<std::byte *>(fetches[i]) : unwantedOutputs[i];
    if (fetch == bases.outputs[i]) continue;
    if (!isAligned(fetch))
      return absl::InvalidArgumentError(absl::StrCat("fetch '", compiled->outputs[i].name,
                                                     "' is not aligned to ", kBufferAlignment,
                                                     " bytes"));
    bases.outputs[i] = fetch;
    program->bindOutput(static_cast<int>(i), fetch);
  }
  return absl::OkStatus();
}

bool Session::execute() {
  FloatEnvironment environment;
  auto run = [&] {
    if (observer) return executeSteps<true, false>();
    if (!trace) return executeSteps<false, false>();
    const int64_t start = trace->nowNanos();
    const bool ended = executeSteps<false, true>();
    trace->addRun(trace->nowNanos() - start);
    return ended;
  };
  if (!program->isParallel()) return run();
  ThreadPool::Attention attention(*pool);
  return run();
}

/// Returns false when the run was cancelled, or stopped by its observer.
template <bool observed, bool traced> bool Session::executeSteps() {
  const Step *steps = program->steps().data();
  const int32_t end = static_cast<int32_t>(program->steps().size());
  int64_t launches = 0;
  const bool isOnMesh = communicator != nullptr;
  bool stopped = false;
  for (int32_t at = 0; at < end && !stopped;) {
    const Step &step = steps[at++];
    if (isOnMesh && !pending.empty() && !awaitCollectives(step.awaits)) {
      stopped = true;
      break;
    }
    switch (step.kind) {
    case Step::Kind::Launch:
      stopped = cancelled.load(std::memory_order_relaxed);
      if (stopped) break;
      if constexpr (observed)
        stopped = !launchObserved(at - 1);
      else
        launch<traced>(step);
      launches += step.counted;
      break;
    case Step::Kind::BranchIfNot:
      if (*static_cast<const uint8_t *>(step.slots[0]) != 0) break;
      if constexpr (observed) // a loop inside may be entered again
        std::fill(backJumps.begin() + at, backJumps.begin() + step.target, 0);
      at = step.target;
      break;
    case Step::Kind::Jump:
      if constexpr (observed) backJumps[at - 1] += step.target < at;
      at = step.target;
      break;
    case Step::Kind::LoopBegin:
      if (!program->enterLoop(step.loop)) at = step.target;
      break;
    case Step::Kind::LoopEnd:
      if (program->nextTrip(step.loop)) at = step.target;
      break;
    case Step::Kind::Collective:
      stopped = cancelled.load(std::memory_order_relaxed) || !communicate(step);
      break;
    }
  }
  totals.launches += launches;
  if (isOnMesh && !stopped) stopped = !awaitCollectives(static_cast<int32_t>(prepared.size()));
  return !stopped;
}

template <bool traced> void Session::launch(const Step &step) {
  TraceEvent event;
  if constexpr (traced) event.startNanos = trace->nowNanos();
  if (step.split.width <= 1) {
    step.function(step.slots, 0, step.tasks, scratch);
  } else {
    struct Context {
      const Step &step;
      std::byte *scratch;
      int64_t stride;
    } context{step, scratch, scratchStride};
    pool->parallelFor(
        step.tasks, step.split,
        [](void *opaque, int64_t begin, int64_t end, int thread) {
          const Context &context = *static_cast<Context *>(opaque);
          context.step.function(context.step.slots, begin, end,
                                context.scratch + thread * context.stride);
        },
        &context);
  }
  if constexpr (traced) {
    if (!step.source) return;
    if (step.counted) {
      event.kernel = &compiled->kernels[step.source->kernel];
    } else {
      event.kind = TraceEvent::Kind::Copy;
      event.bytes = compiled->buffers[size_t(step.source->buffers[0])].bytes;
    }
    event.launch = step.source;
    event.endNanos = trace->nowNanos();
    event.threads = step.split.width;
    trace->record(event);
  }
}

bool Session::communicate(const Step &step) {
  const int64_t start = trace ? trace->nowNanos() : 0;
  auto started = communicator->start(prepared[size_t(step.target)], step.slots[0], step.slots[1]);
  if (started.ok()) pending.push_back({step.target, *started, step.source, start, 0});
  failed = started.status();
  if (trace) record(TraceEvent::Kind::Exposed, step.source, start, trace->nowNanos());
  return failed.ok();
}

/// Waits for the collectives under way whose number is lower; moves the others on.
bool Session::awaitCollectives(int32_t before) {
  size_t done = 0;
  for (; done < pending.size() && pending[done].number < before && failed.ok(); ++done)
    failed = await(pending[done]);
  pending.erase(pending.begin(), pending.begin() + static_cast<std::ptrdiff_t>(done));
  if (failed.ok() && !pending.empty()) failed = moveOn();
  return failed.ok();
}

absl::Status Session::await(const UnderWay &what) {
  if (!trace) return communicator->wait(what.collective);
  const int64_t start = trace->nowNanos();
  absl::Status status = communicator->wait(what.collective);
  const int64_t end = trace->nowNanos();
  if (!what.endNanos) record(TraceEvent::Kind::Exposed, what.source, start, end);
  record(TraceEvent::Kind::Collective, what.source, what.startNanos,
         what.endNanos ? what.endNanos : end);
  return status;
}

absl::Status Session::moveOn() {
  if (!trace) return communicator->progress();
  const int64_t start = trace->nowNanos();
  absl::Status status = communicator->progress();
  const int64_t end = trace->nowNanos();
  const UnderWay *moved = nullptr;
  for (UnderWay &what : pending) {
    if (what.endNanos) continue;
    moved = &what;
    if (communicator->done(what.collective)) what.endNanos = end;
  }
  if (moved) record(TraceEvent::Kind::Exposed, moved->source, start, end);
  return status;
}

void Session::record(TraceEvent::Kind kind, const Instruction *collective, int64_t startNanos,
                     int64_t endNanos) {
  TraceEvent event;
  event.kind = kind;
  event.launch = collective;
  event.startNanos = startNanos;
  event.endNanos = endNanos;
  event.bytes = compiled->buffers[size_t(collective->buffers[0])].bytes;
  trace->record(event);
}

/// After an abort: nobody writes into the arena any more.
void Session::dropCollectives() {
  for (const UnderWay &what : pending) communicator->wait(what.collective).IgnoreError();
  pending.clear();
}

bool Session::launchObserved(int32_t at) {
  const Step &step = program->steps()[at];
  const LaunchView view(*program, at, backJumps);
  if (step.counted) observer->before(view);
  trace ? launch<true>(step) : launch<false>(step);
  return !step.counted || observer->after(view);
}

void Session::setTrace(TraceRecorder *recorder) {
  trace = recorder;
  if (recorder) recorder->keepAlive(compiled);
}

} // namespace weir::runtime
