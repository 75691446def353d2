// Deals the kernels out to a few LLVM modules (each costs a fixed 1-2 ms) and compiles these on
// threads, every one from MLIR to object code with an LLVM context of its own; links at the end.
#include "codegen/cpu/compile/compile.h"

#include "codegen/cpu/compile/emit_object.h"
#include "codegen/cpu/compile/link.h"
#include "codegen/cpu/compile/to_llvm.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Operation.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"

#include <atomic>
#include <mutex>
#include <thread>

using namespace mlir;

namespace weir::codegen {

namespace {

// Kernels that share an LLVM module, and the object code they give.
struct Group {
  SmallVector<Operation *> kernels;
  int64_t cost = 0;
  SmallVector<char, 0> object;
  std::string error; // of code generation, which has no location
  bool failed = false;
};

constexpr int64_t groupsPerThread = 3;
constexpr int64_t kernelBaseCost = 20; // what a kernel costs besides its operations, in operations

} // namespace

/// Largest kernels first, each to the group with the least work so far.
static std::vector<Group> makeGroups(ArrayRef<Operation *> kernels, int64_t threads) {
  SmallVector<std::pair<int64_t, size_t>> costs; // negative cost and index: sorts largest first
  for (auto [index, kernel] : llvm::enumerate(kernels)) {
    int64_t cost = kernelBaseCost;
    kernel->walk([&](Operation *) { ++cost; });
    costs.push_back({-cost, index});
  }
  llvm::sort(costs);
  std::vector<Group> groups(std::min<int64_t>(kernels.size(), threads * groupsPerThread));
  for (auto [cost, index] : costs) {
    auto least = std::min_element(groups.begin(), groups.end(),
                                  [](auto &a, auto &b) { return a.cost < b.cost; });
    least->kernels.push_back(kernels[index]);
    least->cost -= cost;
  }
  return groups;
}

static void compileGroup(Group &group, const CompileOptions &options, std::mutex *mlirMutex) {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module;
  {
    std::unique_lock<std::mutex> lock;
    if (mlirMutex) lock = std::unique_lock(*mlirMutex);
    module = toLLVM(group.kernels, options.target, options.verify, context);
  }
  group.failed = !module;
  if (group.failed) return;
  llvm::Expected<SmallVector<char, 0>> object = emitObject(*module, options.target);
  group.failed = !object;
  if (group.failed) {
    group.error = llvm::toString(object.takeError());
    return;
  }
  group.object = std::move(*object);
}

static Operation *kernelNamed(ArrayRef<Operation *> kernels, StringRef name) {
  for (Operation *kernel : kernels)
    if (SymbolTable::getSymbolName(kernel).getValue() == name) return kernel;
  return kernels.front();
}

static FailureOr<Image> link(ArrayRef<Operation *> kernels, ArrayRef<Group> groups) {
  SmallVector<StringRef> objects;
  for (const Group &group : groups)
    objects.push_back(StringRef(group.object.data(), group.object.size()));
  llvm::Expected<Image> image = linkImage(objects);
  if (image) return std::move(*image);
  llvm::handleAllErrors(
      image.takeError(),
      [&](const LinkError &error) {
        std::string message;
        llvm::raw_string_ostream os(message);
        error.log(os);
        kernelNamed(kernels, error.kernel)->emitError(message);
      },
      [&](const llvm::ErrorInfoBase &error) { kernels.front()->emitError(error.message()); });
  return failure();
}

FailureOr<Image> compileKernels(ArrayRef<Operation *> kernels, const CompileOptions &options) {
  if (kernels.empty()) return Image();
  int64_t threads = options.threads > 0 ? options.threads : std::thread::hardware_concurrency();
  std::vector<Group> groups = makeGroups(kernels, std::max<int64_t>(threads, 1));

  // A context with threading switched off has no locks of its own.
  std::mutex mlirMutex;
  bool threadedContext = kernels.front()->getContext()->isMultithreadingEnabled();
  std::atomic<size_t> next = 0;
  auto work = [&] {
    for (size_t i; (i = next++) < groups.size();)
      compileGroup(groups[i], options, threadedContext ? nullptr : &mlirMutex);
  };
  std::vector<std::thread> others;
  for (int64_t i = 1; i < std::min<int64_t>(threads, groups.size()); ++i) others.emplace_back(work);
  work();
  for (std::thread &thread : others) thread.join();

  bool anyFailed = false;
  for (const Group &group : groups) {
    anyFailed |= group.failed;
    if (!group.error.empty()) group.kernels.front()->emitError(group.error);
  }
  if (anyFailed) return failure();
  return link(kernels, groups);
}

} // namespace weir::codegen
