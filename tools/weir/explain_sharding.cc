// `weir explain sharding`: how every tensor lies on a mesh and why, and what has to move.
#include "distributed/partition/advise.h"
#include "distributed/partition/partition.h"
#include "distributed/plan/cluster.h"
#include "frontend/build/diagnostics.h"
#include "frontend/data/readers.h"
#include "ir/dialect/weir.h"
#include "ir/locations/locations.h"
#include "passes/pipelines/pipelines.h"
#include "tools/weir/commands.h"
#include "tools/weir/model_source.h"
#include "tools/weir/status.h"
#include "tools/weir/train/progress.h"

#include <cstdio>
#include <nlohmann/json.hpp>

namespace weir::tools {

namespace {

using distributed::CollectiveGroup;
using distributed::CollectiveUse;
using distributed::Mesh;
using distributed::Removal;
using distributed::UseCost;
using distributed::ValueUse;

struct ExplainOptions {
  ModelOptions model;
  std::string cluster;
  bool json = false;
  int64_t limit = 20, removals = 3, maxBytes = -1;
};

distributed::Cluster clusterFor(const ExplainOptions &options, const Mesh &mesh) {
  if (options.cluster.empty()) return distributed::oneNode(static_cast<int>(mesh.devices()));
  return check(distributed::parseCluster(data::readFile(options.cluster), options.cluster));
}

std::string originOf(const ValueUse &use) {
  if (use.isSaid) return "said";
  if (use.sharding.isReplicated()) return "nobody splits it";
  if (!use.via) return "follows";
  const std::string place = ir::userPlace(use.via->getLoc());
  return "through " + use.via->getName().stripDialect().str() +
         (place.empty() ? "" : " at " + place);
}

std::string nameOf(const ValueUse &use) {
  if (!use.name.empty()) return use.name;
  mlir::Operation *op = use.value.getDefiningOp();
  return op ? op->getName().stripDialect().str() : "argument";
}

struct Row {
  std::string name, type, sharding, origin, place;
};

std::vector<Row> rowsOf(const std::vector<ValueUse> &values, const Mesh &mesh) {
  std::vector<Row> rows;
  for (const ValueUse &use : values)
    rows.push_back({nameOf(use), ir::typeString(use.value.getType()), use.sharding.str(mesh),
                    originOf(use), ir::userPlace(use.value.getLoc())});
  return rows;
}

void printRows(const std::vector<Row> &rows, int64_t limit) {
  std::printf("tensors (%zu)\n", rows.size());
  for (size_t i = 0; i < rows.size() && static_cast<int64_t>(i) < limit; ++i)
    std::printf("  %-24s %-22s %-22s %s\n", rows[i].name.c_str(), rows[i].type.c_str(),
                rows[i].sharding.c_str(), rows[i].origin.c_str());
  if (static_cast<int64_t>(rows.size()) > limit)
    std::printf("  and %ld more; --limit shows them\n",
                static_cast<long>(rows.size()) - static_cast<long>(limit));
}

/// What all collectives cost, those inside a `while` once.
struct Total {
  double seconds = 0, bytes = 0;
  size_t count = 0;
  bool isInWhile = false;
};

Total totalOf(const std::vector<CollectiveUse> &uses, const std::vector<UseCost> &costs) {
  Total total{.count = uses.size()};
  for (size_t i = 0; i < uses.size(); ++i) {
    total.seconds += costs[i].seconds * static_cast<double>(uses[i].times);
    total.bytes += static_cast<double>(costs[i].bytes * uses[i].times);
    total.isInWhile |= uses[i].isInWhile;
  }
  return total;
}

/// The first of `removals` are of the first groups.
void printGroups(const std::vector<CollectiveGroup> &groups,
                 const std::vector<std::optional<Removal>> &removals, const Total &total,
                 int64_t limit) {
  std::printf("\ncollectives (%zu), dearest first\n", total.count);
  for (size_t i = 0; i < groups.size() && static_cast<int64_t>(i) < limit; ++i) {
    const CollectiveGroup &group = groups[i];
    std::printf("  %-14s %-20s %s -> %s: %ld times, %.1f us in all\n", group.kind.c_str(),
                ir::typeString(group.type).c_str(), group.from.c_str(), group.to.c_str(),
                static_cast<long>(group.count), group.seconds * 1e6);
    std::printf("  %14s because %s, %s\n", "", group.reason.c_str(),
                ir::userPlace(group.at).c_str());
    if (i >= removals.size()) continue;
    if (removals[i])
      std::printf("  %14s gone with %s: then %.1f us for all that is left\n", "",
                  removals[i]->annotation.c_str(), removals[i]->seconds * 1e6);
    else
      std::printf("  %14s no single annotation removes it\n", "");
  }
  if (static_cast<int64_t>(groups.size()) > limit)
    std::printf("  and %ld more kinds; --limit shows them\n",
                static_cast<long>(groups.size()) - static_cast<long>(limit));
  std::printf("in all %s sent by all devices, %.1f us one after the other%s\n",
              byteCount(total.bytes).c_str(), total.seconds * 1e6,
              total.isInWhile ? "; those of while loops counted once" : "");
}

void printJson(const std::vector<Row> &rows, const std::vector<CollectiveUse> &uses,
               const std::vector<UseCost> &costs, const std::vector<CollectiveGroup> &groups,
               const std::vector<std::optional<Removal>> &removals, const Mesh &mesh) {
  nlohmann::ordered_json tensors = nlohmann::ordered_json::array(), moves = tensors,
                         advice = tensors;
  for (size_t i = 0; i < removals.size(); ++i)
    advice.push_back({{"place", ir::userPlace(groups[i].at)},
                      {"collective", groups[i].kind},
                      {"micros", groups[i].seconds * 1e6},
                      {"annotation", removals[i] ? removals[i]->annotation : ""},
                      {"micros_left", removals[i] ? removals[i]->seconds * 1e6 : -1}});
  for (const Row &row : rows)
    tensors.push_back({{"name", row.name},
                       {"type", row.type},
                       {"sharding", row.sharding},
                       {"from", row.origin},
                       {"place", row.place}});
  for (size_t i = 0; i < uses.size(); ++i)
    moves.push_back({{"collective", uses[i].kind},
                     {"type", ir::typeString(uses[i].value.getType())},
                     {"from", uses[i].from.str(mesh)},
                     {"to", uses[i].to.str(mesh)},
                     {"reason", uses[i].reason},
                     {"place", ir::userPlace(uses[i].op->getLoc())},
                     {"times", uses[i].times},
                     {"algorithm", costs[i].algorithm},
                     {"bytes", costs[i].bytes},
                     {"micros", costs[i].seconds * 1e6}});
  std::printf("%s\n", nlohmann::ordered_json({{"mesh", mesh.str()},
                                              {"tensors", tensors},
                                              {"collectives", moves},
                                              {"removals", advice}})
                          .dump(1)
                          .c_str());
}

void explainSharding(const ExplainOptions &options) {
  Model model = loadModel(options.model);
  build::DiagnosticCollector collector(*model.context);
  auto require = [&](bool good) {
    if (!good) collector.raise("sharding " + options.model.source, Location::current());
  };
  require(succeeded(passes::lower(*model.module, passes::Level::Source, passes::Level::Graph)));
  auto mesh = distributed::meshOf(*model.module);
  require(succeeded(mesh));
  if (mesh->devices() == 1) fail(options.model.source + " is for one device: say --mesh");
  const distributed::Cluster cluster = clusterFor(options, *mesh);
  auto values = distributed::shardingsOf(model.main());
  require(succeeded(values));
  const std::vector<Row> rows = rowsOf(*values, *mesh); // before ops change
  const mlir::OwningOpRef<mlir::ModuleOp> unsharded = model.module->clone();
  require(succeeded(distributed::insertCollectives(model.main(),
                                                   {.remarks = true, .cluster = &cluster})) &&
          succeeded(distributed::verifySharding(model.main())));
  auto uses = distributed::collectivesOf(model.main());
  require(succeeded(uses));
  auto costs = distributed::costsOf(model.main(), *uses, cluster);
  require(succeeded(costs));
  const std::vector<CollectiveGroup> groups = distributed::groupsOf(*uses, *costs, *mesh);
  std::vector<std::optional<Removal>> removals;
  for (size_t i = 0; i < groups.size() && static_cast<int64_t>(i) < options.removals; ++i) {
    auto removal = distributed::cheapestRemoval(*unsharded, groups[i], cluster);
    require(succeeded(removal));
    removals.push_back(*removal);
  }
  printNotes(collector.remarks());
  if (options.json) {
    printJson(rows, *uses, *costs, groups, removals, *mesh);
  } else {
    printRows(rows, options.limit);
    printGroups(groups, removals, totalOf(*uses, *costs), options.limit);
  }
  if (options.maxBytes >= 0)
    require(
        succeeded(distributed::limitBytes(model.main(), static_cast<double>(options.maxBytes))));
}

} // namespace

void addExplainSharding(CLI::App &explain) {
  auto *command = explain.add_subcommand(
      "sharding",
      "on a mesh: every tensor's sharding and where it came from, every collective with "
      "its reason, bytes and predicted time, and the annotation that removes it");
  auto options = std::make_shared<ExplainOptions>();
  addModelOptions(*command, options->model);
  addMeshOptions(*command, options->model);
  command->add_option("--cluster", options->cluster,
                      "a cluster file: nodes, devices, links with latency and bandwidth; else one "
                      "node");
  command->add_flag("--json", options->json, "as JSON, every tensor and collective");
  command->add_option("--limit", options->limit, "lines of each list")->capture_default_str();
  command
      ->add_option("--removals", options->removals,
                   "for so many of the dearest collectives: the one annotation without which they "
                   "would not be, and what is left then; each candidate is tried")
      ->capture_default_str()
      ->check(atLeast(0));
  command
      ->add_option("--max-implicit-bytes", options->maxBytes,
                   "fail where one collective brings a device more than this")
      ->transform(CLI::AsSizeValue(false));
  addExample(*command, "weir explain sharding gpt --mesh data=2,model=2\nweir explain sharding "
                       "moe-train --mesh data=2,expert=4 --cluster cluster.txt\nweir explain "
                       "sharding gpt --mesh data=4 --max-implicit-bytes 1M");
  command->callback([=] { explainSharding(*options); });
}

} // namespace weir::tools
