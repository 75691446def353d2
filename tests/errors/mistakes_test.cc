// One program per mistake, and the whole message that its user sees. The messages are in
// mistakes.golden; WEIR_UPDATE_GOLDEN=FILE writes them anew, to be read before they are committed.
// features: X2 A9 F1
#include "frontend/data/readers.h"
#include "frontend/data/text.h"
#include "frontend/weir.h"

#include "runtime/checkpoint/checkpoint.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <sstream>

namespace weir {
namespace {

struct Mistake {
  std::string name;
  void (*make)();
};

std::vector<Mistake> &mistakes() {
  static std::vector<Mistake> all;
  return all;
}

struct Register {
  Register(const char *name, void (*make)()) { mistakes().push_back({name, make}); }
};

#define MISTAKE(name)                                                                              \
  void name();                                                                                     \
  const Register register_##name(#name, name);                                                     \
  void name()

Array ones(Shape shape) {
  return Array::full<float>(std::move(shape), 1);
}

MISTAKE(dot_contracted_dims_differ) {
  Graph g;
  auto w = g.variable("w", ones({256, 64}));
  auto x = g.input("x", f32, {128, 512});
  matmul(x, w);
}

MISTAKE(shapes_do_not_broadcast) {
  Graph g;
  auto a = g.input("a", f32, {2, 3});
  auto b = g.input("b", f32, {2, 4});
  a + b;
}

MISTAKE(dtypes_differ) {
  Graph g;
  auto a = g.input("a", f32, {2});
  auto b = g.input("b", f64, {2});
  a *b;
}

MISTAKE(number_does_not_fit) {
  Graph g;
  auto a = g.input("a", i32, {2});
  a * 2.5;
}

MISTAKE(function_of_the_wrong_dtype) {
  Graph g;
  tanh(g.input("a", i32, {4}));
}

MISTAKE(tensors_of_two_graphs) {
  Graph g, h;
  auto a = g.input("a", f32, {2});
  auto b = h.input("b", f32, {2});
  a + b;
}

MISTAKE(empty_tensor) {
  Graph g;
  Tensor nothing;
  g.input("a", f32, {2}) + nothing;
}

MISTAKE(only_numbers) {
  max(1, 2.5);
}

MISTAKE(reshape_changes_the_count) {
  Graph g;
  reshape(g.input("a", f32, {2, 3}), {4, -1});
}

MISTAKE(dim_out_of_range) {
  Graph g;
  sum(g.input("a", f32, {2, 3}), 2);
}

MISTAKE(slice_out_of_range) {
  Graph g;
  slice(g.input("a", f32, {2, 3}), {0, 1}, {2, 5});
}

MISTAKE(concatenate_sizes_differ) {
  Graph g;
  concatenate({g.input("a", f32, {2, 3}), g.input("b", f32, {3, 3})}, 1);
}

MISTAKE(indices_are_floats) {
  Graph g;
  take(g.input("a", f32, {5}), g.input("i", f32, {2}));
}

MISTAKE(duplicate_name) {
  Graph g;
  g.input("x", f32, {2});
  g.variable("x", ones({2}));
}

MISTAKE(duplicate_output) {
  Graph g;
  auto x = g.input("x", f32, {2});
  g.output("y", x);
  g.output("y", -x);
}

MISTAKE(empty_graph) {
  Graph g;
  g.input("x", f32, {2});
  g.compile();
}

MISTAKE(function_of_unsigned_integers) {
  Graph g;
  exp(g.input("x", u8, {2}));
}

MISTAKE(bits_of_a_float) {
  Graph g;
  auto x = g.input("x", bf16, {2});
  x & x;
}

MISTAKE(number_out_of_range) {
  Graph g;
  g.input("x", i8, {2}) + 200;
}

MISTAKE(number_too_large_for_a_float) {
  Graph g;
  g.input("x", f16, {2}) * 1e5;
}

MISTAKE(bitcast_of_another_width) {
  Graph g;
  bitcast(g.input("x", f16, {2}), i32);
}

MISTAKE(unknown_feed) {
  Graph g;
  g.output("y", g.input("x", f32, {2}) + g.input("z", f32, {}));
  g.compile({.interpret = true}).run({{"w", ones({2})}});
}

MISTAKE(missing_feed) {
  Graph g;
  g.output("y", g.input("x", f32, {2}) + g.input("z", f32, {}));
  g.compile({.interpret = true}).run({{"x", ones({2})}});
}

MISTAKE(mistyped_feed) {
  Graph g;
  g.output("y", -g.input("x", f32, {2}));
  g.compile({.interpret = true}).run({{"x", ones({3})}});
}

MISTAKE(unknown_fetch) {
  Graph g;
  g.output("loss", -g.input("x", f32, {}));
  g.compile({.interpret = true}).run({{"x", ones({})}}, {"los"});
}

MISTAKE(output_not_fetched) {
  Graph g;
  g.output("loss", -g.input("x", f32, {}));
  g.compile({.interpret = true}).run({{"x", ones({})}})["accuracy"];
}

MISTAKE(assign_of_another_type) {
  Graph g;
  auto w = g.variable("w", ones({2}));
  g.assign(w, g.input("x", f32, {3}));
}

MISTAKE(assign_to_an_input) {
  Graph g;
  auto x = g.input("x", f32, {3});
  g.assign(x, x);
}

MISTAKE(assign_twice) {
  Graph g;
  auto w = g.variable("w", ones({2}));
  g.assign(w, w + 1);
  g.assign(w, w + 2);
}

MISTAKE(gradient_of_a_vector) {
  Graph g;
  auto w = g.variable("w", ones({2}));
  g.minimize(w * w, nn::sgd(0.1));
}

MISTAKE(gradient_of_an_integer) {
  Graph g;
  auto n = g.input("n", i32, {2});
  g.gradients(sum(convert(n, f32)), {n});
}

MISTAKE(grad_of_an_integer_argument) {
  Graph g;
  grad([](Tensor n) { return sum(convert(n, f32)); })(g.input("n", i32, {2}));
}

MISTAKE(grad_of_a_vector_function) {
  Graph g;
  grad([](Tensor x) { return x * x; })(g.input("x", f32, {2}));
}

MISTAKE(loss_without_variables) {
  Graph g;
  g.minimize(sum(g.input("x", f32, {2})), nn::sgd(0.1));
}

MISTAKE(gradient_across_a_function) {
  Graph g;
  auto w = g.variable("w", ones({2}));
  Function f([&](Tensor x) { return g.gradients(sum(x * w), {w})[0]; });
  f(w);
}

MISTAKE(jvp_tangent_missing) {
  Graph g;
  jvp([](Tensor x) { return x * x; })(g.input("x", f32, {2}));
}

MISTAKE(function_with_wrong_count) {
  Graph g;
  Function f([](Tensor a, Tensor b) { return a + b; }, "sum2");
  f(g.input("x", f32, {2}));
}

MISTAKE(scan_carry_changes_type) {
  Graph g;
  auto x = g.input("x", f32, {4});
  repeat(3, x, [](Tensor c) { return concatenate({c, c}, 0); });
}

MISTAKE(scan_lengths_differ) {
  Graph g;
  auto a = g.input("a", f32, {4}), b = g.input("b", f32, {5});
  scan({}, {a, b},
       [](const TensorList &, const TensorList &xs) { return Scanned{{}, {xs[0] * xs[1]}}; });
}

MISTAKE(cond_branches_differ) {
  Graph g;
  auto x = g.input("x", f32, {});
  cond(x > 0, [&] { return x; }, [&] { return reshape(x, {1}); });
}

MISTAKE(cond_on_a_float) {
  Graph g;
  auto x = g.input("x", f32, {});
  cond(x, [&] { return x; }, [&] { return -x; });
}

MISTAKE(value_of_a_body_used_outside) {
  Graph g;
  Tensor inner;
  repeat(3, g.input("x", f32, {}), [&](Tensor x) { return inner = 2 * x; });
  inner + 1;
}

MISTAKE(linear_of_another_width) {
  Graph g;
  nn::Linear layer(g, "layer", 784, 10);
  layer(g.input("x", f32, {32, 28, 28}));
}

MISTAKE(labels_of_another_shape) {
  Graph g;
  nn::crossEntropy(g.input("x", f32, {32, 10}), g.input("y", i32, {32, 10}));
}

MISTAKE(heads_do_not_divide) {
  Graph g;
  nn::Attention(g, "attention", 128, 5);
}

MISTAKE(two_results_for_one) {
  Graph g;
  Function f([](Tensor x) { return TensorList{x, x * x}; }, "both");
  Tensor y = f(g.input("x", f32, {2}));
}

std::string temporaryFolder() {
  const char *folder = std::getenv("TEST_TMPDIR");
  return folder ? folder : "/tmp";
}

MISTAKE(missing_file) {
  data::readCsv("no/such/digits.csv");
}

MISTAKE(text_shorter_than_a_window) {
  data::WindowSampler({1, 2, 3}, 4, 64, 1);
}

MISTAKE(byte_that_the_text_did_not_have) {
  data::CharTokenizer("abc").encode("abd");
}

MISTAKE(truncated_checkpoint) {
  const std::string path = temporaryFolder() + "/train.ckpt";
  runtime::Checkpoint checkpoint;
  checkpoint.tensors.emplace_back("w", ones({64}));
  if (!runtime::writeCheckpoint(path, checkpoint).ok()) return;
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 100);
  auto loaded = runtime::readCheckpoint(path);
  if (!loaded.ok()) throw Error(std::string(loaded.status().message()), Location::current());
}

MISTAKE(custom_jvp_rule_without_tangents) {
  Graph g;
  Function rule([](Tensor x, Tensor) { return sin(x); }, "rule");
  customJvp([](Tensor x) { return sin(x); }, rule)(g.input("x", f32, {2}));
}

MISTAKE(custom_jvp_tangent_of_another_shape) {
  Graph g;
  Function f([](Tensor x) { return sin(x); }, "sine");
  Function rule([](Tensor x, Tensor dx) { return TensorList{sin(x), sum(dx)}; }, "rule");
  customJvp(f, rule)(g.input("x", f32, {2}));
}

MISTAKE(custom_vjp_of_an_outer_tensor) {
  Graph g;
  auto w = g.variable("w", ones({2}));
  Function f([&](Tensor x) { return w * x; }, "scale"), same([](Tensor x) { return x; });
  customVjp(f, same, same)(w);
}

MISTAKE(custom_vjp_without_a_cotangent) {
  Graph g;
  Function f([](Tensor x, Tensor y) { return x * y; }, "product");
  Function forward([](Tensor x, Tensor y) { return TensorList{x * y, x, y}; }, "forward");
  Function backward([](Tensor, Tensor y, Tensor dz) { return dz * y; }, "backward");
  auto x = g.input("x", f32, {2});
  customVjp(f, forward, backward)(x, x);
}

MISTAKE(forward_mode_of_a_custom_vjp) {
  Graph g;
  Function f([](Tensor x) { return sin(x); }, "sine");
  Function forward([](Tensor x) { return TensorList{sin(x), cos(x)}; }, "forward");
  Function backward([](Tensor c, Tensor dy) { return c * dy; }, "backward");
  auto x = g.input("x", f32, {2});
  Function sine([&](Tensor x) { return customVjp(f, forward, backward)(x); });
  g.output("dy", jvp(sine)(x, x)[1]);
  g.compile({.interpret = true});
}

MISTAKE(function_that_calls_itself) {
  Graph g;
  std::unique_ptr<Function> f;
  f = std::make_unique<Function>([&f](Tensor x) { return x * Tensor((*f)(x)); }, "factorial");
  (*f)(g.input("x", f32, {2}));
}

MISTAKE(vmap_of_different_numbers_of_slices) {
  Graph g;
  auto x = g.input("x", f32, {3, 2});
  auto y = g.input("y", f32, {4, 2});
  vmap([](Tensor x, Tensor y) { return x + y; })(x, y);
}

MISTAKE(vmap_of_a_dim_that_is_not_there) {
  Graph g;
  vmap([](Tensor x) { return x * x; }, {2})(g.input("x", f32, {3, 2}));
}

MISTAKE(vmap_of_nothing) {
  Graph g;
  vmap([](Tensor x) { return x * x; }, {kNotBatched})(g.input("x", f32, {3}));
}

MISTAKE(vmap_result_that_slices_do_not_share) {
  Graph g;
  auto x = g.input("x", f32, {3});
  g.output("y", vmap([](Tensor x) { return x * x; }, {0}, {kNotBatched})(x));
  g.compile({.interpret = true});
}

/// The message, with the folder of temporary files as $TMP.
std::string messageOf(const Mistake &mistake) {
  std::string message = "no error";
  try {
    mistake.make();
  } catch (const Error &error) {
    message = error.what();
  }
  const std::string folder = temporaryFolder();
  if (size_t at = message.find(folder); at != std::string::npos)
    message.replace(at, folder.size(), "$TMP");
  return message;
}

std::map<std::string, std::string> readGolden() {
  std::ifstream file("tests/errors/mistakes.golden");
  std::map<std::string, std::string> golden;
  std::string line, name;
  while (std::getline(file, line)) {
    if (line.starts_with("== "))
      name = line.substr(3);
    else
      golden[name] += (golden[name].empty() ? "" : "\n") + line;
  }
  return golden;
}

TEST(Mistakes, SayWhatTheGoldenFileSays) {
  if (const char *path = std::getenv("WEIR_UPDATE_GOLDEN")) {
    std::ofstream file(path);
    for (const Mistake &mistake : mistakes())
      file << "== " << mistake.name << "\n" << messageOf(mistake) << "\n";
  }
  auto golden = readGolden();
  for (const Mistake &mistake : mistakes())
    EXPECT_EQ(messageOf(mistake), golden[mistake.name]) << mistake.name;
  EXPECT_EQ(golden.size(), mistakes().size());
}

} // namespace
} // namespace weir
