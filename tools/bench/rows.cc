// What each row runs. Inference rows call the session with borrowed memory, as a server would;
// training rows go through Program, as users do.
#include "tools/bench/rows.h"

#include "runtime/executor/session.h"
#include "tools/bench/graphs.h"

#include <chrono>
#include <stdexcept>

namespace weir::bench {

namespace {

double millisSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

Array randomArray(const TensorType &type, uint64_t key, int64_t below) {
  if (type.dtype == f32) return nn::normal()(type, key);
  Array array = Array::zeros(type.dtype, type.shape);
  auto values = array.mutableData<int32_t>();
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<int32_t>((i * 2654435761u + key) % below);
  return array;
}

Feeds randomFeeds(const Program &program, int64_t below) {
  Feeds feeds;
  uint64_t key = 1;
  for (const Program::Port &port : program.inputs())
    feeds.insert({port.name, randomArray(port.type, key++, below)});
  return feeds;
}

CompileOptions options(const Settings &settings) {
  return {.threads = settings.threads, .dumpTo = settings.dumpTo};
}

/// A training step; labels and tokens are drawn below `below`.
Measurement training(const std::string &name, const Settings &settings, const Graph &graph,
                     double flops, int64_t below) {
  auto start = std::chrono::steady_clock::now();
  Program program = graph.compile(options(settings));
  Work work{.flops = flops, .compileMs = millisSince(start)};
  Feeds feeds = randomFeeds(program, below);
  start = std::chrono::steady_clock::now();
  program.run(feeds, {"loss"});
  work.firstResultMs = work.compileMs + millisSince(start);
  return measure(name, settings, work, [&] { program.run(feeds, {"loss"}); });
}

/// A pure function on borrowed memory.
Measurement inference(const std::string &name, const Settings &settings, const Graph &graph,
                      Work work) {
  auto start = std::chrono::steady_clock::now();
  Program program = graph.compile(options(settings));
  work.compileMs = millisSince(start);
  runtime::Session *session = program.session();
  std::vector<Array> feeds, fetches;
  std::vector<const void *> feedPointers;
  std::vector<void *> fetchPointers;
  uint64_t key = 1;
  for (const Program::Port &port : program.inputs())
    feeds.push_back(randomArray(port.type, key++, 2));
  for (const Program::Port &port : program.outputs())
    fetches.emplace_back(port.type.dtype, port.type.shape);
  for (const Array &feed : feeds) feedPointers.push_back(feed.raw());
  for (Array &fetch : fetches) fetchPointers.push_back(fetch.mutableRaw());
  auto run = [&] {
    absl::Status status = session->runRaw(feedPointers.data(), fetchPointers.data());
    if (!status.ok()) throw std::runtime_error(std::string(status.message()));
  };
  start = std::chrono::steady_clock::now();
  run();
  work.firstResultMs = work.compileMs + millisSince(start);
  return measure(name, settings, work, run);
}

Row matmulRow(int64_t n) {
  std::string name = "matmul_" + std::to_string(n);
  return {
      name, name, "[n, n] x [n, n], both given at run time, packing included",
      [=](const Settings &s) { return inference(name, s, matmul(n), {.flops = 2.0 * n * n * n}); }};
}

/// Compiling alone, again and again: what one compilation after another costs.
Row compileRow(int64_t layers) {
  std::string name = "compile_gpt_" + std::to_string(layers) + "_layers";
  return {name, "", "Graph::compile of gpt_train with " + std::to_string(layers) + " layers",
          [=](const Settings &s) {
            Graph graph = gptTrain({.layers = layers});
            return measure(name, s, {}, [&] { graph.compile(options(s)); });
          }};
}

Row gptRow(const std::string &name, int64_t layers, const std::string &peer,
           const std::string &description) {
  return {name, peer, description, [=](const Settings &s) {
            GptShape shape{.layers = layers};
            return training(name, s, gptTrain(shape), gptTrainFlops(shape), shape.vocabulary);
          }};
}

} // namespace

const std::vector<Row> &allRows() {
  constexpr double rowBytes = 2.0 * 4096 * 1024 * 4, chainBytes = 3.0 * 16384 * 1024 * 4;
  static const std::vector<Row> rows = {
      {"mlp_train", "mlp_train", "784-512-512-10, batch 128, one SGD step",
       [](const Settings &s) { return training("mlp_train", s, mlpTrain(), mlpTrainFlops(), 10); }},
      gptRow("gpt_train", 4, "gpt_train", "GPT of 4 layers, d 256, 2048 tokens, one AdamW step"),
      gptRow("gpt_train_16_layers", 16, "",
             "the same with 16 layers: its compile time shows what repeated layers cost"),
      compileRow(4),
      compileRow(16),
      matmulRow(256),
      matmulRow(512),
      matmulRow(1024),
      matmulRow(2048),
      {"softmax_4096x1024", "softmax", "rows",
       [](const Settings &s) {
         return inference("softmax_4096x1024", s, softmaxRows(), {.bytes = rowBytes});
       }},
      {"layernorm_4096x1024", "layernorm", "rows",
       [](const Settings &s) {
         return inference("layernorm_4096x1024", s, layerNormRows(), {.bytes = rowBytes});
       }},
      {"ew_chain8_16M", "ew_chain", "eight elementwise ops over 16M floats",
       [](const Settings &s) {
         return inference("ew_chain8_16M", s, elementwiseChain(), {.bytes = chainBytes});
       }},
      {"while_1M", "while_loop", "x = 0.999 x + 1 on 8 floats, 1,000,000 trips",
       [](const Settings &s) { return inference("while_1M", s, whileMillion(), {}); }},
      {"while_dyn_100k", "while_dyn", "x + 1 on 8 floats until their sum is large, 100,000 trips",
       [](const Settings &s) { return inference("while_dyn_100k", s, whileOnSum(), {}); }},
      {"lstm_train", "lstm_train", "64 steps, hidden 256, batch 32, loss and gradients",
       [](const Settings &s) {
         return inference("lstm_train", s, lstmTrain(), {.flops = lstmTrainFlops()});
       }},
      {"small_ops_500x2", "small_ops", "500 times tanh of a 16x16 product, unrolled",
       [](const Settings &s) { return inference("small_ops_500x2", s, smallOps(), {}); }},
      {"tiny_call", "tiny_call", "one add of 16 elements",
       [](const Settings &s) { return inference("tiny_call", s, tinyCall(), {}); }},
  };
  return rows;
}

} // namespace weir::bench
