// Parallel forms of layers, from a sharding or two: what a device computes, keeps and sends.
// features: P7 P8 P9 P10 P13
#include "tests/sharding/program_counts.h"

#include "frontend/api/sharding.h"
#include "frontend/nn/blocks.h"

#include <cmath>
#include <gtest/gtest.h>

namespace weir::testing {
namespace {

using runtime::CollectiveKind;

using Axes = std::vector<std::string>;

Array ramp(Shape shape, double scale, double phase = 0.3) {
  int64_t size = 1;
  for (int64_t n : shape) size *= n;
  std::vector<float> values;
  for (int64_t i = 0; i < size; ++i)
    values.push_back(static_cast<float>(scale * std::sin(1.7 * static_cast<double>(i) + phase)));
  return Array::from<float>(shape, values);
}

Array indices(Shape shape, int32_t below) {
  int64_t size = 1;
  for (int64_t n : shape) size *= n;
  std::vector<int32_t> values;
  for (int64_t i = 0; i < size; ++i)
    values.push_back(static_cast<int32_t>((i * i * 7 + 3) % below));
  return Array::from<int32_t>(shape, values);
}

/// Values of `fetches` over some runs, and of a variable after them.
std::vector<double> trained(Program &program, const std::string &fetch,
                            const std::string &variable) {
  std::vector<double> values;
  for (int step = 0; step < 3; ++step)
    for (double x : program.run()[fetch].toDoubles()) values.push_back(x);
  for (double x : program.variable(variable).toDoubles()) values.push_back(x);
  return values;
}

void expectNear(const std::vector<double> &expected, const std::vector<double> &got, double most) {
  ASSERT_EQ(expected.size(), got.size());
  for (size_t i = 0; i < expected.size(); ++i) ASSERT_NEAR(expected[i], got[i], most) << i;
}

// ---- P8 ----

/// Steps of training some tables: [tables, rows, features] with indices [tables, batch].
Program embedding(const std::string &mesh, const Axes &axes, const Axes &ids = {"", ""},
                  Shape shape = {4, 301, 8}) {
  Graph g;
  if (!mesh.empty()) useMesh(g, Mesh(mesh));
  Tensor table = shard(g.variable("table", ramp(shape, 1)), axes);
  Tensor id = shard(g.constant(indices({shape[0], 6}, static_cast<int32_t>(shape[1]) + 5)), ids);
  Tensor rows = gather(table, id, 1, 1);
  g.output("rows", rows);
  g.minimize(sum(square(rows) * g.constant(ramp({shape[0], 6, shape[2]}, 1, 0.9))), nn::sgd(0.1));
  return g.compile();
}

/// The same in pieces, no device with a whole table but for its variable.
Program expectDense(const std::string &mesh, const Axes &axes, const Axes &ids = {"", ""}) {
  SCOPED_TRACE(mesh + " " + axes[0] + "," + axes[1] + "," + axes[2]);
  Program one = embedding("", axes, ids), many = embedding(mesh, axes, ids);
  expectNear(trained(one, "rows", "table"), trained(many, "rows", "table"), 1e-6);
  EXPECT_LT(largestElements(many), 4 * 301 * 8);
  EXPECT_NEAR(variableBytes(many), 301 * 8 * 4, 128) << "a quarter";
  return many;
}

TEST(Embedding, SplitByTablesIsDense) {
  EXPECT_TRUE(countCollectives(expectDense("m=4", {"m", "", ""})).empty());
}

TEST(Embedding, SplitByColumnsIsDense) {
  EXPECT_TRUE(countCollectives(expectDense("m=4", {"", "", "m"})).empty());
}

TEST(Embedding, SplitByVocabularyIsDense) {
  Program one = embedding("", {"", "", ""}), many = embedding("m=4", {"", "m", ""});
  expectNear(trained(one, "rows", "table"), trained(many, "rows", "table"), 1e-6);
  auto counts = countCollectives(many);
  EXPECT_EQ(counts[CollectiveKind::AllReduce], 1) << "of the rows that were found; gradients stay";
  EXPECT_EQ(counts.size(), 1u);
  EXPECT_NEAR(variableBytes(many), 4 * 76 * 8 * 4, 128) << "301 rows are pieces of 76";
}

TEST(Embedding, SplitInTwoWaysAtOnceIsDense) {
  Program one = embedding("", {"", "", ""});
  const std::vector<double> expected = trained(one, "rows", "table");
  for (Axes axes : {Axes{"a", "b", ""}, Axes{"", "a,b", ""}, Axes{"", "a", "b"}}) {
    Program many = embedding("a=2,b=3", axes);
    expectNear(expected, trained(many, "rows", "table"), 1e-6);
  }
  Program many = embedding("a=2,b=3", {"", "a", ""}, {"", "b"});
  expectNear(expected, trained(many, "rows", "table"), 1e-6);
}

// ---- P9 ----

constexpr int64_t kRows = 48, kFeatures = 16;

Program crossEntropy(const std::string &mesh, int64_t vocabulary, bool picks) {
  Graph g;
  if (!mesh.empty()) useMesh(g, Mesh(mesh));
  Tensor x = g.constant(ramp({kRows, kFeatures}, 1));
  Tensor w = shard(g.variable("w", ramp({kFeatures, vocabulary}, 0.4)), {"", "m"});
  Tensor labels = g.constant(indices({kRows}, static_cast<int32_t>(vocabulary)));
  Tensor logits = matmul(x, w);
  Tensor loss = picks ? nn::crossEntropy(logits, labels)
                      : nn::negativeLogLikelihood(nn::logSoftmax(logits), labels);
  g.output("loss", loss);
  g.minimize(loss, nn::sgd(1));
  return g.compile();
}

TEST(CrossEntropy, SplitByVocabularyNeverHasAllLogits) {
  for (bool picks : {true, false})
    for (int64_t vocabulary : {512, 509}) {
      SCOPED_TRACE(std::to_string(vocabulary) + (picks ? " picks" : " compares"));
      Program one = crossEntropy("", vocabulary, picks);
      Program many = crossEntropy("m=4", vocabulary, picks);
      expectNear(trained(one, "loss", "w"), trained(many, "loss", "w"), 1e-5);
      EXPECT_LE(largestElements(many), kRows * 128);
      // Maxima, sums and what the labels pick: a number for each row.
      auto counts = countCollectives(many);
      EXPECT_EQ(counts.size(), 1u);
      EXPECT_LE(counts[CollectiveKind::AllReduce], 4);
      EXPECT_EQ(countCollectives(many, kRows * 4)[CollectiveKind::AllReduce], 0);
    }
}

// ---- P7 ----

Tensor heads(const Tensor &x, int64_t count) {
  return transpose(reshape(x, {x.dim(0), x.dim(1), count, x.dim(2) / count}), {0, 2, 1, 3});
}

/// A block of a transformer with dropout of attention weights and of hidden units, both split.
Program block(int64_t devices) {
  constexpr int64_t b = 2, t = 6, h = 4, d = 16;
  Graph g(7);
  if (devices > 1) useMesh(g, Mesh("model=" + std::to_string(devices)));
  nn::RandomKeys keys(g, "dropout");
  auto weight = [&](const char *name, int64_t in, int64_t out, Axes axes) {
    return shard(g.variable(name, ramp({in, out}, 0.4, static_cast<double>(in + out))), axes);
  };
  Tensor x = g.constant(ramp({b, t, d}, 1));
  auto part = [&](const char *name) {
    return heads(matmul(x, weight(name, d, d, {"", "model"})), h);
  };
  Tensor scores = matmul(part("q"), transpose(part("k"), {0, 1, 3, 2})) * 0.5;
  Tensor mixed = matmul(nn::dropout(nn::softmax(scores, -1), 0.3, keys.next()), part("v"));
  mixed = reshape(transpose(mixed, {0, 2, 1, 3}), {b, t, d});
  Tensor y = x + matmul(mixed, weight("out", d, d, {"model", ""}));
  Tensor hidden =
      nn::dropout(nn::gelu(matmul(y, weight("up", d, 4 * d, {"", "model"}))), 0.3, keys.next());
  y = nn::dropout(y + matmul(hidden, weight("down", 4 * d, d, {"model", ""})), 0.1, keys.next());
  Tensor loss = mean(square(y - 0.5));
  g.output("loss", loss);
  g.minimize(loss, nn::sgd(0.05));
  return g.compile();
}

TEST(Dropout, OfSplitValuesIsThatOfOneDevice) {
  Program one = block(1);
  const std::vector<double> expected = trained(one, "loss", "up");
  EXPECT_NE(expected[0], expected[1]);
  for (int64_t devices : {2, 4}) {
    Program many = block(devices);
    expectNear(expected, trained(many, "loss", "up"), 1e-5);
    auto counts = countCollectives(many);
    EXPECT_EQ(counts[CollectiveKind::AllReduce], 3) << "one backward: the input is no parameter";
    EXPECT_EQ(counts[CollectiveKind::AllGather], 0) << "no mask is whole anywhere";
  }
}

// ---- P10 ----

constexpr int64_t kTime = 64, kHeads = 2, kDepth = 8, kRing = 4;

/// Attention with a split sequence, and gradients if asked for.
Program sequence(const std::string &mesh, bool isRing, bool trains, int64_t ring = kRing) {
  Graph g;
  if (!mesh.empty()) useMesh(g, Mesh(mesh));
  auto part = [&](const char *name, double phase) {
    return shard(g.variable(name, ramp({kHeads, kTime, kDepth}, 1, phase)), {"", "s", ""});
  };
  Tensor q = part("q", 0.1), k = part("k", 0.5), v = part("v", 0.9);
  Tensor y = isRing ? nn::ringAttention(q, k, v, ring) : nn::attention(q, k, v);
  Tensor loss = mean(square(shard(y, {"", "s", ""}) - 0.2));
  g.output("loss", loss);
  if (trains) g.minimize(loss, nn::sgd(10));
  return g.compile();
}

TEST(RingAttention, IsAttention) {
  Program one = sequence("", false, true), alone = sequence("", true, true),
          many = sequence("s=4", true, true), gathered = sequence("s=4", false, true);
  for (const char *variable : {"q", "k", "v"}) {
    const std::vector<double> expected = trained(one, "loss", variable);
    expectNear(expected, trained(alone, "loss", variable), 1e-4);
    expectNear(expected, trained(many, "loss", variable), 1e-4);
    expectNear(expected, trained(gathered, "loss", variable), 1e-4);
  }
}

TEST(RingAttention, NeedsLessMemoryOnMoreDevices) {
  auto arena = [](int64_t n) {
    return executableOf(sequence("s=" + std::to_string(n), true, true, n)).arenaBytes;
  };
  // For the gradients a device keeps the scores of its rows, kTime * kTime / N of each head, and
  // the keys and values that went past, of which there are as many for any N.
  constexpr int64_t kept = 2 * kHeads * kTime * kDepth * 4;
  const int64_t two = arena(2) - kept, four = arena(4) - kept, eight = arena(8) - kept;
  EXPECT_LT(static_cast<double>(four), 0.55 * static_cast<double>(two));
  EXPECT_LT(static_cast<double>(eight), 0.55 * static_cast<double>(four));
}

TEST(RingAttention, HasABlockOfScoresAndSendsKeysAndValuesRound) {
  const Program ring = sequence("s=4", true, false), gathered = sequence("s=4", false, false);
  constexpr int64_t block = kTime / kRing, keys = kHeads * kTime * kDepth * 4;
  EXPECT_GT(largestBytes(gathered), kHeads * block * block * 4);
  EXPECT_LE(largestBytes(ring), kHeads * block * block * 4);
  EXPECT_EQ(countCollectives(ring, 64)[CollectiveKind::Permute], 2 * (kRing - 1));
  EXPECT_EQ(countCollectives(ring, 64).size(), 1u);
  // Every piece of keys and values goes past every other device, and then the loss is added up.
  EXPECT_NEAR(static_cast<double>(plannedBytes(ring)), 2.0 * (kRing - 1) * keys, 64);
  EXPECT_GE(static_cast<double>(plannedBytes(gathered)), 2.0 * (kRing - 1) * keys);
}

// ---- P13 ----

/// A layer in a manual region, between layers that are split by propagation.
Program withRegion(const std::string &mesh, bool isManual) {
  Graph g;
  if (!mesh.empty()) useMesh(g, Mesh(mesh));
  auto weight = [&](const char *name, double phase) {
    return g.variable(name, ramp({16, 16}, 0.4, phase));
  };
  Tensor x = shard(g.constant(ramp({8, 16}, 1)), {"m", ""});
  Tensor h = shard(tanh(matmul(x, weight("a", 0.1))), {"", ""});
  Tensor b = weight("b", 0.5), c = weight("c", 0.9);
  if (isManual) {
    Tensor columns = nn::toBlocks(b, 1, "m", 4), rows = nn::toBlocks(c, 0, "m", 4);
    Tensor each = matmul(tanh(matmul(h, columns)), rows); // [4, 8, 16]
    h = h + sliceDim(nn::sumBlocks(each, "m"), 0, 0, 1);
    h = reshape(h, {8, 16});
  } else {
    h = h + matmul(tanh(matmul(h, b)), c);
  }
  g.output("y", shard(tanh(matmul(h, weight("d", 1.3))), {"", "m"}));
  return g.compile();
}

TEST(ManualRegion, IsAPartOfAGraphThatIsSplitOtherwise) {
  Program one = withRegion("", false), alone = withRegion("", true), many = withRegion("m=4", true);
  const std::vector<double> expected = trained(one, "y", "d");
  expectNear(expected, trained(alone, "y", "d"), 1e-5);
  expectNear(expected, trained(many, "y", "d"), 1e-5);
}

TEST(ManualRegion, SendsWhatIsWrittenAndNothingElse) {
  auto run = [](const std::string &mesh, const std::function<Tensor(Tensor)> &f) {
    Graph g;
    if (!mesh.empty()) useMesh(g, Mesh(mesh));
    Tensor x = g.variable("x", ramp({8, 12}, 1));
    shard(g, "x", {"m", ""});
    g.output("y", nn::fromBlocks(f(nn::toBlocks(x, 0, "m", 4)), 0));
    return g.compile();
  };
  auto check = [&](CollectiveKind kind, const std::function<Tensor(Tensor)> &f) {
    Program one = run("", f), many = run("m=4", f);
    expectNear(trained(one, "y", "x"), trained(many, "y", "x"), 1e-6);
    const auto counts = countCollectives(many);
    EXPECT_EQ(counts, (std::map<CollectiveKind, int64_t>{{kind, 1}}));
  };
  check(CollectiveKind::Permute, [](Tensor x) { return nn::shiftBlocks(x * 2, "m"); });
  check(CollectiveKind::Permute, [](Tensor x) { return nn::shiftBlocks(x, "m", -2) + x; });
  check(CollectiveKind::AllReduce, [](Tensor x) { return nn::sumBlocks(tanh(x), "m"); });
  check(CollectiveKind::AllToAll, [](Tensor x) { return nn::exchangeBlocks(x, 1, "m"); });
}

} // namespace
} // namespace weir::testing
