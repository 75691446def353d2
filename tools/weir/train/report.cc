// The summary at the end of a training run.
#include "distributed/plan/program_cost.h"
#include "distributed/session/mesh_session.h"
#include "runtime/device/cpu/thread_pool.h"
#include "runtime/device/session/device_session.h"
#include "runtime/executor/session.h"
#include "tools/bench/peak.h"
#include "tools/weir/files.h"
#include "tools/weir/train/progress.h"
#include "tools/weir/train/training_loop.h"

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace weir::tools {

namespace {

/// A line of /proc/self/status in bytes ("VmHWM:": the most that was resident); 0 where there is
/// none.
double processMemory(const std::string &key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(key)) return std::stod(line.substr(key.size())) * 1024;
  return 0;
}

/// FLOPs of the kernels that a run launches.
double flopsOf(const std::vector<runtime::Instruction> &list,
               const runtime::Executable &executable) {
  double flops = 0;
  for (const runtime::Instruction &step : list) {
    if (step.kind == runtime::Instruction::Kind::Launch)
      flops += executable.kernels[step.kernel].flops;
    double body = flopsOf(step.body, executable), otherwise = flopsOf(step.otherwise, executable);
    flops += step.kind == runtime::Instruction::Kind::Loop ? step.trips * body
                                                           : std::max(body, otherwise);
  }
  return flops;
}

/// What the mesh is, and what moves between its devices.
nlohmann::ordered_json reportMesh(std::FILE *out, const Program &program,
                                  const TrainOptions &options) {
  const runtime::Executable &executable = program.meshSession()->executable();
  const auto devices = static_cast<int>(runtime::meshDevices(executable.mesh));
  const distributed::ProgramCost plan =
      distributed::costOf(executable, distributed::oneNode(devices));
  std::fprintf(out, "mesh         %s: %d devices, %ld collectives a step, %s sent by all\n",
               options.mesh.c_str(), devices, static_cast<long>(plan.collectives),
               byteCount(static_cast<double>(plan.cost.intraBytes)).c_str());
  return {{"axes", options.mesh},
          {"devices", devices},
          {"collectives_per_step", plan.collectives},
          {"bytes_per_step", plan.cost.intraBytes}};
}

/// What dynamic loss scaling did.
void reportLossScale(std::FILE *out, const Program &program, const TrainOptions &options) {
  if (!options.scalesLoss()) return;
  std::fprintf(out, "loss scale   %.0f at the end, %.0f steps skipped\n",
               program.variable("loss_scale").at(0), program.variable("loss_scale.skipped").at(0));
}

} // namespace

void reportTraining(const Program &program, const TrainTask &task, const TrainOptions &options,
                    const TrainResult &result) {
  const runtime::DeviceSession *device = program.deviceSession();
  distributed::MeshSession *mesh = program.meshSession();
  const runtime::Executable &executable = device ? device->executable()
                                          : mesh ? mesh->executable()
                                                 : program.session()->executable();
  auto threads = options.threads > 0 ? options.threads : runtime::availableCores();
  double steps = static_cast<double>(result.curves.training.size());
  double flops = flopsOf(executable.instructions, executable) *
                 static_cast<double>(runtime::meshDevices(executable.mesh)),
         peak = device ? 0 : bench::measurePeakFlops(threads); // a GPU's is not measured
  double stepMs = steps > 0 ? 1e3 * result.stepSeconds / steps : 0;
  double rate = stepMs > 0 ? flops / stepMs * 1e3 : 0;
  double unitsPerSecond = stepMs > 0 ? task.unitsPerStep / stepMs * 1e3 : 0;
  runtime::MemoryStatement memory = runtime::memoryStatement(executable, threads);
  int64_t launches = runtime::maxLaunches(executable.instructions);
  double trainingLoss = result.curves.training.empty() ? 0 : result.curves.training.back();

  std::FILE *out = options.reportFile();
  std::fprintf(out, "compile      %.0f ms for %zu kernels in %ld launches\n",
               1e3 * program.compileSeconds(), executable.kernels.size(),
               static_cast<long>(launches));
  std::fprintf(out, "steps        %.0f in %s, %.2f ms each, %s %s/s\n", steps,
               duration(result.stepSeconds).c_str(), stepMs, count(unitsPerSecond).c_str(),
               task.unit.c_str());
  std::fprintf(out, "arithmetic   %s FLOPs a step, %.0f GFLOP/s", count(flops).c_str(),
               rate * 1e-9);
  if (device)
    std::fprintf(out, " on %s\n", options.device.c_str());
  else
    std::fprintf(out, ", %.0f %% of the machine's %.0f\n", 100 * rate / peak, peak * 1e-9);
  std::fprintf(
      out,
      "memory       %s predicted (arena %s, variables %s, code and constants %s, feeds and "
      "fetches %s); process at most %s\n",
      byteCount(memory.peakBytes()).c_str(),
      byteCount(memory.arenaBytes + memory.scratchBytes).c_str(),
      byteCount(memory.variableBytes).c_str(),
      byteCount(memory.imageBytes + memory.constantBytes).c_str(),
      byteCount(memory.inputBytes + memory.outputBytes).c_str(),
      byteCount(processMemory("VmHWM:")).c_str());
  reportLossScale(out, program, options);
  nlohmann::ordered_json meshJson;
  if (mesh) meshJson = reportMesh(out, program, options);
  std::fprintf(out, "written      %s/loss.svg, summary.json, checkpoint.safetensors\n",
               options.folder.c_str());

  nlohmann::ordered_json json = {{"title", task.title},
                                 {"config", task.config},
                                 {"steps", result.curves.training.size()},
                                 {"training_loss", trainingLoss},
                                 {"validation_loss", result.validationLoss},
                                 {"compile_seconds", program.compileSeconds()},
                                 {"step_seconds", result.stepSeconds},
                                 {"units_per_second", unitsPerSecond},
                                 {"unit", task.unit},
                                 {"flops_per_step", flops},
                                 {"flops_per_second", rate},
                                 {"peak_flops_per_second", peak},
                                 {"threads", threads},
                                 {"device", options.device},
                                 {"kernels", executable.kernels.size()},
                                 {"launches", launches},
                                 {"predicted_peak_bytes", memory.peakBytes()},
                                 {"process_peak_bytes", processMemory("VmHWM:")}};
  if (mesh) json["mesh"] = meshJson;
  if (options.isFirst) writeText(options.folder + "/summary.json", json.dump(1) + "\n");
  if (options.json) std::printf("%s\n", json.dump(1).c_str());
}

} // namespace weir::tools
