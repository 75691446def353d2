// Training on meshes, counted in the compiled program: what each device keeps and what all of them
// send.  features: P1 P4 P6 P15
#include "tests/sharding/program_counts.h"

#include "frontend/api/sharding.h"
#include "frontend/models/parallel.h"

#include <cmath>
#include <gtest/gtest.h>

namespace weir::testing {
namespace {

using runtime::CollectiveKind;

constexpr int64_t kLayers = 6, kWidth = 64, kRows = 384, kDevices = 4;
constexpr double kParameters = kLayers * kWidth * kWidth;

Array ramp(Shape shape, double scale, double phase = 0.3) {
  int64_t size = 1;
  for (int64_t n : shape) size *= n;
  std::vector<float> values;
  for (int64_t i = 0; i < size; ++i)
    values.push_back(
        static_cast<float>(scale * std::sin(0.37 * static_cast<double>(i * i) + phase)));
  return Array::from<float>(shape, values);
}

/// Equal layers with Adam; `parts` batches one after the other, whose gradients add up.
Graph perceptron(int64_t parts = 1) {
  Graph g;
  const int64_t rows = kRows / parts;
  Tensor x = g.input("x", f32, {kRows, kWidth});
  TensorList weights;
  for (int64_t i = 0; i < kLayers; ++i)
    weights.push_back(
        g.variable("w" + std::to_string(i), ramp({kWidth, kWidth}, 0.2, static_cast<double>(i))));
  auto lossOf = [&](Tensor h) {
    for (const Tensor &w : weights) h = tanh(matmul(h, w));
    return mean(square(h - 0.3));
  };
  Tensor loss;
  if (parts == 1) {
    loss = lossOf(x);
  } else {
    // Every part has rows of each device.
    Tensor batches = transpose(reshape(x, {rows, parts, kWidth}), {1, 0, 2});
    Scanned all = scan({g.scalar(0)}, {batches}, [&](const TensorList &sum, const TensorList &xs) {
      return Scanned{{sum[0] + lossOf(xs[0])}, {}};
    });
    loss = all.carries[0] * (1.0 / static_cast<double>(parts));
  }
  g.output("loss", loss);
  g.minimize(loss, nn::adam(1e-3));
  return g;
}

Program zero(int level, int64_t parts = 1, int64_t bucketBytes = 0) {
  Graph g = perceptron(parts);
  models::parallelize(g, Mesh("data=4"), {.zero = level, .bucketBytes = bucketBytes});
  return g.compile();
}

std::vector<double> losses(Program program) {
  std::vector<double> values;
  for (int step = 0; step < 4; ++step) {
    Feeds feeds{{"x", ramp({kRows, kWidth}, 1, 0.7)}};
    values.push_back(program.run(feeds, {"loss"}).scalar("loss"));
  }
  return values;
}

void expectSame(const std::vector<double> &one, const std::vector<double> &many) {
  EXPECT_LT(one.back(), one.front());
  for (size_t i = 0; i < one.size(); ++i) EXPECT_NEAR(one[i], many[i], 1e-5) << i;
}

/// Bytes of what gradients are reduced from and to, and the most of the former at a time.
struct GradientBytes {
  int64_t whole = 0, kept = 0, mostAtATime = 0;
};

GradientBytes gradientBytes(const Program &program) {
  const runtime::Executable &executable = executableOf(program);
  const std::vector<runtime::Instruction> &list = executable.instructions;
  GradientBytes bytes;
  std::vector<int64_t> alive(list.size(), 0);
  for (size_t i = 0; i < list.size(); ++i) {
    if (list[i].kind != runtime::Instruction::Kind::Collective) continue;
    if (list[i].collective == CollectiveKind::AllGather) continue;
    const int32_t from = list[i].buffers[0];
    const int64_t size = executable.buffers[static_cast<size_t>(from)].bytes;
    if (size < 1024) continue; // losses and the like
    bytes.whole += size;
    bytes.kept += executable.buffers[static_cast<size_t>(list[i].buffers[1])].bytes;
    size_t made = i;
    while (made > 0 && std::ranges::find(list[made].buffers, from) == list[made].buffers.end())
      --made;
    for (size_t first = 0; first < i; ++first)
      if (std::ranges::find(list[first].buffers, from) != list[first].buffers.end()) {
        made = first;
        break;
      }
    for (size_t at = made; at <= i; ++at) alive[at] += size;
  }
  bytes.mostAtATime = *std::ranges::max_element(alive);
  return bytes;
}

TEST(Zero, BytesOfAParameterAreThoseOfTheStage) {
  const double n = kDevices;
  auto perParameter = [](int64_t bytes) { return static_cast<double>(bytes) / kParameters; };
  expectSame(losses(perceptron().compile()), losses(zero(0)));
  const Program none = zero(0);
  EXPECT_NEAR(perParameter(variableBytes(none) + gradientBytes(none).kept), 16, 0.02);

  // State split; gradients are reduced to the pieces that it needs.
  expectSame(losses(perceptron().compile()), losses(zero(2)));
  const Program second = zero(2);
  const GradientBytes gradients = gradientBytes(second);
  EXPECT_NEAR(perParameter(variableBytes(second)), 4 + 8 / n, 0.02);
  EXPECT_NEAR(perParameter(variableBytes(second) + gradients.kept), 4 + 12 / n, 0.02);
  EXPECT_LT(gradients.mostAtATime, gradients.whole);

  // The same, with gradients whole until all are there.
  expectSame(losses(perceptron().compile()), losses(zero(1)));
  const Program first = zero(1);
  EXPECT_NEAR(perParameter(variableBytes(first)), 4 + 8 / n, 0.02);
  EXPECT_NEAR(perParameter(variableBytes(first) + gradientBytes(first).mostAtATime), 8 + 8 / n,
              0.02);
  EXPECT_EQ(countCollectives(first, 1024)[CollectiveKind::ReduceScatter], 1);

  expectSame(losses(perceptron().compile()), losses(zero(3)));
  const Program third = zero(3);
  EXPECT_NEAR(perParameter(variableBytes(third) + gradientBytes(third).kept), 16 / n, 0.02);
}

TEST(Zero, TrafficIsThatOfTheStage) {
  // Each device of N sends (N - 1) / N of the parameters in an all_gather or a reduce_scatter.
  const double once = (kDevices - 1) * kParameters * 4, losses = 1024;
  EXPECT_NEAR(static_cast<double>(plannedBytes(zero(0))), 2 * once, losses);
  EXPECT_NEAR(static_cast<double>(plannedBytes(zero(1))), 2 * once, losses);
  EXPECT_NEAR(static_cast<double>(plannedBytes(zero(2))), 2 * once, losses);
  // The first layer has no gradient of its input, so it is not needed again; nor is the last one
  // gathered again, with nothing between its two uses.
  EXPECT_NEAR(static_cast<double>(plannedBytes(zero(3))), (3 - 2.0 / kLayers) * once, losses);
}

TEST(Zero, WholeParametersAreNotKept) {
  const int64_t third = executableOf(zero(3)).arenaBytes, second = executableOf(zero(2)).arenaBytes;
  EXPECT_LE(third, second + 2 * kWidth * kWidth * 4) << "two layers' parameters at most";
}

TEST(Buckets, ReduceTheSameInFewerMessages) {
  const int64_t layer = kWidth * kWidth * 4;
  const double once = (kDevices - 1) * kParameters * 4;
  for (int level : {0, 2}) {
    const CollectiveKind kind = level ? CollectiveKind::ReduceScatter : CollectiveKind::AllReduce;
    for (int64_t layers : {2, 3}) {
      // Less than a layer more than so many: the loss goes along.
      const Program program = zero(level, 1, layers * layer + 64);
      EXPECT_EQ(countCollectives(program, 1024)[kind], kLayers / layers);
      EXPECT_NEAR(static_cast<double>(plannedBytes(program)), 2 * once, 1024);
      expectSame(losses(perceptron().compile()), losses(zero(level, 1, layers * layer + 64)));
    }
    // Larger ones go alone.
    EXPECT_EQ(countCollectives(zero(level, 1, layer), 1024)[kind], kLayers);
  }
}

TEST(Accumulation, OfPartsIsOneBatchAndReducesOnce) {
  expectSame(losses(perceptron().compile()), losses(perceptron(3).compile()));
  for (int level : {0, 2}) {
    const Program program = zero(level, 3);
    expectSame(losses(perceptron().compile()), losses(zero(level, 3)));
    auto counts = countCollectives(program, 1024);
    EXPECT_EQ(counts[level ? CollectiveKind::ReduceScatter : CollectiveKind::AllReduce], kLayers);
    const double once = (kDevices - 1) * kParameters * 4;
    EXPECT_NEAR(static_cast<double>(plannedBytes(program)), 2 * once, 4096);
  }
}

TEST(TensorParallel, BlocksReduceOnceForwardAndOnceBackward) {
  constexpr int64_t blocks = 3;
  Graph g;
  useMesh(g, Mesh("model=4"));
  Tensor h = g.input("x", f32, {kRows, kWidth});
  for (int64_t i = 0; i < blocks; ++i) {
    const std::string name = "block" + std::to_string(i);
    Tensor up = shard(g.variable(name + ".up", ramp({kWidth, 4 * kWidth}, 0.1)), {"", "model"});
    Tensor down = shard(g.variable(name + ".down", ramp({4 * kWidth, kWidth}, 0.1)), {"model", ""});
    h = h + matmul(nn::gelu(matmul(h, up)), down);
  }
  g.output("loss", mean(square(h)));
  g.minimize(mean(square(h)), nn::sgd(1e-3));
  auto counts = countCollectives(g.compile());
  // Backward there is none for the input of the first block, which is no parameter.
  EXPECT_EQ(counts[CollectiveKind::AllReduce], 2 * blocks - 1);
  EXPECT_EQ(counts.size(), 1u);
}

} // namespace
} // namespace weir::testing
