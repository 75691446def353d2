// The CPU as a device, with a host for its kernels that compiles each module once.
#include "codegen/cuda/emulate/emulated_device.h"

#include "codegen/cuda/emulate/grid.h"
#include "codegen/cuda/emulate/jit.h"
#include "runtime/artifact/executable.h"
#include "runtime/device/cpu/cpu_device.h"

#include <atomic>
#include <map>

namespace weir::codegen::cuda {
namespace {

using runtime::KernelCode;
using runtime::KernelHost;

class Modules {
public:
  absl::StatusOr<KernelHost::Call> load(const KernelCode &code) {
    if (code.product)
      return [product = *code.product](void **buffers, size_t, const runtime::Grid &) {
        runtime::multiplyPlainly(product, buffers[0], buffers[1], buffers[2]);
        return absl::OkStatus();
      };
    if (code.convolution)
      return [convolution = *code.convolution](void **buffers, size_t, const runtime::Grid &) {
        runtime::convolvePlainly(convolution, buffers[0], buffers[1], buffers[2]);
        return absl::OkStatus();
      };
    if (!code.module)
      return absl::InvalidArgumentError("kernel '" + code.entry + "' has no code for a GPU");
    Module &module = modules[code.module.get()];
    if (!module.kernels) {
      llvm::StringRef bytes(static_cast<const char *>(code.module.get()), size_t(code.moduleBytes));
      auto kernels = EmulatedKernels::fromBitcode(bytes);
      if (!kernels) return absl::InternalError(llvm::toString(kernels.takeError()));
      module = {code.module, std::move(*kernels)};
    }
    auto entry = module.kernels->entryNamed(code.entry);
    if (!entry) return absl::NotFoundError("the module has no kernel '" + code.entry + "'");
    auto turn = std::make_shared<std::atomic<int>>(0);
    return [entry, turn, name = code.entry](void **buffers, size_t, const runtime::Grid &shape) {
      Grid grid{shape.blocks, shape.threadsPerBlock,
                (*turn)++ % 2 ? ThreadOrder::Descending : ThreadOrder::Ascending};
      std::string wrong = runGrid(entry, buffers, grid);
      return wrong.empty() ? absl::OkStatus() : absl::InternalError(name + ": " + wrong);
    };
  }

private:
  struct Module {
    std::shared_ptr<const void> image; // Kept, so that no other comes to lie where it does.
    std::unique_ptr<EmulatedKernels> kernels;
  };
  std::map<const void *, Module> modules;
};

} // namespace

std::unique_ptr<runtime::Device> makeEmulatedDevice(const std::string &name, int64_t memoryBytes) {
  auto modules = std::make_shared<Modules>();
  return runtime::makeHostedDevice(
      name,
      {runtime::kBitcodeForm, [modules](const KernelCode &code) { return modules->load(code); }},
      memoryBytes);
}

} // namespace weir::codegen::cuda
