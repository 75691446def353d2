// The document: both scenes as JSON, joined by the numbers of graph ops in the locations of what
// kernels compute.
#include "tools/view/scene.h"
#include "tools/view/trace.h"
#include "tools/view/view.h"

#include "distributed/partition/partition.h"
#include "ir/dialect/weir.h"
#include "ir/locations/locations.h"
#include "passes/fuse/fuse.h"
#include "passes/memory/memory_report.h"
#include "passes/memory/positions.h"
#include "passes/pipelines/pipelines.h"

#include "llvm/ADT/MapVector.h"

#include <map>
#include <nlohmann/json.hpp>

using namespace mlir;
using nlohmann::json;

namespace weir::tools {

namespace {

/// Strings by number: types, files and names repeat a thousand times.
class Strings {
public:
  int operator()(const std::string &text) {
    auto [known, isNew] = index.try_emplace(text, static_cast<int>(list.size()));
    if (isNew) list.push_back(text);
    return known->second;
  }
  json list = json::array();

private:
  std::map<std::string, int> index;
};

json framesJson(Location location, Strings &strings) {
  constexpr size_t most = 16;
  json frames = json::array();
  auto user = ir::userFrame(location);
  for (FileLineColLoc frame : ir::framesOf(location)) {
    if (frames.size() == most) break;
    json entry = {strings(frame.getFilename().str()), frame.getLine()};
    if (user && frame == *user) entry.push_back(1);
    if (frames.empty() || frames.back() != entry) frames.push_back(std::move(entry));
  }
  return frames;
}

json nodeJson(const Node &node, Strings &strings) {
  static const char *const kinds[] = {"op", "input", "output", "region"};
  json types = json::array(), reads = json::array();
  for (const std::string &type : node.types) types.push_back(strings(type));
  for (const Chip &chip : node.reads) reads.push_back({strings(chip.text), strings(chip.type)});
  json out = {{"k", kinds[node.kind]},
              {"n", strings(node.name)},
              {"t", types},
              {"at", framesJson(node.location, strings)},
              {"g", node.group},
              {"ph", static_cast<int>(node.phase)}};
  if (!node.attributes.empty()) out["a"] = strings(node.attributes);
  if (!reads.empty()) out["r"] = reads;
  if (!node.writes.empty()) out["w"] = node.writes;
  if (node.flops) out["f"] = node.flops;
  if (node.bytes) out["b"] = node.bytes;
  return out;
}

json sceneJson(const Scene &scene, Strings &strings) {
  json nodes = json::array(), edges = json::array(), groups = json::array();
  for (const Node &node : scene.nodes) nodes.push_back(nodeJson(node, strings));
  for (const Edge &edge : scene.edges) {
    edges.push_back({edge.from, edge.result, edge.to});
    if (edge.isBack) edges.back().push_back(1);
  }
  for (const Group &group : scene.groups)
    groups.push_back(
        {{"n", group.name}, {"k", group.kind}, {"p", group.parent}, {"r", group.region}});
  return {{"nodes", nodes}, {"edges", edges}, {"groups", groups}};
}

/// Which op each op of a derivative belongs to: of those made by the same line, the one that costs
/// most.
void linkDerivatives(const Scene &scene, json &graph) {
  llvm::DenseMap<Location, int> forward;
  for (size_t i = 0; i < scene.nodes.size(); ++i) {
    if (!scene.nodes[i].op || isDerivative(scene.nodes[i].location)) continue;
    for (Location location : locationsInCallees(scene.nodes[i].location)) {
      auto [known, isNew] = forward.try_emplace(location, static_cast<int>(i));
      if (!isNew && scene.nodes[i].flops > scene.nodes[known->second].flops)
        known->second = static_cast<int>(i);
    }
  }
  for (size_t i = 0; i < scene.nodes.size(); ++i) {
    if (!scene.nodes[i].op || !isDerivative(scene.nodes[i].location)) continue;
    for (Location location : locationsInCallees(forwardLocation(scene.nodes[i].location))) {
      auto known = forward.find(location);
      if (known == forward.end()) continue;
      graph["nodes"][i]["of"] = known->second;
      break;
    }
  }
}

/// Graph ops that a launch stands for.
std::vector<int64_t> opsOf(ir::LaunchOp launch, ModuleOp module) {
  llvm::SetVector<int64_t> numbers;
  auto add = [&](Location location) {
    for (int64_t number : tagsOf(location)) numbers.insert(number);
  };
  if (auto own = launch->getAttrOfType<ArrayAttr>(passes::kOpLocationsAttr))
    for (auto location : own.getAsRange<LocationAttr>()) add(location);
  else if (auto kernel = module.lookupSymbol<func::FuncOp>(launch.getCallee()))
    for (Operation *op : passes::opsOfKernel(kernel)) add(op->getLoc());
  std::vector<int64_t> sorted(numbers.begin(), numbers.end());
  llvm::sort(sorted);
  return sorted;
}

/// A launch lies where all its ops do; of several phases, in the last.
void placeLaunch(Node &launch, const std::vector<int64_t> &ops, const Scene &graph) {
  launch.phase = Phase::Forward;
  for (int64_t op : ops) launch.phase = std::max(launch.phase, graph.nodes[op].phase);
  bool isFirst = true;
  launch.path.clear();
  for (int64_t op : ops) {
    const Node &node = graph.nodes[op];
    if (node.phase != launch.phase) continue;
    auto end = isFirst ? node.path.end()
                       : std::mismatch(launch.path.begin(), launch.path.end(), node.path.begin(),
                                       node.path.end())
                             .second;
    launch.path.assign(node.path.begin(), end);
    isFirst = false;
  }
}

json memoryJson(func::FuncOp main, Strings &strings) {
  passes::MemoryReport report = passes::reportMemory(main);
  json lines = json::array();
  for (const passes::MemoryLine &line : report.lines)
    if (line.kind == "arena" && line.bytes > 0)
      lines.push_back({strings(line.what), strings(line.type), strings(line.place), line.bytes,
                       line.offset, line.start, line.end});
  return {{"arena", report.arenaBytes},
          {"live", report.liveBytes},
          {"variables", report.variableBytes},
          {"constants", report.constantBytes},
          {"inputs", report.inputBytes},
          {"outputs", report.outputBytes},
          {"peak", report.peakPosition},
          {"positions", report.positions},
          {"lines", lines}};
}

json kernelsJson(ModuleOp module, const Scene &graph, Strings &strings, json &graphJson) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  Scene scene = buildScene(main);
  std::vector<std::vector<int64_t>> ops(scene.nodes.size());
  for (size_t i = 0; i < scene.nodes.size(); ++i)
    if (auto launch = dyn_cast_or_null<ir::LaunchOp>(scene.nodes[i].op)) {
      ops[i] = opsOf(launch, module);
      placeLaunch(scene.nodes[i], ops[i], graph);
    } else if (scene.nodes[i].op && isDerivative(scene.nodes[i].location)) {
      scene.nodes[i].phase = Phase::Backward;
    }
  groupScene(scene);
  json out = sceneJson(scene, strings);
  passes::Positions positions(main);
  for (size_t i = 0; i < scene.nodes.size(); ++i) {
    auto launch = dyn_cast_or_null<ir::LaunchOp>(scene.nodes[i].op);
    if (!launch) continue;
    json &node = out["nodes"][i];
    node["ops"] = ops[i];
    node["pos"] = positions.start(launch);
    if (auto kernel = module.lookupSymbol<func::FuncOp>(launch.getCallee()))
      node["kind"] = kernel->getAttrOfType<StringAttr>(ir::kKernelAttr).str();
    for (int64_t op : ops[i]) graphJson["nodes"][op]["l"].push_back(i);
  }
  return out;
}

int64_t elementsOf(func::FuncOp main) {
  int64_t elements = 0;
  for (unsigned i = 0; i < main.getNumArguments(); ++i)
    if (main.getArgAttr(i, ir::kVariableAttr))
      elements += cast<RankedTensorType>(main.getArgumentTypes()[i]).getNumElements();
  return elements;
}

/// On a mesh: the graph with its collectives, shapes still those of whole values, and how values
/// lie.
FailureOr<Shardings> insertCollectives(func::FuncOp main, const distributed::Mesh &mesh) {
  Shardings texts;
  if (mesh.devices() == 1) return texts;
  if (failed(distributed::insertCollectives(main)) || failed(distributed::verifySharding(main)))
    return failure();
  auto shardings = distributed::readShardings(main, mesh);
  if (failed(shardings)) return failure();
  for (const auto &[value, sharding] : *shardings)
    if (!sharding.isReplicated()) texts[value] = sharding.str(mesh);
  return texts;
}

/// From there, or from the graph of one device, to kernels.
LogicalResult lowerToKernels(ModuleOp module, const distributed::Mesh &mesh,
                             const ViewOptions &options) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  auto from = passes::Level::Graph;
  if (mesh.devices() > 1) {
    if (failed(distributed::localize(main))) return failure();
    distributed::flattenCollectives(main);
    from = passes::Level::Sharded;
  }
  return passes::lower(module, from, passes::Level::Kernels,
                       {.memoryBudget = options.memoryBudget});
}

} // namespace

