//===- test_executable.h - an executable for tests of what holds them -----===//
// Valid, with every kind of record, and too small to be anything else: its code is never run.
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/artifact/executable.h"

namespace weir::runtime {

/// Slices of an input, one for each row of a batch, added to a constant in a loop under an if; then
/// a copy.
inline Executable testExecutable(int64_t rows = 4) {
  Executable e;
  e.name = "example";
  e.image.assign(100, 0xc3);
  e.constants = Bytes::zeros(128);
  e.arenaBytes = 256;
  e.numLoops = 1;
  e.inputs = {{"x", DType::F32, {rows, 2}}, {"p", DType::I1, {}}};
  e.outputs = {{"y", DType::F32, {2}}};
  e.variables = {{"w", DType::F32, {2}}};
  e.kernels = {{"k", 64, nullptr, 4, 32, 7, 9}};
  e.buffers = {{Space::Input, 0, 0, 8, DType::F32, {2}, {{0, 8}}},
               {Space::Input, 1, 0, 1, DType::I1, {}, {}},
               {Space::Arena, 0, 64, 8, DType::F32, {2}, {}},
               {Space::Output, 0, 0, 8, DType::F32, {2}, {}},
               {Space::Constant, 0, 64, 8, DType::F32, {2}, {}}};
  Instruction launch, loop, branch, copy;
  launch.buffers = {0, 2, 4};
  launch.locations = {{"model.cc", 42}};
  loop.kind = Instruction::Kind::Loop;
  loop.trips = rows;
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

/// The same for a GPU: text and a cubin in the image, a grid for the kernel.
inline Executable testGpuExecutable() {
  Executable e = testExecutable();
  e.image[59] = 0;
  e.modules = {{"ptx", 0, 60}, {"sm_90", 64, 36}};
  e.kernels[0].entry = "weir_k";
  e.kernels[0].blocks = 7;
  e.kernels[0].threadsPerBlock = 128;
  return e;
}

/// The kernel of a GPU is a product of what its three buffers hold.
inline Executable testProductExecutable() {
  Executable e = testGpuExecutable();
  e.kernels[0].entry = "";
  e.kernels[0].blocks = 1;
  e.kernels[0].threadsPerBlock = 32;
  e.kernels[0].product = {.batch = 2, .rows = 1, .columns = 1, .depth = 1};
  Instruction &launch = e.instructions[0].body[0].body[0];
  launch.buffers = {0, 4, 2};
  return e;
}

/// As that one, of a convolution of one element in each of two groups.
inline Executable testConvolutionExecutable() {
  Executable e = testProductExecutable();
  e.kernels[0].product.reset();
  e.kernels[0].convolution = {.groups = 2, .dims = {{1, 1, 1, 1, 1, 0}}};
  return e;
}

/// The same for six devices, with what only programs for a mesh have.
inline Executable testExecutableOnMesh(Executable e = testExecutable()) {
  e.mesh = {{"data", 2}, {"model", 3}};
  e.variables[0].whole = {{4}, "[{data}]"};
  e.buffers.push_back({Space::Arena, 0, 0, 24, DType::F32, {3, 2}, {}});
  e.buffers.push_back({Space::Arena, 0, 128, 4, DType::I32, {}, {}});
  Instruction gather, swap, index;
  gather.kind = swap.kind = Instruction::Kind::Collective;
  gather.collective = CollectiveKind::AllGather;
  gather.axes = {1};
  gather.buffers = {2, 5};
  gather.reason = "dot takes [{},{}]";
  swap.collective = CollectiveKind::Permute;
  swap.sources = {5, 4, 3, 2, 1, 0};
  swap.buffers = {4, 2};
  index.kind = Instruction::Kind::AxisIndex;
  index.axes = {1, 0};
  index.buffers = {6};
  e.instructions.insert(e.instructions.end(), {gather, swap, index});
  return e;
}

} // namespace weir::runtime
