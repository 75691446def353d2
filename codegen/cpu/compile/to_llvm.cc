// One applyFullConversion with every pattern (stock passes walk the module once each), bare
// pointers for memrefs. The body becomes an internal function so that `noalias` arguments count.
#include "codegen/cpu/compile/to_llvm.h"

#include "codegen/cpu/compile/compile.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/Vector/Transforms/LoweringPatterns.h"
#include "mlir/Dialect/Vector/Transforms/VectorRewritePatterns.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"

using namespace mlir;

namespace weir::codegen {

void registerKernelDialects(DialectRegistry &registry) {
  registry.insert<arith::ArithDialect, cf::ControlFlowDialect, func::FuncDialect, LLVM::LLVMDialect,
                  math::MathDialect, memref::MemRefDialect, scf::SCFDialect, ub::UBDialect,
                  vector::VectorDialect>();
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
}

namespace {

// The stock pattern makes llvm.fmuladd, which code generation may split; a dot's bits depend on it.
struct FuseMultiplyAdd : ConvertOpToLLVMPattern<vector::FMAOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(vector::FMAOp op, OpAdaptor operands,
                                ConversionPatternRewriter &rewriter) const override {
    if (op.getVectorType().getRank() > 1) return failure();
    rewriter.replaceOpWithNewOp<LLVM::FMAOp>(op, operands.getLhs(), operands.getRhs(),
                                             operands.getAcc());
    return success();
  }
};

} // namespace

/// Checks the form that compile.h documents.
static LogicalResult checkKernel(func::FuncOp kernel) {
  ArrayRef<Type> types = kernel.getFunctionType().getInputs();
  auto refuse = [&](const char *what) {
    return kernel.emitError("kernel '") << kernel.getSymName() << "' " << what;
  };
  if (kernel.isExternal()) return refuse("has no body");
  if (kernel.getFunctionType().getNumResults() != 0) return refuse("returns values");
  if (types.size() < 3 || !types[types.size() - 3].isIndex() || !types[types.size() - 2].isIndex())
    return refuse("does not end in (begin: index, end: index, scratch: memref<?xi8>)");
  auto scratch = dyn_cast<MemRefType>(types.back());
  if (!scratch || scratch.getRank() != 1 || !scratch.getElementType().isInteger(8))
    return refuse("has a scratch argument that is not memref<?xi8>");
  for (auto [index, type] : llvm::enumerate(types.drop_back(3))) {
    auto buffer = dyn_cast<MemRefType>(type);
    if (!buffer || !buffer.hasStaticShape() || !buffer.getLayout().isIdentity())
      return refuse("has a buffer that is not a memref of static shape and identity layout");
    if (buffer.getNumElements() == 0 && !kernel.getArgument(index).use_empty())
      return refuse("uses a buffer without elements");
  }
  return success();
}

/// Says that vectors in memory have the alignment of their elements, which is also what no
/// attribute means: but then the conversion asks a data layout, in an LLVM context made for each
/// question.
static void setAlignments(func::FuncOp kernel) {
  kernel.walk([](Operation *op) {
    llvm::TypeSwitch<Operation *>(op)
        .Case<vector::LoadOp, vector::StoreOp, vector::MaskedLoadOp, vector::MaskedStoreOp,
              vector::GatherOp>([](auto access) {
          Type element = cast<ShapedType>(access.getBase().getType()).getElementType();
          if (!access.getAlignment())
            access.setAlignment(llvm::divideCeil(element.getIntOrFloatBitWidth(), 8));
        });
  });
}

/// Drops the attributes of other levels and replaces the types that cannot be a bare pointer: the
/// scratch gets a static size (nobody checks it), a buffer without elements gets one.
static void prepareKernel(func::FuncOp kernel) {
  kernel->setDiscardableAttrs(DictionaryAttr::get(kernel.getContext()));
  kernel.setPublic();
  for (BlockArgument argument : kernel.getArguments()) {
    unsigned i = argument.getArgNumber();
    if (DictionaryAttr attributes = kernel.getArgAttrDict(i))
      for (NamedAttribute attribute : attributes)
        if (!attribute.getName().strref().starts_with("llvm."))
          kernel.removeArgAttr(i, attribute.getName());
    auto type = dyn_cast<MemRefType>(argument.getType());
    if (type && type.hasStaticShape() && type.getNumElements() == 0)
      argument.setType(MemRefType::get({1}, type.getElementType()));
  }
  BlockArgument scratch = kernel.getArguments().back();
  auto type = cast<MemRefType>(scratch.getType());
  if (!type.hasStaticShape()) {
    scratch.setType(MemRefType::get({int64_t(1) << 40}, type.getElementType()));
    OpBuilder b = OpBuilder::atBlockBegin(&kernel.getBody().front());
    auto cast = memref::CastOp::create(b, kernel.getLoc(), type, scratch);
    scratch.replaceAllUsesExcept(cast, cast);
  }
  auto types = kernel.getBody().front().getArgumentTypes();
  kernel.setFunctionType(FunctionType::get(kernel.getContext(), types, {}));
}

