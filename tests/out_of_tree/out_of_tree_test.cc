// An op that the core has never heard of is built, refused, interpreted, differentiated to any
// order, fused with others into one kernel, and run.  features: F4
#include "frontend/api/sharding.h"
#include "frontend/weir.h"
#include "tests/out_of_tree/example.h"

#include "ir/reference/interpreter.h"
#include "passes/pipelines/pipelines.h"

#include "mlir/Parser/Parser.h"

#include <cmath>
#include <gtest/gtest.h>

namespace weir {
namespace {

const std::vector<double> kPoints = {-3, -0.5, 0, 0.25, 2, 7, 11};

double swish(double x) {
  return x / (1 + std::exp(-x));
}
double slope(double x) {
  const double s = 1 / (1 + std::exp(-x));
  return s * (1 + x * (1 - s));
}

class OutOfTree : public ::testing::TestWithParam<bool> {
protected:
  static void SetUpTestSuite() { example::registerOps(); }

  std::vector<double> run(Graph graph, const Tensor &tensor) {
    const std::string name = "out" + std::to_string(outputs++);
    graph.output(name, tensor);
    return graph.compile({.interpret = GetParam()}).run()[name].toDoubles();
  }
  Tensor points(Graph &g) {
    return g.variable(g.uniqueName("x"), Array::from<double>({7}, kPoints));
  }
  int outputs = 0;
};
INSTANTIATE_TEST_SUITE_P(Backends, OutOfTree, ::testing::Bool(),
                         [](const auto &info) { return info.param ? "Interpreted" : "Compiled"; });

TEST_P(OutOfTree, HasItsValue) {
  Graph g;
  Tensor x = points(g);
  std::vector<double> y = run(g, example::blend(example::swish(x), 4));
  for (size_t i = 0; i < y.size(); ++i) EXPECT_NEAR(y[i], 0.75 * swish(kPoints[i]) + 1, 1e-13);
}

TEST_P(OutOfTree, HasDerivativesOfAnyOrder) {
  Graph g;
  Tensor x = points(g);
  Function f([](Tensor t) { return sum(example::blend(example::swish(t), t * t)); }, "f");
  std::vector<double> first = run(g, grad(f)(x));
  Function directional([&](Tensor t) { return sum(grad(f)(t)[0]); }, "directional");
  std::vector<double> second = run(g, grad(directional)(x));
  const double h = 1e-5;
  for (size_t i = 0; i < first.size(); ++i) {
    const double at = kPoints[i];
    EXPECT_NEAR(first[i], 0.75 * slope(at) + 0.5 * at, 1e-13);
    EXPECT_NEAR(second[i], 0.75 * (slope(at + h) - slope(at - h)) / (2 * h) + 0.5, 1e-8);
  }
}

TEST_P(OutOfTree, RefusesDtypesByName) {
  Graph g;
  Tensor n = g.constant(Array::from<int32_t>({2}, {1, 2}));
  try {
    example::swish(n);
    FAIL() << "swish of integers was built";
  } catch (const Error &error) {
    EXPECT_NE(std::string(error.what()).find("swish: operand 0 is i32"), std::string::npos)
        << error.what();
  }
}

TEST_P(OutOfTree, FusesWithTheCoresOps) {
  Graph g;
  Tensor x = points(g);
  g.output("y", exp(example::blend(example::swish(x * 2), -x)) + 1);
  mlir::DialectRegistry registry;
  passes::registerDialects(registry);
  mlir::MLIRContext context(registry);
  auto module = mlir::parseSourceString<mlir::ModuleOp>(g.toMlir(), &context);
  ASSERT_TRUE(module);
  ASSERT_TRUE(succeeded(passes::lower(*module, passes::Level::Source, passes::Level::Kernels)));
  int launches = 0;
  module->walk([&](ir::LaunchOp) { ++launches; });
  EXPECT_EQ(launches, 1);
}

/// A loss of seven points and its gradient, on as many devices as the mesh has.
std::vector<double> lossAndGradient(const std::string &mesh) {
  Graph g;
  useMesh(g, Mesh(mesh));
  Tensor x = g.variable("x", Array::from<double>({7}, kPoints));
  Function f([](Tensor t) { return sum(example::blend(example::swish(t), t * t)); }, "f");
  Tensor split = shard(x, {"a"}), loss = f(split), gradient = grad(f)(split);
  g.output("gradient", gradient);
  g.output("loss", loss);
  Fetched got = g.compile({.interpret = true}).run();
  std::vector<double> values = got["gradient"].toDoubles();
  values.push_back(got.scalar("loss"));
  return values;
}

TEST(OutOfTreeOnAMesh, IsShardedByItsIterationSpace) {
  example::registerOps();
  std::vector<double> one = lossAndGradient("a=1"), many = lossAndGradient("a=3");
  for (size_t i = 0; i < one.size(); ++i) EXPECT_NEAR(one[i], many[i], 1e-12);
}

} // namespace
} // namespace weir
