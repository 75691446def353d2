// A double of libcuda for tests without a GPU: writes down every call, keeps device memory apart
// from the host's, and runs streams as late and in as strange an order as their events allow, so
// that a missing wait gives wrong values.
#pragma once

#include "runtime/device/cuda/driver.h"
#include "runtime/device/device.h"

#if WEIR_HAVE_CUDA

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace weir::runtime::cuda {

/// The last one made is the process's libcuda until it is gone.
class RecordingDriver {
public:
  struct Kernel {
    int parameters = 0; // pointers
    std::function<void(void **buffers, const Grid &grid)> run;
  };
  struct Options {
    int devices = 2, major = 9, minor = 0;
    int64_t memoryBytes = int64_t(1) << 30; // of each device
    std::map<std::string, Kernel> kernels;  // in every module
  };
  explicit RecordingDriver(Options options);
  ~RecordingDriver();

  const DriverTable &table() const { return functions; }
  /// Names in the order of the calls, those that only look something up left out.
  std::vector<std::string> calls;
  /// Makes the next call of this function fail.
  void failNext(const std::string &function, CUresult result) { failures[function] = result; }

  /// For doubles of libraries: whether all of that memory is a device's, and work of a stream,
  /// which becomes a node of the graph while it is captured.
  bool isOnDevice(const void *address, size_t bytes) const;
  void give(CUstream stream, std::function<void()> work);

  struct State;

private:
  friend struct State;
  DriverTable functions;
  std::map<std::string, CUresult> failures;
  std::unique_ptr<State> state;
};

} // namespace weir::runtime::cuda

#endif
