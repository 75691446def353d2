// Functions under checkpoint: the same bits, less memory; what is saved is not computed again.
// features: A10
#include "frontend/models/char_gpt.h"
#include "frontend/weir.h"
#include "runtime/executor/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace weir {
namespace {

constexpr int64_t kSteps = 12, kRows = 64, kWidth = 32;

using Wrap = std::function<Function(const Function &)>;

/// A chain of layers, each wrapped; its value and the gradients of x and w.
Graph chain(const Wrap &wrap) {
  Graph g;
  Tensor x = g.input("x", f32, {kRows, kWidth}), w = g.input("w", f32, {kWidth, kWidth});
  Function loss([&](Tensor x, Tensor w) {
    for (int64_t i = 0; i < kSteps; ++i)
      x = wrap(Function([&](Tensor h) { return tanh(named(exp(sin(matmul(h, w))), "inner")) + h; },
                        "layer"))(x);
    return sum(x * x);
  });
  Results all = valueAndGrad(loss, {0, 1})(x, w);
  g.output("value", all[0]);
  g.output("dx", all[1]);
  g.output("dw", all[2]);
  return g;
}

struct Outcome {
  std::map<std::string, Array> results;
  int64_t arenaBytes;
};

Outcome run(const Wrap &wrap) {
  Graph g = chain(wrap);
  Program program = g.compile();
  std::vector<float> x(kRows * kWidth), w(kWidth * kWidth);
  for (size_t i = 0; i < x.size(); ++i) x[i] = std::sin(float(i));
  for (size_t i = 0; i < w.size(); ++i) w[i] = 0.2f * std::cos(float(i * i));
  Fetched fetched = program.run({{"x", Array::from<float>({kRows, kWidth}, x)},
                                 {"w", Array::from<float>({kWidth, kWidth}, w)}});
  return {fetched.all(), program.session()->executable().arenaBytes};
}

Function plain(const Function &f) {
  return f;
}

TEST(Checkpoint, SameBitsInLessMemory) {
  Outcome kept = run(plain), again = run([](const Function &f) { return checkpoint(f); });
  EXPECT_EQ(kept.results, again.results);
  // Each step keeps h instead of h, the product, its sine's parts and the tangent's.
  EXPECT_LE(again.arenaBytes * 10, kept.arenaBytes * 6);
}

TEST(Checkpoint, WhatIsSavedTakesMemoryAgain) {
  int64_t nothing = run([](const Function &f) { return checkpoint(f); }).arenaBytes;
  for (Saved saved : {Saved{.dots = true}, Saved{.names = {"inner"}}}) {
    Outcome some = run([&](const Function &f) { return checkpoint(f, saved); });
    EXPECT_EQ(some.results, run(plain).results);
    EXPECT_GE(some.arenaBytes, nothing + (kSteps - 2) * kRows * kWidth * 4);
  }
  Saved unknown{.names = {"no such name"}};
  EXPECT_EQ(run([&](const Function &f) { return checkpoint(f, unknown); }).arenaBytes, nothing);
}

TEST(Checkpoint, SavedDotsAreNotComputedAgain) {
  auto flops = [](Saved saved) {
    Program program = chain([&](const Function &f) { return checkpoint(f, saved); }).compile();
    const runtime::Executable &executable = program.session()->executable();
    int64_t sum = 0;
    for (const runtime::Instruction &instruction : executable.instructions)
      if (instruction.kind == runtime::Instruction::Kind::Launch)
        sum += executable.kernels[instruction.kernel].flops;
    return sum;
  };
  EXPECT_GE(flops({}) - flops({.dots = true}), (kSteps - 1) * 2 * kRows * kWidth * kWidth);
}

TEST(Checkpoint, WorksForDerivativesAndSecondOrder) {
  Graph g;
  Tensor x = g.input("x", f64, {});
  auto f = [](bool again) {
    Function cube([](Tensor x) { return x * x * sin(x); });
    Function inner = again ? checkpoint(cube) : cube;
    return grad(again ? checkpoint(grad(inner)) : grad(inner));
  };
  g.output("kept", f(false)(x));
  g.output("again", f(true)(x));
  Fetched fetched = g.compile().run({{"x", Array::scalar(0.7)}});
  EXPECT_NEAR(fetched.scalar("again"), fetched.scalar("kept"), 1e-14);
}

TEST(Checkpoint, InsideLoopsAndBranches) {
  auto graph = [](bool again) {
    Graph g;
    Tensor x = g.input("x", f64, {}), w = g.input("w", f64, {});
    Function loss([&](Tensor x, Tensor w) {
      Function step([&](Tensor h) {
        return Tensor(cond(h > 0.5, Function([&] { return sin(h * w); }),
                           Function([&] { return exp(h) * w; })));
      });
      Function body = again ? checkpoint(step) : step;
      Function twice(
          [&](Tensor h) { return repeat(3, h, [&](Tensor c) { return Tensor(body(c)); }); });
      return whileLoop(
          Tensor((again ? checkpoint(twice) : twice)(x)), [](Tensor c) { return c < 6.0; },
          [&](Tensor c) { return Tensor(body(c)) + c + 2.0; });
    });
    Results all = grad(loss, {0, 1})(x, w);
    g.output("dx", all[0]);
    g.output("dw", all[1]);
    Fetched fetched = g.compile().run({{"x", Array::scalar(0.7)}, {"w", Array::scalar(0.9)}});
    return std::pair(fetched.scalar("dx"), fetched.scalar("dw"));
  };
  EXPECT_EQ(graph(true), graph(false));
}

/// The arena of the gradient of a tiny GPT's loss with respect to its position table: activations,
/// as no other parameter has a gradient.
int64_t gptArena(int64_t layers, int64_t every) {
  models::CharGptOptions model{.vocabulary = 16,
                               .layers = layers,
                               .heads = 2,
                               .features = 16,
                               .context = 16,
                               .checkpointEvery = every};
  Graph g;
  Tensor tokens = g.input("tokens", i32, {4, 16}), targets = g.input("targets", i32, {4, 16});
  models::CharGpt gpt(g, model);
  Tensor loss = gpt.loss(tokens, targets);
  for (const Gradient &parameter : g.trainables())
    if (parameter.name.starts_with("position"))
      g.output("slope", g.gradients(loss, {parameter.variable})[0]);
  int64_t bytes = g.compile().session()->executable().arenaBytes;
  std::printf("%ld layers, checkpoints every %ld: activations take %ld bytes\n", long(layers),
              long(every), long(bytes));
  return bytes;
}

TEST(Checkpoint, MemoryOfAGptGrowsWithTheRootOfItsLayers) {
  int64_t kept16 = gptArena(16, 0), kept64 = gptArena(64, 0);
  int64_t at16 = gptArena(16, 4), at64 = gptArena(64, 8), at256 = gptArena(256, 16);
  EXPECT_GT(double(kept64) / double(kept16), 3.0);
  EXPECT_LT(double(at64) / double(at16), 2.3);
  EXPECT_LT(double(at256) / double(at64), 2.3);
  EXPECT_LT(at16, kept16);
}

TEST(Checkpoint, GradientsOfAGptAreTheSameBits) {
  auto gradients = [](int64_t every) {
    models::CharGptOptions model{.vocabulary = 16,
                                 .layers = 4,
                                 .heads = 2,
                                 .features = 16,
                                 .context = 16,
                                 .checkpointEvery = every};
    Graph g(1);
    Tensor tokens = g.input("tokens", i32, {4, 16}), targets = g.input("targets", i32, {4, 16});
    models::CharGpt gpt(g, model);
    TensorList wrt;
    for (const Gradient &parameter : g.trainables()) wrt.push_back(parameter.variable);
    TensorList slopes = g.gradients(gpt.loss(tokens, targets), wrt);
    for (size_t i = 0; i < slopes.size(); ++i) g.output("d" + std::to_string(i), slopes[i]);
    std::vector<int32_t> text(64);
    for (size_t i = 0; i < text.size(); ++i) text[i] = int32_t(i * i % 16);
    Array words = Array::from<int32_t>({4, 16}, text);
    return g.compile().run({{"tokens", words}, {"targets", words}}).all();
  };
  auto kept = gradients(0);
  EXPECT_GT(kept.size(), 40u);
  for (int64_t every : {1, 2, 3}) EXPECT_EQ(gradients(every), kept) << every;
}

/// v after `steps` of v <- 4v(1-v), and its derivative.
Graph logistic(int64_t steps, ScanOptions options) {
  Graph g;
  Tensor v = g.input("v", f64, {8}), xs = g.input("xs", f64, {steps, 8});
  Function loss([&](Tensor v, Tensor xs) {
    auto [last, ys] = scan(
        v, xs,
        [](Tensor c, Tensor x) {
          Tensor next = 4 * c * (1 - c) + 0.01 * x;
          return std::pair(next, next * x);
        },
        options);
    return sum(last) + sum(ys * ys);
  });
  Results all = valueAndGrad(loss, {0, 1})(v, xs);
  g.output("value", all[0]);
  g.output("dv", all[1]);
  g.output("dxs", all[2]);
  return g;
}

TEST(SegmentedScan, SameBitsForEveryLengthBothWays) {
  constexpr int64_t steps = 13;
  std::vector<double> xs(steps * 8);
  for (size_t i = 0; i < xs.size(); ++i) xs[i] = 0.1 * std::sin(double(i));
  Feeds feeds{{"v", Array::from<double>({8}, {.1, .2, .3, .4, .5, .6, .7, .8})},
              {"xs", Array::from<double>({steps, 8}, xs)}};
  for (bool reverse : {false, true}) {
    auto results = [&](int64_t segment) {
      return logistic(steps, {.reverse = reverse, .segment = segment}).compile().run(feeds).all();
    };
    auto plain = results(0);
    for (int64_t segment : {1, 3, 4, 12, 13, 50}) EXPECT_EQ(results(segment), plain) << segment;
  }
}

TEST(SegmentedScan, MemoryGrowsWithTheRootOfTheSteps) {
  auto arena = [](int64_t segment) {
    Graph g;
    Tensor v = g.input("v", f64, {8});
    ScanBody step = [](const TensorList &c, const TensorList &) {
      return Scanned{{4 * c[0] * (1 - c[0])}, {}};
    };
    Function loss([&](Tensor v) {
      return sum(scan({v}, {}, step, {.trips = 4096, .segment = segment}).carries[0]);
    });
    g.output("dv", grad(loss)(v));
    return g.compile().session()->executable().arenaBytes;
  };
  EXPECT_LT(arena(64) * 16, arena(0));
}

TEST(BoundedWhile, KeepsWhatReverseModeNeeds) {
  Graph g;
  Tensor x = g.input("x", f64, {});
  for (int64_t maxTrips : {0, 40}) {
    Function root([maxTrips](Tensor x) {
      return whileLoop(
          x, [x](Tensor y) { return abs(y * y - x) > 1e-12 * x; },
          [x](Tensor y) { return 0.5 * (y + x / y); }, {.maxTrips = maxTrips});
    });
    Results all = valueAndGrad(root)(x);
    g.output("y" + std::to_string(maxTrips), all[0]);
    g.output("dx" + std::to_string(maxTrips), all[1]);
  }
  Fetched fetched = g.compile().run({{"x", Array::scalar(7.0)}});
  EXPECT_EQ(fetched.scalar("y40"), fetched.scalar("y0"));
  EXPECT_EQ(fetched.scalar("dx40"), fetched.scalar("dx0"));
  EXPECT_NEAR(fetched.scalar("dx40"), 0.5 / std::sqrt(7.0), 1e-12);
}

TEST(BoundedWhile, StopsAtTheBound) {
  Graph g;
  Tensor i = whileLoop(
      g.constant(Array::scalar<int32_t>(0)), [](Tensor i) { return i < 10; },
      [](Tensor i) { return i + 1; }, {.maxTrips = 3});
  g.output("i", i);
  EXPECT_EQ(g.compile().run().scalar("i"), 3);
}

/// Bytes that a run needs, as memoryBudget counts them.
int64_t needed(const Program &program) {
  runtime::MemoryStatement memory = memoryStatement(program.session()->executable(), 1);
  return memory.peakBytes() - memory.scratchBytes - memory.imageBytes;
}

TEST(MemoryBudget, IsMetWithTheSameBits) {
  Program free = chain(plain).compile();
  Feeds feeds{
      {"x", Array::from<float>({kRows, kWidth}, std::vector<float>(kRows * kWidth, 0.3f))},
      {"w", Array::from<float>({kWidth, kWidth}, std::vector<float>(kWidth * kWidth, 0.02f))}};
  auto results = free.run(feeds).all();
  for (double part : {0.9, 0.75, 0.6}) {
    auto budget = int64_t(part * double(needed(free)));
    Program tight = chain(plain).compile({.memoryBudget = budget});
    EXPECT_LE(needed(tight), budget);
    EXPECT_EQ(tight.run(feeds).all(), results);
  }
}

TEST(MemoryBudget, IsRefusedWithWhatCannotShrink) {
  try {
    chain(plain).compile({.memoryBudget = 1000});
    FAIL() << "1000 bytes were enough";
  } catch (const Error &error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("memory budget"));
    EXPECT_THAT(error.what(),
                ::testing::HasSubstr("2 inputs, 12.0 KiB; the largest is input x, f32[64, 32]"));
  }
}

} // namespace
} // namespace weir
