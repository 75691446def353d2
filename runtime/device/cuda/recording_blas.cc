// Descriptors are structs behind the library's opaque pointers. The workspace is overwritten by
// every product, so that one that is shared at once, or too small, shows.
#include "runtime/device/cuda/recording_blas.h"

#if WEIR_HAVE_CUBLASLT

#include "runtime/base/dtype.h"

#include <cstring>
#include <optional>

namespace weir::runtime::cuda {
namespace {

struct Operation {
  cublasComputeType_t compute;
  cudaDataType_t scale;
  int32_t transA = CUBLAS_OP_N, transB = CUBLAS_OP_N;
};

struct Layout {
  cudaDataType type;
  uint64_t rows, columns;
  int64_t leading;
  int32_t batch = 1;
  int64_t stride = 0;

  size_t bytes() const;
};

struct Preference {
  uint64_t workspaceBytes = 0;
  uint32_t alignments[4] = {256, 256, 256, 256};
};

/// What an algorithm remembers, in the library's opaque bytes.
struct Algorithm {
  uint64_t workspaceBytes;
  uint32_t alignments[4];
};
static_assert(sizeof(Algorithm) <= sizeof(cublasLtMatmulAlgo_t));

std::optional<DType> dtypeOfData(cudaDataType type) {
  switch (type) {
  case CUDA_R_16F:
    return DType::F16;
  case CUDA_R_16BF:
    return DType::BF16;
  case CUDA_R_32F:
    return DType::F32;
  case CUDA_R_64F:
    return DType::F64;
  default:
    return std::nullopt;
  }
}

size_t Layout::bytes() const {
  return size_t((batch - 1) * stride + leading * int64_t(columns)) * dtypeBytes(*dtypeOfData(type));
}

template <typename T, typename Opaque> T *of(Opaque *opaque) {
  return reinterpret_cast<T *>(opaque);
}
template <typename T, typename Opaque> const T *of(const Opaque *opaque) {
  return reinterpret_cast<const T *>(opaque);
}

/// Copies an attribute if it is one of that size.
template <typename T> cublasStatus_t take(T &field, const void *from, size_t bytes) {
  if (bytes != sizeof field) return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(&field, from, bytes);
  return CUBLAS_STATUS_SUCCESS;
}

bool agree(const Operation &op, const Layout &a, const Layout &b, const Layout &c,
           const Layout &d) {
  const bool ta = op.transA != CUBLAS_OP_N, tb = op.transB != CUBLAS_OP_N;
  const uint64_t m = ta ? a.columns : a.rows, k = ta ? a.rows : a.columns;
  const uint64_t n = tb ? b.rows : b.columns, inner = tb ? b.columns : b.rows;
  bool isWhole = k == inner && d.rows == m && d.columns == n && c.rows == m && c.columns == n;
  for (const Layout *each : {&a, &b, &c, &d})
    isWhole = isWhole && dtypeOfData(each->type) && each->type == d.type &&
              each->batch == d.batch && each->leading >= int64_t(each->rows);
  const bool isWide = d.type == CUDA_R_64F;
  return isWhole && op.scale == (isWide ? CUDA_R_64F : CUDA_R_32F) &&
         (op.compute == CUBLAS_COMPUTE_64F) == isWide &&
         (op.compute != CUBLAS_COMPUTE_32F_FAST_TF32 || d.type == CUDA_R_32F);
}

double load(DType dtype, const void *from, int64_t i) {
  return dtype == DType::F16    ? double(static_cast<const Half *>(from)[i])
         : dtype == DType::BF16 ? double(static_cast<const BFloat16 *>(from)[i])
         : dtype == DType::F32  ? double(static_cast<const float *>(from)[i])
                                : static_cast<const double *>(from)[i];
}

void store(DType dtype, void *to, int64_t i, double value) {
  if (dtype == DType::F16) static_cast<Half *>(to)[i] = Half(value);
  if (dtype == DType::BF16) static_cast<BFloat16 *>(to)[i] = BFloat16(value);
  if (dtype == DType::F32) static_cast<float *>(to)[i] = float(value);
  if (dtype == DType::F64) static_cast<double *>(to)[i] = value;
}

/// Elements of op(matrix) of one of the batch, row after row, in f64.
std::vector<double> gather(const Layout &layout, bool isTransposed, const void *from, int64_t b) {
  std::vector<double> all(layout.rows * layout.columns);
  const DType dtype = *dtypeOfData(layout.type);
  for (uint64_t j = 0; j < layout.columns; ++j)
    for (uint64_t i = 0; i < layout.rows; ++i)
      all[isTransposed ? j * layout.rows + i : i * layout.columns + j] =
          load(dtype, from, b * layout.stride + int64_t(j) * layout.leading + int64_t(i));
  return all;
}

void multiply(const Operation &op, const Layout &la, const void *a, const Layout &lb, const void *b,
              const Layout &ld, void *d) {
  const uint64_t m = ld.rows, n = ld.columns, k = op.transA != CUBLAS_OP_N ? la.rows : la.columns;
  std::vector<double> row(n);
  for (int64_t batch = 0; batch < ld.batch; ++batch) {
    const std::vector<double> left = gather(la, op.transA != CUBLAS_OP_N, a, batch),
                              right = gather(lb, op.transB != CUBLAS_OP_N, b, batch);
    for (uint64_t i = 0; i < m; ++i) {
      row.assign(n, 0);
      for (uint64_t s = 0; s < k; ++s)
        for (uint64_t j = 0; j < n; ++j) row[j] += left[i * k + s] * right[s * n + j];
      for (uint64_t j = 0; j < n; ++j)
        store(*dtypeOfData(ld.type), d, batch * ld.stride + int64_t(j) * ld.leading + int64_t(i),
              row[j]);
    }
  }
}

bool isAt(const void *address, uint32_t alignment) {
  return reinterpret_cast<uintptr_t>(address) % alignment == 0;
}

} // namespace

RecordingBlas *RecordingBlas::current = nullptr;

/// The functions of the table.
struct BlasCalls {
  static RecordingBlas &now() { return *RecordingBlas::current; }

