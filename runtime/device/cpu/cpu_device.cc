// Streams are threads; an event is a count of finished work of a stream.
#include "runtime/device/cpu/cpu_device.h"

#include "runtime/device/cpu/thread_pool.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <unistd.h>
#include <utility>

namespace weir::runtime {
namespace {

using Work = std::function<void()>;

/// Runs what it is given, in order, on a thread of its own.
class Stream {
public:
  Stream() : thread([this] { loop(); }) {}
  ~Stream() {
    {
      std::lock_guard lock(mutex);
      stopping = true;
    }
    changed.notify_all();
    thread.join();
  }

  int64_t give(Work work) {
    std::lock_guard lock(mutex);
    queue.push_back(std::move(work));
    changed.notify_all();
    return ++given;
  }
  int64_t last() {
    std::lock_guard lock(mutex);
    return given;
  }
  /// Blocks until that much work is done.
  void await(int64_t count) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return done >= count; });
  }

private:
  void loop() {
    std::unique_lock lock(mutex);
    while (true) {
      changed.wait(lock, [&] { return stopping || !queue.empty(); });
      if (queue.empty()) return;
      Work work = std::move(queue.front());
      queue.pop_front();
      lock.unlock();
      work();
      lock.lock();
      ++done;
      changed.notify_all();
    }
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Work> queue;
  int64_t given = 0, done = 0;
  bool stopping = false;
  std::thread thread; // Last: it uses the others.
};

struct Event {
  Stream *stream = nullptr; // Null: never recorded.
  int64_t count = 0;
  bool captured = false; // Stands for work of the capture under way.
};

/// Work that was recorded instead of run. On one thread, in the order it was given in: that order
/// satisfies every event.
using Graph = std::vector<Work>;

struct CpuKernel {
  KernelCode code;
  KernelHost::Call hosted;
};

/// The first error of a stream's kernels, which its next wait takes.
class Failure {
public:
  void add(const absl::Status &status) {
    std::lock_guard lock(mutex);
    if (first.ok()) first = status;
  }
  absl::Status take() {
    std::lock_guard lock(mutex);
    return std::exchange(first, absl::OkStatus());
  }

private:
  std::mutex mutex;
  absl::Status first;
};

class CpuDevice : public Device {
public:
  CpuDevice(const std::string &name, int64_t memoryBytes, KernelHost kernelHost = {})
      : host(std::move(kernelHost)) {
    deviceInfo.name = name;
    deviceInfo.description = "CPU";
    deviceInfo.multiprocessors = availableCores();
    deviceInfo.architecture = host.load ? host.architecture : "x86-64";
    deviceInfo.memoryBytes =
        memoryBytes ? memoryBytes
                    : int64_t(sysconf(_SC_PHYS_PAGES)) * int64_t(sysconf(_SC_PAGE_SIZE));
  }
  ~CpuDevice() override {
    streams.clear(); // They finish their work, on memory that is still there.
    for (auto &[memory, bytes] : allocations) std::free(memory);
  }

  const DeviceInfo &info() const override { return deviceInfo; }

  absl::StatusOr<std::byte *> allocate(int64_t bytes) override {
    if (bytes < 0 || bytes > deviceInfo.memoryBytes - used)
      return absl::ResourceExhaustedError(absl::StrCat(deviceInfo.name, ": cannot allocate ", bytes,
                                                       " bytes; ", deviceInfo.memoryBytes - used,
                                                       " are free"));
    constexpr int64_t alignment = 256;
    int64_t rounded = std::max(alignment, (bytes + alignment - 1) / alignment * alignment);
    auto *memory = static_cast<std::byte *>(std::aligned_alloc(alignment, size_t(rounded)));
    if (!memory)
      return absl::ResourceExhaustedError(
          absl::StrCat(deviceInfo.name, ": cannot allocate ", bytes, " bytes"));
    allocations[memory] = bytes;
    used += bytes;
    return memory;
  }
  absl::Status release(std::byte *memory) override {
    auto it = allocations.find(memory);
    if (it == allocations.end()) return wrongHandle("memory");
    used -= it->second;
    std::free(memory);
    allocations.erase(it);
    return absl::OkStatus();
  }
  absl::StatusOr<std::byte *> allocateHost(int64_t bytes) override { return allocate(bytes); }
  absl::Status releaseHost(std::byte *memory) override { return release(memory); }

  absl::StatusOr<StreamId> createStream() override {
    streams.push_back(std::make_unique<Stream>());
    return StreamId(streams.size() - 1);
  }
  absl::StatusOr<EventId> createEvent() override {
    events.emplace_back();
    return EventId(events.size() - 1);
  }
  absl::Status record(EventId event, StreamId stream) override {
    if (size_t(event) >= events.size()) return wrongHandle("event");
    if (size_t(stream) >= streams.size()) return wrongHandle("stream");
    Stream &source = *streams[size_t(stream)];
    events[size_t(event)] = {&source, source.last(), isCaptured(stream)};
    return absl::OkStatus();
  }
  absl::Status wait(StreamId stream, EventId event) override {
    if (size_t(event) >= events.size()) return wrongHandle("event");
    if (size_t(stream) >= streams.size()) return wrongHandle("stream");
    Event at = events[size_t(event)];
    if (!at.stream) return absl::OkStatus();
    if (at.captured && capturing) return joinCapture(stream), absl::OkStatus();
    if (isCaptured(stream))
      return absl::FailedPreconditionError("a captured stream cannot wait for what is outside");
    return give(stream, [at] { at.stream->await(at.count); });
  }
  absl::Status synchronize(StreamId stream) override {
    if (size_t(stream) >= streams.size()) return wrongHandle("stream");
    if (isCaptured(stream))
      return absl::FailedPreconditionError("a stream that is captured cannot be waited for");
    Stream &source = *streams[size_t(stream)];
    source.await(source.last());
    return failure.take();
  }

