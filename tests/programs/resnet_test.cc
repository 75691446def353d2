// ResNet-18: its parameters are the paper's, and machine code agrees with the interpreter in f64 on
// the loss and every parameter's gradient. features: L4 A4
#include "frontend/data/philox.h"
#include "frontend/models/resnet.h"
#include "frontend/weir.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

int64_t parametersOf(const Graph &graph) {
  int64_t count = 0;
  for (const Gradient &parameter : graph.trainables()) count += parameter.variable.size();
  return count;
}

TEST(ResNet, HasThePapersParameters) {
  Graph g18, g34;
  models::ResNet r18(g18), r34(g34, {.blocks = {3, 4, 6, 3}});
  EXPECT_EQ(parametersOf(g18), 11'689'512);
  EXPECT_EQ(parametersOf(g34), 21'797'672);
}

/// A batch of two images of 64x64, the loss, and the gradient of every parameter.
Graph training(int64_t width, int64_t classes) {
  Graph g(5);
  Tensor images = g.input("images", f64, {2, 3, 64, 64}), labels = g.input("labels", i32, {2});
  models::ResNet net(g, {.width = width, .classes = classes, .dtype = f64});
  Tensor loss = nn::crossEntropy(net(images, true), labels);
  g.output("loss", loss);
  TensorList wrt;
  for (const Gradient &parameter : g.trainables()) wrt.push_back(parameter.variable);
  TensorList gradients = g.gradients(loss, wrt);
  for (size_t i = 0; i < wrt.size(); ++i) g.output("d:" + g.trainables()[i].name, gradients[i]);
  return g;
}

Feeds feeds(int64_t classes) {
  data::Philox random(9);
  Array images(f64, {2, 3, 64, 64});
  for (double &v : images.mutableData<double>()) v = random.normal();
  return {{"images", images},
          {"labels", Array::from<int32_t>({2}, {1, static_cast<int32_t>(classes - 1)})}};
}

TEST(ResNet, MachineCodeAgreesWithTheInterpreter) {
  const int64_t width = WEIR_RESNET_WIDTH, classes = width == 64 ? 1000 : 10;
  Graph g = training(width, classes);
  Fetched expected = g.compile({.interpret = true}).run(feeds(classes)),
          got = g.compile().run(feeds(classes));
  EXPECT_EQ(expected.all().size(), 63u); // the loss, and 62 parameters
  for (const auto &[name, array] : expected.all()) {
    const std::vector<double> want = array.toDoubles(), have = got[name].toDoubles();
    ASSERT_EQ(have.size(), want.size());
    double scale = 0, worst = 0;
    for (size_t k = 0; k < want.size(); ++k) {
      scale = std::max(scale, std::abs(want[k]));
      worst = std::max(worst, std::abs(want[k] - have[k]));
    }
    EXPECT_GT(scale, 0) << name;
    EXPECT_LE(worst, 1e-9 * scale) << name;
  }
}

} // namespace
} // namespace weir
