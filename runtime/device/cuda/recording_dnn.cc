// Descriptors are structs behind the library's opaque pointers. The workspace is overwritten by
// every convolution, so that one that is shared at once, or too small, shows.
#include "runtime/device/cuda/recording_dnn.h"

#if WEIR_HAVE_DNN

#include <cstring>
#include <optional>

namespace weir::runtime::cuda {
namespace {

using Kind = Convolution::Kind;

struct Handle {
  CUstream stream = nullptr;
};

struct Tensor {
  cudnnDataType_t type = CUDNN_DATA_FLOAT;
  std::vector<int> sizes;
};

struct Operation {
  std::vector<int> low, strides, dilation;
  cudnnDataType_t compute = CUDNN_DATA_FLOAT;
  int groups = 1;
  cudnnMathType_t math = CUDNN_DEFAULT_MATH;
};

std::optional<DType> dtypeOfData(cudnnDataType_t type) {
  switch (type) {
  case CUDNN_DATA_HALF:
    return DType::F16;
  case CUDNN_DATA_BFLOAT16:
    return DType::BF16;
  case CUDNN_DATA_FLOAT:
    return DType::F32;
  case CUDNN_DATA_DOUBLE:
    return DType::F64;
  default:
    return std::nullopt;
  }
}

template <typename T, typename Opaque> T *of(Opaque *opaque) {
  return reinterpret_cast<T *>(opaque);
}

/// What the descriptors say in all; nothing where they do not agree.
std::optional<Convolution> described(Kind kind, const Tensor &x, const Tensor &w, const Tensor &y,
                                     const Operation &op) {
  const size_t rank = x.sizes.size();
  const auto dtype = dtypeOfData(x.type);
  if (rank < 4 || w.sizes.size() != rank || y.sizes.size() != rank || op.low.size() != rank - 2 ||
      !dtype || w.type != x.type || y.type != x.type ||
      (op.compute == CUDNN_DATA_DOUBLE) != (dtype == DType::F64) || op.groups < 1 ||
      x.sizes[0] != y.sizes[0] || x.sizes[1] != w.sizes[1] * op.groups ||
      y.sizes[1] != w.sizes[0] || y.sizes[1] % op.groups != 0)
    return std::nullopt;
  Convolution c;
  c.kind = kind;
  c.dtype = *dtype;
  c.batch = x.sizes[0];
  c.groups = op.groups;
  c.channels = w.sizes[1];
  c.outputs = w.sizes[0] / op.groups;
  c.isTf32 = dtype == DType::F32 && op.math != CUDNN_FMA_MATH;
  for (size_t d = 2; d < rank; ++d)
    c.dims.push_back(
        {x.sizes[d], w.sizes[d], y.sizes[d], op.strides[d - 2], op.dilation[d - 2], op.low[d - 2]});
  if (!bytesOf(c)) return std::nullopt;
  return c;
}

/// The tensors of one kind of convolution, in that kind's order of parameters.
template <Kind kind> struct Roles;
template <> struct Roles<Kind::Forward> {
  using Lhs = cudnnTensorDescriptor_t;
  using Rhs = cudnnFilterDescriptor_t;
  using Result = cudnnTensorDescriptor_t;
  using Algorithm = cudnnConvolutionFwdAlgo_t;
  using Found = cudnnConvolutionFwdAlgoPerf_t;
  static constexpr bool isRhsFirst = false;
};
template <> struct Roles<Kind::InputGradient> { // The filter is the first.
  using Lhs = cudnnFilterDescriptor_t;
  using Rhs = cudnnTensorDescriptor_t;
  using Result = cudnnTensorDescriptor_t;
  using Algorithm = cudnnConvolutionBwdDataAlgo_t;
  using Found = cudnnConvolutionBwdDataAlgoPerf_t;
  static constexpr bool isRhsFirst = true;
};
template <> struct Roles<Kind::FilterGradient> {
  using Lhs = cudnnTensorDescriptor_t;
  using Rhs = cudnnTensorDescriptor_t;
  using Result = cudnnFilterDescriptor_t;
  using Algorithm = cudnnConvolutionBwdFilterAlgo_t;
  using Found = cudnnConvolutionBwdFilterAlgoPerf_t;
  static constexpr bool isRhsFirst = false;
};

std::optional<Convolution> described(Kind kind, const Tensor &first, const Tensor &second,
                                     const Operation &op, const Tensor &result) {
  switch (kind) {
  case Kind::Forward:
    return described(kind, first, second, result, op);
  case Kind::InputGradient:
    return described(kind, result, first, second, op);
  case Kind::FilterGradient:
    return described(kind, first, result, second, op);
  }
  return std::nullopt;
}

/// One that no convolution may be given, then one that it may.
constexpr int kRandom = 0, kDeterministic = 1;

bool isAligned(const void *address) {
  return reinterpret_cast<uintptr_t>(address) % 16 == 0;
}

} // namespace

RecordingDnn *RecordingDnn::current = nullptr;

/// The functions of the table.
struct DnnCalls {
  static RecordingDnn &now() { return *RecordingDnn::current; }

