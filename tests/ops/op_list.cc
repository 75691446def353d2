// Records give family, dtypes and derivative class; a built sample gives the lowering; summaries
// are read from the .td files, as no C++ has them: `let summary`, or the comment beside a one-line
// record.
#include "tests/ops/op_list.h"

#include "passes/fuse/op_class.h"
#include "tests/ops/op_table.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>

namespace weir::testing {

namespace {

struct Entry {
  std::string dtypes, derivative, lowering;
};

const std::pair<ir::Family, const char *> kFamilies[] = {
    {ir::Family::Elementwise, "Elementwise"},
    {ir::Family::Contraction, "Contractions"},
    {ir::Family::Reduction, "Reductions"},
    {ir::Family::Layout, "Layout and creation"},
    {ir::Family::Indexing, "Indexing"},
    {ir::Family::Random, "Random"},
    {ir::Family::State, "State"},
    {ir::Family::Control, "Control"},
    {ir::Family::Autodiff, "Derivatives"},
    {ir::Family::Kernel, "Kernels"}};

} // namespace

static std::string derivativeText(const ir::Derivative &derivative) {
  static const char *names[] = {"zero", "pointwise", "linear", "multilinear", "by hand"};
  std::string text = names[derivative.kind], operands;
  for (unsigned operand : derivative.operands)
    operands += (operands.empty() ? " in " : ", ") + std::to_string(operand);
  return text + operands;
}

static const char *loweringText(passes::OpClass opClass) {
  switch (opClass) {
  case passes::OpClass::Splat:
  case passes::OpClass::Constant:
    return "constant";
  case passes::OpClass::Elementwise:
    return "fused, elementwise";
  case passes::OpClass::View:
    return "none: a view";
  case passes::OpClass::Layout:
    return "fused, as an index";
  case passes::OpClass::RowReduce:
  case passes::OpClass::ColumnReduce:
    return "fused, reduction";
  case passes::OpClass::Dot:
    return "dot kernel, fused surroundings";
  case passes::OpClass::Control:
    return "schedule";
  default:
    return "kernel of its own";
  }
}

/// What fusion makes of the row's first sample.
static std::string loweringOf(TestContext &context, const Row &row) {
  if (row.level == Row::Kernels) return "schedule";
  Sample sample = row.samples(row.dtypes[0])[0];
  auto module = buildModule(context.get(), sample.args, sample.build);
  std::string text;
  module->walk([&](mlir::Operation *op) {
    if (op->getName().getStringRef() != row.op) return;
    bool isControl = mlir::cast<ir::WeirOp>(op).family() == ir::Family::Control;
    if (mlir::cast<ir::WeirOp>(op).family() == ir::Family::Autodiff) {
      text = "resolved before";
      return;
    }
    bool hasKernel = !mlir::isa<ir::ConvolutionOp>(op) &&
                     (!isControl || passes::classOf(op) == passes::OpClass::Control);
    text = hasKernel ? loweringText(passes::classOf(op)) : "expanded before kernels";
  });
  return text;
}

/// Summaries by mnemonic.
static std::map<std::string, std::string> summaries(const std::string &folder) {
  std::map<std::string, std::string> found;
  const std::regex record(R"re(^(?:def|class) \w+ ?[:<].*?<?"(\w+)".*?(?:; // (.*))?$)re"),
      summary(R"re(^  let summary = "(.*)";$)re");
  for (const auto &file : std::filesystem::directory_iterator(folder)) {
    if (file.path().extension() != ".td") continue;
    std::ifstream in(file.path());
    std::string mnemonic, line;
    for (std::smatch match; std::getline(in, line);) {
      if (line.rfind("def ", 0) == 0 && std::regex_match(line, match, record)) {
        mnemonic = match[1];
        if (match[2].matched) found[mnemonic] = match[2];
      } else if (std::regex_match(line, match, summary)) {
        found.emplace(mnemonic, match[1]);
      } else if (line.rfind("class ", 0) == 0) {
        mnemonic.clear();
      }
    }
  }
  return found;
}

static Entry entryOf(TestContext &context, mlir::RegisteredOperationName name,
                     const std::map<std::string, const Row *> &rows) {
  Entry entry;
  if (auto *space = name.getInterface<ir::IterationSpaceOp>())
    entry.dtypes = ir::describe(space->dtypes());
  entry.derivative = derivativeText(name.getInterface<ir::WeirOp>()->derivativeClass());
  auto row = rows.find(name.getStringRef().str());
  if (row != rows.end()) entry.lowering = loweringOf(context, *row->second);
  return entry;
}

std::string opList(const std::string &tdFolder) {
  TestContext context;
  std::map<std::string, const Row *> rows;
  for (const Row &row : opTable()) rows[row.op] = &row;
  std::map<std::string, std::string> said = summaries(tdFolder);
  std::map<ir::Family, std::map<std::string, Entry>> families;
  int count = 0;
  for (mlir::RegisteredOperationName name : context.get()->getRegisteredOperations()) {
    auto *declared = name.getInterface<ir::WeirOp>();
    if (name.getDialectNamespace() != "weir" || !declared) continue;
    families[declared->family()][name.getStringRef().drop_front(5).str()] =
        entryOf(context, name, rows);
    ++count;
  }
  std::string page = "# The ops of the weir dialect\n\nWritten by `bazel run //tests/ops:op_list > "
                     "ir/ops/OPS.md`; a test checks that it is current. " +
                     std::to_string(count) +
                     " ops.\nDtypes are those of the first operand, or of the result where there "
                     "are no operands; none listed: any.\n";
  for (auto [family, title] : kFamilies) {
    if (families[family].empty()) continue;
    page += std::string("\n## ") + title +
            "\n\n| op | dtypes | derivative | lowering | summary |\n|---|---|---|---|---|\n";
    for (const auto &[name, entry] : families[family])
      page += "| " + name + " | " + entry.dtypes + " | " + entry.derivative + " | " +
              entry.lowering + " | " + said[name] + " |\n";
  }
  return page;
}

} // namespace weir::testing