FailureOr<json> viewDocument(ModuleOp module, const ViewOptions &options) {
  nameCalls(module);
  if (failed(passes::lower(module, passes::Level::Source, passes::Level::Graph))) return failure();
  auto main = module.lookupSymbol<func::FuncOp>("main");
  auto mesh = distributed::meshOf(module);
  if (failed(mesh)) return failure();
  auto shardings = insertCollectives(main, *mesh);
  if (failed(shardings)) return failure();
  Scene scene = buildScene(main, *shardings);
  findPhases(scene);
  groupScene(scene);
  Strings strings;
  json graph = sceneJson(scene, strings);
  linkDerivatives(scene, graph);
  json document = {{"title", options.title}, {"parameters", elementsOf(main)}};
  for (size_t i = 0; i < scene.nodes.size(); ++i) {
    if (scene.nodes[i].op) tag(scene.nodes[i].op, static_cast<int64_t>(i));
    scene.nodes[i].op = nullptr;
  }
  if (failed(lowerToKernels(module, *mesh, options))) return failure();
  document["kernels"] = kernelsJson(module, scene, strings, graph);
  document["graph"] = std::move(graph);
  document["memory"] = memoryJson(module.lookupSymbol<func::FuncOp>("main"), strings);
  document["strings"] = strings.list;
  return document;
}

} // namespace weir::tools
