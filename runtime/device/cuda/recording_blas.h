// A double of cuBLASLt for tests without a GPU: products run on the streams of the double of
// libcuda, as plain loops over what the descriptors say, columns first. Strict: matrices that do
// not agree, memory that is the host's or no multiple of what was promised are errors.
#pragma once

#include "runtime/device/cuda/blas.h"
#include "runtime/device/cuda/recording_driver.h"

#if WEIR_HAVE_CUBLASLT

#include <string>
#include <vector>

namespace weir::runtime::cuda {

/// The last one made is the process's cuBLASLt until it is gone.
class RecordingBlas {
public:
  explicit RecordingBlas(RecordingDriver &driver);
  ~RecordingBlas();

  const BlasTable &table() const { return functions; }
  /// Of the calls of cublasLtMatmul, what they compute in.
  std::vector<cublasComputeType_t> products;
  /// Handles and descriptors that are not destroyed.
  int alive = 0;
  bool hasAlgorithms = true;

private:
  friend struct BlasCalls;
  RecordingDriver &driver;
  BlasTable functions;
  RecordingBlas *outer = nullptr; // The double that this one stands before.
  static RecordingBlas *current;
};

} // namespace weir::runtime::cuda

#endif
