//===- verify_test.cc - malformed executables -----------------------------===//
// One small valid executable, broken in one way at a time.
//===----------------------------------------------------------------------===//
#include "runtime/artifact/test_executable.h"
#include "runtime/artifact/verify.h"

#include <gtest/gtest.h>

#include <functional>

namespace weir::runtime {
namespace {

std::string verdict(const std::function<void(Executable &)> &breakIt) {
  Executable e = testExecutable();
  breakIt(e);
  return std::string(verify(e).message());
}

std::string malformed(const std::string &what) {
  return "executable 'example' is malformed: " + what;
}

TEST(Verify, AcceptsAWellFormedExecutable) {
  EXPECT_EQ(verdict([](Executable &) {}), "");
  EXPECT_EQ(maxLaunches(testExecutable().instructions), 4);
  EXPECT_EQ(verdict([](Executable &e) { e.inputs[0].name = e.inputs[1].name = ""; }), "");
}

std::string verdictOnMesh(const std::function<void(Executable &)> &breakIt) {
  Executable e = testExecutableOnMesh();
  breakIt(e);
  return std::string(verify(e).message());
}

TEST(Verify, RefusesCollectivesThatDoNotFitTheMesh) {
  EXPECT_EQ(verdictOnMesh([](Executable &) {}), "");
  EXPECT_EQ(verdictOnMesh([](Executable &e) { e.mesh.clear(); }),
            malformed("an instruction names axis 1 of 0, or names it twice"));
  EXPECT_EQ(verdictOnMesh([](Executable &e) { e.instructions[2].axes = {1, 1}; }),
            malformed("an instruction names axis 1 of 2, or names it twice"));
  EXPECT_EQ(verdictOnMesh([](Executable &e) { e.instructions[2].axes = {0}; }),
            malformed("all_gather over 2 devices has 8 bytes on one side and 24 on the other"));
  EXPECT_EQ(verdictOnMesh([](Executable &e) { e.instructions[2].buffers = {2}; }),
            malformed("a collective needs two buffers"));
  EXPECT_EQ(verdictOnMesh([](Executable &e) { e.instructions[3].buffers = {2, 4}; }),
            malformed("a collective writes to a feed or a constant"));
  EXPECT_EQ(verdictOnMesh([](Executable &e) { e.instructions[3].sources = {0, 1, 2, 3, 4, 4}; }),
            malformed("the sources of a permute are not the 6 devices of the mesh"));
  EXPECT_EQ(
      verdictOnMesh([](Executable &e) { e.instructions[2].collective = CollectiveKind::Send; }),
      malformed("an instruction is an unknown collective"));
  EXPECT_EQ(verdictOnMesh([](Executable &e) { e.mesh[0].size = 1 << 20; }),
            malformed("mesh axis 'data' has 1048576 devices"));
  EXPECT_EQ(
      verdictOnMesh([](Executable &e) { e.instructions[2].kind = Instruction::Kind::AxisIndex; }),
      malformed("an axis index is not one i32 that may be written"));
}

TEST(Verify, RefusesBuffersThatReachOutside) {
  EXPECT_EQ(verdict([](Executable &e) { e.arenaBytes = 64; }),
            malformed("buffer 2 reaches outside its 64 bytes"));
  EXPECT_EQ(verdict([](Executable &e) { e.instructions[0].body[0].trips = 5; }),
            malformed("buffer 0 reaches outside its 32 bytes"));
  EXPECT_EQ(verdict([](Executable &e) { e.buffers[0].strides[0].strideBytes = -8; }),
            malformed("buffer 0 reaches outside its 32 bytes"));
  EXPECT_EQ(verdict([](Executable &e) { e.buffers[0].strides[0].strideBytes = INT64_MAX - 7; }),
            malformed("buffer 0 reaches outside its 32 bytes"));
  EXPECT_EQ(verdict([](Executable &e) { e.buffers[2].offset = INT64_MAX - 63; }),
            malformed("buffer 2 reaches outside its 256 bytes"));
  EXPECT_EQ(verdict([](Executable &e) { e.buffers[2].offset = -64; }),
            malformed("buffer 2 reaches outside its 256 bytes"));
  EXPECT_EQ(verdict([](Executable &e) { e.buffers[3].index = 1; }),
            malformed("buffer 3 lies in entry 1, which is not there"));
}

TEST(Verify, RefusesBuffersWithAWrongSizeOrAlignment) {
  EXPECT_EQ(verdict([](Executable &e) { e.buffers[4].bytes = 4; }),
            malformed("buffer 4 has 4 bytes but type f32[2]"));
  EXPECT_EQ(verdict([](Executable &e) { e.buffers[2].offset = 32; }),
            malformed("buffer 2 is not aligned to 64 bytes"));
  EXPECT_EQ(verdict([](Executable &e) { e.buffers[0].strides[0].strideBytes = 6; }),
            malformed("buffer 0 moves by 6 bytes"));
}

TEST(Verify, RefusesReferencesToNothing) {
  auto launchOf = [](Executable &e) -> Instruction & { return e.instructions[0].body[0].body[0]; };
  EXPECT_EQ(verdict([&](Executable &e) { launchOf(e).kernel = 1; }),
            malformed("a launch names kernel 1 of 1"));
  EXPECT_EQ(verdict([&](Executable &e) { launchOf(e).buffers[0] = 9; }),
            malformed("an instruction names buffer 9 of 5"));
  EXPECT_EQ(verdict([](Executable &e) { e.instructions[0].body[0].loop = 1; }),
            malformed("a loop has number 1 of 1"));
  EXPECT_EQ(verdict([](Executable &e) { e.instructions[0].otherwise = e.instructions[0].body; }),
            malformed("two loops have number 0"));
  EXPECT_EQ(verdict([](Executable &e) { e.instructions[1].buffers = {0, 3}; }),
            malformed("buffer 0 is used outside loop 0 that moves it"));
  EXPECT_EQ(verdict([](Executable &e) { e.kernels[0].codeOffset = 100; }),
            malformed("the entry of kernel 'k' is outside the image"));
  EXPECT_EQ(verdict([](Executable &e) { e.instructions[1].deps = {1}; }),
            malformed("an instruction depends on one that does not come before it"));
}

TEST(Verify, RefusesModulesAndGridsThatNoGpuTakes) {
  auto verdictOf = [](const std::function<void(Executable &)> &breakIt) {
    Executable e = testGpuExecutable();
    breakIt(e);
    return std::string(verify(e).message());
  };
  EXPECT_EQ(verdictOf([](Executable &e) { e.kernels[0].codeOffset = 999; }), "");
  EXPECT_EQ(verdictOf([](Executable &e) {
              e.kernels[0].tasks = 0;
              e.kernels[0].entry = "";
            }),
            "");
  EXPECT_EQ(verdictOf([](Executable &e) { e.modules[1].bytes = 37; }),
            malformed("module 'sm_90' is outside the image"));
  EXPECT_EQ(verdictOf([](Executable &e) { e.modules[1].offset = INT64_MAX; }),
            malformed("module 'sm_90' is outside the image"));
  EXPECT_EQ(verdictOf([](Executable &e) { e.modules[1].form = "ptx"; }),
            malformed("two modules, or one without a form, are 'ptx'"));
  EXPECT_EQ(verdictOf([](Executable &e) { e.image[59] = 'x'; }),
            malformed("the text of module 'ptx' has no end"));
  const std::string noGrid = malformed("kernel 'k' has no entry or no grid for a GPU");
  EXPECT_EQ(verdictOf([](Executable &e) { e.kernels[0].entry = ""; }), noGrid);
  EXPECT_EQ(verdictOf([](Executable &e) { e.kernels[0].blocks = 0; }), noGrid);
  EXPECT_EQ(verdictOf([](Executable &e) { e.kernels[0].threadsPerBlock = 100; }), noGrid);
  EXPECT_EQ(verdictOf([](Executable &e) { e.kernels[0].scratchBytesPerThread = INT64_MAX; }),
            noGrid);
}

TEST(Verify, RefusesConvolutionsThatAreNotOfTheirBuffers) {
  auto verdictOf = [](const std::function<void(Executable &)> &breakIt) {
    Executable e = testConvolutionExecutable();
    breakIt(e);
    return std::string(verify(e).message());
  };
  EXPECT_EQ(verdictOf([](Executable &) {}), "");
  EXPECT_EQ(verdictOf([](Executable &e) { e.kernels[0].convolution->channels = 2; }),
            malformed("a launch of 'k' has other buffers than its library's"));
  const std::string none = malformed("kernel 'k' is no convolution of a library");
  EXPECT_EQ(verdictOf([](Executable &e) { e.kernels[0].convolution->dims[0].output = 3; }), none);
  EXPECT_EQ(verdictOf([](Executable &e) {
              e.kernels[0].product = testProductExecutable().kernels[0].product;
            }),
            none);
}

TEST(Verify, RefusesProductsThatAreNotOfTheirBuffers) {
  auto verdictOf = [](const std::function<void(Executable &)> &breakIt) {
    Executable e = testProductExecutable();
    breakIt(e);
    return std::string(verify(e).message());
  };
  auto launch = [](Executable &e) -> Instruction & { return e.instructions[0].body[0].body[0]; };
  EXPECT_EQ(verdictOf([](Executable &) {}), "");
  const std::string others = malformed("a launch of 'k' has other buffers than its library's");
  EXPECT_EQ(verdictOf([](Executable &e) { e.kernels[0].product->depth = 2; }), others);
  EXPECT_EQ(verdictOf([](Executable &e) { e.kernels[0].product->dtype = DType::F64; }), others);
  EXPECT_EQ(verdictOf([&](Executable &e) { launch(e).buffers = {0, 4}; }), others);
  EXPECT_EQ(verdictOf([&](Executable &e) { launch(e).buffers = {0, 2, 4}; }), others);
  const std::string nothing = malformed("kernel 'k' is a product of no matrices");
  EXPECT_EQ(verdictOf([](Executable &e) { e.kernels[0].product->rows = 0; }), nothing);
  EXPECT_EQ(verdictOf([](Executable &e) { e.kernels[0].product->rows = INT64_MAX; }), nothing);
  EXPECT_EQ(verdictOf([](Executable &e) { e.kernels[0].product->dtype = DType::I32; }), nothing);
  EXPECT_EQ(verdictOf([](Executable &e) { e.kernels[0].entry = "k"; }),
            malformed("kernel 'k' has no entry or no grid for a GPU"));
  EXPECT_EQ(verdictOf([](Executable &e) { e.modules.clear(); }),
            malformed("kernel 'k' needs a library of a GPU"));
}

TEST(Verify, ScratchOfAGpuIsForAllWarps) {
  Executable e = testGpuExecutable();
  e.kernels[0].scratchBytesPerThread = 64;
  EXPECT_EQ(memoryStatement(e, /*threads=*/2).scratchBytes, 7 * 4 * 64);
}

TEST(Verify, RefusesImpossibleInstructions) {
  EXPECT_EQ(verdict([](Executable &e) { e.instructions[0].buffers = {2}; }),
            malformed("the predicate of an if is not one i1"));
  EXPECT_EQ(verdict([](Executable &e) { e.instructions[1].buffers = {2, 4}; }),
            malformed("a copy writes to a feed or a constant"));
  EXPECT_EQ(verdict([](Executable &e) { e.instructions[1].buffers = {1, 3}; }),
            malformed("a copy has 1 bytes on one side and 8 on the other"));
  EXPECT_EQ(verdict([](Executable &e) { e.instructions[1].buffers = {1}; }),
            malformed("a copy needs two buffers"));
  EXPECT_EQ(verdict([](Executable &e) { e.instructions[0].body[0].trips = -1; }),
            malformed("loop 0 has negative trips"));
  EXPECT_EQ(verdict([](Executable &e) { e.inputs[1].name = "x"; }),
            malformed("two inputs are named 'x'"));
  EXPECT_EQ(verdict([](Executable &e) { e.outputs[0].dims = {-2}; }),
            malformed("output 'y' has the type f32[-2]"));
  EXPECT_EQ(verdict([](Executable &e) {
              for (int i = 0; i < 100; ++i) {
                Instruction outer;
                outer.kind = Instruction::Kind::If;
                outer.buffers = {1};
                outer.body = {e.instructions[1]};
                outer.body[0].deps.clear();
                e.instructions[1] = outer;
              }
            }),
            malformed("instructions are nested deeper than 64"));
}

} // namespace
} // namespace weir::runtime
