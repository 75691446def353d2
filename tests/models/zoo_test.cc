// Parameters of the zoo's models equal those of the papers or of the published checkpoints. No
// parameter is drawn: the largest model here would take 187 GB. features: L4
#include "frontend/models/bert.h"
#include "frontend/models/dlrm.h"
#include "frontend/models/gpt2.h"
#include "frontend/models/moe_transformer.h"
#include "frontend/models/resnet.h"
#include "frontend/models/t5.h"
#include "frontend/models/zoo.h"
#include "frontend/weir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir {
namespace {

struct Published {
  const char *name, *size;
  int64_t parameters;
  const char *source;
};

constexpr Published kPublished[] = {
    {"lenet", "", 61'706, "LeCun et al. 1998, table of layers, with full connections"},
    {"resnet18", "", 11'689'512, "torchvision's table of weights, resnet18"},
    {"resnet34", "", 21'797'672, "torchvision's table of weights, resnet34"},
    {"resnet50", "", 25'557'032, "torchvision's table of weights, resnet50"},
    {"resnet101", "", 44'549'160, "torchvision's table of weights, resnet101"},
    {"resnet152", "", 60'192'808, "torchvision's table of weights, resnet152"},
    {"gpt2", "small", 124'439'808, "checkpoint openai-community/gpt2"},
    {"gpt2", "medium", 354'823'168, "checkpoint openai-community/gpt2-medium"},
    {"gpt2", "large", 774'030'080, "checkpoint openai-community/gpt2-large"},
    {"gpt2", "xl", 1'557'611'200, "checkpoint openai-community/gpt2-xl (the paper's 1542M rounds)"},
    {"bert", "base", 109'482'240, "checkpoint bert-base-uncased with pooler (paper: 110M)"},
    {"bert", "large", 335'141'888, "checkpoint bert-large-uncased with pooler (paper: 340M)"},
    {"bert", "minilm", 22'713'216, "checkpoint sentence-transformers/all-MiniLM-L6-v2"},
    {"t5", "small", 60'506'624, "checkpoint t5-small (paper: 60M)"},
    {"t5", "base", 222'903'552, "checkpoint t5-base (paper: 220M)"},
    {"moe", "8x7b", 46'702'792'704, "checkpoint mistralai/Mixtral-8x7B (paper: 47B)"},
    {"dlrm", "", 540'677'217, "Naumov et al. 2019, section 5.2: about 540M on Criteo Kaggle"},
};

TEST(Zoo, ParametersAreThePublishedOnes) {
  for (const Published &model : kPublished) {
    const Graph graph = models::zooGraph({.name = model.name, .size = model.size});
    int64_t count = 0;
    for (const Gradient &parameter : graph.trainables()) count += parameter.variable.size();
    std::printf("%-10s %-7s %14ld  %s\n", model.name, model.size, static_cast<long>(count),
                model.source);
    EXPECT_EQ(count, model.parameters) << model.name << " " << model.size;
  }
}

TEST(Zoo, EveryModelOfTheListIsBuilt) {
  for (const models::ZooEntry &entry : models::zoo()) {
    std::vector<std::string> sizes = entry.sizes;
    if (sizes.empty()) sizes = {""};
    if (entry.name.ends_with("-train")) sizes = {sizes.front()}; // slots of optimizers are drawn
    if (entry.name == "dlrm-train") continue;                    // gigabytes of gradients
    for (const std::string &size : sizes) {
      const Graph graph = models::zooGraph({.name = entry.name, .size = size, .batch = 2});
      EXPECT_FALSE(graph.trainables().empty()) << entry.name;
      EXPECT_FALSE(entry.summary.empty());
    }
  }
}

template <typename F> std::string errorOf(F &&f) {
  try {
    f();
  } catch (const Error &error) {
    return error.what();
  }
  return "no error";
}

TEST(Zoo, MistakesListWhatThereIs) {
  using ::testing::HasSubstr;
  EXPECT_THAT(errorOf([] { models::zooGraph({.name = "gpt3"}); }),
              HasSubstr("there is no model 'gpt3'; there are bert, dlrm"));
  EXPECT_THAT(errorOf([] { models::zooGraph({.name = "gpt2", .size = "huge"}); }),
              HasSubstr("gpt2: there is no size 'huge'; there are small, medium, large, xl"));
  EXPECT_THAT(errorOf([] { models::zooGraph({.name = "resnet50", .size = "large"}); }),
              HasSubstr("resnet50: there is no size 'large'; it has one"));
  EXPECT_THAT(errorOf([] { models::zooGraph({.name = "mlp", .length = 3}); }),
              HasSubstr("zoo_test.cc"));
  EXPECT_THAT(errorOf([] { models::gpt2("tiny"); }), HasSubstr("there is no size 'tiny'"));
}

} // namespace
} // namespace weir
