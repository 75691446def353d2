// Kernels written as MLIR text go through the whole way to machine code and are called.
#include "codegen/cpu/compile/compile.h"
#include "codegen/cpu/compile/mapped_image.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include "gtest/gtest.h"
#include <cmath>
#include <numeric>

using namespace mlir;
using namespace weir::codegen;

namespace {

class CompileTest : public ::testing::Test {
protected:
  CompileTest() : context(makeRegistry()) { context.loadAllAvailableDialects(); }

  static DialectRegistry makeRegistry() {
    DialectRegistry registry;
    registerKernelDialects(registry);
    return registry;
  }

  /// Compiles all functions of `text`; diagnostics are appended to `errors`.
  FailureOr<Image> compile(StringRef text, int threads = 1, StringRef level = "host") {
    ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
      errors += diagnostic.str() + "\n";
      return success();
    });
    module = parseSourceString<ModuleOp>(text, &context);
    if (!module) return failure();
    std::optional<TargetInfo> target = targetForLevel(level);
    if (!target) return failure();
    SmallVector<Operation *> kernels;
    for (Operation &op : *module->getBody()) kernels.push_back(&op);
    CompileOptions options{*target, threads, /*verify=*/true};
    return compileKernels(kernels, options);
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  std::string errors;
};

constexpr const char *addKernel = R"(
  func.func @add(%a: memref<64xf32> {llvm.noalias}, %b: memref<64xf32> {weir.name = "b"},
                 %c: memref<64xf32>, %begin: index, %end: index, %scratch: memref<?xi8>)
      attributes {weir.kernel = "loop"} {
    %step = arith.constant 8 : index
    scf.for %i = %begin to %end step %step {
      %x = vector.load %a[%i] : memref<64xf32>, vector<8xf32>
      %y = vector.load %b[%i] : memref<64xf32>, vector<8xf32>
      %z = arith.addf %x, %y : vector<8xf32>
      vector.store %z, %c[%i] : memref<64xf32>, vector<8xf32>
    }
    return
  })";

TEST_F(CompileTest, KernelRunsOnTheTasksItIsGiven) {
  FailureOr<Image> image = compile(addKernel);
  ASSERT_TRUE(succeeded(image)) << errors;
  auto mapped = MappedImage::map(*image);
  ASSERT_TRUE(mapped);
  std::vector<float> a(64), b(64, 100), c(64, -1);
  std::iota(a.begin(), a.end(), 0);
  void *buffers[] = {a.data(), b.data(), c.data()};
  mapped->kernel("add")(buffers, 8, 24, nullptr);
  for (int i = 0; i < 64; ++i) EXPECT_EQ(c[i], i < 8 || i >= 24 ? -1 : 100 + i);
  EXPECT_EQ(mapped->kernel("other"), nullptr);
}

TEST_F(CompileTest, ConstantsAndScratchAreReached) {
  FailureOr<Image> image = compile(R"(
    func.func @k(%out: memref<4xf32>, %begin: index, %end: index, %scratch: memref<?xi8>) {
      %zero = arith.constant 0 : index
      %bytes = arith.constant 64 : index
      %c = arith.constant dense<[1.5, 2.5, 3.5, 4.5]> : vector<4xf32>
      %floats = memref.view %scratch[%bytes][] : memref<?xi8> to memref<4xf32>
      vector.store %c, %floats[%zero] : memref<4xf32>, vector<4xf32>
      %x = vector.load %floats[%zero] : memref<4xf32>, vector<4xf32>
      vector.store %x, %out[%zero] : memref<4xf32>, vector<4xf32>
      return
    })");
  ASSERT_TRUE(succeeded(image)) << errors;
  auto mapped = MappedImage::map(*image);
  std::vector<float> out(4), scratch(20);
  void *buffers[] = {out.data()};
  mapped->kernel("k")(buffers, 0, 1, scratch.data());
  EXPECT_EQ(out, (std::vector<float>{1.5, 2.5, 3.5, 4.5}));
  EXPECT_EQ(scratch[16], 1.5f);
}

