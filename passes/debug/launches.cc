#include "passes/debug/launches.h"

#include "ir/dialect/weir.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <cstring>

using namespace mlir;

namespace weir::passes {

using runtime::Instruction;

/// In the order in which instructions are written: that of a walk over the module.
static void collect(const std::vector<Instruction> &list, std::vector<const Instruction *> &found) {
  for (const Instruction &instruction : list) {
    if (instruction.kind == Instruction::Kind::Launch) found.push_back(&instruction);
    collect(instruction.condition, found);
    collect(instruction.body, found);
    collect(instruction.otherwise, found);
  }
}

llvm::DenseMap<const Instruction *, Operation *> launchesOf(ModuleOp kernels,
                                                            const runtime::Executable &executable) {
  std::vector<const Instruction *> instructions;
  collect(executable.instructions, instructions);
  llvm::DenseMap<const Instruction *, Operation *> launches;
  size_t next = 0;
  kernels.lookupSymbol<func::FuncOp>("main").walk<WalkOrder::PreOrder>([&](ir::LaunchOp launch) {
    if (next < instructions.size()) launches[instructions[next++]] = launch;
  });
  return launches;
}

runtime::HostTensor tensorAt(Type type, const void *data) {
  auto tensorType = cast<RankedTensorType>(type);
  runtime::HostTensor tensor(*ir::dtypeOf(tensorType), tensorType.getShape().vec());
  if (tensor.bytes()) std::memcpy(tensor.mutableRaw(), data, tensor.bytes());
  return tensor;
}

} // namespace weir::passes