  template <typename T, typename Opaque> static cublasStatus_t make(Opaque **handle, T value) {
    *handle = reinterpret_cast<Opaque *>(new T(value));
    ++now().alive;
    return CUBLAS_STATUS_SUCCESS;
  }
  template <typename T, typename Opaque> static cublasStatus_t drop(Opaque *handle) {
    delete of<T>(handle);
    --now().alive;
    return CUBLAS_STATUS_SUCCESS;
  }

  static cublasStatus_t heuristic(cublasLtHandle_t, cublasLtMatmulDesc_t operation,
                                  cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                  cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                  cublasLtMatmulPreference_t preference, int wanted,
                                  cublasLtMatmulHeuristicResult_t *results, int *count) {
    *count = 0;
    if (wanted < 1 || !agree(*of<Operation>(operation), *of<Layout>(a), *of<Layout>(b),
                             *of<Layout>(c), *of<Layout>(d)))
      return CUBLAS_STATUS_INVALID_VALUE;
    if (!now().hasAlgorithms) return CUBLAS_STATUS_SUCCESS;
    const auto &asked = *of<Preference>(preference);
    Algorithm algorithm{asked.workspaceBytes, {}};
    std::memcpy(algorithm.alignments, asked.alignments, sizeof asked.alignments);
    results[0] = {};
    std::memcpy(&results[0].algo, &algorithm, sizeof algorithm);
    results[0].workspaceSize = algorithm.workspaceBytes;
    results[0].state = CUBLAS_STATUS_SUCCESS;
    *count = 1;
    return CUBLAS_STATUS_SUCCESS;
  }

  static cublasStatus_t matmul(cublasLtHandle_t, cublasLtMatmulDesc_t operation, const void *alpha,
                               const void *a, cublasLtMatrixLayout_t la, const void *b,
                               cublasLtMatrixLayout_t lb, const void *beta, const void *c,
                               cublasLtMatrixLayout_t lc, void *d, cublasLtMatrixLayout_t ld,
                               const cublasLtMatmulAlgo_t *chosen, void *workspace,
                               size_t workspaceBytes, cudaStream_t stream) {
    const Operation op = *of<Operation>(operation);
    const Layout A = *of<Layout>(la), B = *of<Layout>(lb), C = *of<Layout>(lc), D = *of<Layout>(ld);
    Algorithm algorithm;
    std::memcpy(&algorithm, chosen, sizeof algorithm);
    const DType scale = op.scale == CUDA_R_64F ? DType::F64 : DType::F32;
    const uint32_t *at = algorithm.alignments;
    if (!agree(op, A, B, C, D) || load(scale, alpha, 0) != 1 || load(scale, beta, 0) != 0 ||
        workspaceBytes < algorithm.workspaceBytes || !isAt(a, at[0]) || !isAt(b, at[1]) ||
        !isAt(c, at[2]) || !isAt(d, at[3]) || !isAt(workspace, 16))
      return CUBLAS_STATUS_INVALID_VALUE;
    RecordingDriver &driver = now().driver;
    if (!driver.isOnDevice(a, A.bytes()) || !driver.isOnDevice(b, B.bytes()) ||
        !driver.isOnDevice(d, D.bytes()) || !driver.isOnDevice(workspace, workspaceBytes))
      return CUBLAS_STATUS_INVALID_VALUE;
    now().products.push_back(op.compute);
    driver.calls.push_back("cublasLtMatmul");
    driver.give(stream, [=] {
      std::memset(workspace, 0x5a, workspaceBytes);
      multiply(op, A, a, B, b, D, d);
    });
    return CUBLAS_STATUS_SUCCESS;
  }

