// One LLVM module, then PTX of it, then a cubin of that for each processor.
#include "codegen/cuda/image.h"

#include "codegen/cuda/ptxas.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Operation.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace weir::codegen::cuda {
namespace {

constexpr size_t kAlignment = 64;

void add(GpuImage &image, const std::string &form, StringRef bytes) {
  image.bytes.resize(llvm::alignTo(image.bytes.size(), kAlignment));
  image.modules.push_back({form, int64_t(image.bytes.size()), int64_t(bytes.size())});
  image.bytes.insert(image.bytes.end(), bytes.begin(), bytes.end());
}

bool isCubin(StringRef form) {
  return form.starts_with("sm_");
}

/// The cubins that are asked for, by processor; those that need a ptxas which is not there are left
/// out.
FailureOr<std::map<std::string, Cubin>> assembleAll(const std::string &ptx,
                                                    ArrayRef<std::string> forms, Location loc) {
  std::map<std::string, Cubin> cubins;
  if (llvm::none_of(forms, isCubin)) return cubins;
  auto ptxas = findPtxas();
  if (!ptxas) {
    std::string why = llvm::toString(ptxas.takeError());
    if (llvm::all_of(forms, isCubin)) return emitError(loc, why), failure();
    emitRemark(loc) << "PTX without cubins, which drivers compile when they load it: " << why;
    return cubins;
  }
  for (const std::string &form : forms) {
    if (!isCubin(form)) continue;
    auto cubin = assemble(*ptxas, ptx, form);
    if (!cubin) return emitError(loc, llvm::toString(cubin.takeError())), failure();
    cubins[form] = std::move(*cubin);
  }
  return cubins;
}

} // namespace

FailureOr<GpuImage> compileForms(ArrayRef<WarpKernel> kernels, ArrayRef<std::string> forms) {
  Location loc = UnknownLoc::get(kernels.front().function->getContext());
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module = toDeviceModule(kernels, /*verify=*/false, context);
  if (!module) return failure();
  std::string bitcode;
  if (llvm::is_contained(forms, runtime::kBitcodeForm)) {
    llvm::raw_string_ostream os(bitcode);
    llvm::WriteBitcodeToFile(*module, os);
  }
  std::string ptx;
  if (llvm::any_of(forms, [](const std::string &f) { return f != runtime::kBitcodeForm; })) {
    auto emitted = emitPtx(*module);
    if (!emitted) return emitError(loc, llvm::toString(emitted.takeError())), failure();
    ptx = std::move(*emitted);
  }
  auto cubins = assembleAll(ptx, forms, loc);
  if (failed(cubins)) return failure();
  GpuImage image;
  for (const std::string &form : forms) {
    if (form == runtime::kPtxForm)
      add(image, form, StringRef(ptx.c_str(), ptx.size() + 1)); // Drivers read up to the 0.
    else if (form == runtime::kBitcodeForm)
      add(image, form, bitcode);
    else if (auto cubin = cubins->find(form); cubin != cubins->end())
      add(image, form,
          StringRef(reinterpret_cast<const char *>(cubin->second.bytes.data()),
                    cubin->second.bytes.size()));
    else if (!isCubin(form))
      return emitError(loc) << "no form of GPU code is called " << form << "; there are ptx, sm_NN",
             failure();
  }
  return image;
}

} // namespace weir::codegen::cuda
