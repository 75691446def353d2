//===- verify_test.cc - malformed executables -----------------------------===//
// One small valid executable, broken in one way at a time.
//===----------------------------------------------------------------------===//
#include "runtime/artifact/verify.h"

#include <gtest/gtest.h>

#include <functional>

namespace weir::runtime {
namespace {

/// Four input slices summed in a loop under an if.
Executable valid() {
  Executable e;
  e.name = "v";
  e.image = {0xc3};
  e.constants = Bytes::zeros(64);
  e.arenaBytes = 128;
  e.numLoops = 1;
  e.inputs = {{"x", DType::F32, {4, 2}}, {"p", DType::I1, {}}};
  e.outputs = {{"y", DType::F32, {2}}};
  e.variables = {{"w", DType::F32, {2}}};
  e.kernels = {{"k", 0, nullptr, 1, 0, 0, 0}};
  e.buffers = {{Space::Input, 0, 0, 8, DType::F32, {2}, {{0, 8}}},
               {Space::Input, 1, 0, 1, DType::I1, {}, {}},
               {Space::Arena, 0, 64, 8, DType::F32, {2}, {}},
               {Space::Output, 0, 0, 8, DType::F32, {2}, {}},
               {Space::Constant, 0, 0, 8, DType::F32, {2}, {}}};
  Instruction launch, loop, branch, copy;
  launch.buffers = {0, 2, 4};
  loop.kind = Instruction::Kind::Loop;
  loop.trips = 4;
  loop.body = {launch};
  branch.kind = Instruction::Kind::If;
  branch.buffers = {1};
  branch.body = {loop};
  copy.kind = Instruction::Kind::Copy;
  copy.buffers = {2, 3};
  copy.deps = {0};
  e.instructions = {branch, copy};
  return e;
}

std::string verdict(const std::function<void(Executable &)> &breakIt) {
  Executable e = valid();
  breakIt(e);
  return std::string(verify(e).message());
}

std::string malformed(const std::string &what) {
  return "executable 'v' is malformed: " + what;
}

TEST(Verify, AcceptsAWellFormedExecutable) {
  EXPECT_EQ(verdict([](Executable &) {}), "");
  EXPECT_EQ(maxLaunches(valid().instructions), 4);
  EXPECT_EQ(verdict([](Executable &e) { e.inputs[0].name = e.inputs[1].name = ""; }), "");
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
            malformed("buffer 2 reaches outside its 128 bytes"));
  EXPECT_EQ(verdict([](Executable &e) { e.buffers[2].offset = -64; }),
            malformed("buffer 2 reaches outside its 128 bytes"));
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
  EXPECT_EQ(verdict([](Executable &e) { e.kernels[0].codeOffset = 1; }),
            malformed("the entry of kernel 'k' is outside the image"));
  EXPECT_EQ(verdict([](Executable &e) { e.instructions[1].deps = {1}; }),
            malformed("an instruction depends on one that does not come before it"));
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
