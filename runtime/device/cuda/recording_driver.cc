// Work waits in its stream until somebody blocks on one; then the youngest stream that can go on
// does. Graphs run their last ready node first.
#include "runtime/device/cuda/recording_driver.h"

#if WEIR_HAVE_CUDA

#include <cstdlib>
#include <cstring>
#include <deque>
#include <set>

namespace weir::runtime::cuda {
namespace {

using Work = std::function<void()>;
using Done = std::shared_ptr<bool>;

struct Graph {
  struct Node {
    Work work;
    std::vector<size_t> after;
  };
  std::vector<Node> nodes;

  void run() const {
    std::vector<bool> done(nodes.size());
    for (size_t left = nodes.size(); left > 0; --left)
      for (size_t i = nodes.size(); i-- > 0;) {
        bool ready = !done[i];
        for (size_t before : nodes[i].after) ready = ready && done[before];
        if (!ready) continue;
        nodes[i].work();
        done[i] = true;
        break;
      }
  }
};

struct Stream {
  struct Item {
    Work work;
    Done waitsFor; // May be null.
  };
  std::deque<Item> queue;
  std::shared_ptr<Graph> capture; // While it is captured,
  std::vector<size_t> last;       // what the next node comes after.
};

struct Event {
  Done done;
  std::shared_ptr<Graph> capture;
  std::vector<size_t> nodes;
};

Stream *of(CUstream stream) {
  return reinterpret_cast<Stream *>(stream);
}
Event *of(CUevent event) {
  return reinterpret_cast<Event *>(event);
}

} // namespace

struct RecordingDriver::State {
  State(RecordingDriver &driver, Options options) : driver(driver), options(std::move(options)) {}
  ~State() {
    for (auto &[memory, bytes] : deviceMemory) std::free(memory);
    for (void *memory : hostMemory) std::free(memory);
  }

  /// Writes the call down; what it fails with, if that was asked for.
  CUresult called(const char *function) {
    driver.calls.push_back(function);
    auto it = driver.failures.find(function);
    if (it == driver.failures.end()) return CUDA_SUCCESS;
    CUresult result = it->second;
    driver.failures.erase(it);
    return result;
  }
  bool isOnDevice(const void *address, size_t bytes) const {
    for (const auto &[memory, size] : deviceMemory)
      if (address >= memory &&
          static_cast<const char *>(address) + bytes <= static_cast<const char *>(memory) + size)
        return true;
    return false;
  }
  CUresult give(Stream *stream, Work work) {
    if (stream->capture) {
      stream->capture->nodes.push_back({std::move(work), stream->last});
      stream->last = {stream->capture->nodes.size() - 1};
    } else {
      stream->queue.push_back({std::move(work), nullptr});
    }
    return CUDA_SUCCESS;
  }
  /// Runs until `stream` is empty. False: it never will be.
  bool drain(Stream *stream) {
    while (!stream->queue.empty()) {
      bool moved = false;
      for (size_t i = streams.size(); i-- > 0 && !moved;) {
        std::deque<Stream::Item> &queue = streams[i]->queue;
        if (queue.empty() || (queue.front().waitsFor && !*queue.front().waitsFor)) continue;
        Stream::Item item = std::move(queue.front());
        queue.pop_front();
        if (item.work) item.work();
        moved = true;
      }
      if (!moved) return false;
    }
    return true;
  }
  /// Whether everything that the capture's other streams did comes before the origin's end.
  bool isJoined(const Stream &origin) const {
    std::set<size_t> reached;
    std::vector<size_t> next = origin.last;
    while (!next.empty()) {
      size_t node = next.back();
      next.pop_back();
      if (!reached.insert(node).second) continue;
      const auto &after = origin.capture->nodes[node].after;
      next.insert(next.end(), after.begin(), after.end());
    }
    for (const auto &stream : streams)
      if (stream->capture == origin.capture)
        for (size_t node : stream->last)
          if (!reached.count(node)) return false;
    return true;
  }

