// Runs emitted code, for tests: a body over buffers, or an expression over arrays, which becomes a
// loop that loads, computes and stores `lanes` elements at a time (0: scalars). The real compiler
// is used.

#pragma once

#include "codegen/cpu/compile/mapped_image.h"
#include "codegen/cpu/target_info.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/MLIRContext.h"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace weir::codegen {

/// An i1 in memory.
enum class Bit : uint8_t {};

class KernelHarness {
public:
  using Emit = std::function<mlir::Value(mlir::ImplicitLocOpBuilder &, mlir::ValueRange)>;

  /// Emits the inside of a kernel, given its buffers and the range of tasks.
  using EmitBody = std::function<void(mlir::ImplicitLocOpBuilder &, mlir::ValueRange buffers,
                                      mlir::Value begin, mlir::Value end)>;

  explicit KernelHarness(TargetInfo target);

  const TargetInfo target;
  mlir::MLIRContext context;

  /// The element type of arrays of T: float, double, int32_t, int64_t or Bit.
  template <class T> mlir::Type elementType();

  /// emit(in...) for each position. `name` with `lanes` and the types identifies the kernel, which
  /// is compiled once. A kernel that does not compile is a test failure and gives an empty result.
  template <class Out, class... In>
  std::vector<Out> run(const std::string &name, const Emit &emit, int lanes,
                       const std::vector<In> &...in) {
    std::vector<Out> out(std::min({in.size()...}));
    KernelEntry kernel = compiled(name, emit, lanes, {elementType<In>()...}, elementType<Out>());
    if (!kernel) return {};
    for (size_t begin = 0; begin < out.size(); begin += kChunk) runChunk(kernel, begin, out, in...);
    return out;
  }

  /// Compiles a kernel over `buffers`, which are of memref type. Null, and a test failure, if it
  /// does not compile.
  KernelEntry compile(const std::vector<mlir::Type> &buffers, const EmitBody &emit);

private:
  static constexpr int64_t kChunk = 1024;

  KernelEntry compiled(const std::string &name, const Emit &emit, int lanes,
                       const std::vector<mlir::Type> &in, mlir::Type out);

  /// Copies into buffers of full chunks, so that no lane is out of bounds.
  template <class Out, class... In>
  static void runChunk(KernelEntry kernel, size_t begin, std::vector<Out> &out,
                       const std::vector<In> &...in) {
    size_t count = std::min<size_t>(kChunk, out.size() - begin);
    std::tuple<std::vector<In>...> copies{
        std::vector<In>(in.begin() + begin, in.begin() + begin + count)...};
    std::vector<Out> result(kChunk);
    std::apply(
        [&](auto &...copy) {
          (copy.resize(kChunk), ...);
          void *buffers[] = {copy.data()..., result.data()};
          kernel(buffers, 0, kChunk, nullptr);
        },
        copies);
    std::copy_n(result.begin(), count, out.begin() + begin);
  }

  std::map<std::string, KernelEntry> kernels;
  std::vector<std::unique_ptr<MappedImage>> images;
};

} // namespace weir::codegen
