// `weir explain memory`: the memory plan before anything runs, by class, by tensor and by source
// line.
#include "frontend/api/error.h"
#include "frontend/build/diagnostics.h"
#include "passes/memory/memory_report.h"
#include "passes/pipelines/pipelines.h"
#include "tools/weir/commands.h"
#include "tools/weir/model_source.h"
#include "tools/weir/status.h"
#include "tools/weir/train/progress.h"

#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

namespace weir::tools {

namespace {

void printClasses(const passes::MemoryReport &r) {
  std::printf("%-12s %12s  temporaries; %s are live at once, so the plan is %.2f times the least "
              "possible\n",
              "arena", byteCount(r.arenaBytes).c_str(), byteCount(r.liveBytes).c_str(),
              r.liveBytes ? double(r.arenaBytes) / r.liveBytes : 1.0);
  std::printf("%-12s %12s  parameters and optimizer state, updated in place where the plan can\n",
              "variables", byteCount(r.variableBytes).c_str());
  std::printf("%-12s %12s  in the executable\n", "constants", byteCount(r.constantBytes).c_str());
  std::printf("%-12s %12s  in the caller's memory\n", "feeds", byteCount(r.inputBytes).c_str());
  std::printf("%-12s %12s  in the caller's memory\n", "fetches", byteCount(r.outputBytes).c_str());
  int64_t total = r.arenaBytes + r.variableBytes + r.constantBytes + r.inputBytes + r.outputBytes;
  std::printf("%-12s %12s  (and machine code and per-thread scratch of kernels)\n", "all",
              byteCount(total).c_str());
}

void printDevices(const passes::MemoryReport &r) {
  if (r.devices.empty()) return;
  std::printf("\non each device\n");
  for (const auto &[device, memory] : r.devices)
    std::printf("  device %-4ld  arena %10s  variables %10s  copied to it %10s a run\n",
                static_cast<long>(device), byteCount(double(memory.arenaBytes)).c_str(),
                byteCount(double(memory.variableBytes)).c_str(),
                byteCount(double(memory.copiedBytes)).c_str());
}

void printLines(const passes::MemoryReport &r, int64_t limit) {
  std::printf("\nat the peak (position %ld of %ld), largest first\n",
              static_cast<long>(r.peakPosition), static_cast<long>(r.positions));
  std::printf("  %10s  %-18s %-28s %-11s %s\n", "bytes", "type", "made by", "lives", "line");
  int64_t shown = 0, hidden = 0;
  for (const passes::MemoryLine &line : r.lines) {
    if (line.kind != "arena" || !line.atPeak || line.bytes == 0) continue;
    if (shown++ >= limit) {
      ++hidden;
      continue;
    }
    std::string lives = std::to_string(line.start) + ".." + std::to_string(line.end);
    std::printf("  %10s  %-18s %-28s %-11s %s\n", byteCount(line.bytes).c_str(), line.type.c_str(),
                line.what.c_str(), lives.c_str(), line.place.c_str());
  }
  if (hidden) std::printf("  ... and %ld more (--limit)\n", static_cast<long>(hidden));
}

void printPlaces(const passes::MemoryReport &r, int64_t limit) {
  std::map<std::string, int64_t> bytesOfPlace;
  for (const passes::MemoryLine &line : r.lines)
    if (line.kind == "arena" && line.atPeak)
      bytesOfPlace[line.place.empty() ? "(no line)" : line.place] += line.bytes;
  std::vector<std::pair<int64_t, std::string>> sorted;
  for (const auto &[place, bytes] : bytesOfPlace) sorted.push_back({-bytes, place});
  std::sort(sorted.begin(), sorted.end());
  std::printf("\nat the peak, by source line\n");
  for (size_t i = 0; i < sorted.size() && static_cast<int64_t>(i) < limit; ++i)
    std::printf("  %10s  %s\n", byteCount(-sorted[i].first).c_str(), sorted[i].second.c_str());
}

void printJson(const passes::MemoryReport &r) {
  nlohmann::ordered_json lines = nlohmann::ordered_json::array();
  for (const passes::MemoryLine &line : r.lines)
    lines.push_back({{"what", line.what},
                     {"kind", line.kind},
                     {"type", line.type},
                     {"place", line.place},
                     {"bytes", line.bytes},
                     {"offset", line.offset},
                     {"start", line.start},
                     {"end", line.end},
                     {"at_peak", line.atPeak}});
  nlohmann::ordered_json json = {
      {"arena_bytes", r.arenaBytes},       {"live_bytes", r.liveBytes},
      {"variable_bytes", r.variableBytes}, {"constant_bytes", r.constantBytes},
      {"input_bytes", r.inputBytes},       {"output_bytes", r.outputBytes},
      {"peak_position", r.peakPosition},   {"lines", lines}};
  for (const auto &[device, memory] : r.devices)
    json["devices"].push_back({{"device", device},
                               {"arena_bytes", memory.arenaBytes},
                               {"variable_bytes", memory.variableBytes},
                               {"copied_bytes", memory.copiedBytes}});
  std::printf("%s\n", json.dump(1).c_str());
}

void explainMemory(const ModelOptions &options, bool json, int64_t limit, int64_t budget) {
  Model model = loadModel(options);
  build::DiagnosticCollector collector(*model.context);
  if (failed(passes::lower(*model.module, passes::Level::Source, passes::Level::Kernels,
                           {.memoryBudget = budget})))
    collector.raise("lowering " + options.source, Location::current());
  printNotes(collector.remarks());
  passes::MemoryReport report = passes::reportMemory(model.main());
  if (json) return printJson(report);
  printClasses(report);
  printDevices(report);
  printLines(report, limit);
  printPlaces(report, limit);
}

} // namespace

void addExplain(CLI::App &app) {
  auto *explain = app.add_subcommand("explain", "say why: memory, sharding");
  explain->require_subcommand(1);
  auto *command = explain->add_subcommand(
      "memory", "the memory plan: by class, tensor and source line, before anything runs");
  auto options = std::make_shared<ModelOptions>();
  auto json = std::make_shared<bool>(false);
  auto limit = std::make_shared<int64_t>(20), budget = std::make_shared<int64_t>(0);
  addModelOptions(*command, *options);
  command->add_flag("--json", *json, "as JSON, every storage");
  command->add_option("--limit", *limit, "lines of each list")
      ->capture_default_str()
      ->check(atLeast(0));
  addMemoryBudget(*command, *budget);
  addExample(*command,
             "weir explain memory gpt --limit 40\nweir explain memory gpt --memory-budget 26M");
  command->callback([=] { explainMemory(*options, *json, *limit, *budget); });
  addExplainSharding(*explain);
}

void printNotes(const std::vector<std::string> &notes) {
  for (const std::string &note : notes) std::fprintf(stderr, "%s\n", note.c_str());
}

} // namespace weir::tools