  RecordingDriver &driver;
  Options options;
  int64_t used = 0;
  std::map<void *, size_t> deviceMemory;
  std::set<void *> hostMemory;
  std::vector<std::unique_ptr<Stream>> streams;
  std::vector<std::unique_ptr<Event>> events;
  std::vector<std::shared_ptr<Graph>> captured;
  State *outer = nullptr; // The double that this one stands before.
  static State *current;
};

RecordingDriver::State *RecordingDriver::State::current = nullptr;

namespace {

using State = RecordingDriver::State;

State &now() {
  return *State::current;
}

#define WEIR_RECORD(name)                                                                          \
  if (CUresult failure = now().called(#name); failure != CUDA_SUCCESS) return failure

void addDevices(DriverTable &t) {
  t.cuGetErrorName = [](CUresult result, const char **name) -> CUresult {
    *name = result == CUDA_ERROR_OUT_OF_MEMORY     ? "CUDA_ERROR_OUT_OF_MEMORY"
            : result == CUDA_ERROR_ILLEGAL_ADDRESS ? "CUDA_ERROR_ILLEGAL_ADDRESS"
                                                   : "CUDA_ERROR_OTHER";
    return CUDA_SUCCESS;
  };
  t.cuGetErrorString = [](CUresult, const char **words) -> CUresult {
    *words = "as the double was told";
    return CUDA_SUCCESS;
  };
  t.cuDeviceGetCount = [](int *count) -> CUresult {
    *count = now().options.devices;
    return CUDA_SUCCESS;
  };
  t.cuDeviceGet = [](CUdevice *device, int ordinal) -> CUresult {
    *device = ordinal;
    return CUDA_SUCCESS;
  };
  t.cuDeviceGetName = [](char *name, int size, CUdevice) -> CUresult {
    std::strncpy(name, "Double of a GPU", size_t(size));
    return CUDA_SUCCESS;
  };
  t.cuDeviceTotalMem = [](size_t *bytes, CUdevice) -> CUresult {
    *bytes = size_t(now().options.memoryBytes);
    return CUDA_SUCCESS;
  };
  t.cuDeviceGetAttribute = [](int *value, CUdevice_attribute which, CUdevice) -> CUresult {
    *value = which == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR   ? now().options.major
             : which == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR ? now().options.minor
                                                                     : 132;
    return CUDA_SUCCESS;
  };
  t.cuDevicePrimaryCtxRetain = [](CUcontext *context, CUdevice device) -> CUresult {
    WEIR_RECORD(cuDevicePrimaryCtxRetain);
    *context = reinterpret_cast<CUcontext>(intptr_t(device + 1));
    return CUDA_SUCCESS;
  };
  t.cuDevicePrimaryCtxRelease = [](CUdevice) -> CUresult {
    WEIR_RECORD(cuDevicePrimaryCtxRelease);
    return CUDA_SUCCESS;
  };
  t.cuCtxSetCurrent = [](CUcontext) -> CUresult { return CUDA_SUCCESS; };
}

void addMemory(DriverTable &t) {
  t.cuMemGetInfo = [](size_t *free, size_t *total) -> CUresult {
    *free = size_t(now().options.memoryBytes - now().used);
    *total = size_t(now().options.memoryBytes);
    return CUDA_SUCCESS;
  };
  t.cuMemAlloc = [](CUdeviceptr *memory, size_t bytes) -> CUresult {
    WEIR_RECORD(cuMemAlloc);
    if (bytes > size_t(now().options.memoryBytes - now().used)) return CUDA_ERROR_OUT_OF_MEMORY;
    size_t rounded = (bytes + 255) / 256 * 256;
    void *made = std::aligned_alloc(256, rounded);
    std::memset(made, 0xa5, rounded);
    now().deviceMemory[made] = bytes;
    now().used += int64_t(bytes);
    *memory = reinterpret_cast<CUdeviceptr>(made);
    return CUDA_SUCCESS;
  };
  t.cuMemFree = [](CUdeviceptr memory) -> CUresult {
    WEIR_RECORD(cuMemFree);
    auto it = now().deviceMemory.find(reinterpret_cast<void *>(memory));
    if (it == now().deviceMemory.end()) return CUDA_ERROR_INVALID_VALUE;
    now().used -= int64_t(it->second);
    std::free(it->first);
    now().deviceMemory.erase(it);
    return CUDA_SUCCESS;
  };
  t.cuMemAllocHost = [](void **memory, size_t bytes) -> CUresult {
    WEIR_RECORD(cuMemAllocHost);
    *memory = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
    now().hostMemory.insert(*memory);
    return CUDA_SUCCESS;
  };
  t.cuMemFreeHost = [](void *memory) -> CUresult {
    WEIR_RECORD(cuMemFreeHost);
    if (!now().hostMemory.erase(memory)) return CUDA_ERROR_INVALID_VALUE;
    std::free(memory);
    return CUDA_SUCCESS;
  };
}

/// Which sides of a copy are on the device.
CUresult copy(void *to, bool toDevice, const void *from, bool fromDevice, size_t bytes,
              CUstream stream) {
  if (now().isOnDevice(to, bytes) != toDevice || now().isOnDevice(from, bytes) != fromDevice)
    return CUDA_ERROR_INVALID_VALUE;
  return now().give(of(stream), [=] { std::memcpy(to, from, bytes); });
}

void addCopies(DriverTable &t) {
  t.cuMemcpyHtoDAsync = [](CUdeviceptr to, const void *from, size_t bytes,
                           CUstream stream) -> CUresult {
    WEIR_RECORD(cuMemcpyHtoDAsync);
    return copy(reinterpret_cast<void *>(to), true, from, false, bytes, stream);
  };
  t.cuMemcpyDtoHAsync = [](void *to, CUdeviceptr from, size_t bytes, CUstream stream) -> CUresult {
    WEIR_RECORD(cuMemcpyDtoHAsync);
    return copy(to, false, reinterpret_cast<void *>(from), true, bytes, stream);
  };
  t.cuMemcpyDtoDAsync = [](CUdeviceptr to, CUdeviceptr from, size_t bytes,
                           CUstream stream) -> CUresult {
    WEIR_RECORD(cuMemcpyDtoDAsync);
    return copy(reinterpret_cast<void *>(to), true, reinterpret_cast<void *>(from), true, bytes,
                stream);
  };
  t.cuMemsetD8Async = [](CUdeviceptr memory, unsigned char value, size_t bytes,
                         CUstream stream) -> CUresult {
    WEIR_RECORD(cuMemsetD8Async);
    void *at = reinterpret_cast<void *>(memory);
    if (!now().isOnDevice(at, bytes)) return CUDA_ERROR_INVALID_VALUE;
    return now().give(of(stream), [=] { std::memset(at, value, bytes); });
  };
}

void addStreams(DriverTable &t) {
  t.cuStreamCreate = [](CUstream *stream, unsigned) -> CUresult {
    WEIR_RECORD(cuStreamCreate);
    now().streams.push_back(std::make_unique<Stream>());
    *stream = reinterpret_cast<CUstream>(now().streams.back().get());
    return CUDA_SUCCESS;
  };
  t.cuStreamDestroy = [](CUstream) -> CUresult {
    WEIR_RECORD(cuStreamDestroy);
    return CUDA_SUCCESS;
  };
  t.cuStreamSynchronize = [](CUstream stream) -> CUresult {
    WEIR_RECORD(cuStreamSynchronize);
    if (of(stream)->capture) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    return now().drain(of(stream)) ? CUDA_SUCCESS : CUDA_ERROR_LAUNCH_TIMEOUT;
  };
  t.cuEventCreate = [](CUevent *event, unsigned) -> CUresult {
    WEIR_RECORD(cuEventCreate);
    now().events.push_back(std::make_unique<Event>());
    *event = reinterpret_cast<CUevent>(now().events.back().get());
    return CUDA_SUCCESS;
  };
  t.cuEventDestroy = [](CUevent) -> CUresult {
    WEIR_RECORD(cuEventDestroy);
    return CUDA_SUCCESS;
  };
  t.cuEventRecord = [](CUevent event, CUstream stream) -> CUresult {
    WEIR_RECORD(cuEventRecord);
    Stream *on = of(stream);
    if (on->capture) {
      *of(event) = {nullptr, on->capture, on->last};
      return CUDA_SUCCESS;
    }
    auto done = std::make_shared<bool>(false);
    *of(event) = {done, nullptr, {}};
    on->queue.push_back({[done] { *done = true; }, nullptr});
    return CUDA_SUCCESS;
  };
  t.cuStreamWaitEvent = [](CUstream stream, CUevent event, unsigned) -> CUresult {
    WEIR_RECORD(cuStreamWaitEvent);
    Stream *on = of(stream);
    if (of(event)->capture) {
      if (on->capture && on->capture != of(event)->capture) return CUDA_ERROR_STREAM_CAPTURE_MERGE;
      on->capture = of(event)->capture;
      on->last.insert(on->last.end(), of(event)->nodes.begin(), of(event)->nodes.end());
      return CUDA_SUCCESS;
    }
    if (on->capture) return of(event)->done ? CUDA_ERROR_STREAM_CAPTURE_ISOLATION : CUDA_SUCCESS;
    if (of(event)->done) on->queue.push_back({nullptr, of(event)->done});
    return CUDA_SUCCESS;
  };
}

void addKernels(DriverTable &t) {
  t.cuModuleLoadData = [](CUmodule *module, const void *image) -> CUresult {
    WEIR_RECORD(cuModuleLoadData);
    *module = reinterpret_cast<CUmodule>(const_cast<void *>(image));
    return CUDA_SUCCESS;
  };
  t.cuModuleUnload = [](CUmodule) -> CUresult {
    WEIR_RECORD(cuModuleUnload);
    return CUDA_SUCCESS;
  };
  t.cuModuleGetFunction = [](CUfunction *function, CUmodule, const char *name) -> CUresult {
    auto it = now().options.kernels.find(name);
    if (it == now().options.kernels.end()) return CUDA_ERROR_NOT_FOUND;
    *function = reinterpret_cast<CUfunction>(&it->second);
    return CUDA_SUCCESS;
  };
  t.cuLaunchKernel = [](CUfunction function, unsigned blocks, unsigned, unsigned, unsigned threads,
                        unsigned, unsigned, unsigned, CUstream stream, void **parameters,
                        void **) -> CUresult {
    WEIR_RECORD(cuLaunchKernel);
    auto *kernel = reinterpret_cast<RecordingDriver::Kernel *>(function);
    std::vector<void *> buffers;
    for (int i = 0; i < kernel->parameters; ++i)
      buffers.push_back(*static_cast<void **>(parameters[i]));
    Grid grid{int32_t(blocks), int32_t(threads)};
    return now().give(of(stream), [=]() mutable { kernel->run(buffers.data(), grid); });
  };
}

void addGraphs(DriverTable &t) {
  t.cuStreamBeginCapture = [](CUstream stream, CUstreamCaptureMode) -> CUresult {
    WEIR_RECORD(cuStreamBeginCapture);
    if (of(stream)->capture) return CUDA_ERROR_ILLEGAL_STATE;
    of(stream)->capture = std::make_shared<Graph>();
    of(stream)->last.clear();
    return CUDA_SUCCESS;
  };
  t.cuStreamEndCapture = [](CUstream stream, CUgraph *graph) -> CUresult {
    WEIR_RECORD(cuStreamEndCapture);
    std::shared_ptr<Graph> made = of(stream)->capture;
    if (!made) return CUDA_ERROR_ILLEGAL_STATE;
    bool joined = now().isJoined(*of(stream));
    for (auto &each : now().streams)
      if (each->capture == made) {
        each->capture = nullptr;
        each->last.clear();
      }
    for (auto &event : now().events)
      if (event->capture == made) *event = Event();
    if (!joined) return CUDA_ERROR_STREAM_CAPTURE_UNJOINED;
    now().captured.push_back(made);
    *graph = reinterpret_cast<CUgraph>(made.get());
    return CUDA_SUCCESS;
  };
  t.cuGraphInstantiateWithFlags = [](CUgraphExec *ready, CUgraph graph,
                                     unsigned long long) -> CUresult {
    WEIR_RECORD(cuGraphInstantiateWithFlags);
    *ready = reinterpret_cast<CUgraphExec>(graph);
    return CUDA_SUCCESS;
  };
  t.cuGraphDestroy = [](CUgraph) -> CUresult { return CUDA_SUCCESS; };
  t.cuGraphExecDestroy = [](CUgraphExec) -> CUresult { return CUDA_SUCCESS; };
  t.cuGraphLaunch = [](CUgraphExec graph, CUstream stream) -> CUresult {
    WEIR_RECORD(cuGraphLaunch);
    auto *nodes = reinterpret_cast<Graph *>(graph);
    return now().give(of(stream), [nodes] { nodes->run(); });
  };
}

} // namespace

RecordingDriver::RecordingDriver(Options options)
    : state(std::make_unique<State>(*this, std::move(options))) {
  state->outer = State::current;
  State::current = state.get();
  addDevices(functions);
  addMemory(functions);
  addCopies(functions);
  addStreams(functions);
  addKernels(functions);
  addGraphs(functions);
}

bool RecordingDriver::isOnDevice(const void *address, size_t bytes) const {
  return state->isOnDevice(address, bytes);
}

void RecordingDriver::give(CUstream stream, std::function<void()> work) {
  state->give(of(stream), std::move(work));
}

RecordingDriver::~RecordingDriver() {
  State::current = state->outer;
}

} // namespace weir::runtime::cuda

#endif
