//===- test_kernels.h - executables by hand ---------------------*- C++ -*-===//
// A builder of small executables whose kernels are C++ functions, for the tests of this folder. All
// tensors are f32[n] unless said otherwise; a task is one element.
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/executor/session.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace weir::runtime::test {

inline float *f32(void *buffer) {
  return static_cast<float *>(buffer);
}

/// result[i] = lhs[i] + rhs[i]
inline void addKernel(void **b, int64_t begin, int64_t end, void *) {
  for (int64_t i = begin; i < end; ++i) f32(b[2])[i] = f32(b[0])[i] + f32(b[1])[i];
}
/// result[i] = x[i] * 2 + i: shows which element it was
inline void doubleKernel(void **b, int64_t begin, int64_t end, void *) {
  for (int64_t i = begin; i < end; ++i) f32(b[1])[i] = f32(b[0])[i] * 2 + float(i);
}

struct Builder {
  Executable e;

  Builder() { e.name = "test"; }

  int32_t buffer(Space space, int32_t index, int64_t offset, std::vector<int64_t> dims,
                 std::vector<LoopStride> strides = {}, DType dtype = DType::F32) {
    int64_t bytes = *elementCount(dims) * int64_t(dtypeBytes(dtype));
    e.buffers.push_back({space, index, offset, bytes, dtype, std::move(dims), std::move(strides)});
    return int32_t(e.buffers.size() - 1);
  }
  int32_t input(std::string name, std::vector<int64_t> dims, DType dtype = DType::F32) {
    e.inputs.push_back({std::move(name), dtype, dims});
    return buffer(Space::Input, int32_t(e.inputs.size() - 1), 0, dims, {}, dtype);
  }
  int32_t output(std::string name, std::vector<int64_t> dims) {
    e.outputs.push_back({std::move(name), DType::F32, dims});
    return buffer(Space::Output, int32_t(e.outputs.size() - 1), 0, dims);
  }
  int32_t variable(std::string name, std::vector<int64_t> dims) {
    e.variables.push_back({std::move(name), DType::F32, dims});
    return buffer(Space::Variable, int32_t(e.variables.size() - 1), 0, dims);
  }
  /// A fresh piece of the arena.
  int32_t temporary(std::vector<int64_t> dims) {
    int32_t index = buffer(Space::Arena, 0, e.arenaBytes, std::move(dims));
    e.arenaBytes += roundUp(e.buffers[index].bytes, kBufferAlignment);
    return index;
  }
  /// The slice of `whole` (its leading dim dropped) that loop `loop` moves along it.
  int32_t slice(int32_t whole, int32_t loop) {
    Buffer buffer = e.buffers[whole];
    buffer.dims.erase(buffer.dims.begin());
    buffer.bytes = *elementCount(buffer.dims) * int64_t(dtypeBytes(buffer.dtype));
    buffer.strides.push_back({loop, buffer.bytes});
    e.buffers.push_back(buffer);
    return int32_t(e.buffers.size() - 1);
  }

  int32_t kernel(std::string name, KernelFunction function, int64_t tasks, int64_t flops = 0,
                 int64_t scratchBytes = 0) {
    Kernel kernel;
    kernel.name = std::move(name);
    kernel.function = function;
    kernel.tasks = tasks;
    kernel.flops = flops;
    kernel.scratchBytesPerThread = scratchBytes;
    e.kernels.push_back(kernel);
    return int32_t(e.kernels.size() - 1);
  }

  static Instruction launch(int32_t kernel, std::vector<int32_t> buffers) {
    Instruction instruction;
    instruction.kernel = kernel;
    instruction.buffers = std::move(buffers);
    return instruction;
  }
  static Instruction copy(int32_t source, int32_t target) {
    Instruction instruction;
    instruction.kind = Instruction::Kind::Copy;
    instruction.buffers = {source, target};
    return instruction;
  }
  static Instruction branch(int32_t predicate, std::vector<Instruction> then,
                            std::vector<Instruction> otherwise) {
    Instruction instruction;
    instruction.kind = Instruction::Kind::If;
    instruction.buffers = {predicate};
    instruction.body = std::move(then);
    instruction.otherwise = std::move(otherwise);
    return instruction;
  }
  static Instruction loop(int32_t number, int64_t trips, bool reverse,
                          std::vector<Instruction> body) {
    Instruction instruction;
    instruction.kind = Instruction::Kind::Loop;
    instruction.loop = number;
    instruction.trips = trips;
    instruction.reverse = reverse;
    instruction.body = std::move(body);
    return instruction;
  }
  void add(Instruction instruction) { e.instructions.push_back(std::move(instruction)); }

  absl::StatusOr<std::unique_ptr<Session>> session(SessionOptions options = {}) const {
    return Session::create(std::make_shared<Executable>(e), std::move(options));
  }
};

inline std::shared_ptr<ThreadPool> poolOf(int threads) {
  return std::make_shared<ThreadPool>(threads);
}

} // namespace weir::runtime::test
