// The body of a kernel stays what the CPU's is, a function of a range of tasks; its entry finds the
// warp's range and scratch from the place in the grid.
#include "codegen/cuda/compile.h"

#include "codegen/cpu/compile/to_llvm.h"
#include "codegen/cuda/target.h"
#include "codegen/cuda/warp_lanes.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Operation.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/IntrinsicsNVPTX.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"

using namespace mlir;

namespace weir::codegen::cuda {

StringRef nameOf(const WarpKernel &kernel) {
  return SymbolTable::getSymbolName(kernel.function).getValue();
}

/// PTX has letters, digits, _ and $ in names.
std::string entryName(StringRef kernel) {
  std::string name = "weir_";
  for (char c : kernel) name += isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
}

int64_t blocksFor(const WarpKernel &kernel) {
  int64_t most = 132 * 16; // multiprocessors, and blocks that one holds
  constexpr int64_t mostScratch = 256 << 20;
  if (kernel.scratchBytes)
    most = std::min(most, mostScratch / (kWarpsPerBlock * kernel.scratchBytes));
  int64_t blocks = (kernel.tasks + kWarpsPerBlock - 1) / kWarpsPerBlock;
  return std::clamp<int64_t>(blocks, 1, std::max<int64_t>(most, 1));
}

static std::unique_ptr<llvm::TargetMachine> makeMachine(std::string &error) {
  static const bool initialized = [] {
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
    return true;
  }();
  (void)initialized;
  llvm::Triple triple("nvptx64-nvidia-cuda");
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target) return nullptr;
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  return std::unique_ptr<llvm::TargetMachine>(
      target->createTargetMachine(triple, kProcessor, kFeatures, options, std::nullopt,
                                  std::nullopt, llvm::CodeGenOptLevel::Aggressive));
}

/// begin = warp · tasks / warps, and so on: written once a kernel.
static void addEntry(llvm::Function &body, const WarpKernel &kernel) {
  std::string name = body.getName().str();
  body.setName(name + ".body");
  body.setLinkage(llvm::GlobalValue::InternalLinkage);
  body.addFnAttr(llvm::Attribute::AlwaysInline);
  unsigned buffers = body.arg_size() - 3;

  llvm::IRBuilder<> b(body.getContext());
  SmallVector<llvm::Type *> types(buffers + 1, b.getPtrTy());
  auto *type = llvm::FunctionType::get(b.getVoidTy(), types, false);
  auto *entry = llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage, entryName(name),
                                       body.getParent());
  entry->setCallingConv(llvm::CallingConv::PTX_Kernel);
  entry->addFnAttr("nvvm.maxntid", std::to_string(kWarpLanes * kWarpsPerBlock));
  entry->addFnAttr("target-cpu", kProcessor);
  entry->addFnAttr("target-features", kFeatures);
  body.addFnAttr("target-cpu", kProcessor);
  body.addFnAttr("target-features", kFeatures);
  for (unsigned i = 0; i < buffers; ++i)
    if (body.hasParamAttribute(i, llvm::Attribute::NoAlias))
      entry->addParamAttr(i, llvm::Attribute::NoAlias);
  entry->addParamAttr(buffers, llvm::Attribute::NoAlias);

  b.SetInsertPoint(llvm::BasicBlock::Create(body.getContext(), "", entry));
  auto place = [&](llvm::Intrinsic::ID id) {
    return b.CreateZExt(b.CreateIntrinsic(b.getInt32Ty(), id, {}), b.getInt64Ty());
  };
  llvm::Value *blockThreads = place(llvm::Intrinsic::nvvm_read_ptx_sreg_ntid_x);
  llvm::Value *thread =
      b.CreateAdd(b.CreateMul(place(llvm::Intrinsic::nvvm_read_ptx_sreg_ctaid_x), blockThreads),
                  place(llvm::Intrinsic::nvvm_read_ptx_sreg_tid_x));
  llvm::Value *threads =
      b.CreateMul(place(llvm::Intrinsic::nvvm_read_ptx_sreg_nctaid_x), blockThreads);
  llvm::Value *lanes = b.getInt64(kWarpLanes), *tasks = b.getInt64(kernel.tasks);
  llvm::Value *warp = b.CreateUDiv(thread, lanes), *warps = b.CreateUDiv(threads, lanes);
  llvm::Value *begin = b.CreateUDiv(b.CreateMul(warp, tasks), warps);
  llvm::Value *end = b.CreateUDiv(b.CreateMul(b.CreateAdd(warp, b.getInt64(1)), tasks), warps);
  llvm::Value *offset = b.CreateMul(warp, b.getInt64(kernel.scratchBytes));
  SmallVector<llvm::Value *> arguments;
  for (unsigned i = 0; i < buffers; ++i) arguments.push_back(entry->getArg(i));
  arguments.append({begin, end, b.CreatePtrAdd(entry->getArg(buffers), offset)});
  b.CreateCall(&body, arguments);
  b.CreateRetVoid();
}

static void optimize(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = tuning.SLPVectorization = false; // Lanes are threads.
  llvm::PassBuilder builder(&machine, tuning);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2).run(module, modules);
}

std::unique_ptr<llvm::Module> toDeviceModule(ArrayRef<WarpKernel> kernels, bool verify,
                                             llvm::LLVMContext &context) {
  SmallVector<Operation *> functions;
  for (const WarpKernel &kernel : kernels) functions.push_back(kernel.function);
  std::unique_ptr<llvm::Module> module =
      translateKernels(functions, mapLanesToThreads, verify, context);
  if (!module) return nullptr;
  std::string error;
  std::unique_ptr<llvm::TargetMachine> machine = makeMachine(error);
  if (!machine) return functions.front()->emitError("no NVPTX code generator: ") << error, nullptr;
  module->setTargetTriple(machine->getTargetTriple());
  module->setDataLayout(machine->createDataLayout());
  for (const WarpKernel &kernel : kernels) addEntry(*module->getFunction(nameOf(kernel)), kernel);
  if (verify && llvm::verifyModule(*module, &llvm::errs()))
    return functions.front()->emitError("kernels give invalid LLVM IR"), nullptr;
  optimize(*module, *machine);
  return module;
}

llvm::Expected<std::string> emitPtx(llvm::Module &module) {
  std::string error;
  std::unique_ptr<llvm::TargetMachine> machine = makeMachine(error);
  if (!machine) return llvm::createStringError("no NVPTX code generator: " + error);
  llvm::SmallString<0> text;
  llvm::raw_svector_ostream os(text);
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, os, nullptr, llvm::CodeGenFileType::AssemblyFile))
    return llvm::createStringError("no PTX emission");
  passes.run(module);
  return text.str().str();
}

FailureOr<std::string> compileToPtx(ArrayRef<WarpKernel> kernels, bool verify) {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module = toDeviceModule(kernels, verify, context);
  if (!module) return failure();
  llvm::Expected<std::string> ptx = emitPtx(*module);
  if (!ptx) return kernels.front().function->emitError(llvm::toString(ptx.takeError())), failure();
  return *ptx;
}

} // namespace weir::codegen::cuda
