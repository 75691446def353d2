#include "codegen/cpu/math/kernel_harness.h"

#include "codegen/cpu/compile/compile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"

#include "gtest/gtest.h"

namespace weir::codegen {

using namespace mlir;

static DialectRegistry kernelRegistry() {
  DialectRegistry registry;
  registerKernelDialects(registry);
  return registry;
}

KernelHarness::KernelHarness(TargetInfo target)
    : target(std::move(target)), context(kernelRegistry()) {
  context.loadAllAvailableDialects();
}

template <> Type KernelHarness::elementType<float>() {
  return Float32Type::get(&context);
}
template <> Type KernelHarness::elementType<double>() {
  return Float64Type::get(&context);
}
template <> Type KernelHarness::elementType<int32_t>() {
  return IntegerType::get(&context, 32);
}
template <> Type KernelHarness::elementType<int64_t>() {
  return IntegerType::get(&context, 64);
}
template <> Type KernelHarness::elementType<Bit>() {
  return IntegerType::get(&context, 1);
}

/// An i1 is a byte in memory.
static Type inMemory(Type element) {
  return element.isInteger(1) ? IntegerType::get(element.getContext(), 8) : element;
}

static Type lanesOf(int lanes, Type element) {
  return lanes ? Type(VectorType::get({lanes}, element)) : element;
}

static Value load(ImplicitLocOpBuilder &b, Value buffer, Value i, int lanes, Type element) {
  Type type = lanesOf(lanes, inMemory(element));
  Value v = lanes ? vector::LoadOp::create(b, cast<VectorType>(type), buffer, i).getResult()
                  : memref::LoadOp::create(b, buffer, i).getResult();
  return element.isInteger(1) ? arith::TruncIOp::create(b, lanesOf(lanes, element), v) : v;
}

static void store(ImplicitLocOpBuilder &b, Value v, Value buffer, Value i, int lanes,
                  Type element) {
  if (element.isInteger(1)) v = arith::ExtUIOp::create(b, lanesOf(lanes, b.getI8Type()), v);
  if (lanes)
    vector::StoreOp::create(b, v, buffer, i);
  else
    memref::StoreOp::create(b, v, buffer, i);
}

KernelEntry KernelHarness::compile(const std::vector<Type> &buffers, const EmitBody &emit) {
  ImplicitLocOpBuilder b(UnknownLoc::get(&context), &context);
  SmallVector<Type> inputs(buffers.begin(), buffers.end());
  inputs.append(2, b.getIndexType());
  inputs.push_back(MemRefType::get({ShapedType::kDynamic}, b.getI8Type()));
  OwningOpRef<func::FuncOp> kernel =
      func::FuncOp::create(b.getLoc(), "k", b.getFunctionType(inputs, {}));
  Block *body = kernel->addEntryBlock();
  b.setInsertionPointToStart(body);
  auto arguments = body->getArguments();
  emit(b, arguments.drop_back(3), arguments[buffers.size()], arguments[buffers.size() + 1]);
  func::ReturnOp::create(b);
  FailureOr<Image> image = compileKernels({*kernel}, {target, /*threads=*/1, /*verify=*/true});
  if (failed(image)) {
    ADD_FAILURE() << "the kernel does not compile";
    return nullptr;
  }
  images.push_back(MappedImage::map(*image));
  return images.back()->kernel("k");
}

KernelEntry KernelHarness::compiled(const std::string &name, const Emit &emit, int lanes,
                                    const std::vector<Type> &in, Type out) {
  std::string key = name + " x" + std::to_string(lanes);
  llvm::raw_string_ostream os(key);
  for (Type type : in) os << " " << type;
  os << " -> " << out;
  auto [entry, isNew] = kernels.try_emplace(key, nullptr);
  if (!isNew) return entry->second;
  SCOPED_TRACE(key);
  std::vector<Type> buffers;
  for (Type type : in) buffers.push_back(MemRefType::get({kChunk}, inMemory(type)));
  buffers.push_back(MemRefType::get({kChunk}, inMemory(out)));
  auto body = [&](ImplicitLocOpBuilder &b, ValueRange memory, Value begin, Value end) {
    auto loop =
        scf::ForOp::create(b, begin, end, arith::ConstantIndexOp::create(b, std::max(lanes, 1)));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value i = loop.getInductionVar();
    SmallVector<Value> operands;
    for (auto [k, type] : llvm::enumerate(in))
      operands.push_back(load(b, memory[k], i, lanes, type));
    store(b, emit(b, operands), memory.back(), i, lanes, out);
  };
  return entry->second = compile(buffers, body);
}

} // namespace weir::codegen
