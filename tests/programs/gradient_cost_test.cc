// A gradient costs at most four times the FLOPs of what it is of, the value included: counted on
// the simplified graphs of an MLP, a CNN and a GPT. features: A4
#include "frontend/models/char_gpt.h"
#include "frontend/models/lenet.h"
#include "frontend/models/mlp.h"
#include "frontend/weir.h"
#include "ir/cost/cost.h"
#include "passes/pipelines/pipelines.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include <gtest/gtest.h>

namespace weir {
namespace {

int64_t flopsOf(const Graph &graph) {
  mlir::DialectRegistry registry;
  passes::registerDialects(registry);
  mlir::MLIRContext context(registry);
  context.loadAllAvailableDialects();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(graph.toMlir(), &context);
  if (!module || failed(passes::lower(*module, passes::Level::Source, passes::Level::Graph)))
    return 0;
  return ir::flopsOfBody(module->lookupSymbol<mlir::func::FuncOp>("main").getBody());
}

/// Outputs the gradient of `loss` with respect to every parameter.
void addGradients(Graph &g, const Tensor &loss) {
  TensorList wrt;
  for (const Gradient &parameter : g.trainables()) wrt.push_back(parameter.variable);
  TensorList gradients = g.gradients(loss, wrt);
  for (size_t i = 0; i < wrt.size(); ++i) g.output("d" + std::to_string(i), gradients[i]);
}

/// build(graph) -> loss.
template <typename F> void expectCheap(const char *model, F build) {
  int64_t flops[2];
  for (bool withGradients : {false, true}) {
    Graph g(1);
    Tensor loss = build(g);
    g.output("loss", loss);
    if (withGradients) addGradients(g, loss);
    flops[withGradients] = flopsOf(g);
  }
  const double ratio = static_cast<double>(flops[1]) / static_cast<double>(flops[0]);
  std::printf("%s: %ld FLOPs forward, %.2f times that with the gradient\n", model,
              static_cast<long>(flops[0]), ratio);
  EXPECT_GT(flops[0], 0);
  EXPECT_LE(ratio, 4) << model;
}

TEST(GradientCost, IsAtMostFourTimesTheForwardPass) {
  expectCheap("MLP", [](Graph &g) {
    nn::Mlp net(g, "net", {784, 128, 10});
    return nn::crossEntropy(net(g.input("x", f32, {64, 784})), g.input("y", i32, {64}));
  });
  expectCheap("CNN", [](Graph &g) {
    models::LeNet net(g, {});
    return nn::crossEntropy(net(g.input("x", f32, {64, 784})), g.input("y", i32, {64}));
  });
  expectCheap("GPT", [](Graph &g) {
    models::CharGpt gpt(g, {.vocabulary = 65});
    return gpt.loss(g.input("tokens", i32, {12, 64}), g.input("targets", i32, {12, 64}));
  });
}

} // namespace
} // namespace weir
