// The report, from the plan's storages.
#include "passes/memory/memory_report.h"

#include "ir/collective/placement.h"
#include "ir/cost/cost.h"
#include "ir/dialect/argument_name.h"
#include "ir/locations/locations.h"
#include "passes/memory/plan.h"

using namespace mlir;

namespace weir::passes {

namespace {

std::string describe(func::FuncOp main, Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    if (argument.getOwner()->getParentOp() == main)
      if (StringAttr name = ir::argumentName(main, argument.getArgNumber())) return name.str();
    return "value of a loop";
  }
  Operation *op = value.getDefiningOp();
  std::string text = op->getName().stripDialect().str();
  if (auto launch = dyn_cast<ir::LaunchOp>(op)) text += " " + launch.getCallee().str();
  return text;
}

MemoryLine lineOf(func::FuncOp main, const Storage &storage, int64_t peakPosition) {
  MemoryLine line;
  line.kind = ir::stringifySpace(storage.space).str();
  line.bytes = storage.bytes;
  line.offset = storage.offset;
  if (storage.space == ir::Space::arena) line.device = storage.index;
  line.start = storage.start;
  line.end = storage.end;
  line.atPeak = storage.start <= peakPosition && peakPosition <= storage.end;
  if (storage.values.empty()) {
    line.what = "copy";
    return line;
  }
  Value value = storage.values.front();
  line.what = describe(main, value);
  line.type = ir::typeString(value.getType());
  line.place = ir::userPlace(value.getLoc());
  return line;
}

/// By device, where an argument says that there are several.
std::map<int64_t, DeviceMemory> devicesOf(func::FuncOp main, const MemoryPlan &plan) {
  std::map<int64_t, DeviceMemory> devices;
  auto argumentDevice = [&](BlockArgument argument) {
    return main.getArgAttrOfType<IntegerAttr>(argument.getArgNumber(), ir::kDeviceAttr);
  };
  std::map<int64_t, std::pair<int64_t, int64_t>> ranges; // of each arena
  for (const Storage &storage : plan.storages) {
    if (storage.space == ir::Space::arena && storage.bytes) {
      auto [range, isNew] = ranges.try_emplace(storage.index, storage.offset, 0);
      range->second.first = std::min(range->second.first, storage.offset);
      range->second.second = std::max(range->second.second, storage.offset + storage.bytes);
    }
    auto argument = storage.space == ir::Space::variable
                        ? dyn_cast<BlockArgument>(storage.values.front())
                        : BlockArgument();
    if (argument && argumentDevice(argument))
      devices[argumentDevice(argument).getInt()].variableBytes += storage.bytes;
  }
  main.walk([&](ir::spmd::ShardOp move) {
    if (auto device = ir::deviceNamed(move))
      devices[*device].copiedBytes += ir::bytesOf(move.getType());
  });
  for (const auto &[device, range] : ranges)
    if (device || !devices.empty()) devices[device].arenaBytes = range.second - range.first;
  return devices;
}

} // namespace

MemoryReport reportMemory(func::FuncOp main) {
  MemoryPlan plan = planMemory(main);
  MemoryReport report;
  report.arenaBytes = plan.arenaBytes;
  report.liveBytes = plan.liveBytes;
  report.peakPosition = plan.peakPosition;
  llvm::DenseMap<int64_t, bool> seenConstants;
  for (const Storage &storage : plan.storages) {
    if (storage.space == ir::Space::constant &&
        !seenConstants.try_emplace(storage.index, true).second)
      continue;
    report.lines.push_back(lineOf(main, storage, plan.peakPosition));
    report.positions = std::max(report.positions, storage.end + 1);
    if (storage.space == ir::Space::variable) report.variableBytes += storage.bytes;
    if (storage.space == ir::Space::constant) report.constantBytes += storage.bytes;
    if (storage.space == ir::Space::input) report.inputBytes += storage.bytes;
    if (storage.space == ir::Space::output) report.outputBytes += storage.bytes;
  }
  report.devices = devicesOf(main, plan);
  llvm::sort(report.lines, [](const MemoryLine &a, const MemoryLine &b) {
    return std::tuple(-a.bytes, a.start, a.offset) < std::tuple(-b.bytes, b.start, b.offset);
  });
  return report;
}

} // namespace weir::passes
