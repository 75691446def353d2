// Two interleaved spirals, learned by a small MLP.
#include "frontend/weir.h"

#include <cmath>
#include <cstdio>

int main() {
  const int n = 256; // points; every other one belongs to the second spiral
  weir::Array xs(weir::f32, {n, 2}), ys(weir::i32, {n});
  for (int i = 0; i < n; ++i) {
    const float radius = 0.1f + float(i) / n, angle = 7 * radius + 3.14159f * (i % 2);
    xs.mutableData<float>()[2 * i] = radius * std::cos(angle);
    xs.mutableData<float>()[2 * i + 1] = radius * std::sin(angle);
    ys.mutableData<int32_t>()[i] = i % 2;
  }
  weir::Graph g;
  auto x = g.input("x", weir::f32, {n, 2});
  auto y = g.input("y", weir::i32, {n});
  weir::nn::Mlp net(g, "net", {2, 64, 64, 2});
  auto logits = net(x), loss = weir::nn::crossEntropy(logits, y);
  g.output("loss", loss);
  g.output("accuracy", weir::nn::accuracy(logits, y));
  g.minimize(loss, weir::nn::adam(1e-2));
  weir::Program step = g.compile();
  for (int i = 0; i <= 300; ++i) {
    auto out = step.run({{"x", xs}, {"y", ys}});
    if (i % 50) continue;
    std::printf("step %3d  loss %.4f  accuracy %.3f\n", i, out.scalar("loss"),
                out.scalar("accuracy"));
  }
}
