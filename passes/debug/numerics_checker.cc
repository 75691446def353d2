// Watching the launches of a compiled run.
#include "passes/debug/numerics.h"

#include "ir/dialect/weir.h"
#include "ir/locations/locations.h"
#include "ir/reference/interpreter.h"
#include "passes/debug/launches.h"
#include "passes/fuse/fuse.h"
#include "runtime/base/host_tensor.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace weir::passes {

using runtime::HostTensor;
using runtime::Instruction;
using runtime::LaunchView;
using runtime::NonFinite;

namespace {

template <typename Port> NonFinite scanPort(const Port &port, const std::byte *data) {
  int64_t count = 1;
  for (int64_t dim : port.dims) count *= dim;
  return runtime::findNonFinite(port.dtype, data, count);
}

NumericsReport::Line iterationLine(Operation *loop, Location location, int64_t trip,
                                   const ForwardOps &forward) {
  auto frame = ir::userFrame(location);
  NumericsReport::Line line{"", 0, ""};
  if (frame) line = {frame->getFilename().str(), frame->getLine(), ""};
  line.text = "in iteration " + std::to_string(trip) + ", from 0, of the " +
              loop->getName().stripDialect().str() + " here";
  const std::string derivative = forward.derivativeAt(location);
  if (!derivative.empty()) line.text += ", " + derivative;
  return line;
}

/// Counts the iterations of the loops inside a kernel, of which only the ops are seen.
class TripCounter {
public:
  void finish(Operation *op) {
    for (Region &region : op->getRegions())
      region.walk([&](Operation *inner) { times.erase(inner); });
    ++times[op];
  }
  /// The loops around an op that runs, innermost first, and their iterations: how often what they
  /// hold of it has run before.
  SmallVector<std::pair<Operation *, int64_t>> around(Operation *op) const {
    SmallVector<std::pair<Operation *, int64_t>> trips;
    for (Operation *parent = op->getParentOp(); parent; op = parent, parent = op->getParentOp())
      if (isa<ir::ScanOp, ir::WhileOp>(parent)) trips.push_back({parent, times.lookup(op)});
    return trips;
  }

private:
  llvm::DenseMap<Operation *, int64_t> times; // since the loop around it began
};

} // namespace

void NumericsChecker::attach(ModuleOp kernels, const runtime::Executable &compiled) {
  module = kernels;
  executable = &compiled;
  launches = launchesOf(kernels, compiled);
}

NonFinite NumericsChecker::scan(int32_t index, const void *data) const {
  const runtime::Buffer &buffer = executable->buffers[index];
  return runtime::findNonFinite(buffer.dtype, data,
                                buffer.bytes / runtime::dtypeBytes(buffer.dtype));
}

bool NumericsChecker::begin(const runtime::Bases &bases) {
  infinity.reset();
  found.reset();
  fedNan.clear();
  wasFinite.clear();
  for (size_t i = 0; i < bases.inputs.size(); ++i)
    if (scanPort(executable->inputs[i], bases.inputs[i]).nan && fedNan.empty())
      fedNan = "input '" + executable->inputs[i].name + "'";
  for (size_t i = 0; i < bases.variables.size(); ++i) {
    const NonFinite now = scanPort(executable->variables[i], bases.variables[i]);
    wasFinite.push_back(!now.any());
    if (now.nan && fedNan.empty()) fedNan = "variable '" + executable->variables[i].name + "'";
  }
  return true;
}

void NumericsChecker::before(const LaunchView &launch) {
  saved.clear();
  const Instruction &instruction = launch.instruction();
  const size_t count = launches.at(&instruction)->getNumOperands();
  auto range = [&](size_t i) {
    auto *first = static_cast<const std::byte *>(launch.buffers()[i]);
    return std::pair(first, first + executable->buffers[instruction.buffers[i]].bytes);
  };
  for (size_t i = 0; i < count; ++i)
    for (size_t r = count; r < instruction.buffers.size(); ++r) {
      auto [begin, end] = range(i);
      auto [written, writtenEnd] = range(r);
      if (begin < writtenEnd && written < end) saved[i].assign(begin, end);
    }
}

const void *NumericsChecker::argument(const LaunchView &launch, size_t i) const {
  auto copy = saved.find(i);
  return copy == saved.end() ? launch.buffers()[i] : copy->second.data();
}

bool NumericsChecker::after(const LaunchView &launch) {
  const Instruction &instruction = launch.instruction();
  Operation *op = launches.at(&instruction);
  NonFinite in, out;
  for (size_t i = op->getNumOperands(); i < instruction.buffers.size(); ++i)
    out |= scan(instruction.buffers[i], launch.buffers()[i]);
  if (!out.any()) return true;
  for (size_t i = 0; i < op->getNumOperands(); ++i)
    in |= scan(instruction.buffers[i], argument(launch, i));
  const bool makesNan = out.nan && !in.nan;
  if (!makesNan && (in.any() || infinity)) return true;

  NumericsWatch watch = evaluateAgain(launch);
  if (watch.infinity && !infinity) {
    addWhere(launch, *watch.infinity);
    infinity = std::move(watch.infinity);
  }
  if (!makesNan) return true;
  NumericsFinding nan = watch.nan ? *watch.nan : whole(op);
  nan.fromInfinity |= !watch.nan && in.infinity;
  addWhere(launch, nan);
  stop(reportNan(nan, infinity));
  return false;
}

