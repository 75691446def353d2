// BERT's encoder with MiniLM's real weights, built by the C++ interface: NumPy's hidden states and
// sentence embeddings. features: L2
#include "frontend/models/bert.h"
#include "frontend/models/weights.h"
#include "frontend/weir.h"
#include "runtime/base/safetensors.h"

#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(MiniLm, EmbeddingsAreTheReferences) {
  const char *shared = std::getenv("WEIR_SHARED"), *folder = std::getenv("WEIR_MINILM");
  if (!shared) GTEST_SKIP() << "WEIR_SHARED is not set: there are no references";
  const std::string weights = std::string(folder ? folder : ".") + "/model.safetensors";
  if (!std::filesystem::exists(weights))
    GTEST_SKIP() << "WEIR_MINILM does not name a folder with model.safetensors; tools/setup "
                    "--minilm fetches it";
  auto file = runtime::SafetensorsFile::open(std::string(shared) +
                                             "/data/minilm/minilm_expect.safetensors");
  ASSERT_TRUE(file.ok()) << file.status();
  Feeds feeds;
  for (const char *name : {"input_ids", "attention_mask", "token_type_ids"})
    feeds.emplace(name, file->tensor(name)->cast(i32));
  const Shape shape = feeds.at("input_ids").dims();
  Graph graph = models::bertForward(models::bert("minilm"), shape[0], shape[1]);
  models::loadWeights(graph, weights);
  Fetched out = graph.compile().run(feeds);
  double hidden = 0, embedding = 0;
  const Array wantHidden = *file->tensor("last_hidden"), wantEmbedding = *file->tensor("embedding");
  const int64_t features = wantHidden.dims()[2];
  for (int64_t i = 0; i < wantHidden.size(); ++i)
    if (feeds.at("attention_mask").at(i / features))
      hidden = std::max(hidden, std::abs(out["last_hidden"].at(i) - wantHidden.at(i)));
  for (int64_t i = 0; i < wantEmbedding.size(); ++i)
    embedding = std::max(embedding, std::abs(out["embedding"].at(i) - wantEmbedding.at(i)));
  std::printf("largest difference: hidden %.2g, embedding %.2g\n", hidden, embedding);
  EXPECT_LT(embedding, 1e-5);
  EXPECT_LT(hidden, 1e-4);
}

constexpr models::BertOptions kSmall{
    .vocabulary = 40, .context = 12, .layers = 2, .heads = 2, .features = 16, .hidden = 32};

TEST(Bert, PaddingDoesNotChangeAnEmbedding) {
  Program narrow = models::bertForward(kSmall, 1, 5).compile(),
          wide = models::bertForward(kSmall, 1, 9).compile();
  auto feeds = [](std::vector<int32_t> ids, int64_t tokens) {
    const auto t = static_cast<int64_t>(ids.size());
    std::vector<int32_t> mask(ids.size(), 0);
    std::fill_n(mask.begin(), tokens, 1);
    return Feeds{{"input_ids", Array::from<int32_t>({1, t}, ids)},
                 {"attention_mask", Array::from<int32_t>({1, t}, mask)},
                 {"token_type_ids", Array::zeros(i32, {1, t})}};
  };
  Fetched a = narrow.run(feeds({3, 1, 4, 1, 5}, 5)),
          b = wide.run(feeds({3, 1, 4, 1, 5, 9, 2, 6, 5}, 5));
  for (const char *name : {"embedding", "pooled"})
    for (int64_t i = 0; i < a[name].size(); ++i)
      EXPECT_NEAR(a[name].at(i), b[name].at(i), 1e-6) << name;
}

TEST(Bert, GradientsReachEveryParameterButThePooler) {
  Graph graph = models::bertForward(kSmall, 2, 6);
  TensorList wrt;
  std::vector<std::string> names;
  for (const Gradient &parameter : graph.trainables()) {
    wrt.push_back(parameter.variable);
    names.push_back(parameter.name);
  }
  // Layer norms end the encoder, so sums of its values and of their squares are constants.
  const Tensor loss = sum(exp(graph.tensor("last_hidden")));
  TensorList gradients = graph.gradients(loss, wrt);
  for (size_t i = 0; i < wrt.size(); ++i)
    graph.output("d:" + names[i], reduceMax(abs(gradients[i])));
  Fetched out = graph.compile().run(
      {{"input_ids", Array::from<int32_t>({2, 6}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})},
       {"attention_mask", Array::full<int32_t>({2, 6}, 1)},
       {"token_type_ids", Array::from<int32_t>({2, 6}, {0, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1})}});
  for (const std::string &name : names) {
    const bool isFree =
        name.starts_with("pooler") || name.ends_with("key.bias"); // softmax: no shift
    if (!isFree) EXPECT_GT(out.scalar("d:" + name), 1e-6) << name;
  }
}

} // namespace
} // namespace weir
