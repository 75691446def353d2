// Pipelines, then codegen/lower.
#include "tests/cuda/lowered.h"

#include "codegen/cuda/target.h"
#include "codegen/lower/lower.h"
#include "ir/dialect/weir.h"
#include "passes/pipelines/pipelines.h"

#include <algorithm>

using namespace mlir;

namespace weir::testing {

void namePorts(ModuleOp module) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  Builder b(module.getContext());
  for (unsigned i = 0; i < main.getNumArguments(); ++i)
    main.setArgAttr(i, ir::kNameAttr, b.getStringAttr("x" + std::to_string(i)));
  for (unsigned i = 0; i < main.getNumResults(); ++i)
    main.setResultAttr(i, ir::kNameAttr, b.getStringAttr("y" + std::to_string(i)));
}

std::optional<WarpKernels> lowerForWarps(ModuleOp module, llvm::StringRef prefix) {
  if (failed(passes::lower(module, passes::Level::Source, passes::Level::Kernels)))
    return std::nullopt;
  WarpKernels result;
  result.loops = ModuleOp::create(module.getLoc());
  OpBuilder into = OpBuilder::atBlockEnd(result.loops->getBody());
  for (auto kernel : module.getOps<func::FuncOp>()) {
    if (!kernel->hasAttr(ir::kKernelAttr)) continue;
    auto lowered = codegen::lowerKernel(kernel, into, codegen::cuda::warpTarget());
    if (failed(lowered)) return std::nullopt;
    if (lowered->tasks == 0) continue;
    lowered->function.setName((prefix + kernel.getName()).str());
    result.kernels.push_back({lowered->function, lowered->tasks, lowered->scratchBytes});
  }
  return result;
}

std::vector<std::pair<runtime::DType, Sample>> samplesOf(const Row &row) {
  std::vector<std::pair<runtime::DType, Sample>> chosen;
  auto elements = [](const Sample &sample) {
    int64_t count = 0;
    for (const Arg &arg : sample.args) count += runtime::elementCount(arg.dims).value();
    return count;
  };
  for (runtime::DType dtype : row.dtypes) {
    std::vector<Sample> samples = row.samples(dtype);
    if (dtype == row.dtypes.front())
      for (Sample &sample : samples) chosen.push_back({dtype, std::move(sample)});
    else
      chosen.push_back({dtype, *std::ranges::max_element(samples, {}, elements)});
  }
  return chosen;
}

std::vector<Row> rowsWithKernels() {
  std::vector<Row> rows;
  std::ranges::copy_if(opTable(), std::back_inserter(rows),
                       [](const Row &row) { return row.level == Row::Graph; });
  return rows;
}

std::string rowName(const ::testing::TestParamInfo<Row> &info) {
  std::string name = info.param.op;
  std::ranges::replace(name, '.', '_');
  return name;
}

} // namespace weir::testing
