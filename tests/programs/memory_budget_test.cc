// A training step of a character GPT within a memory budget: the same bits in less memory, said
// what it costs; or refused with what cannot shrink. features: A10
#include "frontend/build/program_state.h"
#include "frontend/models/char_gpt.h"
#include "frontend/weir.h"
#include "runtime/executor/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kBatch = 4, kContext = 32;

Program compileGpt(int64_t memoryBudget) {
  models::CharGptOptions model{
      .vocabulary = 32, .layers = 6, .heads = 2, .features = 32, .context = kContext};
  return models::charGptTraining(model, {.batch = kBatch, .steps = 10, .warmup = 2}, 1)
      .compile({.memoryBudget = memoryBudget});
}

Feeds feeds() {
  std::vector<int32_t> tokens(kBatch * kContext), targets(kBatch * kContext);
  for (size_t i = 0; i < tokens.size(); ++i)
    tokens[i] = int32_t(i * i % 31), targets[i] = int32_t((i + 1) * (i + 1) % 31);
  return {{"tokens", Array::from<int32_t>({kBatch, kContext}, tokens)},
          {"targets", Array::from<int32_t>({kBatch, kContext}, targets)}};
}

const std::vector<std::string> &notes(const Program &program) {
  return program.state()->backend->notes;
}

/// Bytes that a run needs, as memoryBudget counts them.
int64_t needed(const Program &program) {
  runtime::MemoryStatement memory = memoryStatement(program.session()->executable(), 1);
  return memory.peakBytes() - memory.scratchBytes - memory.imageBytes;
}

/// The loss and all variables after three steps.
std::map<std::string, Array> trained(Program program) {
  std::map<std::string, Array> values;
  for (int step = 0; step < 3; ++step) values["loss"] = program.run(feeds())["loss"];
  for (const Program::Port &port : program.variables())
    values[port.name] = program.variable(port.name);
  return values;
}

TEST(MemoryBudgetOfGpt, TrainsToTheSameBitsInHalfTheArena) {
  Program free = compileGpt(0);
  EXPECT_THAT(notes(free), ::testing::IsEmpty());
  auto expected = trained(free);
  int64_t arena = free.session()->executable().arenaBytes, others = needed(free) - arena;
  for (double part : {0.8, 0.6, 0.5}) {
    int64_t budget = others + int64_t(part * double(arena));
    Program tight = compileGpt(budget);
    EXPECT_LE(needed(tight), budget);
    EXPECT_EQ(trained(tight), expected) << part;
    ASSERT_FALSE(notes(tight).empty());
    EXPECT_THAT(notes(tight).front(), HasSubstr("launches are run again"));
    std::printf("%s\n", notes(tight).front().c_str());
  }
}

TEST(MemoryBudgetOfGpt, NamesWhatCannotShrink) {
  Program free = compileGpt(0);
  int64_t arena = free.session()->executable().arenaBytes;
  try {
    compileGpt(needed(free) - arena + arena / 10);
    FAIL() << "a tenth of the activations was enough";
  } catch (const Error &error) {
    EXPECT_THAT(error.what(), HasSubstr("cannot be met; the least found is"));
    EXPECT_THAT(error.what(), HasSubstr(" variables, "));
    EXPECT_THAT(error.what(), HasSubstr("cannot shrink: arena launch"));
    EXPECT_THAT(error.what(), HasSubstr("char_gpt.cc:"));
  }
}

} // namespace
} // namespace weir