  absl::Status copyToDevice(std::byte *to, const std::byte *from, int64_t bytes,
                            StreamId stream) override {
    return give(stream, [=] { std::memmove(to, from, size_t(bytes)); });
  }
  absl::Status copyToHost(std::byte *to, const std::byte *from, int64_t bytes,
                          StreamId stream) override {
    return copyToDevice(to, from, bytes, stream);
  }
  absl::Status copyWithin(std::byte *to, const std::byte *from, int64_t bytes,
                          StreamId stream) override {
    return copyToDevice(to, from, bytes, stream);
  }
  absl::Status fill(std::byte *memory, uint8_t value, int64_t bytes, StreamId stream) override {
    return give(stream, [=] { std::memset(memory, value, size_t(bytes)); });
  }

  absl::StatusOr<KernelId> load(const KernelCode &code) override {
    if (host.load) {
      auto call = host.load(code);
      if (!call.ok()) return call.status();
      kernels.push_back(std::make_unique<CpuKernel>(CpuKernel{code, *std::move(call)}));
      return KernelId(kernels.size() - 1);
    }
    if (!code.function)
      return absl::InvalidArgumentError(
          absl::StrCat("kernel '", code.entry, "' has no code for a CPU"));
    kernels.push_back(std::make_unique<CpuKernel>(CpuKernel{code, nullptr}));
    return KernelId(kernels.size() - 1);
  }
  absl::Status launch(KernelId kernel, const Grid &grid, const std::vector<std::byte *> &buffers,
                      StreamId stream) override {
    if (size_t(kernel) >= kernels.size()) return wrongHandle("kernel");
    if (const KernelHost::Call &hosted = kernels[size_t(kernel)]->hosted)
      return give(stream, [this, &hosted, grid, buffers] {
        std::vector<void *> pointers(buffers.begin(), buffers.end());
        failure.add(hosted(pointers.data(), pointers.size(), grid));
      });
    const KernelCode *code = &kernels[size_t(kernel)]->code;
    return give(stream, [code, buffers] {
      std::vector<void *> pointers(buffers.begin(), buffers.end());
      // Streams run at once, so each launch has scratch of its own.
      constexpr size_t alignment = 64;
      size_t bytes = (size_t(code->scratchBytes) + alignment) / alignment * alignment;
      std::unique_ptr<void, decltype(&std::free)> scratch(std::aligned_alloc(alignment, bytes),
                                                          &std::free);
      code->function(pointers.data(), 0, code->tasks, scratch.get());
    });
  }

  absl::Status beginCapture(StreamId stream) override {
    if (size_t(stream) >= streams.size()) return wrongHandle("stream");
    if (capturing) return absl::FailedPreconditionError("a capture is under way already");
    capturing = std::make_unique<Graph>();
    captureOrigin = stream;
    captured = {stream};
    return absl::OkStatus();
  }
  absl::StatusOr<GraphId> endCapture(StreamId stream) override {
    if (!capturing || stream != captureOrigin)
      return absl::FailedPreconditionError("this stream's capture did not begin");
    graphs.push_back(std::move(capturing));
    captured.clear();
    for (Event &event : events) // Events of a capture mean nothing outside.
      if (event.captured) event = Event();
    return GraphId(graphs.size() - 1);
  }
  absl::Status launchGraph(GraphId graph, StreamId stream) override {
    if (size_t(graph) >= graphs.size()) return wrongHandle("graph");
    const Graph *work = graphs[size_t(graph)].get();
    return give(stream, [work] {
      for (const Work &each : *work) each();
    });
  }

private:
  absl::Status wrongHandle(const char *what) const {
    return absl::InvalidArgumentError(absl::StrCat(deviceInfo.name, ": no such ", what));
  }
  bool isCaptured(StreamId stream) const {
    return capturing && std::find(captured.begin(), captured.end(), stream) != captured.end();
  }
  void joinCapture(StreamId stream) {
    if (!isCaptured(stream)) captured.push_back(stream);
  }
  absl::Status give(StreamId stream, Work work) {
    if (size_t(stream) >= streams.size()) return wrongHandle("stream");
    if (isCaptured(stream))
      capturing->push_back(std::move(work));
    else
      streams[size_t(stream)]->give(std::move(work));
    return absl::OkStatus();
  }

  const KernelHost host; // Without a `load`: kernels are functions.
  DeviceInfo deviceInfo;
  Failure failure;
  int64_t used = 0;
  std::map<std::byte *, int64_t> allocations;
  std::vector<std::unique_ptr<CpuKernel>> kernels;
  std::vector<std::unique_ptr<Graph>> graphs;
  std::vector<Event> events;
  std::unique_ptr<Graph> capturing;
  StreamId captureOrigin{};
  std::vector<StreamId> captured;
  std::vector<std::unique_ptr<Stream>> streams; // Last: they may use all of the above.
};

} // namespace

std::unique_ptr<Device> makeCpuDevice(const std::string &name, int64_t memoryBytes) {
  return std::make_unique<CpuDevice>(name, memoryBytes);
}

std::unique_ptr<Device> makeHostedDevice(const std::string &name, KernelHost host,
                                         int64_t memoryBytes) {
  return std::make_unique<CpuDevice>(name, memoryBytes, std::move(host));
}

} // namespace weir::runtime