  static cublasStatus_t setOperation(cublasLtMatmulDesc_t operation,
                                     cublasLtMatmulDescAttributes_t attribute, const void *value,
                                     size_t bytes) {
    auto &op = *of<Operation>(operation);
    return attribute == CUBLASLT_MATMUL_DESC_TRANSA   ? take(op.transA, value, bytes)
           : attribute == CUBLASLT_MATMUL_DESC_TRANSB ? take(op.transB, value, bytes)
                                                      : CUBLAS_STATUS_NOT_SUPPORTED;
  }
  static cublasStatus_t setLayout(cublasLtMatrixLayout_t layout,
                                  cublasLtMatrixLayoutAttribute_t attribute, const void *value,
                                  size_t bytes) {
    auto &to = *of<Layout>(layout);
    return attribute == CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT ? take(to.batch, value, bytes)
           : attribute == CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET
               ? take(to.stride, value, bytes)
               : CUBLAS_STATUS_NOT_SUPPORTED;
  }
  static cublasStatus_t setPreference(cublasLtMatmulPreference_t preference,
                                      cublasLtMatmulPreferenceAttributes_t attribute,
                                      const void *value, size_t bytes) {
    auto &to = *of<Preference>(preference);
    if (attribute == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES)
      return take(to.workspaceBytes, value, bytes);
    const int matrix = int(attribute) - int(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES);
    return matrix < 0 || matrix > 3 ? CUBLAS_STATUS_NOT_SUPPORTED
                                    : take(to.alignments[matrix], value, bytes);
  }
};

RecordingBlas::RecordingBlas(RecordingDriver &driver) : driver(driver), outer(current) {
  current = this;
  BlasTable &t = functions;
  t.cublasLtGetVersion = []() -> size_t { return CUBLAS_VERSION; };
  t.cublasLtGetStatusString = [](cublasStatus_t status) -> const char * {
    return status == CUBLAS_STATUS_INVALID_VALUE ? "an invalid value" : "not as it should be";
  };
  t.cublasLtCreate = [](cublasLtHandle_t *handle) { return BlasCalls::make(handle, 0); };
  t.cublasLtDestroy = [](cublasLtHandle_t handle) { return BlasCalls::drop<int>(handle); };
  t.cublasLtMatmulDescCreate = [](cublasLtMatmulDesc_t *made, cublasComputeType_t compute,
                                  cudaDataType_t scale) {
    return BlasCalls::make(made, Operation{compute, scale});
  };
  t.cublasLtMatmulDescDestroy = BlasCalls::drop<Operation>;
  t.cublasLtMatmulDescSetAttribute = BlasCalls::setOperation;
  t.cublasLtMatrixLayoutCreate = [](cublasLtMatrixLayout_t *made, cudaDataType type, uint64_t rows,
                                    uint64_t columns, int64_t leading) {
    return BlasCalls::make(made, Layout{type, rows, columns, leading});
  };
  t.cublasLtMatrixLayoutDestroy = BlasCalls::drop<Layout>;
  t.cublasLtMatrixLayoutSetAttribute = BlasCalls::setLayout;
  t.cublasLtMatmulPreferenceCreate = [](cublasLtMatmulPreference_t *made) {
    return BlasCalls::make(made, Preference());
  };
  t.cublasLtMatmulPreferenceDestroy = BlasCalls::drop<Preference>;
  t.cublasLtMatmulPreferenceSetAttribute = BlasCalls::setPreference;
  t.cublasLtMatmulAlgoGetHeuristic = BlasCalls::heuristic;
  t.cublasLtMatmul = BlasCalls::matmul;
}

RecordingBlas::~RecordingBlas() {
  current = outer;
}

} // namespace weir::runtime::cuda

#endif
