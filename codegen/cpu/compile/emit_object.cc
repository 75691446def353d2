// The kernels arrive as good loops over vectors; what is left to LLVM is address arithmetic, common
// subexpressions and invariant code, and code generation, which is where the time goes.
#include "codegen/cpu/compile/emit_object.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Pass.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/InstCombine/InstCombine.h"
#include "llvm/Transforms/Scalar/EarlyCSE.h"
#include "llvm/Transforms/Scalar/LICM.h"
#include "llvm/Transforms/Scalar/LoopPassManager.h"
#include "llvm/Transforms/Scalar/SROA.h"
#include "llvm/Transforms/Scalar/SimplifyCFG.h"

namespace weir::codegen {

static const llvm::Target *x86Target(std::string &error) {
  static const bool initialized = [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    return true;
  }();
  (void)initialized;
  return llvm::TargetRegistry::lookupTarget(llvm::Triple("x86_64-unknown-linux-gnu"), error);
}

static std::unique_ptr<llvm::TargetMachine> makeMachine(const TargetInfo &target,
                                                        std::string &error) {
  const llvm::Target *x86 = x86Target(error);
  if (!x86) return nullptr;
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  return std::unique_ptr<llvm::TargetMachine>(x86->createTargetMachine(
      llvm::Triple("x86_64-unknown-linux-gnu"), target.cpu, target.features, options,
      llvm::Reloc::PIC_, llvm::CodeModel::Small, llvm::CodeGenOptLevel::Default));
}

namespace {

/// The target's passes less loop strength reduction: it takes a quarter of the time of a dot, and
/// kernels address with a loop variable and constants, which x86-64 does for free.
class KernelPasses : public llvm::legacy::PassManager {
public:
  void add(llvm::Pass *pass) override {
    llvm::StringRef name = pass->getPassName();
    if (name == "Loop Strength Reduction" || name == "Canonicalize Freeze Instructions in Loops")
      delete pass;
    else
      llvm::legacy::PassManager::add(pass);
  }
};

} // namespace

/// The lane of a constant mask that has only one, or nothing.
static std::optional<unsigned> onlyLane(llvm::Value *mask) {
  auto *bits = llvm::dyn_cast<llvm::Constant>(mask);
  auto *type = llvm::dyn_cast<llvm::FixedVectorType>(mask->getType());
  std::optional<unsigned> found;
  for (unsigned lane = 0; bits && type && lane < type->getNumElements(); ++lane) {
    llvm::Constant *bit = bits->getAggregateElement(lane);
    if (!bit || (!bit->isNullValue() && (found || !bit->isOneValue()))) return std::nullopt;
    if (bit->isOneValue()) found = lane;
  }
  return found;
}

/// Masked stores of one known lane become stores of that element. LLVM 22's x86 backend does so
/// too, but where the vector was truncated it stores the element as wide as it was before: over
/// its neighbours, which may be another thread's.
static void storeSingleLanes(llvm::Function &function) {
  for (llvm::Instruction &instruction : llvm::make_early_inc_range(llvm::instructions(function))) {
    auto *store = llvm::dyn_cast<llvm::IntrinsicInst>(&instruction);
    if (!store || store->getIntrinsicID() != llvm::Intrinsic::masked_store) continue;
    llvm::Value *vector = store->getArgOperand(0), *mask = store->getArgOperand(2);
    std::optional<unsigned> lane = onlyLane(mask);
    if (!lane) continue;
    llvm::IRBuilder<> b(store);
    llvm::Type *element = vector->getType()->getScalarType();
    llvm::Value *at = b.CreateConstGEP1_32(element, store->getArgOperand(1), *lane);
    b.CreateAlignedStore(b.CreateExtractElement(vector, *lane), at, llvm::Align(1));
    store->eraseFromParent();
  }
}

static void optimize(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);

  llvm::FunctionPassManager passes;
  passes.addPass(llvm::SimplifyCFGPass());
  passes.addPass(llvm::SROAPass(llvm::SROAOptions::ModifyCFG));
  passes.addPass(llvm::EarlyCSEPass(/*UseMemorySSA=*/true));
  passes.addPass(llvm::InstCombinePass());
  passes.addPass(llvm::createFunctionToLoopPassAdaptor(llvm::LICMPass(llvm::LICMOptions()),
                                                       /*UseMemorySSA=*/true));
  for (llvm::Function &function : module)
    if (!function.isDeclaration()) {
      passes.run(function, functions);
      storeSingleLanes(function);
    }
}

llvm::Expected<llvm::SmallVector<char, 0>> emitObject(llvm::Module &module,
                                                      const TargetInfo &target) {
  std::string error;
  std::unique_ptr<llvm::TargetMachine> machine = makeMachine(target, error);
  if (!machine) return llvm::createStringError("no x86-64 code generator: " + error);
  module.setTargetTriple(machine->getTargetTriple());
  module.setDataLayout(machine->createDataLayout());
  module.setPICLevel(llvm::PICLevel::BigPIC);
  optimize(module, *machine);

  llvm::SmallVector<char, 0> object;
  llvm::raw_svector_ostream os(object);
  KernelPasses passes;
  if (machine->addPassesToEmitFile(passes, os, nullptr, llvm::CodeGenFileType::ObjectFile))
    return llvm::createStringError("no object file emission for x86-64");
  passes.run(module);
  return std::move(object);
}

} // namespace weir::codegen
