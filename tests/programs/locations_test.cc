// After all passes, every instruction of a compiled program still names lines of this file.
// features: X2
#include "frontend/weir.h"

#include "runtime/executor/session.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

void expectPlaces(const runtime::Executable &executable,
                  const std::vector<runtime::Instruction> &instructions) {
  for (const runtime::Instruction &instruction : instructions) {
    bool here = false;
    for (const runtime::Location &place : instruction.locations)
      here |= place.file.ends_with("locations_test.cc");
    if (instruction.kind == runtime::Instruction::Kind::Launch)
      EXPECT_TRUE(here) << executable.kernels[static_cast<size_t>(instruction.kernel)].name;
    expectPlaces(executable, instruction.body);
    expectPlaces(executable, instruction.otherwise);
  }
}

TEST(Locations, EveryLaunchOfATrainingStepHasALineOfTheUser) {
  Graph g;
  Tensor x = g.input("x", f32, {4, 6, 8}), y = g.input("y", i32, {4, 6});
  nn::Attention attention(g, "attention", 8, 2);
  nn::LayerNorm norm(g, "norm", 8);
  nn::Mlp mlp(g, "mlp", {8, 32, 5}, {.activation = nn::Activation::Gelu});
  nn::RandomKeys keys(g);
  Tensor h = x + nn::dropout(attention(norm(x)), 0.1, keys.next());
  Tensor loss = nn::crossEntropy(mlp(h), y);
  Tensor scale = repeat(3, loss, [](Tensor c) { return c * 0.5; });
  g.output("loss", loss);
  g.output("scaled", cond(scale > 0, [&] { return scale; }, [&] { return -scale; }));
  g.minimize(loss, nn::adamW(nn::warmupCosine(1e-3, 10, 100)).clipped(1));
  Program program = g.compile();
  const runtime::Executable &executable = program.session()->executable();
  EXPECT_GT(executable.instructions.size(), 10u);
  expectPlaces(executable, executable.instructions);
}

} // namespace
} // namespace weir
