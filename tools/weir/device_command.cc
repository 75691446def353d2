// `weir devices`, and what --device means to other commands.
#include "codegen/artifact/library_convolutions.h"
#include "codegen/artifact/library_dots.h"
#include "codegen/cuda/compile.h"
#include "codegen/cuda/ptxas.h"
#include "codegen/cuda/target.h"
#include "codegen/lower/lower.h"
#include "ir/dialect/weir.h"
#include "runtime/device/cpu/cpu_device.h"
#include "runtime/device/cuda/cuda_device.h"
#include "runtime/device/open/open.h"
#include "tools/weir/commands.h"
#include "tools/weir/status.h"

#include "mlir/IR/BuiltinOps.h"

#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

namespace weir::tools {

namespace {

constexpr const char *kCudaPrefix = "cuda";

/// A device, or why there is none of this name.
struct Entry {
  std::string name, reason;
  std::optional<runtime::DeviceInfo> info;
};

std::vector<Entry> devices() {
  const runtime::DeviceInfo cpu = runtime::makeCpuDevice()->info();
  std::vector<Entry> entries{{cpu.name, "", cpu}};
  if (auto driver = runtime::cuda::driver(); !driver.ok()) {
    entries.push_back({kCudaPrefix, std::string(driver.status().message()), {}});
    return entries;
  }
  for (int i = 0; i < runtime::cuda::deviceCount(); ++i) {
    auto device = runtime::cuda::openDevice(i);
    if (device.ok())
      entries.push_back({(*device)->info().name, "", (*device)->info()});
    else
      entries.push_back({"cuda:" + std::to_string(i), std::string(device.status().message()), {}});
  }
  return entries;
}

void print(const Entry &entry) {
  if (!entry.info) {
    std::printf("%-8s none: %s\n", entry.name.c_str(), entry.reason.c_str());
    return;
  }
  const runtime::DeviceInfo &info = *entry.info;
  std::printf("%-8s %-32s %-8s %4ld %s, %.1f GiB\n", info.name.c_str(), info.description.c_str(),
              info.architecture.c_str(), static_cast<long>(info.multiprocessors),
              info.name == "cpu" ? "cores" : "multiprocessors",
              double(info.memoryBytes) / double(1 << 30));
}

void listDevices(bool isJson) {
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (const Entry &entry : devices()) {
    if (!isJson) {
      print(entry);
      continue;
    }
    json.push_back({{"name", entry.name}, {"usable", entry.info.has_value()}});
    if (!entry.info) {
      json.back()["reason"] = entry.reason;
      continue;
    }
    json.back().update({{"description", entry.info->description},
                        {"architecture", entry.info->architecture},
                        {"multiprocessors", entry.info->multiprocessors},
                        {"memory_bytes", entry.info->memoryBytes}});
  }
  if (isJson) std::printf("%s\n", json.dump(1).c_str());
}

} // namespace

void addDevice(CLI::App &app, std::string &device) {
  auto take = [&device](const std::string &name) {
    if (!runtime::isCpu(name)) check(runtime::openDevice(name).status());
    device = name;
  };
  app.add_option_function<std::string>("--device", take,
                                       "what runs it: cpu, cuda or cuda:N (weir devices)")
      ->default_str("cpu");
}

void addDevices(CLI::App &app) {
  auto *command =
      app.add_subcommand("devices", "the devices of this machine, and why there are no others");
  auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "as JSON");
  addExample(*command, "weir devices\nweir devices --json");
  command->callback([=] { listDevices(*json); });
}

void printCudaKernels(mlir::ModuleOp module, bool withPtx) {
  using namespace codegen;
  mlir::OwningOpRef<mlir::ModuleOp> loops = mlir::ModuleOp::create(module.getLoc());
  mlir::OpBuilder into = mlir::OpBuilder::atBlockEnd(loops->getBody());
  std::vector<cuda::WarpKernel> kernels;
  std::vector<std::pair<std::string, const char *>> librarys;
  for (auto kernel : module.getOps<mlir::func::FuncOp>()) {
    if (!kernel->hasAttr(ir::kKernelAttr)) continue;
    const bool isProduct = libraryProduct(kernel).has_value();
    if (isProduct || libraryConvolution(kernel)) {
      librarys.push_back({kernel.getName().str(), isProduct ? "cuBLASLt" : "cuDNN"});
      continue;
    }
    auto lowered = lowerKernel(kernel, into, cuda::warpTarget());
    if (failed(lowered)) fail("lowering a kernel for a GPU failed");
    if (lowered->tasks)
      kernels.push_back({lowered->function, lowered->tasks, lowered->scratchBytes});
  }
  for (const auto &[name, library] : librarys) std::printf("%-40s %s\n", name.c_str(), library);
  if (kernels.empty()) return;
  auto ptx = cuda::compileToPtx(kernels);
  if (failed(ptx)) fail("compiling for a GPU failed");
  if (withPtx) std::printf("%s\n", ptx->c_str());
  auto ptxas = cuda::findPtxas();
  if (!ptxas) {
    std::printf("registers and shared memory are not known: %s\n",
                llvm::toString(ptxas.takeError()).c_str());
    return;
  }
  constexpr const char *processor = "sm_90";
  auto cubin = cuda::assemble(*ptxas, *ptx, processor);
  if (!cubin) fail(llvm::toString(cubin.takeError()));
  std::printf("%-40s %10s %10s %10s %8s %10s   (%s)\n", "kernel", "tasks", "registers", "shared B",
              "spills B", "occupancy", processor);
  for (const cuda::WarpKernel &kernel : kernels) {
    const cuda::Resources &used = cubin->kernels[cuda::entryName(cuda::nameOf(kernel))];
    double occupancy = cuda::occupancyOf(used, cuda::kWarpLanes * cuda::kWarpsPerBlock);
    std::printf("%-40s %10ld %10ld %10ld %8ld %9.0f%%\n", cuda::nameOf(kernel).str().c_str(),
                static_cast<long>(kernel.tasks), static_cast<long>(used.registers),
                static_cast<long>(used.sharedBytes), static_cast<long>(used.spillBytes),
                100 * occupancy);
  }
}

} // namespace weir::tools
