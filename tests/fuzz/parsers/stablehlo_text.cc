// StableHLO's generic text, imported as graphs with their assertions. Numbers, ops, attributes and
// lines are exchanged, so that most texts are still MLIR.
#include "frontend/import/stablehlo/stablehlo.h"
#include "tests/fuzz/parsers/mutation.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace weir::fuzz {

namespace {

/// One small program of each kind, for when there is no folder of programs.
const char *const kPrograms[] = {
    R"("builtin.module"() ({
"func.func"() <{function_type = (tensor<3x4xf32>, tensor<2x1xi32>) -> tensor<2x4xf32>, sym_name = "main"}> ({
^bb0(%arg0: tensor<3x4xf32>, %arg1: tensor<2x1xi32>):
  %0 = "stablehlo.gather"(%arg0, %arg1) <{dimension_numbers = #stablehlo.gather<offset_dims = [1], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 1>, slice_sizes = array<i64: 1, 4>}> : (tensor<3x4xf32>, tensor<2x1xi32>) -> tensor<2x4xf32>
  %1 = "stablehlo.constant"() <{value = dense<0.0> : tensor<f32>}> : () -> tensor<f32>
  %2 = "stablehlo.reduce"(%0, %1) <{dimensions = array<i64: 0>}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %6 = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
    "stablehlo.return"(%6) : (tensor<f32>) -> ()
  }) : (tensor<2x4xf32>, tensor<f32>) -> tensor<4xf32>
  %3 = "stablehlo.broadcast_in_dim"(%2) <{broadcast_dimensions = array<i64: 1>}> : (tensor<4xf32>) -> tensor<2x4xf32>
  %4 = "stablehlo.sort"(%3) <{dimension = 1 : i64}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %7 = "stablehlo.compare"(%a, %b) <{comparison_direction = #stablehlo<comparison_direction LT>}> : (tensor<f32>, tensor<f32>) -> tensor<i1>
    "stablehlo.return"(%7) : (tensor<i1>) -> ()
  }) : (tensor<2x4xf32>) -> tensor<2x4xf32>
  "func.return"(%4) : (tensor<2x4xf32>) -> ()
}) : () -> ()
}) : () -> ())",
    R"("builtin.module"() ({
"func.func"() <{function_type = (tensor<1x2x4x4xf32>, tensor<3x2x2x2xf32>) -> tensor<1x3x2x2xf32>, sym_name = "main"}> ({
^bb0(%arg0: tensor<1x2x4x4xf32>, %arg1: tensor<3x2x2x2xf32>):
  %0 = "stablehlo.convolution"(%arg0, %arg1) <{batch_group_count = 1 : i64, dimension_numbers = #stablehlo.conv<[b, f, 0, 1]x[o, i, 0, 1]->[b, f, 0, 1]>, feature_group_count = 1 : i64, padding = dense<0> : tensor<2x2xi64>, window_strides = array<i64: 1, 1>}> : (tensor<1x2x4x4xf32>, tensor<3x2x2x2xf32>) -> tensor<1x3x3x3xf32>
  %1 = "stablehlo.constant"() <{value = dense<0xFF800000> : tensor<f32>}> : () -> tensor<f32>
  %2 = "stablehlo.reduce_window"(%0, %1) <{window_dimensions = array<i64: 1, 1, 2, 2>, window_strides = array<i64: 1, 1, 1, 1>}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %3 = "stablehlo.maximum"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
    "stablehlo.return"(%3) : (tensor<f32>) -> ()
  }) : (tensor<1x3x3x3xf32>, tensor<f32>) -> tensor<1x3x2x2xf32>
  "func.return"(%2) : (tensor<1x3x2x2xf32>) -> ()
}) : () -> ()
}) : () -> ())"};

} // namespace

std::vector<std::string> seeds() {
  std::vector<std::string> texts(std::begin(kPrograms), std::end(kPrograms));
  const char *shared = std::getenv("WEIR_SHARED");
  std::error_code error;
  std::vector<std::string> paths;
  for (const char *folder : {"/conformance/ad_golden", "/conformance/stablehlo_samples"})
    if (shared)
      for (const auto &entry :
           std::filesystem::directory_iterator(shared + std::string(folder), error))
        if (entry.path().string().ends_with(".mlir") &&
            !entry.path().string().ends_with(".pretty.mlir"))
          paths.push_back(entry.path().string());
  std::sort(paths.begin(), paths.end());
  for (const std::string &path : paths) {
    std::ifstream stream(path);
    texts.emplace_back(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
  }
  return texts;
}

namespace {

/// Positions of all decimal digits.
std::vector<size_t> digitsOf(const std::string &text) {
  std::vector<size_t> digits;
  for (size_t i = 0; i < text.size(); ++i)
    if (text[i] >= '0' && text[i] <= '9') digits.push_back(i);
  return digits;
}

/// Changes a number, exchanges words of one kind, drops or repeats a line, or breaks a byte.
void change(std::string &text, Random &random) {
  auto lineAt = [&](size_t at) {
    const size_t start = text.rfind('\n', at), end = text.find('\n', at);
    const size_t from = start == std::string::npos ? 0 : start + 1;
    return std::pair(from, (end == std::string::npos ? text.size() : end + 1) - from);
  };
  if (text.empty()) return;
  switch (below(6, random)) {
  case 0:
  case 1: {
    const std::vector<size_t> digits = digitsOf(text);
    if (!digits.empty())
      text[digits[below(digits.size(), random)]] = static_cast<char>('0' + below(10, random));
    return;
  }
  case 2: { // the name of an op for that of another
    const size_t a = text.find("\"stablehlo.", below(text.size(), random)),
                 b = text.find("\"stablehlo.", below(text.size(), random));
    if (a == std::string::npos || b == std::string::npos) return;
    const size_t endA = text.find('(', a), endB = text.find('(', b);
    if (endA == std::string::npos || endB == std::string::npos) return;
    const std::string name = text.substr(b, endB - b);
    text.replace(a, endA - a, name);
    return;
  }
  case 3: {
    auto [from, size] = lineAt(below(text.size(), random));
    text.erase(from, size);
    return;
  }
  case 4: { // an attribute list of another line
    const size_t a = text.find("<{", below(text.size(), random)),
                 b = text.find("<{", below(text.size(), random));
    if (a == std::string::npos || b == std::string::npos) return;
    const size_t endA = text.find("}>", a), endB = text.find("}>", b);
    if (endA == std::string::npos || endB == std::string::npos) return;
    const std::string attributes = text.substr(b, endB - b);
    text.replace(a, endA - a, attributes);
    return;
  }
  default:
    text[below(text.size(), random)] = static_cast<char>(' ' + below(95, random));
  }
}

} // namespace

bool accepts(std::string_view bytes) {
  try {
    std::vector<stablehlo::Check> checks;
    stablehlo::Module::parse(bytes, "fuzz.mlir", {.widen = bytes.size() % 2 == 0})
        .graph(&checks)
        .toMlir();
    return true;
  } catch (const Error &) {
    return false;
  }
}

std::string mutate(const std::string &bytes, Random &random) {
  std::string text = bytes;
  change(text, random);
  return text;
}

} // namespace weir::fuzz
