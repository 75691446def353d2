// Graphs on meshes through the public interface: training on N devices is training on one; what is
// said wrongly is an error at its line.  features: P11 A12
#include "frontend/api/sharding.h"
#include "frontend/weir.h"

#include "distributed/session/mesh_session.h"

#include <cmath>
#include <gtest/gtest.h>

namespace weir {
namespace {

Array ramp(Shape shape, double scale) {
  int64_t size = 1;
  for (int64_t n : shape) size *= n;
  std::vector<double> values;
  for (int64_t i = 0; i < size; ++i) values.push_back(scale * std::sin(1.7 * i + 0.3));
  return Array::from<double>(shape, values);
}

/// What a test says about a perceptron's tensors.
struct Plan {
  std::string mesh;
  std::vector<std::string> batch = {"", ""}, first = {"", ""}, second = {"", ""}, state = {"", ""};
};

/// Losses of a few steps with momentum, and the first weights after them.
std::vector<double> train(const Plan &plan, bool interpret) {
  Graph g;
  if (!plan.mesh.empty()) useMesh(g, Mesh(plan.mesh));
  Tensor x = shard(g.constant(ramp({10, 6}, 1)), plan.batch);
  Tensor target = g.constant(ramp({10, 4}, 0.5));
  Tensor w1 = g.variable("w1", ramp({6, 8}, 0.4)), w2 = g.variable("w2", ramp({8, 4}, 0.4));
  Tensor h = tanh(matmul(x, shard(w1, plan.first)));
  Tensor error = matmul(h, shard(w2, plan.second)) - target;
  Tensor loss = sum(error * error) * 0.1;
  g.output("loss", loss);
  g.minimize(loss, [&](Graph &graph, const std::vector<Gradient> &gradients) {
    for (const Gradient &gradient : gradients) {
      Tensor m = graph.variable(gradient.name + "_m",
                                Array::full<double>(gradient.variable.shape(), 0), false);
      Tensor next = shard(m, plan.state) * 0.9 + gradient.gradient;
      graph.assign(m, next);
      graph.assign(gradient.variable, gradient.variable - next * 0.05);
    }
  });
  Program program = g.compile({.interpret = interpret});
  std::vector<double> values;
  for (int step = 0; step < 4; ++step) values.push_back(program.run().scalar("loss"));
  for (double w : program.variable("w1").toDoubles()) values.push_back(w);
  return values;
}

void expectSame(const Plan &plan) {
  for (bool interpret : {true, false}) {
    std::vector<double> one = train({}, interpret), many = train(plan, interpret);
    ASSERT_EQ(one.size(), many.size());
    EXPECT_LT(one[3], one[0]);
    for (size_t i = 0; i < one.size(); ++i) EXPECT_NEAR(one[i], many[i], 1e-12) << i;
  }
}

TEST(Sharding, DataParallelTrainingIsThatOfOneDevice) {
  expectSame({.mesh = "data=2", .batch = {"data", ""}});
  expectSame({.mesh = "data=4", .batch = {"data", ""}});
}

TEST(Sharding, TensorParallelTrainingIsThatOfOneDevice) {
  expectSame({.mesh = "model=2", .first = {"", "model"}, .second = {"model", ""}});
}

TEST(Sharding, SplitOptimizerStateIsThatOfOneDevice) {
  expectSame({.mesh = "data=2", .batch = {"data", ""}, .state = {"data", ""}});
}

TEST(Sharding, MixedMeshesAreOneDevice) {
  expectSame({.mesh = "data=2,model=2",
              .batch = {"data", ""},
              .first = {"", "model"},
              .second = {"model", ""},
              .state = {"", "data"}});
  expectSame({.mesh = "data=3,model=2", .batch = {"data,model", ""}, .first = {"model", ""}});
}

TEST(Sharding, WithoutAMeshItChangesNothing) {
  expectSame({.batch = {"data", ""}, .first = {"", "model"}});
  Graph g;
  g.output("y", shard(g.constant(ramp({4}, 1)), {"data"}) * 2);
  EXPECT_EQ(g.compile().run()["y"].toDoubles()[0], 2 * std::sin(0.3));
}

TEST(Sharding, EvaluationSharesVariablesCutInAnotherWay) {
  Graph training, evaluation;
  for (Graph *g : {&training, &evaluation}) useMesh(*g, Mesh("data=2"));
  Tensor w = training.variable("w", ramp({5, 2}, 1));
  training.assign(w, shard(w, {"data", ""}) * 2);
  evaluation.output("y", shard(evaluation.variable("w", ramp({5, 2}, 1)), {"", "data"}) + 1);
  Program step = training.compile();
  CompileOptions shared;
  shared.shareVariables = &step;
  Program look = evaluation.compile(shared);
  for (double times : {2, 4}) {
    step.run();
    EXPECT_NEAR(look.run()["y"].toDoubles()[3], ramp({5, 2}, 1).toDoubles()[3] * times + 1, 1e-12);
  }
  Graph plain;
  plain.output("y", plain.variable("w", ramp({5, 2}, 1)));
  EXPECT_THROW(plain.compile(shared), Error);
}

TEST(Sharding, InputsAndVariablesHaveAPlaceByName) {
  Graph g;
  useMesh(g, Mesh("data=2"));
  Tensor x = g.input("x", f32, {4, 6});
  g.output("y", x * 2);
  shard(g, "x", {"", "data"});
  Program program = g.compile();
  EXPECT_EQ(program.meshSession()->executable().inputs[0].dims, (Shape{4, 3}));
  const Array fed = Array::full<float>({4, 6}, 3);
  EXPECT_EQ(program.run({{"x", fed}})["y"], Array::full<float>({4, 6}, 6));
}

template <typename F> std::string messageOf(F f) {
  try {
    f();
  } catch (const Error &error) {
    return error.what();
  }
  return "";
}

TEST(Sharding, MistakesAreErrorsAtTheirLine) {
  auto has = [](const std::string &text, const std::string &part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
    EXPECT_NE(text.find("sharding_test.cc"), std::string::npos) << text;
  };
  has(messageOf([] { Mesh mesh("data=0"); }), "mesh: axis data of a mesh has no size");
  Graph g;
  has(messageOf([&] { shard(g, "x", {}); }), "tensor: the graph has no 'x'");
  Tensor x = g.constant(ramp({4, 2}, 1));
  has(messageOf([&] { shard(x, {"data"}); }), "shard: 1 entries for a tensor of rank 2");
  useMesh(g, Mesh("data=2"));
  g.output("y", shard(x, {"model", ""}));
  has(messageOf([&] { g.compile({.interpret = true}); }),
      "shard: the mesh data=2 has no axis model");
}

} // namespace
} // namespace weir
