// `weir inspect`: what a graph consists of: parameters, inputs, outputs, ops, FLOPs, and the
// kernels it becomes; or the schedule of a .weirx file.
#include "frontend/build/diagnostics.h"
#include "ir/cost/cost.h"
#include "ir/dialect/weir.h"
#include "passes/pipelines/pipelines.h"
#include "runtime/artifact/file/executable_file.h"
#include "runtime/artifact/schedule_text.h"
#include "tools/weir/commands.h"
#include "tools/weir/model_source.h"
#include "tools/weir/status.h"
#include "tools/weir/train/progress.h"

#include "llvm/ADT/MapVector.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace weir::tools {

namespace {

struct OpCount {
  int64_t ops = 0, flops = 0;
};

using Histogram = std::vector<std::pair<std::string, OpCount>>;

/// Ops of @main and of all it calls, by name, most FLOPs first. A loop's body counts once an op,
/// `trips` times in FLOPs.
Histogram countOps(mlir::ModuleOp module) {
  llvm::MapVector<llvm::StringRef, OpCount> counts;
  module.walk([&](mlir::Operation *op) {
    if (!mlir::isa_and_nonnull<ir::WeirDialect>(op->getDialect()) || mlir::isa<ir::YieldOp>(op))
      return;
    OpCount &count = counts[op->getName().getStringRef()];
    ++count.ops;
    if (op->getNumRegions() == 0 && !mlir::isa<ir::CallOp, ir::LaunchOp>(op)) {
      int64_t trips = 1;
      for (auto *parent = op->getParentOp(); parent; parent = parent->getParentOp())
        if (auto scan = mlir::dyn_cast<ir::ScanOp>(parent)) trips *= scan.getTrips();
      count.flops += trips * ir::flopsOf(op);
    }
  });
  Histogram sorted;
  for (auto &[name, count] : counts) sorted.push_back({name.str(), count});
  std::sort(sorted.begin(), sorted.end(), [](auto &a, auto &b) {
    return std::tuple(-a.second.flops, a.first) < std::tuple(-b.second.flops, b.first);
  });
  return sorted;
}

struct Port {
  std::string name, type;
  int64_t elements, bytes;
};

struct Summary {
  std::vector<Port> variables, inputs, outputs;
  Histogram ops;
  int64_t flops = 0, parameters = 0, kernels = 0, launches = 0;
};

Port portOf(mlir::Type type, llvm::StringRef name) {
  return {name.str(), ir::typeString(type),
          mlir::cast<mlir::RankedTensorType>(type).getNumElements(), ir::bytesOf(type)};
}

Summary summarize(mlir::ModuleOp module, mlir::func::FuncOp main) {
  Summary summary;
  for (unsigned i = 0; i < main.getNumArguments(); ++i) {
    if (auto name = main.getArgAttrOfType<mlir::StringAttr>(i, ir::kVariableAttr))
      summary.variables.push_back(portOf(main.getArgumentTypes()[i], name));
    else if (auto feed = main.getArgAttrOfType<mlir::StringAttr>(i, ir::kNameAttr))
      summary.inputs.push_back(portOf(main.getArgumentTypes()[i], feed));
  }
  for (unsigned i = 0; i < main.getNumResults(); ++i)
    if (auto name = main.getResultAttrOfType<mlir::StringAttr>(i, ir::kNameAttr))
      summary.outputs.push_back(portOf(main.getResultTypes()[i], name));
  for (const Port &variable : summary.variables) summary.parameters += variable.elements;
  summary.ops = countOps(module);
  summary.flops = ir::flopsOfBody(main.getBody());
  return summary;
}

void printPorts(const char *title, const std::vector<Port> &ports, bool all) {
  if (ports.empty()) return;
  std::printf("%s\n", title);
  size_t shown = all ? ports.size() : std::min<size_t>(ports.size(), 12);
  for (size_t i = 0; i < shown; ++i)
    std::printf("  %-32s %-20s %10s\n", ports[i].name.c_str(), ports[i].type.c_str(),
                byteCount(ports[i].bytes).c_str());
  if (shown < ports.size()) std::printf("  ... and %zu more (--all)\n", ports.size() - shown);
}

void print(const Summary &s, bool all) {
  std::printf("%s with %s elements, %s, %s, %s FLOPs a run, %s in %ld launches\n",
              counted(s.variables.size(), "variable").c_str(), count(s.parameters).c_str(),
              counted(s.inputs.size(), "input").c_str(),
              counted(s.outputs.size(), "output").c_str(), count(s.flops).c_str(),
              counted(s.kernels, "kernel").c_str(), static_cast<long>(s.launches));
  printPorts("variables", s.variables, all);
  printPorts("inputs", s.inputs, true);
  printPorts("outputs", s.outputs, true);
  std::printf("ops, derivatives resolved\n");
  for (const auto &[name, op] : s.ops)
    std::printf("  %-32s %8ld %12s FLOPs\n", name.c_str(), static_cast<long>(op.ops),
                count(op.flops).c_str());
}

nlohmann::json ports(const std::vector<Port> &list) {
  nlohmann::json json = nlohmann::json::array();
  for (const Port &port : list)
    json.push_back({{"name", port.name}, {"type", port.type}, {"bytes", port.bytes}});
  return json;
}

void printJson(const Summary &s) {
  nlohmann::json ops;
  for (const auto &[name, op] : s.ops) ops[name] = {{"ops", op.ops}, {"flops", op.flops}};
  nlohmann::json json = {{"variables", ports(s.variables)},
                         {"inputs", ports(s.inputs)},
                         {"outputs", ports(s.outputs)},
                         {"ops", ops},
                         {"flops", s.flops},
                         {"parameters", s.parameters},
                         {"kernels", s.kernels},
                         {"launches", s.launches}};
  std::printf("%s\n", json.dump(1).c_str());
}

void inspect(const ModelOptions &options, bool json, bool all, const std::string &device) {
  if (options.source.ends_with(".weirx")) {
    if (json) fail(options.source + ": its schedule is printed as text only");
    auto loaded = check(runtime::readExecutableFile(options.source, device));
    std::printf("# %s, of %s\n%s", loaded.cpu.c_str(), loaded.compiler.c_str(),
                runtime::scheduleText(*loaded.executable).c_str());
    return;
  }
  Model model = loadModel(options);
  build::DiagnosticCollector collector(*model.context);
  if (failed(passes::lower(*model.module, passes::Level::Source, passes::Level::Graph)))
    collector.raise("simplifying " + options.source, Location::current());
  Summary summary = summarize(*model.module, model.main());
  passes::PipelineOptions pipeline;
  if (!device.empty()) pipeline.gpuForms = {runtime::kPtxForm};
  if (failed(passes::lower(*model.module, passes::Level::Graph, passes::Level::Kernels, pipeline)))
    collector.raise("lowering " + options.source, Location::current());
  model.module->walk([&](mlir::Operation *op) {
    summary.launches += mlir::isa<ir::LaunchOp>(op);
    summary.kernels += op->hasAttr(ir::kKernelAttr);
  });
  json ? printJson(summary) : print(summary, all);
  if (!device.empty()) printCudaKernels(*model.module, /*withPtx=*/all);
}

} // namespace

void addInspect(CLI::App &app) {
  auto *command = app.add_subcommand(
      "inspect", "ops, shapes, FLOPs and parameters of a graph; the schedule of a .weirx file");
  auto options = std::make_shared<ModelOptions>();
  auto json = std::make_shared<bool>(false), all = std::make_shared<bool>(false);
  addModelOptions(*command, *options);
  command->add_flag("--json", *json, "as JSON");
  command->add_flag("--all", *all, "list every variable");
  auto device = std::make_shared<std::string>();
  command
      ->add_option(
          "--device", *device,
          "cuda: registers, shared memory and occupancy of each kernel, with --all its PTX; the "
          "schedule that a .weirx file has for GPUs")
      ->check(CLI::IsMember({"cuda"}));
  addExample(
      *command,
      "weir inspect gpt\nweir inspect model.onnx --dim batch=1 --json\nweir inspect model.weirx");
  command->callback([=] { inspect(*options, *json, *all, *device); });
}

} // namespace weir::tools