  template <typename T, typename Opaque> static cudnnStatus_t make(Opaque **handle) {
    *handle = reinterpret_cast<Opaque *>(new T());
    ++now().alive;
    return CUDNN_STATUS_SUCCESS;
  }
  template <typename T, typename Opaque> static cudnnStatus_t drop(Opaque *handle) {
    delete of<T>(handle);
    --now().alive;
    return CUDNN_STATUS_SUCCESS;
  }

  template <Kind kind>
  static cudnnStatus_t list(cudnnHandle_t, typename Roles<kind>::Lhs first,
                            typename Roles<kind>::Rhs second, cudnnConvolutionDescriptor_t op,
                            typename Roles<kind>::Result result, int wanted, int *count,
                            typename Roles<kind>::Found *found) {
    *count = 0;
    if (wanted < 2 || !described(kind, *of<Tensor>(first), *of<Tensor>(second), *of<Operation>(op),
                                 *of<Tensor>(result)))
      return CUDNN_STATUS_BAD_PARAM;
    for (int algorithm : {kRandom, kDeterministic}) {
      auto &each = found[(*count)++];
      each = {};
      each.algo = typename Roles<kind>::Algorithm(algorithm);
      each.status = CUDNN_STATUS_SUCCESS;
      each.determinism = algorithm == kRandom ? CUDNN_NON_DETERMINISTIC : CUDNN_DETERMINISTIC;
    }
    return CUDNN_STATUS_SUCCESS;
  }

  template <Kind kind>
  static cudnnStatus_t size(cudnnHandle_t, typename Roles<kind>::Lhs, typename Roles<kind>::Rhs,
                            cudnnConvolutionDescriptor_t, typename Roles<kind>::Result,
                            typename Roles<kind>::Algorithm, size_t *bytes) {
    *bytes = now().workspaceBytes;
    return CUDNN_STATUS_SUCCESS;
  }

  template <Kind kind>
  static cudnnStatus_t
  run(cudnnHandle_t handle, const void *alpha, typename Roles<kind>::Lhs firstType,
      const void *first, typename Roles<kind>::Rhs secondType, const void *second,
      cudnnConvolutionDescriptor_t operation, typename Roles<kind>::Algorithm algorithm,
      void *workspace, size_t workspaceBytes, const void *beta,
      typename Roles<kind>::Result resultType, void *result) {
    const auto c = described(kind, *of<Tensor>(firstType), *of<Tensor>(secondType),
                             *of<Operation>(operation), *of<Tensor>(resultType));
    if (!c || workspaceBytes < now().workspaceBytes) return CUDNN_STATUS_BAD_PARAM;
    const bool isWide = c->dtype == DType::F64;
    auto scale = [&](const void *at) {
      return isWide ? *static_cast<const double *>(at) : *static_cast<const float *>(at);
    };
    const void *lhs = Roles<kind>::isRhsFirst ? second : first,
               *rhs = Roles<kind>::isRhsFirst ? first : second;
    const ConvolutionBytes bytes = *bytesOf(*c);
    RecordingDriver &driver = now().driver;
    if (scale(alpha) != 1 || scale(beta) != 0 || !isAligned(lhs) || !isAligned(rhs) ||
        !isAligned(result) || !isAligned(workspace) || !driver.isOnDevice(lhs, size_t(bytes.lhs)) ||
        !driver.isOnDevice(rhs, size_t(bytes.rhs)) ||
        !driver.isOnDevice(result, size_t(bytes.result)) ||
        !driver.isOnDevice(workspace, workspaceBytes))
      return CUDNN_STATUS_BAD_PARAM;
    now().calls.push_back({*c, int(algorithm)});
    driver.calls.push_back("cudnnConvolution");
    driver.give(of<Handle>(handle)->stream, [=] {
      std::memset(workspace, 0x5a, workspaceBytes);
      convolvePlainly(*c, lhs, rhs, result);
    });
    return CUDNN_STATUS_SUCCESS;
  }

