#include "frontend/models/zoo.h"

#include "frontend/models/bert.h"
#include "frontend/models/char_gpt.h"
#include "frontend/models/char_lstm.h"
#include "frontend/models/dlrm.h"
#include "frontend/models/gpt2.h"
#include "frontend/models/lenet.h"
#include "frontend/models/mlp.h"
#include "frontend/models/moe_transformer.h"
#include "frontend/models/resnet.h"
#include "frontend/models/t5.h"

#include <algorithm>

namespace weir::models {
namespace {

constexpr uint64_t kSeed = 1;

/// A request with its blanks filled.
struct Wish {
  std::string size;
  int64_t batch, length;
};

struct Model {
  ZooEntry entry;
  int64_t batch, length; ///< usual ones; length 0: the model has none
  std::function<Graph(const Wish &)> build;
};

nn::Optimizer usual(double rate) {
  return nn::adamW(rate);
}

std::vector<Model> characters() {
  return {
      {{"gpt", "character GPT, a training step", {}},
       12,
       64,
       [](const Wish &w) {
         return charGptTraining({.context = w.length}, {.batch = w.batch}, kSeed);
       }},
      {{"gpt-eval", "character GPT, losses of windows", {}},
       64,
       64,
       [](const Wish &w) { return charGptEvaluation({.context = w.length}, w.batch); }},
      {{"lstm", "character LSTM, a training step", {}},
       32,
       64,
       [](const Wish &w) {
         return charLstmTraining({.context = w.length}, {.batch = w.batch}, kSeed);
       }},
      {{"lstm-eval", "character LSTM, losses of windows", {}},
       64,
       64,
       [](const Wish &w) { return charLstmEvaluation({.context = w.length}, w.batch); }},
  };
}

std::vector<Model> classifiers() {
  auto mlp = [](const Wish &w) { return MlpClassifier{.sizes = {784, 128, 10}, .batch = w.batch}; };
  std::vector<Model> models = {
      {{"lenet", "LeNet-5, a training step", {}},
       64,
       28,
       [](const Wish &w) {
         return lenetTraining({.side = w.length, .batch = w.batch}, nn::adam(1e-3), kSeed);
       }},
      {{"lenet-eval", "LeNet-5, loss and accuracy", {}},
       64,
       28,
       [](const Wish &w) { return lenetEvaluation({.side = w.length, .batch = w.batch}); }},
      {{"mlp", "classifier of rows, a training step", {}},
       64,
       0,
       [=](const Wish &w) { return mlpTraining(mlp(w), nn::adam(1e-3), kSeed); }},
      {{"mlp-eval", "classifier of rows, loss and accuracy", {}},
       64,
       0,
       [=](const Wish &w) { return mlpEvaluation(mlp(w)); }},
  };
  for (int64_t depth : {18, 34, 50, 101, 152}) {
    const std::string name = "resnet" + std::to_string(depth);
    models.push_back({{name, "classifier of images", {}}, 1, 224, [depth](const Wish &w) {
                        return resnetForward(resnet(depth), w.batch, w.length);
                      }});
    models.push_back(
        {{name + "-train", "a training step of it", {}}, 32, 224, [depth](const Wish &w) {
           return resnetTraining(resnet(depth), w.batch, w.length, nn::momentum(0.1), kSeed);
         }});
  }
  return models;
}

std::vector<Model> transformers() {
  const std::vector<std::string> gpt2Sizes = {"small", "medium", "large", "xl"};
  return {
      {{"bert", "encoder; minilm is a sentence embedder", {"base", "large", "minilm"}},
       1,
       128,
       [](const Wish &w) { return bertForward(bert(w.size), w.batch, w.length); }},
      {{"gpt2", "decoder, logits of a window", gpt2Sizes},
       1,
       128,
       [](const Wish &w) { return gpt2Forward(gpt2(w.size), w.batch, w.length); }},
      {{"gpt2-extend", "decoder, the next logits from a cache of keys and values", gpt2Sizes},
       1,
       1,
       [](const Wish &w) { return gpt2Extension(gpt2(w.size), w.batch, w.length); }},
      {{"gpt2-train", "decoder, a training step", gpt2Sizes},
       4,
       128,
       [](const Wish &w) {
         return gpt2Training(gpt2(w.size), w.batch, w.length, usual(3e-4), kSeed);
       }},
      {{"moe", "decoder with mixtures of experts", {"tiny", "8x7b"}},
       1,
       128,
       [](const Wish &w) {
         return moeTransformerForward(moeTransformer(w.size), w.batch, w.length);
       }},
      {{"moe-train", "decoder with mixtures of experts, a training step", {"tiny", "8x7b"}},
       4,
       128,
       [](const Wish &w) {
         return moeTransformerTraining(moeTransformer(w.size), w.batch, w.length, usual(3e-4),
                                       kSeed);
       }},
      {{"t5", "encoder and decoder", {"small", "base"}},
       1,
       128,
       [](const Wish &w) { return t5Forward(t5(w.size), w.batch, w.length, w.length); }},
      {{"t5-train", "encoder and decoder, a training step", {"small", "base"}},
       4,
       128,
       [](const Wish &w) {
         return t5Training(t5(w.size), w.batch, w.length, w.length, usual(1e-3), kSeed);
       }},
  };
}

std::vector<Model> recommenders() {
  return {
      {{"dlrm", "chance of a click, for the Criteo Kaggle data", {}},
       128,
       0,
       [](const Wish &w) { return dlrmForward({}, w.batch); }},
      {{"dlrm-train", "chance of a click, a training step", {}},
       128,
       0,
       [](const Wish &w) { return dlrmTraining({}, w.batch, nn::sgd(0.1), kSeed); }},
  };
}

const std::vector<Model> &models() {
  static const std::vector<Model> all = [] {
    std::vector<Model> list;
    for (auto family : {characters, classifiers, transformers, recommenders})
      for (Model &model : family()) list.push_back(std::move(model));
    std::ranges::sort(list, {}, [](const Model &model) { return model.entry.name; });
    return list;
  }();
  return all;
}

std::string listed(const std::vector<std::string> &words) {
  std::string text;
  for (const std::string &word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

} // namespace

const std::vector<ZooEntry> &zoo() {
  static const std::vector<ZooEntry> entries = [] {
    std::vector<ZooEntry> list;
    for (const Model &model : models()) list.push_back(model.entry);
    return list;
  }();
  return entries;
}

Graph zooGraph(const ZooRequest &request, Location at) {
  CallScope scope(at);
  std::vector<std::string> names;
  for (const Model &model : models()) {
    names.push_back(model.entry.name);
    if (model.entry.name != request.name) continue;
    const std::vector<std::string> &sizes = model.entry.sizes;
    if (!request.size.empty() && std::ranges::find(sizes, request.size) == sizes.end())
      throw Error(request.name + ": there is no size '" + request.size + "'; " +
                      (sizes.empty() ? "it has one" : "there are " + listed(sizes)),
                  at);
    if (request.batch < 0 || request.length < 0 || (request.length && !model.length))
      throw Error(request.name + ": " +
                      (model.length ? "batch and length are positive" : "it has no length"),
                  at);
    const std::string size = !request.size.empty() || sizes.empty() ? request.size : sizes.front();
    return model.build({size, request.batch ? request.batch : model.batch,
                        request.length ? request.length : model.length});
  }
  throw Error("there is no model '" + request.name + "'; there are " + listed(names), at);
}

} // namespace weir::models
