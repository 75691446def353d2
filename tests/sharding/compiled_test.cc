// Models of the zoo on meshes, compiled: their losses over some steps of training are those of one
// device, and their devices send the bytes that the plan said.  features: P1 P4 P6 P10 P11 P17 C2
#include "distributed/plan/program_cost.h"
#include "distributed/session/mesh_session.h"
#include "frontend/data/philox.h"
#include "frontend/models/char_gpt.h"
#include "frontend/models/moe_transformer.h"
#include "frontend/models/parallel.h"
#include "frontend/weir.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

constexpr int64_t kBatch = 4, kLength = 16, kVocabulary = 36, kSteps = 6;

Graph gpt() {
  return models::charGptTraining(
      {.vocabulary = kVocabulary, .layers = 2, .heads = 4, .features = 32, .context = kLength},
      {.batch = kBatch, .steps = 20, .warmup = 2}, 1);
}

Graph moe() {
  models::MoeTransformerOptions options{.vocabulary = kVocabulary,
                                        .layers = 2,
                                        .heads = 4,
                                        .keyHeads = 2,
                                        .features = 16,
                                        .hidden = 24,
                                        .experts = 4};
  return models::moeTransformerTraining(options, kBatch, kLength, nn::adamW(1e-2), 1);
}

Feeds batchOf(int64_t step) {
  data::Philox random(static_cast<uint64_t>(step) + 7);
  auto tokens = [&] {
    std::vector<int32_t> values(kBatch * kLength);
    for (int32_t &value : values) value = static_cast<int32_t>(random.below(kVocabulary));
    return Array::from<int32_t>({kBatch, kLength}, values);
  };
  Array first = tokens();
  return {{"tokens", first}, {"targets", tokens()}};
}

std::vector<double> losses(Program program) {
  std::vector<double> values;
  for (int64_t step = 0; step < kSteps; ++step)
    values.push_back(program.run(batchOf(step % 2), {"loss"}).scalar("loss"));
  return values;
}

void expectSame(const std::function<Graph()> &model, const std::string &mesh, int zero = 0) {
  SCOPED_TRACE(mesh + " zero " + std::to_string(zero));
  Graph one = model(), many = model();
  models::parallelize(many, Mesh(mesh), {.zero = zero});
  const std::vector<double> expected = losses(one.compile()), got = losses(many.compile());
  ASSERT_EQ(expected.size(), got.size());
  EXPECT_LT(expected.back(), expected.front());
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(expected[i], got[i], 1e-5) << i;
}

TEST(CompiledOnAMesh, GptTrainsAsOnOneDevice) {
  expectSame(gpt, "data=2");
  expectSame(gpt, "model=2");
  expectSame(gpt, "sequence=2");
  expectSame(gpt, "data=2,model=2");
  expectSame(gpt, "data=2,sequence=2,model=2");
}

TEST(CompiledOnAMesh, UnevenPiecesAreAsOne) {
  expectSame(gpt, "data=3");
}

TEST(CompiledOnAMesh, SplitStateTrainsAsOnOneDevice) {
  for (int stage : {1, 2, 3}) {
    expectSame(gpt, "data=2", stage);
    expectSame(gpt, "data=2,model=2", stage);
    expectSame(moe, "data=2,expert=2", stage);
  }
}

TEST(CompiledOnAMesh, MixturesOfExpertsTrainAsOnOneDevice) {
  expectSame(moe, "data=2");
  expectSame(moe, "expert=2");
  expectSame(moe, "data=2,expert=2");
  expectSame(moe, "data=2,model=2,expert=2");
  expectSame(moe, "sequence=2");
}

TEST(CompiledOnAMesh, DevicesSendWhatThePlanSaid) {
  using namespace distributed;
  Graph graph = gpt();
  models::parallelize(graph, weir::Mesh("data=2,model=2"), {.zero = 2});
  Program program = graph.compile();
  const runtime::Executable &executable = program.meshSession()->executable();
  const distributed::Mesh mesh = *parseMesh("data=2,model=2");
  const Cluster cluster = oneNode(4);
  const ProgramCost plan = costOf(executable, cluster);
  ASSERT_TRUE(plan.isExact);
  const int64_t planned = plan.cost.intraBytes;
  CommunicatorOptions options;
  options.choose = chooser(cluster);
  auto state = MeshState::inProcess(mesh, 1, options);
  auto session = MeshSession::create(std::make_shared<runtime::Executable>(executable), state);
  ASSERT_TRUE(session.ok()) << session.status();
  for (const Program::Port &variable : program.variables())
    ASSERT_TRUE(state->set(variable.name, program.variable(variable.name)).ok());
  Feeds feeds = batchOf(0);
  std::vector<Array> ordered;
  for (const runtime::Input &input : executable.inputs) ordered.push_back(feeds.at(input.name));
  for (int64_t steps = 1; steps < 3; ++steps) {
    auto ran = (*session)->run(ordered, {0});
    ASSERT_TRUE(ran.ok()) << ran.status();
    EXPECT_EQ((*session)->traffic().total(runtime::Traffic::Intra).bytes, steps * planned);
  }
  EXPECT_GT(planned, 0);
}

/// ZeRO: the state of a device is its share.
TEST(CompiledOnAMesh, SplitStateNeedsItsShareOfMemory) {
  auto variableBytes = [](int zero) {
    Graph graph = gpt();
    models::parallelize(graph, Mesh("data=4"), {.zero = zero});
    return static_cast<double>(graph.compile().meshSession()->session(0).memory().variableBytes);
  };
  // Parameters, and two moments of them.
  const double all = variableBytes(0), state = variableBytes(2), every = variableBytes(3);
  EXPECT_NEAR(state / all, (1 + 2.0 / 4) / 3, 0.02);
  EXPECT_NEAR(every / all, 1.0 / 4, 0.02);
}

} // namespace
} // namespace weir
