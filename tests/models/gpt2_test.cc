// GPT-2: logits and loss that NumPy computed in f64 from the same weights, and the cache of keys
// and values: logits token by token equal those of the whole window, in place. features: L2
#include "frontend/data/philox.h"
#include "frontend/models/gpt2.h"
#include "frontend/models/weights.h"
#include "frontend/weir.h"
#include "runtime/base/safetensors.h"
#include "runtime/executor/session.h"

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <gtest/gtest.h>

namespace weir {
namespace {

double largestDifference(const Array &a, const Array &b) {
  EXPECT_EQ(a.size(), b.size());
  double worst = 0;
  for (int64_t i = 0; i < std::min(a.size(), b.size()); ++i)
    worst = std::max(worst, std::abs(a.at(i) - b.at(i)));
  return worst;
}

class Reference : public testing::TestWithParam<const char *> {};

TEST_P(Reference, LogitsAndLossAreNumPys) {
  const char *shared = std::getenv("WEIR_SHARED");
  if (!shared) GTEST_SKIP() << "WEIR_SHARED is not set: there are no reference logits";
  const std::string path = std::string(shared) + "/data/tiny_gpt/" + GetParam();
  auto file = runtime::SafetensorsFile::open(path);
  ASSERT_TRUE(file.ok()) << file.status();
  const Array tokens = *file->tensor("expect.tokens");
  const models::Gpt2Options options = models::gpt2OptionsOf(path);
  Graph graph = models::gpt2Forward(options, tokens.dims()[0], tokens.dims()[1]);
  models::loadWeights(graph, path);
  const Tensor logits = graph.tensor("logits"), ids = graph.tensor("tokens");
  const int64_t t = tokens.dims()[1];
  graph.output("loss", nn::crossEntropy(sliceDim(logits, 1, 0, t - 1), sliceDim(ids, 1, 1, t)));
  for (bool interpret : {false, true}) {
    Fetched out = graph.compile({.interpret = interpret}).run({{"tokens", tokens}});
    const double worst = largestDifference(out["logits"], *file->tensor("expect.logits"));
    std::printf("%s: largest difference of logits %.2g\n", GetParam(), worst);
    EXPECT_LT(worst, 1e-4);
    EXPECT_NEAR(out.scalar("loss"), file->tensor("expect.loss")->at(0), 1e-4);
  }
}

INSTANTIATE_TEST_SUITE_P(TinyGpts, Reference,
                         testing::Values("gpt2_2l32.safetensors", "gpt2_4l64.safetensors"));

constexpr models::Gpt2Options kSmall{
    .vocabulary = 50, .context = 24, .layers = 3, .heads = 4, .features = 32};

Array randomTokens(int64_t batch, int64_t length, uint64_t seed) {
  data::Philox random(seed);
  std::vector<int32_t> tokens;
  for (int64_t i = 0; i < batch * length; ++i)
    tokens.push_back(static_cast<int32_t>(random.below(kSmall.vocabulary)));
  return Array::from<int32_t>({batch, length}, tokens);
}

/// Columns [from, from + count) of tokens [b, t].
Array columns(const Array &tokens, int64_t from, int64_t count) {
  std::vector<int32_t> some;
  for (int64_t row = 0; row < tokens.dims()[0]; ++row)
    for (int64_t i = 0; i < count; ++i)
      some.push_back(
          tokens.data<int32_t>()[static_cast<size_t>(row * tokens.dims()[1] + from + i)]);
  return Array::from<int32_t>({tokens.dims()[0], count}, some);
}

void setParameters(Program &to, const Program &from) {
  for (const Program::Port &port : from.variables())
    to.setVariable(port.name, from.variable(port.name));
}

TEST(Gpt2Cache, EachTokensLogitsAreThoseOfTheWholeWindow) {
  const int64_t b = 2, t = kSmall.context, v = kSmall.vocabulary;
  Program whole = models::gpt2Forward(kSmall, b, t).compile();
  const Array tokens = randomTokens(b, t, 5);
  const Array expected = whole.run({{"tokens", tokens}})["logits"];
  for (bool interpret : {false, true}) {
    Program step = models::gpt2Extension(kSmall, b, 1).compile({.interpret = interpret});
    setParameters(step, whole);
    int64_t sameBits = 0;
    for (int64_t i = 0; i < t; ++i) {
      const Array logits =
          step.run({{"tokens", columns(tokens, i, 1)},
                    {"start", Array::scalar<int32_t>(static_cast<int32_t>(i))}})["logits"];
      for (int64_t row = 0; row < b; ++row)
        for (int64_t k = 0; k < v; ++k) {
          const double got = logits.at(row * v + k), want = expected.at((row * t + i) * v + k);
          EXPECT_NEAR(got, want, 1e-5) << "token " << i;
          sameBits += got == want;
        }
    }
    std::printf("%s: %ld of %ld logits have the same bits\n",
                interpret ? "interpreted" : "compiled", static_cast<long>(sameBits),
                static_cast<long>(b * t * v));
  }
}

TEST(Gpt2Cache, ProgramsOfSeveralLengthsShareIt) {
  const int64_t t = kSmall.context, v = kSmall.vocabulary, chunk = 10;
  Program whole = models::gpt2Forward(kSmall, 1, t).compile();
  const Array tokens = randomTokens(1, t, 6);
  const Array expected = whole.run({{"tokens", tokens}})["logits"];
  Program prompt = models::gpt2Extension(kSmall, 1, chunk).compile();
  setParameters(prompt, whole);
  Program step = models::gpt2Extension(kSmall, 1, 1).compile({.shareVariables = &prompt});
  // Seven tokens of the prompt, three that are no part of it and are overwritten later.
  const Array first = prompt.run({{"tokens", columns(tokens, 0, chunk)},
                                  {"start", Array::scalar<int32_t>(0)},
                                  {"last", Array::scalar<int32_t>(6)}})["logits"];
  for (int64_t k = 0; k < v; ++k) EXPECT_NEAR(first.at(k), expected.at(6 * v + k), 1e-5);
  for (int64_t i = 7; i < t; ++i) {
    const Array logits =
        step.run({{"tokens", columns(tokens, i, 1)},
                  {"start", Array::scalar<int32_t>(static_cast<int32_t>(i))}})["logits"];
    for (int64_t k = 0; k < v; ++k)
      EXPECT_NEAR(logits.at(k), expected.at(i * v + k), 1e-5) << "token " << i;
  }
}

int64_t copiesIn(const std::vector<runtime::Instruction> &instructions) {
  int64_t copies = 0;
  for (const runtime::Instruction &instruction : instructions)
    copies += instruction.kind == runtime::Instruction::Kind::Copy;
  return copies;
}

TEST(Gpt2Cache, IsUpdatedInPlace) {
  models::Gpt2Options options = kSmall;
  options.context = 512; // a copy of a cache would be seen in the plan
  Program step = models::gpt2Extension(options, 1, 1).compile();
  const runtime::Executable &executable = step.session()->executable();
  EXPECT_EQ(copiesIn(executable.instructions), 0);
  const int64_t cacheBytes = options.features * options.context * 4;
  EXPECT_LT(executable.arenaBytes, 2 * cacheBytes); // six caches would be copied
}

TEST(Gpt2, Trains) {
  Program step = models::gpt2Training(kSmall, 4, 16, nn::adamW(3e-3), 1).compile();
  const Array tokens = randomTokens(4, 17, 8);
  double first = 0, last = 0;
  for (int i = 0; i < 200; ++i) {
    last = step.run({{"tokens", columns(tokens, 0, 16)}, {"targets", columns(tokens, 1, 16)}})
               .scalar("loss");
    if (i == 0) first = last;
  }
  EXPECT_LT(last, first / 2);
}

TEST(Gpt2, WeightsThatDoNotFitAreNamed) {
  const std::string path = testing::TempDir() + "/gpt2_test.safetensors";
  ASSERT_TRUE(runtime::writeSafetensors(path, {{"wte.weight", Array::zeros(f32, {50, 32})},
                                               {"wpe.weight", Array::zeros(f32, {9, 32})}})
                  .ok());
  Graph graph = models::gpt2Forward(kSmall, 1, 4);
  try {
    models::loadWeights(graph, path);
    ADD_FAILURE() << "weights of another model were loaded";
  } catch (const Error &error) {
    EXPECT_NE(std::string(error.what())
                  .find("tensor 'wpe.weight' is f32[9, 32], but the model "
                        "has f32[24, 32]"),
              std::string::npos)
        << error.what();
  }
  std::filesystem::remove(path);
}

} // namespace
} // namespace weir
