// One call of libcuda for each function of the interface, all in the device's primary context.
// Nothing is allocated by a launch, a copy or a wait.
#include "runtime/device/cuda/cuda_device.h"

#include <absl/strings/str_cat.h>

#include <map>
#include <set>

namespace weir::runtime::cuda {

#if WEIR_HAVE_CUDA

namespace {

// Calls a function of the table; its failure is the caller's.
#define WEIR_CUDA_TRY(name, ...)                                                                   \
  do {                                                                                             \
    if (CUresult result = table.name(__VA_ARGS__); result != CUDA_SUCCESS)                         \
      return failed(result, #name);                                                                \
  } while (false)

CUdeviceptr addressOf(const std::byte *memory) {
  return reinterpret_cast<CUdeviceptr>(memory);
}

class CudaDevice : public Device {
public:
  CudaDevice(const DriverTable &table, const BlasTable *blasTable, const DnnTable *dnnTable)
      : table(table), blasTable(blasTable), dnnTable(dnnTable) {}
  absl::Status open(int ordinal);
  ~CudaDevice() override;

  const DeviceInfo &info() const override { return deviceInfo; }
  absl::StatusOr<std::byte *> allocate(int64_t bytes) override;
  absl::Status release(std::byte *memory) override;
  absl::StatusOr<std::byte *> allocateHost(int64_t bytes) override;
  absl::Status releaseHost(std::byte *memory) override;
  absl::StatusOr<StreamId> createStream() override;
  absl::StatusOr<EventId> createEvent() override;
  absl::Status record(EventId event, StreamId stream) override;
  absl::Status wait(StreamId stream, EventId event) override;
  absl::Status synchronize(StreamId stream) override;
  absl::Status copyToDevice(std::byte *to, const std::byte *from, int64_t bytes,
                            StreamId stream) override;
  absl::Status copyToHost(std::byte *to, const std::byte *from, int64_t bytes,
                          StreamId stream) override;
  absl::Status copyWithin(std::byte *to, const std::byte *from, int64_t bytes,
                          StreamId stream) override;
  absl::Status fill(std::byte *memory, uint8_t value, int64_t bytes, StreamId stream) override;
  absl::StatusOr<KernelId> load(const KernelCode &code) override;
  absl::Status launch(KernelId kernel, const Grid &grid, const std::vector<std::byte *> &buffers,
                      StreamId stream) override;
  absl::Status beginCapture(StreamId stream) override;
  absl::StatusOr<GraphId> endCapture(StreamId stream) override;
  absl::Status launchGraph(GraphId graph, StreamId stream) override;

private:
  absl::Status failed(CUresult result, const char *function) const {
    absl::Status status = statusOf(table, result, function);
    return absl::Status(status.code(), absl::StrCat(deviceInfo.name, ": ", status.message()));
  }
  absl::Status wrongHandle(const char *what) const {
    return absl::InvalidArgumentError(absl::StrCat(deviceInfo.name, ": no such ", what));
  }
  /// Makes the device's context the calling thread's, and finds the stream. Null: an error.
  absl::StatusOr<CUstream> enter(StreamId stream) const {
    if (size_t(stream) >= streams.size()) return wrongHandle("stream");
    WEIR_CUDA_TRY(cuCtxSetCurrent, context);
    return streams[size_t(stream)];
  }

  /// `what`: "a dot that cuBLASLt does".
  absl::Status refused(const KernelCode &code, const char *what, const absl::Status &why) const;
  absl::StatusOr<KernelId> loadProduct(const KernelCode &code);
  absl::StatusOr<KernelId> loadConvolution(const KernelCode &code);

  const DriverTable &table;
  const BlasTable *blasTable;
  const DnnTable *dnnTable;
  DeviceInfo deviceInfo;
  CUdevice device = 0;
  CUcontext context = nullptr;
  std::set<std::byte *> memories, hostMemories;
  std::vector<CUstream> streams;
  std::vector<CUevent> events;
  struct Kernel {
    enum class By : uint8_t { Function, Product, Convolution } by = By::Function;
    CUfunction function = nullptr;
    size_t plan = 0; // of a product or a convolution
  };
  std::vector<Kernel> kernels;
  std::unique_ptr<MatrixProducts> products;   // Made for the first of them.
  std::unique_ptr<Convolutions> convolutions; // As well.
  std::vector<CUgraphExec> graphs;
  struct Module {
    CUmodule loaded = nullptr;
    std::shared_ptr<const void> image; // Kept, so that no other comes to lie where it does.
  };
  std::map<const void *, Module> modules; // By their images.
  std::vector<void *> parameters;         // Of the launch at hand.
};

absl::Status CudaDevice::open(int ordinal) {
  deviceInfo.name = absl::StrCat("cuda:", ordinal);
  int count = 0;
  WEIR_CUDA_TRY(cuDeviceGetCount, &count);
  if (ordinal < 0 || ordinal >= count)
    return absl::NotFoundError(absl::StrCat("no GPU ", ordinal, "; there are ", count));
  WEIR_CUDA_TRY(cuDeviceGet, &device, ordinal);
  char name[256] = {};
  WEIR_CUDA_TRY(cuDeviceGetName, name, int(sizeof(name)), device);
  size_t bytes = 0;
  WEIR_CUDA_TRY(cuDeviceTotalMem, &bytes, device);
  int major = 0, minor = 0, multiprocessors = 0;
  WEIR_CUDA_TRY(cuDeviceGetAttribute, &major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, device);
  WEIR_CUDA_TRY(cuDeviceGetAttribute, &minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, device);
  WEIR_CUDA_TRY(cuDeviceGetAttribute, &multiprocessors, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT,
                device);
  constexpr int leastMajor = 8; // What kernels are compiled for: codegen/cuda/target.h.
  if (major < leastMajor)
    return absl::UnavailableError(
        absl::StrCat("GPU ", ordinal, ", ", name, ", is sm_", major, minor, "; sm_80 is needed"));
  deviceInfo.description = name;
  deviceInfo.memoryBytes = int64_t(bytes);
  deviceInfo.multiprocessors = multiprocessors;
  deviceInfo.architecture = absl::StrCat("sm_", major, minor);
  WEIR_CUDA_TRY(cuDevicePrimaryCtxRetain, &context, device);
  WEIR_CUDA_TRY(cuCtxSetCurrent, context);
  return absl::OkStatus();
}

CudaDevice::~CudaDevice() {
  if (!context) return;
  table.cuCtxSetCurrent(context);
  for (CUstream stream : streams) table.cuStreamSynchronize(stream);
  products.reset();
  convolutions.reset();
  for (CUgraphExec graph : graphs) table.cuGraphExecDestroy(graph);
  for (CUevent event : events) table.cuEventDestroy(event);
  for (CUstream stream : streams) table.cuStreamDestroy(stream);
  for (auto &[image, module] : modules)
    if (module.loaded) table.cuModuleUnload(module.loaded);
  for (std::byte *memory : memories) table.cuMemFree(addressOf(memory));
  for (std::byte *memory : hostMemories) table.cuMemFreeHost(memory);
  table.cuDevicePrimaryCtxRelease(device);
}

absl::StatusOr<std::byte *> CudaDevice::allocate(int64_t bytes) {
  WEIR_CUDA_TRY(cuCtxSetCurrent, context);
  CUdeviceptr memory = 0;
  size_t wanted = size_t(std::max<int64_t>(bytes, 1));
  if (CUresult result = table.cuMemAlloc(&memory, wanted); result != CUDA_SUCCESS) {
    size_t free = 0, total = 0;
    table.cuMemGetInfo(&free, &total);
    if (result != CUDA_ERROR_OUT_OF_MEMORY) return failed(result, "cuMemAlloc");
    return absl::ResourceExhaustedError(
        absl::StrCat(deviceInfo.name, ": cannot allocate ", bytes, " bytes; ", free, " are free"));
  }
  return *memories.insert(reinterpret_cast<std::byte *>(memory)).first;
}

absl::Status CudaDevice::release(std::byte *memory) {
  if (!memories.erase(memory)) return wrongHandle("memory");
  WEIR_CUDA_TRY(cuCtxSetCurrent, context);
  WEIR_CUDA_TRY(cuMemFree, addressOf(memory));
  return absl::OkStatus();
}

absl::StatusOr<std::byte *> CudaDevice::allocateHost(int64_t bytes) {
  WEIR_CUDA_TRY(cuCtxSetCurrent, context);
  void *memory = nullptr;
  WEIR_CUDA_TRY(cuMemAllocHost, &memory, size_t(std::max<int64_t>(bytes, 1)));
  return *hostMemories.insert(static_cast<std::byte *>(memory)).first;
}

absl::Status CudaDevice::releaseHost(std::byte *memory) {
  if (!hostMemories.erase(memory)) return wrongHandle("memory");
  WEIR_CUDA_TRY(cuMemFreeHost, memory);
  return absl::OkStatus();
}

absl::StatusOr<StreamId> CudaDevice::createStream() {
  WEIR_CUDA_TRY(cuCtxSetCurrent, context);
  CUstream stream = nullptr;
  WEIR_CUDA_TRY(cuStreamCreate, &stream, CU_STREAM_NON_BLOCKING);
  streams.push_back(stream);
  return StreamId(streams.size() - 1);
}

absl::StatusOr<EventId> CudaDevice::createEvent() {
  WEIR_CUDA_TRY(cuCtxSetCurrent, context);
  CUevent event = nullptr;
  WEIR_CUDA_TRY(cuEventCreate, &event, CU_EVENT_DISABLE_TIMING);
  events.push_back(event);
  return EventId(events.size() - 1);
}

absl::Status CudaDevice::record(EventId event, StreamId stream) {
  if (size_t(event) >= events.size()) return wrongHandle("event");
  auto on = enter(stream);
  if (!on.ok()) return on.status();
  WEIR_CUDA_TRY(cuEventRecord, events[size_t(event)], *on);
  return absl::OkStatus();
}

absl::Status CudaDevice::wait(StreamId stream, EventId event) {
  if (size_t(event) >= events.size()) return wrongHandle("event");
  auto on = enter(stream);
  if (!on.ok()) return on.status();
  WEIR_CUDA_TRY(cuStreamWaitEvent, *on, events[size_t(event)], CU_EVENT_WAIT_DEFAULT);
  return absl::OkStatus();
}

absl::Status CudaDevice::synchronize(StreamId stream) {
  auto on = enter(stream);
  if (!on.ok()) return on.status();
  WEIR_CUDA_TRY(cuStreamSynchronize, *on);
  return absl::OkStatus();
}

absl::Status CudaDevice::copyToDevice(std::byte *to, const std::byte *from, int64_t bytes,
                                      StreamId stream) {
  auto on = enter(stream);
  if (!on.ok()) return on.status();
  WEIR_CUDA_TRY(cuMemcpyHtoDAsync, addressOf(to), from, size_t(bytes), *on);
  return absl::OkStatus();
}

absl::Status CudaDevice::copyToHost(std::byte *to, const std::byte *from, int64_t bytes,
                                    StreamId stream) {
  auto on = enter(stream);
  if (!on.ok()) return on.status();
  WEIR_CUDA_TRY(cuMemcpyDtoHAsync, to, addressOf(from), size_t(bytes), *on);
  return absl::OkStatus();
}

absl::Status CudaDevice::copyWithin(std::byte *to, const std::byte *from, int64_t bytes,
                                    StreamId stream) {
  auto on = enter(stream);
  if (!on.ok()) return on.status();
  WEIR_CUDA_TRY(cuMemcpyDtoDAsync, addressOf(to), addressOf(from), size_t(bytes), *on);
  return absl::OkStatus();
}

absl::Status CudaDevice::fill(std::byte *memory, uint8_t value, int64_t bytes, StreamId stream) {
  auto on = enter(stream);
  if (!on.ok()) return on.status();
  WEIR_CUDA_TRY(cuMemsetD8Async, addressOf(memory), value, size_t(bytes), *on);
  return absl::OkStatus();
}

absl::Status CudaDevice::refused(const KernelCode &code, const char *what,
                                 const absl::Status &why) const {
  return absl::Status(why.code(),
                      absl::StrCat(deviceInfo.name, ": kernel '", code.entry, "' is ", what, ": ",
                                   why.message(),
                                   "; compiled with --libraries none, Weir's own kernels do it"));
}

absl::StatusOr<KernelId> CudaDevice::loadProduct(const KernelCode &code) {
  const char *what = "a dot that cuBLASLt does";
  WEIR_CUDA_TRY(cuCtxSetCurrent, context);
  if (!products) {
    if (!blasTable) {
      auto found = blas();
      if (!found.ok()) return refused(code, what, found.status());
      blasTable = *found;
    }
    auto made = makeMatrixProducts(*blasTable);
    if (!made.ok()) return refused(code, what, made.status());
    products = *std::move(made);
  }
  auto plan = products->plan(*code.product, code.scratchBytes);
  if (!plan.ok()) return refused(code, what, plan.status());
  kernels.push_back({Kernel::By::Product, nullptr, *plan});
  return KernelId(kernels.size() - 1);
}

absl::StatusOr<KernelId> CudaDevice::loadConvolution(const KernelCode &code) {
  const char *what = "a convolution that cuDNN does";
  WEIR_CUDA_TRY(cuCtxSetCurrent, context);
  if (!convolutions) {
    if (!dnnTable) {
      auto found = dnn();
      if (!found.ok()) return refused(code, what, found.status());
      dnnTable = *found;
    }
    auto made = makeConvolutions(*dnnTable);
    if (!made.ok()) return refused(code, what, made.status());
    convolutions = *std::move(made);
  }
  auto plan = convolutions->plan(*code.convolution, code.scratchBytes);
  if (!plan.ok()) return refused(code, what, plan.status());
  kernels.push_back({Kernel::By::Convolution, nullptr, *plan});
  return KernelId(kernels.size() - 1);
}

absl::StatusOr<KernelId> CudaDevice::load(const KernelCode &code) {
  if (code.product) return loadProduct(code);
  if (code.convolution) return loadConvolution(code);
  if (!code.module)
    return absl::InvalidArgumentError(
        absl::StrCat("kernel '", code.entry, "' has no code for a GPU"));
  WEIR_CUDA_TRY(cuCtxSetCurrent, context);
  Module &module = modules[code.module.get()];
  module.image = code.module;
  if (!module.loaded) WEIR_CUDA_TRY(cuModuleLoadData, &module.loaded, code.module.get());
  CUfunction function = nullptr;
  WEIR_CUDA_TRY(cuModuleGetFunction, &function, module.loaded, code.entry.c_str());
  kernels.push_back({Kernel::By::Function, function});
  return KernelId(kernels.size() - 1);
}

absl::Status CudaDevice::launch(KernelId kernel, const Grid &grid,
                                const std::vector<std::byte *> &buffers, StreamId stream) {
  if (size_t(kernel) >= kernels.size()) return wrongHandle("kernel");
  auto on = enter(stream);
  if (!on.ok()) return on.status();
  const Kernel &chosen = kernels[size_t(kernel)];
  if (chosen.by != Kernel::By::Function) {
    constexpr size_t wanted = 4;
    if (buffers.size() != wanted) return wrongHandle("kernel of a library with that many buffers");
    return chosen.by == Kernel::By::Product ? products->run(chosen.plan, buffers.data(), *on)
                                            : convolutions->run(chosen.plan, buffers.data(), *on);
  }
  parameters.clear();
  for (std::byte *const &buffer : buffers)
    parameters.push_back(const_cast<std::byte **>(&buffer)); // libcuda copies what lies there.
  WEIR_CUDA_TRY(cuLaunchKernel, chosen.function, unsigned(grid.blocks), 1, 1,
                unsigned(grid.threadsPerBlock), 1, 1, /*sharedMemBytes=*/0, *on, parameters.data(),
                nullptr);
  return absl::OkStatus();
}

absl::Status CudaDevice::beginCapture(StreamId stream) {
  auto on = enter(stream);
  if (!on.ok()) return on.status();
  WEIR_CUDA_TRY(cuStreamBeginCapture, *on, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL);
  return absl::OkStatus();
}

absl::StatusOr<GraphId> CudaDevice::endCapture(StreamId stream) {
  auto on = enter(stream);
  if (!on.ok()) return on.status();
  CUgraph graph = nullptr;
  WEIR_CUDA_TRY(cuStreamEndCapture, *on, &graph);
  CUgraphExec ready = nullptr;
  CUresult made = table.cuGraphInstantiateWithFlags(&ready, graph, 0);
  table.cuGraphDestroy(graph);
  if (made != CUDA_SUCCESS) return failed(made, "cuGraphInstantiateWithFlags");
  graphs.push_back(ready);
  return GraphId(graphs.size() - 1);
}

absl::Status CudaDevice::launchGraph(GraphId graph, StreamId stream) {
  if (size_t(graph) >= graphs.size()) return wrongHandle("graph");
  auto on = enter(stream);
  if (!on.ok()) return on.status();
  WEIR_CUDA_TRY(cuGraphLaunch, graphs[size_t(graph)], *on);
  return absl::OkStatus();
}

} // namespace

absl::StatusOr<std::unique_ptr<Device>> openDevice(const DriverTable &table, int ordinal,
                                                   const BlasTable *blas, const DnnTable *dnn) {
  auto device = std::make_unique<CudaDevice>(table, blas, dnn);
  if (absl::Status opened = device->open(ordinal); !opened.ok()) return opened;
  return device;
}

int deviceCount() {
  auto table = driver();
  int count = 0;
  if (table.ok()) (*table)->cuDeviceGetCount(&count);
  return count;
}

#else

absl::StatusOr<std::unique_ptr<Device>> openDevice(const DriverTable &, int, const BlasTable *,
                                                   const DnnTable *) {
  return driver().status();
}

int deviceCount() {
  return 0;
}

#endif

absl::StatusOr<std::unique_ptr<Device>> openDevice(int ordinal) {
  auto table = driver();
  if (!table.ok()) return table.status();
  return openDevice(**table, ordinal);
}

} // namespace weir::runtime::cuda
