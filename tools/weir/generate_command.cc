// `weir generate`: tokens that a GPT-2 writes, from a file of its weights, with a cache of keys and
// values.
#include "frontend/data/readers.h"
#include "frontend/data/text.h"
#include "frontend/models/gpt2_decoder.h"
#include "frontend/models/weights.h"
#include "tools/weir/commands.h"
#include "tools/weir/sampling.h"
#include "tools/weir/status.h"

#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

namespace weir::tools {

namespace {

struct GenerateOptions {
  std::string weights, prompt, alphabet;
  std::vector<int32_t> tokens;
  int64_t count = 100;
  uint64_t seed = 1;
  int threads = 0;
  Sampling sampling;
  bool withoutCache = false, json = false;
};

/// Logits after all of `text`.
using NextLogits = std::function<Array(const std::vector<int32_t> &text)>;

NextLogits cached(const GenerateOptions &options) {
  auto decoder = std::make_shared<models::TextDecoder>(
      models::Gpt2Decoder(options.weights, CompileOptions{.threads = options.threads}));
  return [=](const std::vector<int32_t> &text) { return (*decoder)(text); };
}

/// The whole window again for every token: what the cache saves.
NextLogits uncached(const GenerateOptions &options) {
  const models::Gpt2Options model = models::gpt2OptionsOf(options.weights);
  Graph graph;
  Tensor tokens = graph.input("tokens", i32, {1, model.context}),
         last = graph.input("last", i32, {});
  const Tensor logits = models::Gpt2(graph, model)(tokens);
  graph.output("logits", dynamicSlice(logits, {0, last, 0}, {1, 1, model.vocabulary}));
  models::loadWeights(graph, options.weights);
  auto program = std::make_shared<Program>(graph.compile({.threads = options.threads}));
  return [=](const std::vector<int32_t> &text) {
    const std::span<const int32_t> used = models::windowOf(text, model.context);
    std::vector<int32_t> window(used.begin(), used.end());
    const auto position = static_cast<int32_t>(window.size() - 1);
    window.resize(static_cast<size_t>(model.context), 0);
    return program
        ->run({{"tokens", Array::from<int32_t>({1, model.context}, window)},
               {"last", Array::scalar(position)}})["logits"]
        .reshaped({model.vocabulary});
  };
}

void print(const std::vector<int32_t> &tokens, const data::CharTokenizer *alphabet) {
  if (alphabet) {
    std::printf("%s", alphabet->decode(tokens).c_str());
  } else {
    for (int32_t token : tokens) std::printf("%d ", token);
  }
  std::fflush(stdout);
}

void printJson(const std::vector<int32_t> &text, size_t given, double perSecond,
               const data::CharTokenizer *alphabet) {
  nlohmann::ordered_json json = {{"prompt_tokens", given}, {"tokens", text}};
  // Characters beyond ASCII that a model cut in two are replaced.
  if (alphabet) json["text"] = alphabet->decode(text);
  json["tokens_per_second"] = perSecond;
  std::printf("%s\n",
              json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace).c_str());
}

void checkVocabulary(const GenerateOptions &options, const std::vector<int32_t> &text,
                     int64_t characters) {
  const int64_t count = models::gpt2OptionsOf(options.weights).vocabulary;
  if (characters && characters != count)
    fail(options.alphabet + " has " + std::to_string(characters) +
         " different characters, but the model " + std::to_string(count) + " tokens");
  for (int32_t token : text)
    if (token < 0 || token >= count)
      fail("--tokens: " + std::to_string(token) + " is not one of " + std::to_string(count) +
           " tokens, from 0");
}

void generate(const GenerateOptions &options) {
  std::optional<data::CharTokenizer> alphabet;
  if (!options.alphabet.empty()) alphabet.emplace(data::readFile(options.alphabet));
  if (!options.prompt.empty() && !alphabet)
    fail("--prompt needs --alphabet; without it a prompt is given as --tokens");
  std::vector<int32_t> text = options.tokens;
  if (alphabet)
    for (int32_t token : alphabet->encode(options.prompt)) text.push_back(token);
  if (text.empty()) text.push_back(0);
  checkVocabulary(options, text, alphabet ? alphabet->size() : 0);
  const size_t given = text.size();
  const NextLogits next = options.withoutCache ? uncached(options) : cached(options);
  data::Philox random(data::streamKey(options.seed, "generate"));
  auto show = [&](const std::vector<int32_t> &tokens) {
    if (!options.json) print(tokens, alphabet ? &*alphabet : nullptr);
  };
  show(text);
  Array logits = next(text);
  const auto start = std::chrono::steady_clock::now();
  for (int64_t i = 0; i < options.count; ++i) {
    text.push_back(drawToken(logits, options.sampling, random));
    show({text.back()});
    logits = next(text);
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const double perSecond = static_cast<double>(options.count) / seconds;
  if (options.json) return printJson(text, given, perSecond, alphabet ? &*alphabet : nullptr);
  std::printf("\n");
  std::fprintf(stderr, "%ld tokens, %.3g a second\n", static_cast<long>(options.count), perSecond);
}

} // namespace

void addGenerate(CLI::App &app) {
  auto *command =
      app.add_subcommand("generate", "write tokens with a GPT-2, from its weights (safetensors)");
  auto options = std::make_shared<GenerateOptions>();
  command->add_option("weights", options->weights, "safetensors with GPT-2's key names")
      ->required();
  command->add_option("--tokens", options->tokens, "numbers of the first tokens")->delimiter(',');
  command->add_option(
      "--alphabet", options->alphabet,
      "for models of characters: the text whose characters, sorted, are the tokens");
  command->add_option("--prompt", options->prompt, "first characters, with --alphabet");
  command->add_option("--count", options->count, "tokens to write")
      ->capture_default_str()
      ->check(atLeast(0));
  command->add_option("--temperature", options->sampling.temperature, "0 takes the likeliest")
      ->capture_default_str()
      ->check(atLeast(0));
  command->add_option("--top-k", options->sampling.topK, "draw from the likeliest k; 0: from all")
      ->capture_default_str()
      ->check(atLeast(0));
  command->add_option("--seed", options->seed, "of the drawing")->capture_default_str();
  addThreads(*command, options->threads);
  command->add_flag("--json", options->json, "all tokens at the end, as JSON");
  command->add_flag("--without-cache", options->withoutCache,
                    "compute the whole window for every token");
  addExample(
      *command,
      "weir generate gpt2.safetensors --tokens 464,2068,7586 --count 50\n"
      "weir generate char.safetensors --alphabet book.txt --prompt \"The \" --temperature 0.8\n"
      "weir generate gpt2.safetensors --tokens 464 --top-k 40 --seed 7");
  command->callback([=] { generate(*options); });
}

} // namespace weir::tools
