// One graph on several devices of a process: the bits of one device, copies only where values
// cross, an arena for each.  features: G5
#include "frontend/api/sharding.h"
#include "frontend/models/char_gpt.h"
#include "frontend/weir.h"
#include "runtime/artifact/schedule_text.h"
#include "runtime/executor/session.h"

#include <gmock/gmock.h>

#include <map>
#include <optional>
#include <set>

namespace weir {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kBatch = 8, kWidth = 24;

/// Layer i on device i mod `devices`; the loss where the last layer is.
Graph layersOn(int64_t devices) {
  Graph graph(1);
  std::optional<DeviceScope> scope;
  auto enter = [&](int64_t device) {
    scope.reset();
    if (devices > 1) scope.emplace(graph, device % devices);
  };
  enter(0);
  Tensor h = graph.input("x", f32, {kBatch, kWidth});
  for (int64_t i = 0; i < 3; ++i) {
    enter(i);
    h = tanh(nn::Linear(graph, "layer" + std::to_string(i), kWidth, kWidth)(h)) + h;
  }
  Tensor loss = mean(square(h - graph.input("y", f32, {kBatch, kWidth})));
  scope.reset();
  graph.output("loss", loss);
  graph.minimize(loss, nn::adam(1e-2).clipped(1));
  return graph;
}

Feeds feedsOf(int step) {
  std::vector<float> x, y;
  for (int64_t i = 0; i < kBatch * kWidth; ++i) {
    x.push_back(static_cast<float>((i * 7 + step) % 13) * 0.1f - 0.5f);
    y.push_back(static_cast<float>((i * 5 + step) % 11) * 0.1f - 0.5f);
  }
  return {{"x", Array::from<float>({kBatch, kWidth}, x)},
          {"y", Array::from<float>({kBatch, kWidth}, y)}};
}

using Instructions = std::vector<runtime::Instruction>;

/// Bytes of the copies between devices, by where they go.
std::map<std::string, std::vector<int64_t>> movesOf(const runtime::Executable &executable) {
  std::map<std::string, std::vector<int64_t>> moves;
  for (const runtime::Instruction &instruction : executable.instructions)
    if (instruction.kind == runtime::Instruction::Kind::Copy && !instruction.reason.empty())
      moves[instruction.reason].push_back(executable.buffers[size_t(instruction.buffers[0])].bytes);
  return moves;
}

void expectSameBits(Program one, Program several, int steps,
                    const std::function<Feeds(int)> &feeds) {
  for (int step = 0; step < steps; ++step) {
    const Fetched a = one.run(feeds(step)), b = several.run(feeds(step));
    for (const auto &[name, value] : a.all())
      for (int64_t i = 0; i < value.size(); ++i) ASSERT_EQ(value.at(i), b[name].at(i)) << name;
  }
  for (const Program::Port &port : one.variables()) {
    const Array a = one.variable(port.name), b = several.variable(port.name);
    for (int64_t i = 0; i < a.size(); ++i) ASSERT_EQ(a.at(i), b.at(i)) << port.name << " at " << i;
  }
}

TEST(Placement, TrainsToTheBitsOfOneDevice) {
  EXPECT_TRUE(movesOf(layersOn(1).compile().session()->executable()).empty());
  for (int64_t devices : {2, 3})
    expectSameBits(layersOn(1).compile(), layersOn(devices).compile(), 5, feedsOf);
}

TEST(Placement, CopiesActivationsCotangentsAndScalarsOnly) {
  const Program program = layersOn(3).compile();
  auto moves = movesOf(program.session()->executable());
  ASSERT_EQ(moves.size(), 3u);
  constexpr int64_t activation = kBatch * kWidth * 4;
  int64_t activations = 0;
  for (const auto &[where, sizes] : moves)
    for (int64_t bytes : sizes) {
      EXPECT_LE(bytes, activation) << where; // never a weight: those are larger
      activations += bytes == activation;
    }
  EXPECT_EQ(activations, 4); // two forward, two back
}

/// No launch touches two arenas, and they do not overlap.
TEST(Placement, EveryDeviceHasAnArenaOfItsOwn) {
  const Program program = layersOn(2).compile();
  const runtime::Executable &executable = program.session()->executable();
  std::map<int32_t, std::pair<int64_t, int64_t>> ranges;
  for (const runtime::Buffer &buffer : executable.buffers)
    if (buffer.space == runtime::Space::Arena) {
      auto [range, isNew] =
          ranges.try_emplace(buffer.index, buffer.offset, buffer.offset + buffer.bytes);
      range->second.first = std::min(range->second.first, buffer.offset);
      range->second.second = std::max(range->second.second, buffer.offset + buffer.bytes);
    }
  ASSERT_EQ(ranges.size(), 2u);
  EXPECT_LE(ranges[0].second, ranges[1].first);
  EXPECT_LE(ranges[1].second, executable.arenaBytes);
  for (const runtime::Instruction &instruction : executable.instructions) {
    if (instruction.kind != runtime::Instruction::Kind::Launch) continue;
    EXPECT_THAT(instruction.reason, HasSubstr("device "));
    std::set<int32_t> touched;
    for (int32_t index : instruction.buffers)
      if (const auto &buffer = executable.buffers[size_t(index)];
          buffer.space == runtime::Space::Arena)
        touched.insert(buffer.index);
    EXPECT_LE(touched.size(), 1u);
  }
}

TEST(Placement, PlanAndTraceShowIt) {
  Program program = layersOn(2).compile();
  const std::string plan = runtime::scheduleText(program.session()->executable());
  EXPECT_THAT(plan, HasSubstr("# to device 1"));
  EXPECT_THAT(plan, HasSubstr("arena 1+"));
  runtime::TraceRecorder recorder;
  program.session()->setTrace(&recorder);
  program.run(feedsOf(0));
  program.session()->setTrace(nullptr);
  const std::string trace = runtime::chromeTrace(recorder);
  EXPECT_THAT(trace, HasSubstr("\"copy to device 1\""));
  EXPECT_THAT(trace, HasSubstr("\"where\":\"device 1\""));
}

Graph gptOn(bool isPlaced) {
  Graph graph(2);
  models::CharGptOptions options{
      .vocabulary = 11, .layers = 2, .heads = 2, .features = 16, .context = 8};
  std::optional<DeviceScope> scope;
  if (isPlaced) scope.emplace(graph, 1);
  models::CharGpt gpt(graph, options);
  scope.reset();
  if (isPlaced) scope.emplace(graph, 0);
  Tensor tokens = graph.input("tokens", i32, {2, 8}), targets = graph.input("targets", i32, {2, 8});
  scope.reset();
  if (isPlaced) scope.emplace(graph, 1);
  Tensor logits = gpt(tokens);
  scope.reset();
  if (isPlaced) scope.emplace(graph, 0);
  Tensor loss = nn::crossEntropy(logits, targets);
  scope.reset();
  graph.output("loss", loss);
  graph.minimize(loss, nn::adamW(1e-2));
  return graph;
}

TEST(Placement, AGptOnOneDeviceAndItsLossOnAnother) {
  auto feeds = [](int step) {
    std::vector<int32_t> tokens, targets;
    for (int i = 0; i < 16; ++i) {
      tokens.push_back((i * 3 + step) % 11);
      targets.push_back((i * 3 + 3 + step) % 11);
    }
    return Feeds{{"tokens", Array::from<int32_t>({2, 8}, tokens)},
                 {"targets", Array::from<int32_t>({2, 8}, targets)}};
  };
  const Program placed = gptOn(true).compile();
  EXPECT_FALSE(movesOf(placed.session()->executable()).empty());
  expectSameBits(gptOn(false).compile(), placed, 3, feeds);
}

/// The update is asked for on device 0: it is computed there, and the variable stays where it is.
TEST(Placement, MinimizeInsideAScopeReachesAllVariables) {
  auto train = [](bool isPlaced) {
    Graph fresh(4);
    std::optional<DeviceScope> scope;
    if (isPlaced) scope.emplace(fresh, 1);
    Tensor x = fresh.input("x", f32, {kBatch, kWidth});
    Tensor y = nn::Linear(fresh, "layer", kWidth, kWidth)(x);
    scope.reset();
    if (isPlaced) scope.emplace(fresh, 0);
    Tensor loss = mean(square(y));
    fresh.output("loss", loss);
    fresh.minimize(loss, nn::momentum(0.1));
    return fresh;
  };
  auto feeds = [](int step) { return Feeds{{"x", feedsOf(step).at("x")}}; };
  expectSameBits(train(false).compile(), train(true).compile(), 3, feeds);
}

TEST(Placement, InterpretedProgramsGiveTheSame) {
  Program compiled = layersOn(2).compile(), interpreted = layersOn(2).compile({.interpret = true});
  for (int step = 0; step < 2; ++step)
    EXPECT_NEAR(compiled.run(feedsOf(step)).scalar("loss"),
                interpreted.run(feedsOf(step)).scalar("loss"), 1e-5);
}

TEST(Placement, LoopsRunWhereTheirOperandsLie) {
  Graph graph;
  std::optional<DeviceScope> scope(std::in_place, graph, 0);
  Tensor x = graph.input("x", f32, {16, 16});
  Tensor a = matmul(x, x);
  scope.emplace(graph, 1);
  Tensor b = repeat(3, a, [&](Tensor y) { return tanh(matmul(y, y)); });
  scope.emplace(graph, 0);
  graph.output("y", b + a);
  scope.reset();
  std::vector<float> values;
  for (int i = 0; i < 256; ++i) values.push_back(static_cast<float>(i % 7) * 0.05f);
  const Feeds feeds{{"x", Array::from<float>({16, 16}, values)}};
  Program placed = graph.compile(), interpreted = graph.compile({.interpret = true});
  EXPECT_EQ(movesOf(placed.session()->executable()).size(), 2u);
  const Array got = placed.run(feeds)["y"], want = interpreted.run(feeds)["y"];
  for (int64_t i = 0; i < want.size(); ++i) EXPECT_NEAR(got.at(i), want.at(i), 1e-5);
}

TEST(Placement, RefusesAMeshAndDevicesThatAreNone) {
  Graph graph = layersOn(2);
  EXPECT_THROW(DeviceScope(graph, -1), Error);
  useMesh(graph, Mesh("data=2"));
  try {
    graph.compile();
    FAIL();
  } catch (const Error &error) {
    EXPECT_THAT(error.what(), HasSubstr("also on a mesh (data=2)"));
  }
}

} // namespace
} // namespace weir
