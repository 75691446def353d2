// A training step gives the same bits whatever the number of threads, and its state resumes bit for
// bit. features: G3
#include "frontend/models/char_gpt.h"
#include "frontend/weir.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

const models::CharGptOptions kModel{
    .vocabulary = 31, .layers = 2, .heads = 2, .features = 32, .context = 16};

Feeds batch(int step) {
  Array tokens(i32, {12, 16}), targets(i32, {12, 16});
  for (size_t i = 0; i < 192; ++i) {
    tokens.mutableData<int32_t>()[i] =
        static_cast<int32_t>((7 * i + static_cast<size_t>(step)) % 31);
    targets.mutableData<int32_t>()[i] = static_cast<int32_t>((11 * i + 3) % 31);
  }
  return {{"tokens", tokens}, {"targets", targets}};
}

Program compile(int threads) {
  return models::charGptTraining(kModel, {.steps = 20, .warmup = 2}, 1)
      .compile({.threads = threads});
}

void expectEqualState(const Program &a, const Program &b) {
  for (const Program::Port &port : a.variables())
    EXPECT_EQ(a.variable(port.name), b.variable(port.name)) << port.name;
}

TEST(Training, SameBitsForAnyNumberOfThreads) {
  Program one = compile(1), two = compile(2);
  for (int i = 0; i < 4; ++i) {
    Array a = one.run(batch(i))["loss"], b = two.run(batch(i))["loss"];
    EXPECT_EQ(a, b);
  }
  expectEqualState(one, two);
}

TEST(Training, ResumesBitForBit) {
  Program straight = compile(0), first = compile(0), second = compile(0);
  for (int i = 0; i < 4; ++i) straight.run(batch(i));
  for (int i = 0; i < 2; ++i) first.run(batch(i));
  second.copyVariables(first);
  for (int i = 2; i < 4; ++i) second.run(batch(i));
  expectEqualState(straight, second);
}

} // namespace
} // namespace weir
