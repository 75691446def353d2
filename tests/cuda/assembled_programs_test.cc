// Training steps of the zoo at their usual widths as PTX and cubins for sm_80 and sm_90: every
// kernel that the schedule launches is in each of them, and nothing but launches and copies is left
// to hosts. Nothing runs here.  features: G6
#include "codegen/cuda/ptxas.h"
#include "frontend/models/zoo.h"
#include "ir/dialect/library.h"
#include "passes/pipelines/pipelines.h"
#include "tests/harness/graph.h"

#include "mlir/Parser/Parser.h"

#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>

namespace weir {
namespace {

using runtime::Instruction;
using ::testing::ElementsAre;

const std::vector<std::string> kForms = {runtime::kPtxForm, "sm_80", "sm_90"};

std::string_view codeOf(const runtime::Executable &executable, const std::string &form) {
  for (const runtime::GpuModule &module : executable.modules)
    if (module.form == form)
      return {reinterpret_cast<const char *>(executable.image.data()) + module.offset,
              size_t(module.bytes)};
  return {};
}

/// Functions of the PTX that can be launched.
std::set<std::string> entriesOf(std::string_view ptx) {
  constexpr std::string_view mark = ".entry ";
  std::set<std::string> names;
  for (size_t at = ptx.find(mark); at != ptx.npos; at = ptx.find(mark, at + 1)) {
    size_t start = at + mark.size();
    names.emplace(ptx.substr(start, ptx.find_first_of("( \n", start) - start));
  }
  return names;
}

class AssembledPrograms : public ::testing::TestWithParam<models::ZooRequest> {
protected:
  testing::TestContext context;
};

TEST_P(AssembledPrograms, HaveEveryKernelInEveryForm) {
  mlir::DialectRegistry registry;
  passes::registerDialects(registry);
  context.get()->appendDialectRegistry(registry);
  context.get()->loadAllAvailableDialects();
  auto module =
      mlir::parseSourceString<mlir::ModuleOp>(models::zooGraph(GetParam()).toMlir(), context.get());
  ASSERT_TRUE(module) << context.takeMessages();
  // Every dot as a kernel of ours, however large.
  module->getOperation()->setAttr(ir::kLibrariesAttr,
                                  mlir::StringAttr::get(context.get(), ir::kNoLibraries));
  auto executable = passes::compileModule(*module, {.gpuForms = kForms});
  ASSERT_TRUE(succeeded(executable)) << context.takeMessages();

  std::set<std::string> launched;
  for (const Instruction &instruction : executable->instructions) {
    if (instruction.kind == Instruction::Kind::Copy)
      continue; // from one place to another of the arena
    ASSERT_EQ(instruction.kind, Instruction::Kind::Launch) << "control flow is the host's";
    const runtime::Kernel &kernel = executable->kernels[size_t(instruction.kernel)];
    ASSERT_FALSE(kernel.isOfLibrary()) << kernel.name;
    ASSERT_FALSE(kernel.entry.empty()) << kernel.name << " is no kernel of a GPU";
    EXPECT_GT(kernel.blocks, 0) << kernel.name;
    launched.insert(kernel.entry);
  }
  EXPECT_GT(launched.size(), 40u);
  EXPECT_EQ(entriesOf(codeOf(*executable, runtime::kPtxForm)), launched);
  RecordProperty("kernels", int(launched.size()));
  RecordProperty("launches", int(executable->instructions.size()));

  if (auto ptxas = codegen::cuda::findPtxas(); !ptxas)
    GTEST_SKIP() << "PTX was made, but not assembled: " << llvm::toString(ptxas.takeError());
  std::vector<std::string> forms;
  for (const runtime::GpuModule &form : executable->modules) forms.push_back(form.form);
  EXPECT_EQ(forms, kForms);
  for (const char *form : {"sm_80", "sm_90"}) {
    const std::string_view cubin = codeOf(*executable, form);
    for (const std::string &entry : launched) // A cubin has a section for the code of each entry.
      EXPECT_NE(cubin.find(std::string(".text.") + entry + '\0'), cubin.npos)
          << form << " " << entry;
  }
}

INSTANTIATE_TEST_SUITE_P(Zoo, AssembledPrograms,
                         ::testing::Values(models::ZooRequest{.name = "gpt"},
                                           models::ZooRequest{.name = "resnet18-train"},
                                           models::ZooRequest{.name = "moe-train"}),
                         [](const auto &info) {
                           std::string name = info.param.name;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

} // namespace
} // namespace weir
