// Products of matrices by cuBLASLt, which nothing links: a table of its functions, found at run
// time and typed by its own header, as driver.h is for libcuda; then the products of one device.
#pragma once

#include "runtime/device/matrix_product.h"
#include "weir_cuda_config.h"

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <memory>

#if WEIR_HAVE_CUDA && WEIR_HAVE_CUBLAS
#define WEIR_HAVE_CUBLASLT 1
#include <cublasLt.h>

#define WEIR_BLAS_FUNCTIONS(X)                                                                     \
  X(cublasLtGetVersion)                                                                            \
  X(cublasLtGetStatusString)                                                                       \
  X(cublasLtCreate)                                                                                \
  X(cublasLtDestroy)                                                                               \
  X(cublasLtMatmulDescCreate)                                                                      \
  X(cublasLtMatmulDescDestroy)                                                                     \
  X(cublasLtMatmulDescSetAttribute)                                                                \
  X(cublasLtMatrixLayoutCreate)                                                                    \
  X(cublasLtMatrixLayoutDestroy)                                                                   \
  X(cublasLtMatrixLayoutSetAttribute)                                                              \
  X(cublasLtMatmulPreferenceCreate)                                                                \
  X(cublasLtMatmulPreferenceDestroy)                                                               \
  X(cublasLtMatmulPreferenceSetAttribute)                                                          \
  X(cublasLtMatmulAlgoGetHeuristic)                                                                \
  X(cublasLtMatmul)
#else
#define WEIR_HAVE_CUBLASLT 0
#endif

namespace weir::runtime::cuda {

#if WEIR_HAVE_CUBLASLT
struct BlasTable {
#define WEIR_BLAS_FIELD(name) decltype(&::name) name = nullptr;
  WEIR_BLAS_FUNCTIONS(WEIR_BLAS_FIELD)
#undef WEIR_BLAS_FIELD
};
#else
struct BlasTable {};
#endif

/// Fills a table from the library of that name (library.h). Errors: no such library; a function
/// that it lacks.
absl::StatusOr<BlasTable> loadBlas(const char *name);
/// This process's cuBLASLt. Errors: say what is missing, for users: its header when this was built,
/// the library.
absl::StatusOr<const BlasTable *> blas();

/// Products on the device whose context is current in every call.
class MatrixProducts {
public:
  virtual ~MatrixProducts() = default;
  /// Chooses how a product is computed and returns its number, counted from 0. Operands may lie at
  /// multiples of 64 bytes, or of a whole operand. Errors: no algorithm takes it; what cuBLASLt
  /// says.
  virtual absl::StatusOr<size_t> plan(const MatrixProduct &product, int64_t workspaceBytes) = 0;
  /// `stream`: a CUstream, which may be captured. `buffers`: lhs, rhs, result, workspace.
  virtual absl::Status run(size_t plan, std::byte *const *buffers, void *stream) = 0;
};
/// The table must outlive it. Errors: what cuBLASLt says; how this was built.
absl::StatusOr<std::unique_ptr<MatrixProducts>> makeMatrixProducts(const BlasTable &table);

} // namespace weir::runtime::cuda
