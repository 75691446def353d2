// Random graphs on random meshes with random annotations: the program of one device, run on all of
// them in lock step, and compiled on threads, stays within the interpreter's bounds for one device,
// forward and backward, and sends the bytes of its plan; sharded graphs verify, and do not without
// a collective that they need. Uneven pieces are padded with NaN. features: X11 P11 A12
#include "distributed/partition/lock_step.h"
#include "distributed/partition/partition.h"
#include "distributed/plan/program_cost.h"
#include "distributed/session/mesh_session.h"
#include "ir/collective/spmd.h"
#include "passes/pipelines/pipelines.h"
#include "tests/fuzz/generator.h"
#include "tests/fuzz/seeds.h"
#include "tests/harness/backend.h"
#include "tests/harness/derivative.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"

#include <gtest/gtest.h>
#include <iostream>

namespace weir::testing {

using distributed::Mesh;
using distributed::Sharding;
using mlir::ModuleOp;
using mlir::func::FuncOp;
using runtime::HostTensor;

namespace {

constexpr uint64_t kCompileEach = 3; ///< graph, for compiling takes the longest

struct Stats {
  std::map<std::string, int64_t> collectives;
  int64_t sharded = 0, deletions = 0, redundant = 0, compiled = 0, bytes = 0;
  Coverage coverage;
};

/// 1 to 8 devices on one to three axes.
std::string randomMesh(Rng &rng) {
  static const std::vector<std::string> meshes = {
      "a=1", "a=2",     "a=3",     "a=4",     "a=5",         "a=6",     "a=7",
      "a=8", "a=2,b=2", "a=2,b=3", "a=3,b=2", "a=2,b=2,c=2", "a=1,b=4", "a=4,b=2"};
  return rng.pick(meshes);
}

Sharding randomSharding(Rng &rng, const Mesh &mesh, int64_t rank) {
  Sharding sharding = Sharding::replicated(rank);
  for (size_t axis = 0; axis < mesh.axes.size() && rank > 0; ++axis)
    if (rng.chance(0.6)) sharding.dims[rng.below(rank)].push_back(axis);
  return sharding;
}

/// Says the shardings of some arguments and of some values within.
void annotate(FuncOp main, const Mesh &mesh, Rng &rng) {
  mlir::OpBuilder b(main.getContext());
  auto text = [&](mlir::Value value) {
    return b.getStringAttr(randomSharding(rng, mesh, distributed::shapeOf(value).size()).str(mesh));
  };
  for (mlir::BlockArgument argument : main.getArguments())
    if (rng.chance(0.5))
      main.setArgAttr(argument.getArgNumber(), ir::spmd::kShardingAttr, text(argument));
  std::vector<mlir::Value> values;
  main.getBody().walk([&](mlir::Operation *op) {
    for (mlir::Value value : op->getResults())
      if (rng.chance(0.08)) values.push_back(value);
  });
  for (mlir::Value value : values) {
    b.setInsertionPointAfterValue(value);
    auto shard = ir::spmd::ShardOp::create(b, value.getLoc(), value.getType(), value, text(value));
    value.replaceAllUsesExcept(shard.getResult(), shard);
  }
}

/// A sharded graph without one of its collectives must not verify, unless it means the same: the
/// user may have asked for a split that a reduction over all dims does not care about.
std::string deleteOne(ModuleOp module, llvm::ArrayRef<HostTensor> inputs,
                      llvm::ArrayRef<ir::BoundedResult> expected, Rng &rng, TestContext &context,
                      Stats &stats) {
  mlir::OwningOpRef<ModuleOp> copy = module.clone();
  std::vector<mlir::Operation *> collectives;
  copy->walk([&](mlir::Operation *op) {
    if (mlir::isa<ir::spmd::SpmdDialect>(op->getDialect())) collectives.push_back(op);
  });
  if (collectives.empty()) return "";
  mlir::Operation *victim = rng.pick(collectives);
  std::string name = victim->getName().getStringRef().str();
  victim->getResult(0).replaceAllUsesWith(victim->getOperand(0));
  victim->erase();
  ++stats.deletions;
  auto main = copy->lookupSymbol<FuncOp>("main");
  bool verifies = succeeded(distributed::verifySharding(main));
  context.takeMessages();
  if (!verifies) return "";
  ++stats.redundant;
  std::string text = name + " can be left out:\n" + print(*copy);
  if (failed(distributed::localize(main))) return text + context.takeMessages();
  auto got = distributed::runLockStep(*copy, "main", inputs);
  if (failed(got)) return text + context.takeMessages();
  std::string wrong = compare(expected, *got);
  return wrong.empty() ? "" : wrong + "\n" + text;
}

/// The annotated graph, compiled, on as many threads as the mesh has devices: within the bounds,
/// and the bytes that devices send are those of the plan.
std::string runCompiled(ModuleOp module, const Mesh &mesh, llvm::ArrayRef<HostTensor> inputs,
                        llvm::ArrayRef<ir::BoundedResult> expected, TestContext &context,
                        Stats &stats) {
  auto executable = passes::compileModule(module);
  if (failed(executable)) return "compiling: " + context.takeMessages();
  if (executable->mesh.empty()) return ""; // one device
  const distributed::Cluster cluster = distributed::oneNode(static_cast<int>(mesh.devices()));
  const distributed::ProgramCost plan = distributed::costOf(*executable, cluster);
  distributed::CommunicatorOptions options;
  options.choose = distributed::chooser(cluster);
  auto state = distributed::MeshState::inProcess(mesh, 1, options, distributed::Padding::Poison);
  std::vector<int32_t> fetches(executable->outputs.size());
  for (size_t i = 0; i < fetches.size(); ++i) fetches[i] = static_cast<int32_t>(i);
  auto session = distributed::MeshSession::create(
      std::make_shared<runtime::Executable>(*std::move(executable)), state);
  if (!session.ok()) return session.status().ToString();
  auto got = (*session)->run(inputs.vec(), fetches);
  if (!got.ok()) return got.status().ToString();
  ++stats.compiled;
  const int64_t sent = (*session)->traffic().total(runtime::Traffic::Intra).bytes;
  stats.bytes += sent;
  if (plan.isExact && sent != plan.cost.intraBytes)
    return "devices sent " + std::to_string(sent) + " bytes, the plan said " +
           std::to_string(plan.cost.intraBytes);
  return compare(expected, *got, &stats.coverage);
}

std::string check(uint64_t seed, Stats &stats) {
  TestContext context;
  mlir::DialectRegistry registry;
  passes::registerDialects(registry);
  context.get()->appendDialectRegistry(registry);
  context.get()->loadDialect<ir::spmd::SpmdDialect>();
  Rng rng(seed + 77);
  auto module = randomModule(context.get(), seed, {.maxOps = 30});
  std::vector<HostTensor> inputs = randomInputsOf(*module, seed);
  if (seed % 3 == 2) inputs = requestDerivative(*module, inputs, seed);
  if (failed(passes::lower(*module, passes::Level::Source, passes::Level::Graph)))
    return "lowering: " + context.takeMessages();
  auto main = module->lookupSymbol<FuncOp>("main");
  auto expected = ir::interpretWithBounds(*module, "main", inputs);
  if (failed(expected)) return "interpreting: " + context.takeMessages();

  std::string meshText = randomMesh(rng);
  Mesh mesh = distributed::parseMesh(meshText).value();
  (*module)->setAttr(ir::spmd::kMeshAttr, mlir::StringAttr::get(context.get(), meshText));
  annotate(main, mesh, rng);
  auto failureOf = [&](const std::string &what) {
    return what + ": " + context.takeMessages() + "\n" + print(*module);
  };
  std::string before = print(*module);
  mlir::OwningOpRef<ModuleOp> annotated = module->clone();
  if (failed(distributed::insertCollectives(main))) return failureOf("inserting collectives");
  if (failed(mlir::verify(*module)) || failed(distributed::verifySharding(main)))
    return before + failureOf("verifying");
  if (std::string wrong = deleteOne(*module, inputs, *expected, rng, context, stats);
      !wrong.empty())
    return wrong;
  std::string sharded = print(*module);
  if (failed(distributed::localize(main)) || failed(mlir::verify(*module)))
    return sharded + failureOf("making shapes local");
  distributed::Traffic traffic;
  auto got = distributed::runLockStep(*module, "main", inputs, /*widen=*/false, &traffic);
  if (failed(got)) return sharded + failureOf("running");
  for (auto [name, count] : traffic.collectives) stats.collectives[name] += count;
  stats.sharded += !traffic.collectives.empty();
  std::string wrong = compare(*expected, *got, &stats.coverage);
  if (!wrong.empty()) return wrong + "\n" + sharded + failureOf("local");
  if (seed % kCompileEach) return "";
  if (rng.chance(0.5)) { // reductions in buckets
    mlir::Builder b(context.get());
    (*annotated)->setAttr(ir::spmd::kBucketBytesAttr, b.getI64IntegerAttr(rng.below(4096)));
  }
  wrong = runCompiled(*annotated, mesh, inputs, *expected, context, stats);
  return wrong.empty() ? "" : "compiled: " + wrong + "\n" + before + failureOf("local");
}

} // namespace

TEST(ShardingOfRandomGraphs, ChangesNoResult) {
  Stats stats;
  int count = 0;
  for (int seed : seeds()) {
    EXPECT_EQ(check(seed, stats), "") << "seed " << seed;
    ++count;
  }
  std::cout << count << " graphs, " << stats.sharded << " of them with collectives:";
  for (auto [name, times] : stats.collectives) std::cout << " " << times << " " << name;
  std::cout << "; " << stats.deletions - stats.redundant << " deleted collectives refused, "
            << stats.redundant << " not needed; " << stats.coverage.bounded << " of "
            << stats.coverage.elements << " elements have a bound\n";
  std::cout << stats.compiled << " compiled for their mesh, which sent " << stats.bytes
            << " bytes\n";
  EXPECT_GT(stats.coverage.bounded, stats.coverage.elements * 0.8);
}

} // namespace weir::testing
