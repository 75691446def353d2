// Batch ranges: the graph once, then an executable for each size of the batch.
#include "distributed/batch/batch.h"
#include "ir/dialect/weir.h"
#include "passes/pipelines/pipelines.h"
#include "passes/simplify/simplify.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;

namespace weir::passes {

namespace {

/// The inputs with a batch, and how many rows the graph has.
struct Chosen {
  SmallVector<unsigned> arguments;
  int64_t rows = 0;
};

class Chooser {
public:
  Chooser(func::FuncOp main, const BatchRange &range) : main(main), range(range) {}

  FailureOr<Chosen> choose() {
    for (const std::string &name : range.inputs)
      if (!llvm::is_contained(names(), name))
        return main.emitError() << "there is no input '" << name << "'; the inputs are "
                                << listed(),
               failure();
    Chosen chosen;
    for (unsigned i = 0; i < main.getNumArguments(); ++i) {
      if (!isInput(i) || !isWanted(i)) continue;
      const int64_t size = leading(i);
      if (size < 1 || (chosen.rows && size != chosen.rows))
        return main.emitError() << "input '" << name(i) << "' is " << type(i)
                                << ", which has not the batch of "
                                << (chosen.rows ? chosen.rows : range.most)
                                << " rows as its leading dim",
               failure();
      chosen.rows = size;
      chosen.arguments.push_back(i);
    }
    if (chosen.arguments.empty())
      return main.emitError() << "no input has " << range.most
                              << " elements along its leading dim, the largest batch; the inputs "
                                 "are "
                              << listed() << ": say which of them have a batch",
             failure();
    if (chosen.rows == 1 && range.most > 1)
      return main.emitError() << "the graph has a batch of 1, which does not tell what grows with "
                                 "the batch; give it one of 2 or more",
             failure();
    return chosen;
  }

private:
  bool isInput(unsigned i) { return !main.getArgAttr(i, ir::kVariableAttr); }
  std::string name(unsigned i) {
    auto name = main.getArgAttrOfType<StringAttr>(i, ir::kNameAttr);
    return name ? name.str() : "arg" + std::to_string(i);
  }
  std::string type(unsigned i) { return ir::typeString(main.getArgumentTypes()[i]); }
  int64_t leading(unsigned i) {
    auto tensor = cast<RankedTensorType>(main.getArgumentTypes()[i]);
    return tensor.getRank() ? tensor.getDimSize(0) : 0;
  }
  bool isWanted(unsigned i) {
    return range.inputs.empty() ? leading(i) == range.most
                                : llvm::is_contained(range.inputs, name(i));
  }
  std::vector<std::string> names() {
    std::vector<std::string> all;
    for (unsigned i = 0; i < main.getNumArguments(); ++i)
      if (isInput(i)) all.push_back(name(i));
    return all;
  }
  std::string listed() {
    std::string text;
    for (unsigned i = 0; i < main.getNumArguments(); ++i)
      if (isInput(i)) text += (text.empty() ? "" : ", ") + name(i) + " " + type(i);
    return text.empty() ? "none" : text;
  }

  func::FuncOp main;
  const BatchRange &range;
};

func::FuncOp mainOf(ModuleOp module) {
  return module.lookupSymbol<func::FuncOp>("main");
}

/// That of one size of the batch, from a graph whose rows are split.
FailureOr<runtime::Executable> compileSize(ModuleOp split, int64_t rows, PipelineOptions options) {
  OwningOpRef<ModuleOp> module = split.clone();
  if (failed(distributed::setRows(mainOf(*module), rows))) return failure();
  PassManager pm(module->getContext());
  pm.addPass(createSimplifyPass()); // dims of one element, above all
  if (failed(pm.run(*module))) return failure();
  if (!options.dumpTo.empty()) options.dumpTo += "/batch-" + std::to_string(rows);
  return compileModule(*module, options);
}

/// Mostly the same for every batch, and often large.
void shareConstants(runtime::Executable &executable, const runtime::Executable &largest) {
  const runtime::Bytes &mine = executable.constants, &other = largest.constants;
  if (mine.size() == other.size() &&
      std::equal(mine.data(), mine.data() + mine.size(), other.data()))
    executable.constants = other;
}

} // namespace

FailureOr<runtime::BatchExecutable> compileBatch(ModuleOp module, const BatchRange &range,
                                                 const PipelineOptions &options) {
  func::FuncOp main = mainOf(module);
  if (!main) return module.emitError() << "no function @main", failure();
  if (range.most < 1) return main.emitError() << "a batch range ends at 1 or more", failure();
  FailureOr<Chosen> chosen = Chooser(main, range).choose();
  if (failed(chosen) || failed(lower(module, options.from, Level::Graph, options)))
    return failure();
  PipelineOptions settings = options;
  settings.from = Level::Graph;
  if (chosen->rows == 1) return compileSizes(module, {}, settings);
  main = mainOf(module);
  auto ports = distributed::splitRows(main, chosen->arguments, chosen->rows);
  if (failed(ports)) return failure();
  runtime::BatchExecutable batch;
  for (unsigned i = 0; i < main.getNumArguments(); ++i)
    if (!main.getArgAttr(i, ir::kVariableAttr)) batch.inputs.push_back(ports->arguments[i]);
  for (unsigned i = 0; i < main.getNumResults(); ++i)
    if (!main.getResultAttr(i, ir::kUpdatesAttr)) batch.outputs.push_back(ports->results[i]);
  const std::vector<int64_t> sizes = runtime::batchSizes(range.most);
  for (int64_t rows : llvm::reverse(sizes)) {
    auto executable = compileSize(module, rows, settings);
    if (failed(executable)) return failure();
    if (!batch.sizes.empty()) shareConstants(*executable, *batch.sizes.back().executable);
    batch.sizes.insert(batch.sizes.begin(),
                       {rows, std::make_shared<const runtime::Executable>(std::move(*executable))});
    settings.onMemoryPlanned = nullptr; // the largest comes first, and has the largest arena
  }
  return batch;
}

FailureOr<runtime::BatchExecutable> compileSizes(ModuleOp module, const BatchRange &range,
                                                 const PipelineOptions &options) {
  if (range.most) return compileBatch(module, range, options);
  auto executable = compileModule(module, options);
  if (failed(executable)) return failure();
  return runtime::BatchExecutable::ofOneSize(
      std::make_shared<const runtime::Executable>(std::move(*executable)));
}

} // namespace weir::passes