  static cudnnStatus_t setTensor(cudnnTensorDescriptor_t tensor, cudnnDataType_t type, int rank,
                                 const int *sizes, const int *strides) {
    for (int d = rank - 1, dense = 1; d >= 0; dense *= sizes[d--])
      if (strides[d] != dense) return CUDNN_STATUS_NOT_SUPPORTED;
    *of<Tensor>(tensor) = {type, {sizes, sizes + rank}};
    return CUDNN_STATUS_SUCCESS;
  }
  static cudnnStatus_t setFilter(cudnnFilterDescriptor_t filter, cudnnDataType_t type,
                                 cudnnTensorFormat_t format, int rank, const int *sizes) {
    if (format != CUDNN_TENSOR_NCHW) return CUDNN_STATUS_NOT_SUPPORTED;
    *of<Tensor>(filter) = {type, {sizes, sizes + rank}};
    return CUDNN_STATUS_SUCCESS;
  }
  static cudnnStatus_t setOperation(cudnnConvolutionDescriptor_t operation, int dims,
                                    const int *low, const int *strides, const int *dilation,
                                    cudnnConvolutionMode_t mode, cudnnDataType_t compute) {
    if (mode != CUDNN_CROSS_CORRELATION) return CUDNN_STATUS_NOT_SUPPORTED;
    *of<Operation>(operation) = {
        {low, low + dims}, {strides, strides + dims}, {dilation, dilation + dims}, compute};
    return CUDNN_STATUS_SUCCESS;
  }
};

RecordingDnn::RecordingDnn(RecordingDriver &driver) : driver(driver), outer(current) {
  current = this;
  DnnTable &t = functions;
  t.cudnnGetVersion = []() -> size_t { return CUDNN_VERSION; };
  t.cudnnGetErrorString = [](cudnnStatus_t status) -> const char * {
    return status == CUDNN_STATUS_BAD_PARAM ? "a bad parameter" : "not as it should be";
  };
  t.cudnnCreate = DnnCalls::make<Handle>;
  t.cudnnDestroy = DnnCalls::drop<Handle>;
  t.cudnnSetStream = [](cudnnHandle_t handle, cudaStream_t stream) {
    of<Handle>(handle)->stream = stream;
    return CUDNN_STATUS_SUCCESS;
  };
  t.cudnnCreateTensorDescriptor = DnnCalls::make<Tensor>;
  t.cudnnDestroyTensorDescriptor = DnnCalls::drop<Tensor>;
  t.cudnnSetTensorNdDescriptor = DnnCalls::setTensor;
  t.cudnnCreateFilterDescriptor = DnnCalls::make<Tensor>;
  t.cudnnDestroyFilterDescriptor = DnnCalls::drop<Tensor>;
  t.cudnnSetFilterNdDescriptor = DnnCalls::setFilter;
  t.cudnnCreateConvolutionDescriptor = DnnCalls::make<Operation>;
  t.cudnnDestroyConvolutionDescriptor = DnnCalls::drop<Operation>;
  t.cudnnSetConvolutionNdDescriptor = DnnCalls::setOperation;
  t.cudnnSetConvolutionGroupCount = [](cudnnConvolutionDescriptor_t operation, int groups) {
    of<Operation>(operation)->groups = groups;
    return CUDNN_STATUS_SUCCESS;
  };
  t.cudnnSetConvolutionMathType = [](cudnnConvolutionDescriptor_t operation, cudnnMathType_t math) {
    of<Operation>(operation)->math = math;
    return CUDNN_STATUS_SUCCESS;
  };
  t.cudnnGetConvolutionForwardAlgorithm_v7 = DnnCalls::list<Kind::Forward>;
  t.cudnnGetConvolutionForwardWorkspaceSize = DnnCalls::size<Kind::Forward>;
  t.cudnnConvolutionForward = DnnCalls::run<Kind::Forward>;
  t.cudnnGetConvolutionBackwardDataAlgorithm_v7 = DnnCalls::list<Kind::InputGradient>;
  t.cudnnGetConvolutionBackwardDataWorkspaceSize = DnnCalls::size<Kind::InputGradient>;
  t.cudnnConvolutionBackwardData = DnnCalls::run<Kind::InputGradient>;
  t.cudnnGetConvolutionBackwardFilterAlgorithm_v7 = DnnCalls::list<Kind::FilterGradient>;
  t.cudnnGetConvolutionBackwardFilterWorkspaceSize = DnnCalls::size<Kind::FilterGradient>;
  t.cudnnConvolutionBackwardFilter = DnnCalls::run<Kind::FilterGradient>;
}

RecordingDnn::~RecordingDnn() {
  current = outer;
}

} // namespace weir::runtime::cuda

#endif
