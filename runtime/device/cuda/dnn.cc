// The functions of cuDNN 9 for one convolution each, which it calls legacy and has in every version
// of 9. Tensors lie as [n, g c, ...], filters as [g o, c, ...]; one spatial dim gets another before
// it.
#include "runtime/device/cuda/dnn.h"

#include "runtime/device/cuda/library.h"

#include <absl/strings/str_cat.h>

#include <vector>

namespace weir::runtime::cuda {

#if WEIR_HAVE_DNN

absl::StatusOr<DnnTable> loadDnn(const char *name) {
  auto library = openLibrary(name);
  if (!library.ok())
    return absl::UnavailableError(
        absl::StrCat("no cuDNN on this machine: ", library.status().message()));
  DnnTable table;
  const char *missing = nullptr;
#define WEIR_DNN_FIND(name)                                                                        \
  if (!findFunction(*library, #name, table.name) && !missing) missing = #name;
  WEIR_DNN_FUNCTIONS(WEIR_DNN_FIND)
#undef WEIR_DNN_FIND
  if (missing)
    return absl::UnavailableError(absl::StrCat("cuDNN of another version: ", name,
                                               " has no function ", missing, " (headers of ",
                                               CUDNN_MAJOR, ".", CUDNN_MINOR, ")"));
  return table;
}

absl::StatusOr<const DnnTable *> dnn() {
  static const absl::StatusOr<DnnTable> table =
      loadDnn(absl::StrCat("libcudnn.so.", CUDNN_MAJOR).c_str());
  if (!table.ok()) return table.status();
  return &*table;
}

namespace {

// Calls a function of the table; its failure is the caller's.
#define WEIR_DNN_TRY(name, ...)                                                                    \
  do {                                                                                             \
    if (cudnnStatus_t status_ = table.name(__VA_ARGS__); status_ != CUDNN_STATUS_SUCCESS)          \
      return failed(status_, #name);                                                               \
  } while (false)

using Kind = Convolution::Kind;

cudnnDataType_t typeOf(DType dtype) {
  return dtype == DType::F16    ? CUDNN_DATA_HALF
         : dtype == DType::BF16 ? CUDNN_DATA_BFLOAT16
         : dtype == DType::F64  ? CUDNN_DATA_DOUBLE
                                : CUDNN_DATA_FLOAT;
}

/// What the default allows of f32 is TF32, so without it only fused multiply-adds are.
cudnnMathType_t mathOf(const Convolution &convolution) {
  switch (convolution.dtype) {
  case DType::F16:
  case DType::BF16:
    return CUDNN_TENSOR_OP_MATH;
  case DType::F64:
    return CUDNN_DEFAULT_MATH;
  default:
    return convolution.isTf32 ? CUDNN_DEFAULT_MATH : CUDNN_FMA_MATH;
  }
}

/// One or zero in the type that sums are in.
const void *scalar(const Convolution &convolution, bool isOne) {
  static const float f32[] = {0, 1};
  static const double f64[] = {0, 1};
  return convolution.dtype == DType::F64 ? static_cast<const void *>(f64 + isOne) : f32 + isOne;
}

struct Plan {
  Convolution convolution;
  cudnnTensorDescriptor_t input = nullptr, output = nullptr;
  cudnnFilterDescriptor_t filter = nullptr;
  cudnnConvolutionDescriptor_t operation = nullptr;
  int algorithm = 0; // of the enum of its kind
  size_t workspaceBytes = 0;
};

class DnnConvolutions final : public Convolutions {
public:
  explicit DnnConvolutions(const DnnTable &table) : table(table) {}
  ~DnnConvolutions() override;

  absl::Status open() {
    WEIR_DNN_TRY(cudnnCreate, &handle);
    return absl::OkStatus();
  }
  absl::StatusOr<size_t> plan(const Convolution &convolution, int64_t workspaceBytes) override;
  absl::Status run(size_t plan, std::byte *const *buffers, void *stream) override;

private:
  absl::Status failed(cudnnStatus_t result, const char *function) const {
    return absl::InternalError(absl::StrCat(function, ": ", table.cudnnGetErrorString(result)));
  }
  absl::Status describe(Plan &plan);
  absl::Status describeTensor(cudnnTensorDescriptor_t &tensor, DType dtype,
                              const std::vector<int> &sizes);
  absl::Status choose(Plan &plan, size_t workspaceBytes);
  template <class Found, class List, class Size>
  absl::Status chooseAmong(Plan &plan, size_t workspaceBytes, List list, Size size);

  const DnnTable &table;
  cudnnHandle_t handle = nullptr;
  std::vector<Plan> plans;
};

DnnConvolutions::~DnnConvolutions() {
  for (Plan &plan : plans) {
    for (cudnnTensorDescriptor_t tensor : {plan.input, plan.output})
      if (tensor) table.cudnnDestroyTensorDescriptor(tensor);
    if (plan.filter) table.cudnnDestroyFilterDescriptor(plan.filter);
    if (plan.operation) table.cudnnDestroyConvolutionDescriptor(plan.operation);
  }
  if (handle) table.cudnnDestroy(handle);
}

absl::Status DnnConvolutions::describeTensor(cudnnTensorDescriptor_t &tensor, DType dtype,
                                             const std::vector<int> &sizes) {
  std::vector<int> strides(sizes.size(), 1);
  for (size_t d = sizes.size() - 1; d > 0; --d) strides[d - 1] = strides[d] * sizes[d];
  WEIR_DNN_TRY(cudnnCreateTensorDescriptor, &tensor);
  WEIR_DNN_TRY(cudnnSetTensorNdDescriptor, tensor, typeOf(dtype), int(sizes.size()), sizes.data(),
               strides.data());
  return absl::OkStatus();
}

absl::Status DnnConvolutions::describe(Plan &plan) {
  const Convolution &c = plan.convolution;
  std::vector<int> input{int(c.batch), int(c.groups * c.channels)},
      filter{int(c.groups * c.outputs), int(c.channels)},
      output{int(c.batch), int(c.groups * c.outputs)}, low, stride, dilation;
  std::vector<Convolution::Dim> dims = c.dims;
  if (dims.size() == 1) dims.insert(dims.begin(), {.input = 1, .filter = 1, .output = 1});
  for (const Convolution::Dim &dim : dims) {
    input.push_back(int(dim.input));
    filter.push_back(int(dim.filter));
    output.push_back(int(dim.output));
    low.push_back(int(dim.low));
    stride.push_back(int(dim.stride));
    dilation.push_back(int(dim.dilation));
  }
  if (absl::Status made = describeTensor(plan.input, c.dtype, input); !made.ok()) return made;
  if (absl::Status made = describeTensor(plan.output, c.dtype, output); !made.ok()) return made;
  WEIR_DNN_TRY(cudnnCreateFilterDescriptor, &plan.filter);
  WEIR_DNN_TRY(cudnnSetFilterNdDescriptor, plan.filter, typeOf(c.dtype), CUDNN_TENSOR_NCHW,
               int(filter.size()), filter.data());
  WEIR_DNN_TRY(cudnnCreateConvolutionDescriptor, &plan.operation);
  WEIR_DNN_TRY(cudnnSetConvolutionNdDescriptor, plan.operation, int(dims.size()), low.data(),
               stride.data(), dilation.data(), CUDNN_CROSS_CORRELATION,
               c.dtype == DType::F64 ? CUDNN_DATA_DOUBLE : CUDNN_DATA_FLOAT);
  WEIR_DNN_TRY(cudnnSetConvolutionGroupCount, plan.operation, int(c.groups));
  WEIR_DNN_TRY(cudnnSetConvolutionMathType, plan.operation, mathOf(c));
  return absl::OkStatus();
}

/// The first of the library's own list, which nothing measured, that is deterministic and that
/// takes the convolution with its math type within the workspace.
template <class Found, class List, class Size>
absl::Status DnnConvolutions::chooseAmong(Plan &plan, size_t workspaceBytes, List list, Size size) {
  constexpr int most = 16; // Each kind has fewer.
  Found found[most] = {};
  int count = 0;
  if (cudnnStatus_t asked = list(most, &count, found); asked != CUDNN_STATUS_SUCCESS)
    return failed(asked, "cudnnGetConvolution...Algorithm_v7");
  for (int i = 0; i < count; ++i) {
    if (found[i].status != CUDNN_STATUS_SUCCESS || found[i].determinism != CUDNN_DETERMINISTIC)
      continue;
    size_t bytes = 0;
    if (size(found[i].algo, &bytes) != CUDNN_STATUS_SUCCESS || bytes > workspaceBytes) continue;
    plan.algorithm = int(found[i].algo);
    plan.workspaceBytes = bytes;
    return absl::OkStatus();
  }
  return absl::UnimplementedError(
      absl::StrCat("cuDNN has no deterministic algorithm for this convolution within ",
                   workspaceBytes, " bytes of workspace"));
}

absl::Status DnnConvolutions::choose(Plan &p, size_t workspaceBytes) {
  switch (p.convolution.kind) {
  case Kind::Forward:
    return chooseAmong<cudnnConvolutionFwdAlgoPerf_t>(
        p, workspaceBytes,
        [&](auto... to) {
          return table.cudnnGetConvolutionForwardAlgorithm_v7(handle, p.input, p.filter,
                                                              p.operation, p.output, to...);
        },
        [&](auto... to) {
          return table.cudnnGetConvolutionForwardWorkspaceSize(handle, p.input, p.filter,
                                                               p.operation, p.output, to...);
        });
  case Kind::InputGradient:
    return chooseAmong<cudnnConvolutionBwdDataAlgoPerf_t>(
        p, workspaceBytes,
        [&](auto... to) {
          return table.cudnnGetConvolutionBackwardDataAlgorithm_v7(handle, p.filter, p.output,
                                                                   p.operation, p.input, to...);
        },
        [&](auto... to) {
          return table.cudnnGetConvolutionBackwardDataWorkspaceSize(handle, p.filter, p.output,
                                                                    p.operation, p.input, to...);
        });
  case Kind::FilterGradient:
    return chooseAmong<cudnnConvolutionBwdFilterAlgoPerf_t>(
        p, workspaceBytes,
        [&](auto... to) {
          return table.cudnnGetConvolutionBackwardFilterAlgorithm_v7(handle, p.input, p.output,
                                                                     p.operation, p.filter, to...);
        },
        [&](auto... to) {
          return table.cudnnGetConvolutionBackwardFilterWorkspaceSize(handle, p.input, p.output,
                                                                      p.operation, p.filter, to...);
        });
  }
  return absl::InvalidArgumentError("no kind of convolution");
}

absl::StatusOr<size_t> DnnConvolutions::plan(const Convolution &convolution,
                                             int64_t workspaceBytes) {
  if (!bytesOf(convolution)) return absl::InvalidArgumentError("no convolution that cuDNN takes");
  Plan &made = plans.emplace_back();
  made.convolution = convolution;
  if (absl::Status status = describe(made); !status.ok()) return status;
  if (absl::Status status = choose(made, size_t(workspaceBytes)); !status.ok()) return status;
  return plans.size() - 1;
}

absl::Status DnnConvolutions::run(size_t number, std::byte *const *buffers, void *stream) {
  const Plan &p = plans[number];
  std::byte *lhs = buffers[0], *rhs = buffers[1], *result = buffers[2], *workspace = buffers[3];
  const void *one = scalar(p.convolution, true), *zero = scalar(p.convolution, false);
  WEIR_DNN_TRY(cudnnSetStream, handle, static_cast<cudaStream_t>(stream));
  switch (p.convolution.kind) {
  case Kind::Forward:
    WEIR_DNN_TRY(cudnnConvolutionForward, handle, one, p.input, lhs, p.filter, rhs, p.operation,
                 cudnnConvolutionFwdAlgo_t(p.algorithm), workspace, p.workspaceBytes, zero,
                 p.output, result);
    break;
  case Kind::InputGradient:
    WEIR_DNN_TRY(cudnnConvolutionBackwardData, handle, one, p.filter, rhs, p.output, lhs,
                 p.operation, cudnnConvolutionBwdDataAlgo_t(p.algorithm), workspace,
                 p.workspaceBytes, zero, p.input, result);
    break;
  case Kind::FilterGradient:
    WEIR_DNN_TRY(cudnnConvolutionBackwardFilter, handle, one, p.input, lhs, p.output, rhs,
                 p.operation, cudnnConvolutionBwdFilterAlgo_t(p.algorithm), workspace,
                 p.workspaceBytes, zero, p.filter, result);
    break;
  }
  return absl::OkStatus();
}

} // namespace

absl::StatusOr<std::unique_ptr<Convolutions>> makeConvolutions(const DnnTable &table) {
  auto convolutions = std::make_unique<DnnConvolutions>(table);
  if (absl::Status opened = convolutions->open(); !opened.ok()) return opened;
  return convolutions;
}

#else

absl::StatusOr<DnnTable> loadDnn(const char *) {
  return absl::UnavailableError("weir was built without cuDNN's headers (cudnn_cnn.h); after "
                                "tools/setup --cudnn, build it again");
}

absl::StatusOr<const DnnTable *> dnn() {
  return loadDnn("").status();
}

absl::StatusOr<std::unique_ptr<Convolutions>> makeConvolutions(const DnnTable &) {
  return dnn().status();
}

#endif

} // namespace weir::runtime::cuda