static LogicalResult convertToLLVMDialect(ModuleOp module) {
  MLIRContext *context = module.getContext();
  LowerToLLVMOptions options(context);
  options.useBarePtrCallConv = true;
  options.overrideIndexBitwidth(64);
  options.allocLowering = LowerToLLVMOptions::AllocLowering::None;
  LLVMTypeConverter converter(context, options);
  RewritePatternSet patterns(context);
  patterns.add<FuseMultiplyAdd>(converter, PatternBenefit(2));
  populateSCFToControlFlowConversionPatterns(patterns);
  cf::populateControlFlowToLLVMConversionPatterns(converter, patterns);
  arith::populateCeilFloorDivExpandOpsPatterns(patterns);
  arith::populateArithToLLVMConversionPatterns(converter, patterns);
  populateMathToLLVMConversionPatterns(converter, patterns);
  populateFinalizeMemRefToLLVMConversionPatterns(converter, patterns);
  populateFuncToLLVMConversionPatterns(converter, patterns);
  vector::populateVectorMaskMaterializationPatterns(patterns, /*force32BitVectorIndices=*/true);
  vector::populateVectorStepLoweringPatterns(patterns);
  vector::populateVectorInterleaveToShufflePatterns(patterns);
  populateVectorToLLVMConversionPatterns(converter, patterns, /*reassociateFPReductions=*/false,
                                         /*force32BitVectorIndices=*/true);
  ub::populateUBToLLVMConversionPatterns(converter, patterns);
  LLVMConversionTarget target(*context);
  target.addLegalOp<ModuleOp>();
  return applyFullConversion(module, target, std::move(patterns));
}

static void setTargetAttributes(llvm::Function &function, const TargetInfo &target) {
  function.addFnAttr("target-cpu", target.cpu);
  if (!target.features.empty()) function.addFnAttr("target-features", target.features);
  function.addFnAttr("prefer-vector-width", std::to_string(target.vectorBytes * 8));
  function.addFnAttr("no-builtins");
  function.addFnAttr("no-jump-tables", "true");
  function.addFnAttr(llvm::Attribute::NoUnwind);
}

/// Makes `body` internal and gives its name to an entry that loads its pointers from a list.
static void addEntry(llvm::Function &body, const TargetInfo &target) {
  std::string name = body.getName().str();
  body.setName(name + ".body");
  body.setLinkage(llvm::GlobalValue::InternalLinkage);
  body.addFnAttr(llvm::Attribute::NoInline);
  setTargetAttributes(body, target);

  llvm::IRBuilder<> b(body.getContext());
  llvm::Type *pointer = b.getPtrTy(), *index = b.getInt64Ty();
  auto *type = llvm::FunctionType::get(b.getVoidTy(), {pointer, index, index, pointer}, false);
  auto *entry =
      llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage, name, body.getParent());
  setTargetAttributes(*entry, target);
  b.SetInsertPoint(llvm::BasicBlock::Create(body.getContext(), "", entry));
  llvm::SmallVector<llvm::Value *> arguments;
  for (size_t i = 0; i + 3 < body.arg_size(); ++i)
    arguments.push_back(b.CreateLoad(pointer, b.CreateConstGEP1_64(pointer, entry->getArg(0), i)));
  for (unsigned i = 1; i < 4; ++i) arguments.push_back(entry->getArg(i));
  b.CreateCall(&body, arguments);
  b.CreateRetVoid();
}

std::unique_ptr<llvm::Module> translateKernels(ArrayRef<Operation *> kernels,
                                               function_ref<LogicalResult(func::FuncOp)> prepare,
                                               bool verify, llvm::LLVMContext &context) {
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(kernels.front()->getContext()));
  for (Operation *op : kernels) {
    auto kernel = dyn_cast<func::FuncOp>(op);
    if (!kernel) return op->emitError("a kernel must be a func.func"), nullptr;
    if (failed(checkKernel(kernel))) return nullptr;
    func::FuncOp copy = kernel.clone();
    module->push_back(copy);
    prepareKernel(copy);
    if (failed(prepare(copy))) return nullptr;
    setAlignments(copy);
  }
  if (verify && failed(mlir::verify(*module))) return nullptr;
  if (failed(convertToLLVMDialect(*module))) return nullptr;
  std::unique_ptr<llvm::Module> result =
      translateModuleToLLVMIR(*module, context, "kernels", /*disableVerification=*/!verify);
  if (!result) kernels.front()->emitError("translation to LLVM IR failed");
  return result;
}

std::unique_ptr<llvm::Module> toLLVM(ArrayRef<Operation *> kernels, const TargetInfo &target,
                                     bool verify, llvm::LLVMContext &context) {
  auto asTheyAre = [](func::FuncOp) { return success(); };
  std::unique_ptr<llvm::Module> result = translateKernels(kernels, asTheyAre, verify, context);
  if (!result) return nullptr;
  llvm::SmallVector<llvm::Function *> bodies;
  for (llvm::Function &function : *result)
    if (!function.isDeclaration()) bodies.push_back(&function);
  for (llvm::Function *body : bodies) addEntry(*body, target);
  if (verify && llvm::verifyModule(*result))
    return kernels.front()->emitError("kernels give invalid LLVM IR"), nullptr;
  return result;
}

} // namespace weir::codegen
