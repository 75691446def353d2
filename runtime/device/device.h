//===- device.h - what every kind of device can do --------------*- C++ -*-===//
// Memory, streams, events, asynchronous copies, kernels and captured graphs, alike on the CPU (for
// tests and for several devices in one process) and on GPUs. Handles are small numbers of one
// device; a wrong one is an error, never undefined. Devices are used from one thread at a time.
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/device/convolution.h"
#include "runtime/device/matrix_product.h"

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace weir::runtime {

struct DeviceInfo {
  std::string name; // "cpu", "cuda:0"
  std::string description;
  int64_t memoryBytes = 0;
  int64_t multiprocessors = 0; // cores of a CPU
  std::string architecture;    // "sm_90"
};

enum class StreamId : int32_t {};
enum class EventId : int32_t {};
enum class KernelId : int32_t {};
enum class GraphId : int32_t {};

/// A kernel in code that this kind of device takes: on the CPU `function`, on a GPU the entry of a
/// module of PTX or cubin, which the device keeps as long as it needs it; or no code but a product
/// or a convolution that a library of the device does.
struct KernelCode {
  void (*function)(void **buffers, int64_t begin, int64_t end, void *scratch) = nullptr;
  std::shared_ptr<const void> module;
  int64_t moduleBytes = 0;
  std::string entry;
  int64_t tasks = 1;
  int64_t scratchBytes = 0; // for each CPU thread, or warp; or the library's workspace
  std::optional<MatrixProduct> product = {};   // lhs, rhs, result, then the workspace
  std::optional<Convolution> convolution = {}; // the same
};

/// How many blocks of threads take part; a CPU does all tasks in one call.
struct Grid {
  int32_t blocks = 1, threadsPerBlock = 128;
};

class Device {
public:
  virtual ~Device() = default;
  virtual const DeviceInfo &info() const = 0;

  /// Aligned to 256. Errors: resource exhausted, with what was asked for and what is free.
  virtual absl::StatusOr<std::byte *> allocate(int64_t bytes) = 0;
  virtual absl::Status release(std::byte *memory) = 0;
  /// Host memory that asynchronous copies may use.
  virtual absl::StatusOr<std::byte *> allocateHost(int64_t bytes) = 0;
  virtual absl::Status releaseHost(std::byte *memory) = 0;

  /// Work of one stream runs in its order; streams are ordered by events alone.
  virtual absl::StatusOr<StreamId> createStream() = 0;
  virtual absl::StatusOr<EventId> createEvent() = 0;
  /// The event stands for everything that `stream` has been given so far.
  virtual absl::Status record(EventId event, StreamId stream) = 0;
  /// What `stream` is given from now on starts after the event. An event never recorded is over.
  virtual absl::Status wait(StreamId stream, EventId event) = 0;
  /// Blocks the caller. Errors: those of the stream's earlier work.
  virtual absl::Status synchronize(StreamId stream) = 0;

  /// Asynchronous; the memory belongs to the device until the stream is past it.
  virtual absl::Status copyToDevice(std::byte *to, const std::byte *from, int64_t bytes,
                                    StreamId stream) = 0;
  virtual absl::Status copyToHost(std::byte *to, const std::byte *from, int64_t bytes,
                                  StreamId stream) = 0;
  virtual absl::Status copyWithin(std::byte *to, const std::byte *from, int64_t bytes,
                                  StreamId stream) = 0;
  virtual absl::Status fill(std::byte *memory, uint8_t value, int64_t bytes, StreamId stream) = 0;

  virtual absl::StatusOr<KernelId> load(const KernelCode &code) = 0;
  /// `buffers`: addresses on the device; the list is copied. Scratch is the last of them on a GPU.
  virtual absl::Status launch(KernelId kernel, const Grid &grid,
                              const std::vector<std::byte *> &buffers, StreamId stream) = 0;

  /// Between these, what the stream (and those that wait for its events) is given does not run but
  /// becomes a graph.
  virtual absl::Status beginCapture(StreamId stream) = 0;
  virtual absl::StatusOr<GraphId> endCapture(StreamId stream) = 0;
  /// Runs all of a graph as one piece of work of `stream`.
  virtual absl::Status launchGraph(GraphId graph, StreamId stream) = 0;
};

} // namespace weir::runtime
