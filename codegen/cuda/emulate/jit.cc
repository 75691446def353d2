// Retargets the module, replaces what is NVVM's, and hands it to LLJIT.
#include "codegen/cuda/emulate/jit.h"

#include "codegen/cuda/emulate/grid.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/TargetSelect.h"

namespace weir::codegen::cuda {
namespace {

using llvm::orc::LLJIT;

class Jitted : public EmulatedKernels {
public:
  explicit Jitted(std::unique_ptr<LLJIT> jit) : jit(std::move(jit)) {}

  void (*entry(llvm::StringRef kernel) const)(void **) override {
    return entryNamed(entryName(kernel));
  }
  void (*entryNamed(llvm::StringRef name) const)(void **) override {
    return find<void (*)(void **)>((name + ".thunk").str());
  }
  Launch launcher(llvm::StringRef kernel) const override {
    return find<Launch>(entryName(kernel) + ".launch");
  }

private:
  template <class Function> Function find(const std::string &name) const {
    auto address = jit->lookup(name);
    if (!address) return llvm::consumeError(address.takeError()), nullptr;
    return address->toPtr<Function>();
  }

  std::unique_ptr<LLJIT> jit;
};

struct Replacement {
  const char *name = nullptr; // of the function that takes its place
  int32_t special = -1;       // what it asks for
};

Replacement replacementOf(llvm::StringRef intrinsic) {
  auto special = [](Special which) { return Replacement{"weir.special", int32_t(which)}; };
  intrinsic.consume_front("llvm.nvvm.");
  return llvm::StringSwitch<Replacement>(intrinsic)
      .Case("read.ptx.sreg.tid.x", special(Special::Thread))
      .Case("read.ptx.sreg.ntid.x", special(Special::BlockThreads))
      .Case("read.ptx.sreg.ctaid.x", special(Special::Block))
      .Case("read.ptx.sreg.nctaid.x", special(Special::Blocks))
      .Case("read.ptx.sreg.laneid", special(Special::Lane))
      .Case("shfl.sync.idx.i32", {"weir.shuffle"})
      .Case("vote.any.sync", {"weir.any"})
      .Case("bar.warp.sync", {"weir.barrier"})
      .Default({});
}

/// A call of mma.sync: its registers go through memory of the thread.
void replaceMatrixMultiply(llvm::CallInst &call, int32_t site, bool isBf16) {
  llvm::Module &module = *call.getModule();
  llvm::IRBuilder<> atEntry(&*call.getFunction()->getEntryBlock().begin()), b(&call);
  auto *wordsType = llvm::ArrayType::get(b.getInt32Ty(), kMatrixWords);
  auto *sumsType = llvm::ArrayType::get(b.getFloatTy(), 4);
  llvm::Value *words = atEntry.CreateAlloca(wordsType), *sums = atEntry.CreateAlloca(sumsType);
  for (unsigned i = 0; i < call.arg_size(); ++i)
    b.CreateStore(b.CreateBitCast(call.getArgOperand(i), b.getInt32Ty()),
                  b.CreateConstGEP2_32(wordsType, words, 0, i));
  auto *type = llvm::FunctionType::get(
      b.getVoidTy(), {b.getInt32Ty(), b.getInt32Ty(), b.getPtrTy(), b.getPtrTy()}, false);
  b.CreateCall(module.getOrInsertFunction("weir.multiply", type),
               {b.getInt32(site), b.getInt32(isBf16), words, sums});
  llvm::Value *result = llvm::PoisonValue::get(call.getType());
  for (unsigned i = 0; i < 4; ++i) {
    llvm::Value *sum = b.CreateLoad(b.getFloatTy(), b.CreateConstGEP2_32(sumsType, sums, 0, i));
    result = b.CreateInsertValue(result, sum, i);
  }
  call.replaceAllUsesWith(result);
  call.eraseFromParent();
}

/// Calls of NVVM's intrinsics, each with its number, become calls of the grid.
llvm::Error replaceIntrinsics(llvm::Module &module) {
  int32_t site = 0;
  for (llvm::Function &function : llvm::make_early_inc_range(module)) {
    if (!function.getName().starts_with("llvm.nvvm.")) continue;
    if (function.getName().starts_with("llvm.nvvm.mma.m16n8k16.row.col.")) {
      for (llvm::User *user : llvm::make_early_inc_range(function.users()))
        replaceMatrixMultiply(*llvm::cast<llvm::CallInst>(user), ++site,
                              function.getName().ends_with(".bf16"));
      function.eraseFromParent();
      continue;
    }
    Replacement replacement = replacementOf(function.getName());
    if (!replacement.name)
      return llvm::createStringError("the emulator does not know " + function.getName());
    for (llvm::User *user : llvm::make_early_inc_range(function.users())) {
      auto *call = llvm::cast<llvm::CallInst>(user);
      llvm::IRBuilder<> b(call);
      int32_t first = replacement.special >= 0 ? replacement.special : ++site;
      llvm::SmallVector<llvm::Value *> arguments{b.getInt32(first)};
      for (llvm::Value *argument : call->args()) // An i1 has no fixed place in C's calls.
        arguments.push_back(b.CreateZExt(argument, b.getInt32Ty()));
      llvm::SmallVector<llvm::Type *> types(arguments.size(), b.getInt32Ty());
      bool isVoid = call->getType()->isVoidTy();
      auto *type = llvm::FunctionType::get(isVoid ? b.getVoidTy() : b.getInt32Ty(), types, false);
      llvm::Value *result =
          b.CreateCall(module.getOrInsertFunction(replacement.name, type), arguments);
      if (!isVoid) result = b.CreateTrunc(result, call->getType());
      call->replaceAllUsesWith(result);
      call->eraseFromParent();
    }
    function.eraseFromParent();
  }
  return llvm::Error::success();
}

/// A function that calls launchGrid on `thunk`.
void addLauncher(llvm::Function &entry, llvm::Function &thunk, int64_t scratchBytes) {
  llvm::Module &module = *entry.getParent();
  llvm::IRBuilder<> b(module.getContext());
  llvm::Type *pointer = b.getPtrTy(), *number = b.getInt64Ty();
  auto *type = llvm::FunctionType::get(b.getVoidTy(), {pointer, number, number, pointer}, false);
  auto *launcher = llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage,
                                          entry.getName() + ".launch", module);
  b.SetInsertPoint(llvm::BasicBlock::Create(module.getContext(), "", launcher));
  auto *grid = llvm::FunctionType::get(b.getVoidTy(), {pointer, pointer, number, number}, false);
  b.CreateCall(module.getOrInsertFunction("weir.launch", grid),
               {&thunk, launcher->getArg(0), b.getInt64(int64_t(entry.arg_size()) - 1),
                b.getInt64(scratchBytes)});
  b.CreateRetVoid();
}

/// An entry that takes its pointers from a list, beside each kernel, and one for the executor
/// beside those of `kernels`.
void addThunks(llvm::Module &module, llvm::ArrayRef<WarpKernel> kernels) {
  llvm::StringMap<int64_t> scratchBytes;
  for (const WarpKernel &kernel : kernels)
    scratchBytes[entryName(nameOf(kernel))] = kernel.scratchBytes;
  llvm::SmallVector<llvm::Function *> entries;
  for (llvm::Function &function : module) {
    function.removeFnAttr("target-cpu");
    function.removeFnAttr("target-features");
    if (function.getCallingConv() != llvm::CallingConv::PTX_Kernel) continue;
    function.setCallingConv(llvm::CallingConv::C);
    entries.push_back(&function);
  }
  llvm::IRBuilder<> b(module.getContext());
  auto *type = llvm::FunctionType::get(b.getVoidTy(), {b.getPtrTy()}, false);
  for (llvm::Function *entry : entries) {
    auto *thunk = llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage,
                                         entry->getName() + ".thunk", module);
    b.SetInsertPoint(llvm::BasicBlock::Create(module.getContext(), "", thunk));
    llvm::SmallVector<llvm::Value *> arguments;
    for (size_t i = 0; i < entry->arg_size(); ++i)
      arguments.push_back(
          b.CreateLoad(b.getPtrTy(), b.CreateConstGEP1_64(b.getPtrTy(), thunk->getArg(0), i)));
    b.CreateCall(entry, arguments);
    b.CreateRetVoid();
    if (auto known = scratchBytes.find(entry->getName()); known != scratchBytes.end())
      addLauncher(*entry, *thunk, known->second);
  }
}

