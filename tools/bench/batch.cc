// One program for any batch beside programs compiled for one batch each: times of both in turn, and
// their ratio.
//   bazel run //tools/bench:batch -- [--threads N] [--runs N]
#include "frontend/weir.h"
#include "runtime/executor/session.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>

namespace {

using namespace weir;
using Clock = std::chrono::steady_clock;

struct Options {
  int threads = 0, runs = 31;
  double seconds = 0.02; ///< that one timing takes at least
};

/// 784-512-512-10.
Graph mlp(int64_t batch) {
  Graph g(1);
  nn::Mlp net(g, "net", {784, 512, 512, 10});
  g.output("y", nn::softmax(net(g.input("x", f32, {batch, 784}))));
  return g;
}

/// Logits of windows of 64 tokens: 4 layers, d 128, 4 heads, vocabulary 96.
Graph gpt(int64_t batch) {
  constexpr int64_t vocabulary = 96, context = 64, d = 128, heads = 4;
  Graph g(1);
  nn::Embedding wte(g, "wte", vocabulary, d), wpe(g, "wpe", context, d);
  Tensor x = wte(g.input("x", i32, {batch, context})) + wpe.weight;
  for (int64_t i = 0; i < 4; ++i) {
    const std::string name = "block." + std::to_string(i);
    nn::LayerNorm ln1(g, name + ".ln1", d), ln2(g, name + ".ln2", d);
    nn::Attention attention(g, name + ".attention", d, heads, {.bias = true});
    nn::Linear up(g, name + ".up", d, 4 * d), down(g, name + ".down", 4 * d, d);
    x = x + attention(ln1(x));
    x = x + down(nn::gelu(up(ln2(x))));
  }
  nn::LayerNorm last(g, "ln", d);
  nn::Linear head(g, "head", d, vocabulary, {.bias = false});
  g.output("y", head(last(x)));
  return g;
}

Feeds feedsFor(const Program &program) {
  const TensorType type = program.inputs()[0].type;
  if (type.dtype == f32) return {{"x", nn::normal()(type, 1)}};
  Array tokens = Array::zeros(type.dtype, type.shape);
  for (int32_t i = 0; int32_t &token : tokens.mutableData<int32_t>()) token = i++ * 31 % 96;
  return {{"x", tokens}};
}

/// Seconds of a run, from `times` of them.
double timed(Program &program, const Feeds &feeds, int64_t times) {
  const Clock::time_point start = Clock::now();
  for (int64_t i = 0; i < times; ++i) program.run(feeds);
  return std::chrono::duration<double>(Clock::now() - start).count() / double(times);
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

void compare(const char *name, Graph (*model)(int64_t), int64_t most,
             const std::vector<int64_t> &batches, const Options &options) {
  Program range = model(most).compile({.threads = options.threads, .batch = most});
  double compileFixed = 0;
  for (int64_t batch : batches) {
    Program fixed = model(batch).compile({.threads = options.threads, .shareVariables = &range});
    compileFixed = std::max(compileFixed, fixed.compileSeconds());
    const Feeds feeds = feedsFor(fixed);
    const auto times = static_cast<int64_t>(1 + options.seconds / timed(fixed, feeds, 3));
    timed(range, feeds, times);
    std::vector<double> ofFixed, ofRange, ratios;
    for (int i = 0; i < options.runs; ++i) {
      ofFixed.push_back(timed(fixed, feeds, times));
      ofRange.push_back(timed(range, feeds, times));
      ratios.push_back(ofRange.back() / ofFixed.back());
    }
    std::printf("%s, batch %3ld of 1..%ld: %8.1f us compiled for it, %8.1f us of the range, "
                "ratio %.3f\n",
                name, long(batch), long(most), 1e6 * median(ofFixed), 1e6 * median(ofRange),
                median(ratios));
    std::fflush(stdout);
  }
  std::printf("%s: 1..%ld compiles in %.2f s, one batch in %.2f s\n", name, long(most),
              range.compileSeconds(), compileFixed);
}

} // namespace

int main(int argc, char **argv) {
  Options options;
  CLI::App app{"Times one program for any batch beside programs for one batch each, in turn; "
               "medians of both and of their ratio."};
  app.add_option("--threads", options.threads, "0: all cores");
  app.add_option("--runs", options.runs, "pairs of timings for each batch")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--seconds", options.seconds, "that one timing takes at least")
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    compare("mlp", mlp, 16, {1, 2, 3, 5, 7, 8, 11, 13, 16}, options);
    compare("mlp", mlp, 100, {1, 9, 17, 33, 37, 51, 65, 99, 100}, options);
    compare("gpt", gpt, 16, {1, 2, 3, 5, 7, 11, 13, 16}, options);
    compare("gpt", gpt, 40, {17, 19, 23, 29, 33, 37, 39, 40}, options);
  } catch (const std::exception &error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
  return 0;
}
