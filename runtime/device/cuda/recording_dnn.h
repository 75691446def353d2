// A double of cuDNN for tests without a GPU: convolutions run on the streams of the double of
// libcuda, as plain loops over what the descriptors say. Strict: sizes that do not agree, memory
// that is the host's or at no multiple of 16 bytes are errors.
#pragma once

#include "runtime/device/cuda/dnn.h"
#include "runtime/device/cuda/recording_driver.h"

#if WEIR_HAVE_DNN

#include <vector>

namespace weir::runtime::cuda {

/// The last one made is the process's cuDNN until it is gone.
class RecordingDnn {
public:
  explicit RecordingDnn(RecordingDriver &driver);
  ~RecordingDnn();

  const DnnTable &table() const { return functions; }
  struct Call {
    Convolution convolution; // isTf32: whether its math may be in TF32
    int algorithm;
  };
  std::vector<Call> calls;
  /// Handles and descriptors that are not destroyed.
  int alive = 0;
  /// Of the algorithm that is deterministic; the list's first is not.
  size_t workspaceBytes = 256;

private:
  friend struct DnnCalls;
  RecordingDriver &driver;
  DnnTable functions;
  RecordingDnn *outer = nullptr; // The double that this one stands before.
  static RecordingDnn *current;
};

} // namespace weir::runtime::cuda

#endif