/// The launch's kernel by the interpreter, on what the launch was given.
NumericsWatch NumericsChecker::evaluateAgain(const LaunchView &launch) {
  auto op = cast<ir::LaunchOp>(launches.at(&launch.instruction()));
  auto kernel = module.lookupSymbol<func::FuncOp>(op.getCallee());
  std::vector<HostTensor> arguments;
  for (auto [i, type] : llvm::enumerate(kernel.getArgumentTypes()))
    arguments.push_back(tensorAt(type, argument(launch, i)));
  llvm::DenseMap<Operation *, Location> locations;
  if (auto own = op->getAttrOfType<ArrayAttr>(kOpLocationsAttr))
    for (auto [inner, location] : llvm::zip(opsOfKernel(kernel), own))
      locations.try_emplace(inner, cast<LocationAttr>(location));
  auto locationOf = [&](Operation *inner) {
    auto own = locations.find(inner);
    return own == locations.end() ? inner->getLoc() : own->second;
  };
  NumericsWatch watch(forward);
  TripCounter trips;
  auto addTrips = [&](Operation *inner, NumericsFinding &finding) {
    for (auto [loop, trip] : trips.around(inner))
      finding.details.push_back(iterationLine(loop, locationOf(loop), trip, forward));
  };
  ir::InterpretOptions options;
  options.inspect = [&](Operation *inner, ArrayRef<HostTensor> operands,
                        ArrayRef<HostTensor> results) {
    const bool hadNan = watch.nan.has_value(), hadInfinity = watch.infinity.has_value();
    watch.see(inner, locationOf(inner), operands, results);
    if (watch.nan && !hadNan) addTrips(inner, *watch.nan);
    if (watch.infinity && !hadInfinity) addTrips(inner, *watch.infinity);
    trips.finish(inner);
  };
  // If it fails, nothing is named and the kernel as a whole is reported.
  (void)ir::interpret(module, kernel.getName(), arguments, options);
  return watch;
}

/// Where the interpreter, which sums in f64, does not see what the machine made.
NumericsFinding NumericsChecker::whole(Operation *launch) {
  auto kernel = module.lookupSymbol<func::FuncOp>(cast<ir::LaunchOp>(launch).getCallee());
  std::string ops;
  for (Operation &op : kernel.getBody().front().without_terminator())
    if (op.getNumOperands() > 0) ops += " " + op.getName().stripDialect().str();
  NumericsFinding finding;
  auto frame = ir::userFrame(launch->getLoc());
  if (frame) finding.summary = {frame->getFilename().str(), frame->getLine(), ""};
  finding.summary.text = "the kernel of" + ops + " makes NaN, which none of them does alone in f64";
  return finding;
}

void NumericsChecker::addWhere(const LaunchView &launch, NumericsFinding &finding) const {
  Operation *op = launches.at(&launch.instruction());
  const std::vector<int64_t> trips = launch.trips();
  size_t depth = 0;
  for (Operation *parent = op->getParentOp(); parent; parent = parent->getParentOp()) {
    if (!isa<ir::ScanOp, ir::WhileOp>(parent) || depth >= trips.size()) continue;
    finding.details.push_back(iterationLine(parent, parent->getLoc(), trips[depth++], forward));
  }
}

bool NumericsChecker::end(const runtime::Bases &bases) {
  std::string reached;
  NonFinite result;
  auto look = [&](const char *kind, const auto &port, const std::byte *data) {
    const NonFinite here = scanPort(port, data);
    if (here.any() && reached.empty()) reached = std::string(kind) + " '" + port.name + "'";
    result |= here;
  };
  for (size_t i = 0; i < bases.outputs.size(); ++i)
    look("output", executable->outputs[i], bases.outputs[i]);
  for (size_t i = 0; i < bases.variables.size(); ++i)
    if (wasFinite[i]) look("variable", executable->variables[i], bases.variables[i]);
  if (reached.empty()) return true;
  if (infinity) {
    NumericsFinding origin = *infinity;
    origin.details.push_back(
        {origin.summary.file, origin.summary.line, "what comes of it reaches " + reached});
    stop(reportInfinity(origin));
    return false;
  }
  if (!result.nan || fedNan.empty()) return true;
  stop({{{"", 0, "no op makes NaN: it comes with " + fedNan + " and reaches " + reached}}});
  return false;
}

void NumericsChecker::stop(NumericsReport report) {
  const NumericsReport::Line &first = report.lines.front();
  report.lines.push_back({first.file, first.line, "the run stopped here; no variable was changed"});
  found = std::move(report);
}

} // namespace weir::passes
