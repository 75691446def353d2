// Convolutions by cuDNN, which nothing links: a table of its functions, found at run time and typed
// by its own headers, as blas.h is for cuBLASLt; then the convolutions of one device.
#pragma once

#include "runtime/device/convolution.h"
#include "weir_cuda_config.h"
#include "weir_cudnn_config.h"

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <memory>

#if WEIR_HAVE_CUDA && WEIR_HAVE_CUDNN_HEADERS
#define WEIR_HAVE_DNN 1
#include <cudnn_cnn.h>

#define WEIR_DNN_FUNCTIONS(X)                                                                      \
  X(cudnnGetVersion)                                                                               \
  X(cudnnGetErrorString)                                                                           \
  X(cudnnCreate)                                                                                   \
  X(cudnnDestroy)                                                                                  \
  X(cudnnSetStream)                                                                                \
  X(cudnnCreateTensorDescriptor)                                                                   \
  X(cudnnDestroyTensorDescriptor)                                                                  \
  X(cudnnSetTensorNdDescriptor)                                                                    \
  X(cudnnCreateFilterDescriptor)                                                                   \
  X(cudnnDestroyFilterDescriptor)                                                                  \
  X(cudnnSetFilterNdDescriptor)                                                                    \
  X(cudnnCreateConvolutionDescriptor)                                                              \
  X(cudnnDestroyConvolutionDescriptor)                                                             \
  X(cudnnSetConvolutionNdDescriptor)                                                               \
  X(cudnnSetConvolutionGroupCount)                                                                 \
  X(cudnnSetConvolutionMathType)                                                                   \
  X(cudnnGetConvolutionForwardAlgorithm_v7)                                                        \
  X(cudnnGetConvolutionForwardWorkspaceSize)                                                       \
  X(cudnnConvolutionForward)                                                                       \
  X(cudnnGetConvolutionBackwardDataAlgorithm_v7)                                                   \
  X(cudnnGetConvolutionBackwardDataWorkspaceSize)                                                  \
  X(cudnnConvolutionBackwardData)                                                                  \
  X(cudnnGetConvolutionBackwardFilterAlgorithm_v7)                                                 \
  X(cudnnGetConvolutionBackwardFilterWorkspaceSize)                                                \
  X(cudnnConvolutionBackwardFilter)
#else
#define WEIR_HAVE_DNN 0
#endif

namespace weir::runtime::cuda {

#if WEIR_HAVE_DNN
struct DnnTable {
#define WEIR_DNN_FIELD(name) decltype(&::name) name = nullptr;
  WEIR_DNN_FUNCTIONS(WEIR_DNN_FIELD)
#undef WEIR_DNN_FIELD
};
#else
struct DnnTable {};
#endif

/// Fills a table from the library of that name (library.h). Errors: no such library; a function
/// that it lacks.
absl::StatusOr<DnnTable> loadDnn(const char *name);
/// This process's cuDNN. Errors: say what is missing, for users: its headers when this was built,
/// the library.
absl::StatusOr<const DnnTable *> dnn();

/// Convolutions on the device whose context is current in every call.
class Convolutions {
public:
  virtual ~Convolutions() = default;
  /// Chooses how a convolution is computed and returns its number, counted from 0. Operands lie at
  /// multiples of 16 bytes. Errors: no algorithm whose bits are the same in every run takes it
  /// within the workspace; what cuDNN says.
  virtual absl::StatusOr<size_t> plan(const Convolution &convolution, int64_t workspaceBytes) = 0;
  /// `stream`: a CUstream, which may be captured. `buffers`: lhs, rhs, result, workspace.
  virtual absl::Status run(size_t plan, std::byte *const *buffers, void *stream) = 0;
};
/// The table must outlive it. Errors: what cuDNN says; how this was built.
absl::StatusOr<std::unique_ptr<Convolutions>> makeConvolutions(const DnnTable &table);

} // namespace weir::runtime::cuda
