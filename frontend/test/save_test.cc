// Graph::save and Graph::load: exact round trips with values inline and beside the graph, training
// that goes on, graphs that grow after loading, and mistakes. features: G16 L4
#include "frontend/models/mlp.h"
#include "frontend/weir.h"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sstream>

#include <unistd.h>

namespace weir {
namespace {

using ::testing::HasSubstr;

class SaveTest : public testing::Test {
protected:
  std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / ("save_test." + std::to_string(getpid()));
  std::string path = folder / "g.weir", other = folder / "other" / "g.weir";
  void SetUp() override { std::filesystem::create_directories(folder / "other"); }
  void TearDown() override { std::filesystem::remove_all(folder); }

  static std::string bytesOf(const std::string &file) {
    std::ostringstream text;
    text << std::ifstream(file, std::ios::binary).rdbuf();
    return text.str();
  }
};

Graph training() {
  return models::mlpTraining({.sizes = {4, 8, 3}, .batch = 5}, nn::adam(1e-2), 7);
}

Feeds batch() {
  std::vector<float> x;
  for (int i = 0; i < 20; ++i) x.push_back(static_cast<float>(i % 7) - 3);
  return {{"x", Array::from<float>({5, 4}, x)}, {"y", Array::from<int32_t>({5}, {0, 1, 2, 1, 0})}};
}

double step(Program &program) {
  return program.run(batch()).scalar("loss");
}

TEST_F(SaveTest, RoundTripIsExact) {
  Graph graph = training();
  graph.save(path);
  Graph loaded = Graph::load(path);
  EXPECT_EQ(loaded.toMlir(/*locations=*/true), graph.toMlir(/*locations=*/true));
  EXPECT_EQ(loaded.seed(), 7u);
  EXPECT_EQ(loaded.trainables().size(), graph.trainables().size());
  loaded.save(other);
  EXPECT_EQ(bytesOf(other), bytesOf(path));
  Program first = graph.compile(), second = loaded.compile();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(step(first), step(second));
}

TEST_F(SaveTest, ValuesMayLieInSafetensorsUnderTheirNames) {
  Graph graph = training();
  graph.save(path, {.weights = "w.safetensors"});
  EXPECT_THAT(bytesOf(folder / "w.safetensors"), HasSubstr("\"mlp.0.weight\""));
  Graph loaded = Graph::load(path);
  loaded.save(other, {.weights = "w.safetensors"});
  EXPECT_EQ(bytesOf(other), bytesOf(path));
  EXPECT_EQ(bytesOf(folder / "other" / "w.safetensors"), bytesOf(folder / "w.safetensors"));
  Program first = graph.compile(), second = loaded.compile({.interpret = true});
  for (const Program::Port &port : first.variables())
    EXPECT_EQ(first.variable(port.name), second.variable(port.name)) << port.name;
}

TEST_F(SaveTest, TrainingGoesOnFromSavedValues) {
  Graph graph = training();
  Program program = graph.compile();
  for (int i = 0; i < 3; ++i) step(program);
  graph.save(path, {.program = &program});
  Program resumed = Graph::load(path).compile();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(step(program), step(resumed));
}

TEST_F(SaveTest, WithoutValuesVariablesWaitForThem) {
  Graph graph;
  Tensor w = graph.variable("w", Array::from<float>({2}, {1, 2}));
  graph.output("y", w * 2);
  graph.save(path, {.values = false});
  for (bool interpret : {false, true}) {
    Program program = Graph::load(path).compile({.interpret = interpret});
    try {
      program.run();
      ADD_FAILURE() << "a variable without a value was read";
    } catch (const Error &error) {
      EXPECT_THAT(error.what(), HasSubstr("save_test.cc"));
      EXPECT_THAT(error.message(), HasSubstr("'w' has no value"));
    }
    program.setVariable("w", Array::from<float>({2}, {3, 4}));
    EXPECT_EQ(program.run()["y"], Array::from<float>({2}, {6, 8}));
  }
}

TEST_F(SaveTest, LoadedGraphsGrow) {
  Graph graph(3);
  Tensor x = graph.input("x", f32, {5, 4});
  nn::Linear layer(graph, "layer", 4, 1);
  Tensor frozen = graph.variable("frozen", Array::scalar<float>(2), /*trainable=*/false);
  graph.output("loss", mean(square(layer(x))) * frozen);
  graph.save(path);
  auto finish = [](Graph g) {
    nn::Linear more(g, "more", 4, 1); // draws from the graph's seed
    Tensor loss = g.tensor("loss") + mean(more(g.tensor("x")));
    g.output("total", loss);
    g.minimize(loss, nn::sgd(0.1));
    return g.compile();
  };
  Program direct = finish(graph), loaded = finish(Graph::load(path));
  const Feeds feeds{{"x", batch().at("x")}};
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(direct.run(feeds).scalar("total"), loaded.run(feeds).scalar("total"));
  EXPECT_EQ(loaded.variable("frozen").item<float>(), 2);
  EXPECT_THROW(graph.tensor("loss_"), Error);
}

TEST_F(SaveTest, FunctionsAndControlFlowSurvive) {
  Graph graph;
  Tensor x = graph.input("x", f64, {3});
  Function f([](Tensor y) { return sin(y) * y; }, "f");
  Tensor twice = Tensor(f(x)) + Tensor(f(x * 2));
  graph.output("y", cond(
                        reduceSum(twice) > 0, [&] { return TensorList{twice}; },
                        [&] { return TensorList{-twice}; })[0]);
  graph.output("dy", Tensor(grad(Function([&](Tensor y) { return sum(Tensor(f(y))); }))(x)));
  graph.save(path);
  Graph loaded = Graph::load(path);
  loaded.save(other);
  EXPECT_EQ(bytesOf(other), bytesOf(path));
  const Feeds feeds{{"x", Array::from<double>({3}, {1, -2, 0.5})}};
  Fetched direct = graph.compile().run(feeds), again = loaded.compile().run(feeds);
  EXPECT_EQ(direct["y"], again["y"]);
  EXPECT_EQ(direct["dy"], again["dy"]);
}

TEST_F(SaveTest, ValuesAreMadeWhenTheyAreNeeded) {
  Graph graph;
  int made = 0;
  Tensor small = graph.variable("small", {f32, {2}}, [&] {
    ++made;
    return Array::from<float>({2}, {1, 2});
  });
  graph.variable("huge", {f32, {1 << 20, 1 << 20}}, []() -> Array { throw std::bad_alloc(); });
  graph.output("y", small);
  graph.save(path, {.values = false});
  EXPECT_EQ(made, 0);
  EXPECT_EQ(Graph::load(path).tensor("huge").size(), int64_t(1) << 40);
}

template <typename F> std::string errorOf(F &&f) {
  try {
    f();
  } catch (const Error &error) {
    return error.what();
  }
  return "no error";
}

TEST_F(SaveTest, MistakesAreToldAtTheCallersLine) {
  EXPECT_THAT(errorOf([&] { Graph::load(folder / "none.weir"); }),
              testing::ContainsRegex("save_test.cc:[0-9]+: error: .*none.weir: cannot be opened"));
  std::ofstream(path) << "func.func @main";
  EXPECT_THAT(errorOf([&] { Graph::load(path); }),
              testing::ContainsRegex("save_test.cc:[0-9]+: error: load: .*not a .weir graph file"));
  Graph graph = training();
  EXPECT_THAT(errorOf([&] { graph.save(path, {.weights = "../w.safetensors"}); }),
              HasSubstr("is not within the graph's folder"));
  EXPECT_THAT(errorOf([&] { graph.save(folder / "no" / "g.weir"); }), HasSubstr("save_test.cc"));
  Graph wrong;
  wrong.output("y", wrong.variable("w", {f32, {2}}, [] { return Array::scalar<float>(1); }));
  EXPECT_THAT(errorOf([&] { wrong.save(path); }),
              HasSubstr("variable 'w' is f32[2], its initial value is f32[]"));
  EXPECT_THAT(errorOf([&] { wrong.compile(); }),
              HasSubstr("variable 'w' is f32[2], its initial value is f32[]"));
}

} // namespace
} // namespace weir