llvm::Error defineGrid(LLJIT &jit) {
  llvm::orc::SymbolMap symbols;
  auto define = [&](const char *name, auto *function) {
    symbols[jit.mangleAndIntern(name)] = {llvm::orc::ExecutorAddr::fromPtr(function),
                                          llvm::JITSymbolFlags::Exported};
  };
  define("weir.special", &emulateSpecial);
  define("weir.shuffle", &emulateShuffle);
  define("weir.any", &emulateVoteAny);
  define("weir.barrier", &emulateWarpBarrier);
  define("weir.multiply", &emulateMatrixMultiply);
  define("weir.launch", &launchGrid);
  return jit.getMainJITDylib().define(llvm::orc::absoluteSymbols(std::move(symbols)));
}

} // namespace

static llvm::Expected<std::unique_ptr<EmulatedKernels>>
compileModule(std::unique_ptr<llvm::Module> module, std::unique_ptr<llvm::LLVMContext> context,
              llvm::ArrayRef<WarpKernel> kernels) {
  static const bool initialized =
      !llvm::InitializeNativeTarget() && !llvm::InitializeNativeTargetAsmPrinter();
  (void)initialized;
  auto jit = llvm::orc::LLJITBuilder().create();
  if (!jit) return jit.takeError();
  module->setTargetTriple((*jit)->getTargetTriple());
  module->setDataLayout((*jit)->getDataLayout());
  if (llvm::Error error = replaceIntrinsics(*module)) return std::move(error);
  addThunks(*module, kernels);
  if (llvm::Error error = defineGrid(**jit)) return std::move(error);
  if (llvm::Error error =
          (*jit)->addIRModule(llvm::orc::ThreadSafeModule(std::move(module), std::move(context))))
    return std::move(error);
  return std::unique_ptr<EmulatedKernels>(std::make_unique<Jitted>(std::move(*jit)));
}

llvm::Expected<std::unique_ptr<EmulatedKernels>>
EmulatedKernels::compile(llvm::ArrayRef<WarpKernel> kernels) {
  auto context = std::make_unique<llvm::LLVMContext>();
  std::unique_ptr<llvm::Module> module = toDeviceModule(kernels, /*verify=*/true, *context);
  if (!module) return llvm::createStringError("a kernel cannot be lowered for a GPU");
  return compileModule(std::move(module), std::move(context), kernels);
}

llvm::Expected<std::unique_ptr<EmulatedKernels>>
EmulatedKernels::fromBitcode(llvm::StringRef bitcode) {
  auto context = std::make_unique<llvm::LLVMContext>();
  auto module = llvm::parseBitcodeFile({bitcode, "kernels"}, *context);
  if (!module) return module.takeError();
  return compileModule(std::move(*module), std::move(context), {});
}

} // namespace weir::codegen::cuda