TEST_F(CompileTest, AStoreOfOneTruncatedLaneLeavesItsNeighboursAlone) {
  for (const char *lane : {"true, false, false, false", "false, false, true, false"}) {
    FailureOr<Image> image = compile(std::string(R"(
      func.func @k(%x: memref<4xi32>, %out: memref<4xi16>, %begin: index, %end: index,
                   %scratch: memref<?xi8>) {
        %zero = arith.constant 0 : index
        %mask = arith.constant dense<[)") + lane + R"(]> : vector<4xi1>
        %v = vector.load %x[%zero] : memref<4xi32>, vector<4xi32>
        %narrow = arith.trunci %v : vector<4xi32> to vector<4xi16>
        vector.maskedstore %out[%zero], %mask, %narrow : memref<4xi16>, vector<4xi1>, vector<4xi16>
        return
      })");
    ASSERT_TRUE(succeeded(image)) << errors;
    auto mapped = MappedImage::map(*image);
    std::vector<int32_t> x = {10, 11, 12, 13};
    std::vector<int16_t> out(4, -1);
    void *buffers[] = {x.data(), out.data()};
    mapped->kernel("k")(buffers, 0, 1, nullptr);
    bool first = lane[0] == 't';
    EXPECT_EQ(out, (first ? std::vector<int16_t>{10, -1, -1, -1}
                          : std::vector<int16_t>{-1, -1, 12, -1}));
  }
}

TEST_F(CompileTest, OnlyExplicitMultiplyAddsAreFused) {
  FailureOr<Image> image = compile(R"(
    func.func @k(%x: memref<8xf32>, %fused: memref<8xf32>, %split: memref<8xf32>,
                 %begin: index, %end: index, %scratch: memref<?xi8>) {
      %zero = arith.constant 0 : index
      %v = vector.load %x[%zero] : memref<8xf32>, vector<8xf32>
      %one = arith.constant dense<-1.0> : vector<8xf32>
      %f = vector.fma %v, %v, %one : vector<8xf32>
      %m = arith.mulf %v, %v : vector<8xf32>
      %s = arith.addf %m, %one : vector<8xf32>
      vector.store %f, %fused[%zero] : memref<8xf32>, vector<8xf32>
      vector.store %s, %split[%zero] : memref<8xf32>, vector<8xf32>
      return
    })");
  ASSERT_TRUE(succeeded(image)) << errors;
  auto mapped = MappedImage::map(*image);
  float v = 1.0001f;
  volatile float product = v * v;
  std::vector<float> x(8, v), fused(8), split(8);
  void *buffers[] = {x.data(), fused.data(), split.data()};
  mapped->kernel("k")(buffers, 0, 1, nullptr);
  EXPECT_EQ(fused[3], std::fma(v, v, -1.0f));
  EXPECT_EQ(split[3], product - 1.0f);
  EXPECT_NE(fused[3], split[3]);
}

TEST_F(CompileTest, ManyKernelsOnThreadsEachKeepTheirName) {
  std::string text;
  for (int i = 0; i < 20; ++i)
    text += "func.func @k" + std::to_string(i) +
            "(%out: memref<1xi32>, %b: index, %e: index, %s: memref<?xi8>) {\n"
            "  %z = arith.constant 0 : index\n  %c = arith.constant " +
            std::to_string(i) +
            " : i32\n  memref.store %c, %out[%z] : memref<1xi32>\n  return\n}\n";
  for (bool threadedContext : {true, false}) {
    context.enableMultithreading(threadedContext);
    FailureOr<Image> image = compile(text, /*threads=*/3);
    ASSERT_TRUE(succeeded(image)) << errors;
    EXPECT_EQ(image->offsets.size(), 20u);
    auto mapped = MappedImage::map(*image);
    for (int i = 0; i < 20; ++i) {
      int32_t out = -1;
      void *buffers[] = {&out};
      mapped->kernel("k" + std::to_string(i))(buffers, 0, 1, nullptr);
      EXPECT_EQ(out, i);
    }
  }
}

TEST_F(CompileTest, SameInputGivesTheSameBytes) {
  FailureOr<Image> first = compile(addKernel), second = compile(addKernel);
  ASSERT_TRUE(succeeded(first) && succeeded(second)) << errors;
  EXPECT_EQ(first->bytes, second->bytes);
}

TEST_F(CompileTest, EveryNamedLevelCompiles) {
  for (const char *level : {"x86-64-v3", "x86-64-v4"})
    EXPECT_TRUE(succeeded(compile(addKernel, 1, level))) << level << ": " << errors;
  EXPECT_FALSE(targetForLevel("x86-64-v1"));
}

TEST_F(CompileTest, RoutineFromOutsideIsRefusedNamingTheKernel) {
  EXPECT_TRUE(failed(compile(R"(
    func.func @fine(%x: memref<1xf32>, %b: index, %e: index, %s: memref<?xi8>) { return }
    func.func @wavy(%x: memref<1xf32>, %b: index, %e: index, %s: memref<?xi8>) {
      %z = arith.constant 0 : index
      %v = memref.load %x[%z] : memref<1xf32>
      %y = math.sin %v : f32
      memref.store %y, %x[%z] : memref<1xf32>
      return
    })")));
  EXPECT_EQ(errors, "kernel 'wavy' needs 'sinf', which no image provides\n");
}

TEST_F(CompileTest, WrongKernelFormIsAnError) {
  EXPECT_TRUE(failed(compile("func.func @k(%x: memref<1xf32>) { return }")));
  EXPECT_EQ(errors,
            "kernel 'k' does not end in (begin: index, end: index, scratch: memref<?xi8>)\n");
  errors.clear();
  EXPECT_TRUE(failed(compile("func.func @k(%x: memref<?xf32>, %b: index, %e: index, "
                             "%s: memref<?xi8>) { return }")));
  EXPECT_EQ(errors, "kernel 'k' has a buffer that is not a memref of static shape and identity "
                    "layout\n");
}

} // namespace
