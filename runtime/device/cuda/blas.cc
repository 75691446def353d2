// cuBLASLt counts columns first, so it is asked for the transposed product: result' = rhs' x lhs',
// where a row-major matrix as it lies is the transposed one.
#include "runtime/device/cuda/blas.h"

#include "runtime/device/cuda/library.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <vector>

namespace weir::runtime::cuda {

#if WEIR_HAVE_CUBLASLT

absl::StatusOr<BlasTable> loadBlas(const char *name) {
  auto library = openLibrary(name);
  if (!library.ok())
    return absl::UnavailableError(
        absl::StrCat("no cuBLASLt on this machine: ", library.status().message()));
  BlasTable table;
  const char *missing = nullptr;
#define WEIR_BLAS_FIND(name)                                                                       \
  if (!findFunction(*library, #name, table.name) && !missing) missing = #name;
  WEIR_BLAS_FUNCTIONS(WEIR_BLAS_FIND)
#undef WEIR_BLAS_FIND
  if (missing)
    return absl::UnavailableError(absl::StrCat("cuBLASLt is too old: ", name, " has no function ",
                                               missing, " (headers of ", CUBLAS_VER_MAJOR, ".",
                                               CUBLAS_VER_MINOR, ")"));
  return table;
}

absl::StatusOr<const BlasTable *> blas() {
  static const absl::StatusOr<BlasTable> table =
      loadBlas(absl::StrCat("libcublasLt.so.", CUBLAS_VER_MAJOR).c_str());
  if (!table.ok()) return table.status();
  return &*table;
}

namespace {

// Calls a function of the table; its failure is the caller's.
#define WEIR_BLAS_TRY(name, ...)                                                                   \
  do {                                                                                             \
    if (cublasStatus_t status_ = table.name(__VA_ARGS__); status_ != CUBLAS_STATUS_SUCCESS)        \
      return failed(status_, #name);                                                               \
  } while (false)

struct Types {
  cudaDataType_t data, scale;
  cublasComputeType_t compute;
};

Types typesOf(const MatrixProduct &product) {
  switch (product.dtype) {
  case DType::F16:
    return {CUDA_R_16F, CUDA_R_32F, CUBLAS_COMPUTE_32F};
  case DType::BF16:
    return {CUDA_R_16BF, CUDA_R_32F, CUBLAS_COMPUTE_32F};
  case DType::F64:
    return {CUDA_R_64F, CUDA_R_64F, CUBLAS_COMPUTE_64F};
  default:
    return {CUDA_R_32F, CUDA_R_32F,
            product.isTf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F};
  }
}

/// One or zero in the type of the scale.
const void *scalar(const MatrixProduct &product, bool isOne) {
  static const float f32[] = {0, 1};
  static const double f64[] = {0, 1};
  return product.dtype == DType::F64 ? static_cast<const void *>(f64 + isOne) : f32 + isOne;
}

/// What every address of an operand is a multiple of: the memory plan's 64, or less where a loop
/// moves it by its own size.
uint32_t alignmentOf(int64_t bytes) {
  constexpr int64_t most = 64;
  return static_cast<uint32_t>(std::min(most, bytes & -bytes));
}

struct Plan {
  MatrixProduct product;
  cublasLtMatmulDesc_t operation = nullptr;
  cublasLtMatrixLayout_t lhs = nullptr, rhs = nullptr, result = nullptr;
  cublasLtMatmulAlgo_t algorithm = {};
  size_t workspaceBytes = 0;
};

class Products final : public MatrixProducts {
public:
  explicit Products(const BlasTable &table) : table(table) {}
  ~Products() override;

  absl::Status open() {
    WEIR_BLAS_TRY(cublasLtCreate, &handle);
    return absl::OkStatus();
  }
  absl::StatusOr<size_t> plan(const MatrixProduct &product, int64_t workspaceBytes) override;
  absl::Status run(size_t plan, std::byte *const *buffers, void *stream) override;

private:
  absl::Status failed(cublasStatus_t result, const char *function) const {
    return absl::InternalError(absl::StrCat(function, ": ", table.cublasLtGetStatusString(result)));
  }
  absl::Status describe(Plan &plan);
  absl::Status makeLayout(const Plan &plan, int64_t rows, int64_t columns,
                          cublasLtMatrixLayout_t &layout);
  absl::Status choose(Plan &plan, int64_t workspaceBytes);
  absl::Status prefer(cublasLtMatmulPreference_t preference, const Plan &plan,
                      uint64_t workspaceBytes);

  const BlasTable &table;
  cublasLtHandle_t handle = nullptr;
  std::vector<Plan> plans;
};

Products::~Products() {
  for (Plan &plan : plans) {
    for (cublasLtMatrixLayout_t layout : {plan.lhs, plan.rhs, plan.result})
      if (layout) table.cublasLtMatrixLayoutDestroy(layout);
    if (plan.operation) table.cublasLtMatmulDescDestroy(plan.operation);
  }
  if (handle) table.cublasLtDestroy(handle);
}

/// A dense row-major matrix of the batch, seen with columns first.
absl::Status Products::makeLayout(const Plan &plan, int64_t rows, int64_t columns,
                                  cublasLtMatrixLayout_t &layout) {
  WEIR_BLAS_TRY(cublasLtMatrixLayoutCreate, &layout, typesOf(plan.product).data, uint64_t(columns),
                uint64_t(rows), columns);
  const auto batch = static_cast<int32_t>(plan.product.batch);
  const int64_t stride = rows * columns;
  WEIR_BLAS_TRY(cublasLtMatrixLayoutSetAttribute, layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT,
                &batch, sizeof batch);
  WEIR_BLAS_TRY(cublasLtMatrixLayoutSetAttribute, layout,
                CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &stride, sizeof stride);
  return absl::OkStatus();
}

absl::Status Products::describe(Plan &plan) {
  const MatrixProduct &p = plan.product;
  const Types types = typesOf(p);
  WEIR_BLAS_TRY(cublasLtMatmulDescCreate, &plan.operation, types.compute, types.scale);
  const int32_t a = p.isRhsTransposed ? CUBLAS_OP_T : CUBLAS_OP_N,
                b = p.isLhsTransposed ? CUBLAS_OP_T : CUBLAS_OP_N;
  WEIR_BLAS_TRY(cublasLtMatmulDescSetAttribute, plan.operation, CUBLASLT_MATMUL_DESC_TRANSA, &a,
                sizeof a);
  WEIR_BLAS_TRY(cublasLtMatmulDescSetAttribute, plan.operation, CUBLASLT_MATMUL_DESC_TRANSB, &b,
                sizeof b);
  absl::Status made = p.isLhsTransposed ? makeLayout(plan, p.depth, p.rows, plan.lhs)
                                        : makeLayout(plan, p.rows, p.depth, plan.lhs);
  if (!made.ok()) return made;
  made = p.isRhsTransposed ? makeLayout(plan, p.columns, p.depth, plan.rhs)
                           : makeLayout(plan, p.depth, p.columns, plan.rhs);
  return made.ok() ? makeLayout(plan, p.rows, p.columns, plan.result) : made;
}

absl::Status Products::prefer(cublasLtMatmulPreference_t preference, const Plan &plan,
                              uint64_t workspaceBytes) {
  WEIR_BLAS_TRY(cublasLtMatmulPreferenceSetAttribute, preference,
                CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspaceBytes, sizeof workspaceBytes);
  const MatrixProductBytes bytes = *bytesOf(plan.product);
  const uint32_t lhs = alignmentOf(bytes.lhs), rhs = alignmentOf(bytes.rhs),
                 result = alignmentOf(bytes.result);
  for (auto [attribute, alignment] : {std::pair(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, rhs),
                                      {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, lhs},
                                      {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, result},
                                      {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, result}})
    WEIR_BLAS_TRY(cublasLtMatmulPreferenceSetAttribute, preference, attribute, &alignment,
                  sizeof alignment);
  return absl::OkStatus();
}

/// The first of the library's own list: nothing is measured.
absl::Status Products::choose(Plan &plan, int64_t workspaceBytes) {
  cublasLtMatmulPreference_t preference = nullptr;
  WEIR_BLAS_TRY(cublasLtMatmulPreferenceCreate, &preference);
  absl::Status status = prefer(preference, plan, uint64_t(workspaceBytes));
  cublasLtMatmulHeuristicResult_t found = {};
  int count = 0;
  cublasStatus_t asked = CUBLAS_STATUS_SUCCESS;
  if (status.ok())
    asked = table.cublasLtMatmulAlgoGetHeuristic(handle, plan.operation, plan.rhs, plan.lhs,
                                                 plan.result, plan.result, preference, 1, &found,
                                                 &count);
  table.cublasLtMatmulPreferenceDestroy(preference);
  if (!status.ok()) return status;
  if (asked != CUBLAS_STATUS_SUCCESS) return failed(asked, "cublasLtMatmulAlgoGetHeuristic");
  if (count == 0 || found.state != CUBLAS_STATUS_SUCCESS)
    return absl::UnimplementedError("cuBLASLt has no algorithm for this product");
  plan.algorithm = found.algo;
  plan.workspaceBytes = found.workspaceSize;
  return absl::OkStatus();
}

absl::StatusOr<size_t> Products::plan(const MatrixProduct &product, int64_t workspaceBytes) {
  if (!bytesOf(product) || product.batch > INT32_MAX)
    return absl::InvalidArgumentError("no product of matrices");
  Plan &made = plans.emplace_back();
  made.product = product;
  if (absl::Status status = describe(made); !status.ok()) return status;
  if (absl::Status status = choose(made, workspaceBytes); !status.ok()) return status;
  return plans.size() - 1;
}

absl::Status Products::run(size_t number, std::byte *const *buffers, void *stream) {
  const Plan &plan = plans[number];
  std::byte *lhs = buffers[0], *rhs = buffers[1], *result = buffers[2], *workspace = buffers[3];
  WEIR_BLAS_TRY(cublasLtMatmul, handle, plan.operation, scalar(plan.product, true), rhs, plan.rhs,
                lhs, plan.lhs, scalar(plan.product, false), result, plan.result, result,
                plan.result, &plan.algorithm, workspace, plan.workspaceBytes,
                static_cast<cudaStream_t>(stream));
  return absl::OkStatus();
}

} // namespace

absl::StatusOr<std::unique_ptr<MatrixProducts>> makeMatrixProducts(const BlasTable &table) {
  auto products = std::make_unique<Products>(table);
  if (absl::Status opened = products->open(); !opened.ok()) return opened;
  return products;
}

#else

absl::StatusOr<BlasTable> loadBlas(const char *) {
  return absl::UnavailableError("weir was built without cuBLASLt's header (cublasLt.h beside "
                                "CUDA's); after tools/setup --cublas, build it again");
}

absl::StatusOr<const BlasTable *> blas() {
  return loadBlas("").status();
}

absl::StatusOr<std::unique_ptr<MatrixProducts>> makeMatrixProducts(const BlasTable &) {
  return blas().status();
}

#endif

} // namespace weir::runtime::cuda
