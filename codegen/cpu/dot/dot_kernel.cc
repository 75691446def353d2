// Builds the kernel function around emitDot: buffers of the case's shapes, tasks and scratch.
#include "codegen/cpu/dot/dot_kernel.h"

#include "codegen/cpu/compile/compile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"

#include <chrono>

using namespace mlir;

namespace weir::codegen {

int64_t DotCase::resultElements() const {
  int64_t elements = 1;
  for (auto [i, size] : llvm::enumerate(lhs))
    if (!llvm::is_contained(lhsContract, i)) elements *= size;
  for (auto [i, size] : llvm::enumerate(rhs))
    if (!llvm::is_contained(rhsContract, i) && !llvm::is_contained(rhsBatch, i)) elements *= size;
  return elements;
}

static Type elementType(OpBuilder &b, DotElement element) {
  switch (element) {
  case DotElement::F32:
    return b.getF32Type();
  case DotElement::F64:
    return b.getF64Type();
  case DotElement::I32:
    return b.getI32Type();
  case DotElement::I64:
    return b.getI64Type();
  }
  return nullptr;
}

/// result = 2 result + 1 on the block, element by element.
static void emitTwicePlusOne(OpBuilder &b, Location loc, Value result, const DotBlock &block) {
  auto index = [&](int64_t i) { return arith::ConstantIndexOp::create(b, loc, i); };
  auto rows = scf::ForOp::create(b, loc, index(0), block.rows, index(1));
  b.setInsertionPointToStart(rows.getBody());
  auto columns = scf::ForOp::create(b, loc, index(0), index(block.columns), index(1));
  b.setInsertionPointToStart(columns.getBody());
  Value at = arith::MulIOp::create(b, loc, rows.getInductionVar(), index(block.rowStride));
  at = arith::AddIOp::create(b, loc, at, columns.getInductionVar());
  at = arith::AddIOp::create(b, loc, at, block.offset);
  Value x = memref::LoadOp::create(b, loc, result, at);
  Value one = arith::ConstantOp::create(b, loc, b.getOneAttr(x.getType()));
  if (isa<FloatType>(x.getType())) {
    x = arith::AddFOp::create(b, loc, arith::AddFOp::create(b, loc, x, x), one);
  } else {
    x = arith::AddIOp::create(b, loc, arith::AddIOp::create(b, loc, x, x), one);
  }
  memref::StoreOp::create(b, loc, x, result, at);
  b.setInsertionPointAfter(rows);
}

static func::FuncOp buildKernel(OpBuilder &b, const DotCase &dot, const DotPlan &plan,
                                bool epilogue) {
  Location loc = b.getUnknownLoc();
  Type element = elementType(b, dot.element), index = b.getIndexType();
  SmallVector<Type> types = {MemRefType::get(dot.lhs, element),
                             MemRefType::get(dot.rhs, element),
                             MemRefType::get({dot.resultElements()}, element),
                             index,
                             index,
                             MemRefType::get({ShapedType::kDynamic}, b.getI8Type())};
  auto kernel = func::FuncOp::create(b, loc, "dot", b.getFunctionType(types, {}));
  for (unsigned i = 0; i < 3; ++i) kernel.setArgAttr(i, "llvm.noalias", b.getUnitAttr());
  OpBuilder::InsertionGuard guard(b);
  Block *body = kernel.addEntryBlock();
  b.setInsertionPointToStart(body);
  auto arguments = body->getArguments();
  DotOperands operands{arguments[0], arguments[1], arguments[2],
                       arguments[3], arguments[4], arguments[5]};
  auto finish = [&](OpBuilder &b, Location loc, const DotBlock &block) {
    emitTwicePlusOne(b, loc, operands.result, block);
  };
  if (epilogue)
    emitDot(b, loc, plan, operands, finish);
  else
    emitDot(b, loc, plan, operands);
  func::ReturnOp::create(b, loc);
  return kernel;
}

std::unique_ptr<DotKernel> DotKernel::create(const DotCase &dot, const TargetInfo &target,
                                             bool epilogue) {
  DialectRegistry registry;
  registerKernelDialects(registry);
  MLIRContext context(registry);
  context.loadAllAvailableDialects();
  OpBuilder b(&context);
  auto kernel = std::make_unique<DotKernel>();
  kernel->plan =
      planDot(denseDot(dot.lhs, dot.rhs, dot.lhsBatch, dot.rhsBatch, dot.lhsContract,
                       dot.rhsContract, elementType(b, dot.element).getIntOrFloatBitWidth() / 8),
              target);
  OwningOpRef<ModuleOp> module = ModuleOp::create(b, b.getUnknownLoc());
  b.setInsertionPointToStart(module->getBody());
  func::FuncOp function = buildKernel(b, dot, kernel->plan, epilogue);
  auto compileStart = std::chrono::steady_clock::now();
  CompileOptions options{target, /*threads=*/1, /*verify=*/true};
  FailureOr<Image> image = compileKernels({function.getOperation()}, options);
  if (failed(image)) return nullptr;
  kernel->compileMillis =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - compileStart)
          .count();
  kernel->imageBytes = image->bytes.size();
  kernel->image = MappedImage::map(*image);
  if (!kernel->image) return nullptr;
  kernel->entry = kernel->image->kernel("dot");
  for (auto &scratch : kernel->scratch)
    scratch = std::make_unique<char[]>(kernel->plan.scratchBytes + 64);
  return kernel;
}

void DotKernel::run(const void *lhs, const void *rhs, void *result, int64_t begin, int64_t end,
                    int thread) const {
  void *buffers[] = {const_cast<void *>(lhs), const_cast<void *>(rhs), result};
  uintptr_t aligned = (reinterpret_cast<uintptr_t>(scratch[thread].get()) + 63) & ~uintptr_t(63);
  entry(buffers, begin, end, reinterpret_cast<void *>(aligned));
}

} // namespace weir::codegen
