// usage: onnx DIR [--names FILE] [--interpret | --compile] [PART OF A NAME]: ONNX's backend cases
// of a folder (of those that FILE lists), compiled and interpreted. Prints the reason of each
// failure, then "N passed, N failed".
#include "tests/conformance/onnx_cases.h"

#include "frontend/api/error.h"

#include <algorithm>
#include <cstdio>
#include <optional>

namespace {

using namespace weir::conformance;

struct Arguments {
  std::string folder, names, part;
  OnnxRuns runs;
};

std::optional<Arguments> parse(int argc, char **argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--interpret")
      arguments.runs.compiled = false;
    else if (word == "--compile")
      arguments.runs.interpreted = false;
    else if (word == "--names" && i + 1 < argc)
      arguments.names = argv[++i];
    else if (word.starts_with("--"))
      return {};
    else
      (arguments.folder.empty() ? arguments.folder : arguments.part) = word;
  }
  const bool some = arguments.runs.compiled || arguments.runs.interpreted;
  return arguments.folder.empty() || !some ? std::nullopt : std::optional(arguments);
}

int run(const Arguments &arguments) {
  std::vector<OnnxCase> cases = onnxCasesIn(arguments.folder);
  int passed = 0, failed = 0;
  auto count = [&](const std::string &name, const std::string &reason) {
    ++(reason.empty() ? passed : failed);
    if (!reason.empty()) std::printf("%s: %s\n", name.c_str(), reason.c_str());
    std::fflush(stdout);
  };
  if (!arguments.names.empty()) {
    const std::vector<std::string> names = namesIn(arguments.names);
    auto listed = [&](const OnnxCase &c) {
      return std::find(names.begin(), names.end(), c.name) != names.end();
    };
    for (const std::string &name : names)
      if (std::none_of(cases.begin(), cases.end(),
                       [&](const OnnxCase &c) { return c.name == name; }))
        count(name, "there is no such case");
    std::erase_if(cases, [&](const OnnxCase &c) { return !listed(c); });
  }
  for (const OnnxCase &one : cases)
    if (one.name.find(arguments.part) != std::string::npos)
      count(one.name, checkOnnx(one, arguments.runs));
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed ? 1 : 0;
}

} // namespace

int main(int argc, char **argv) {
  const auto arguments = parse(argc, argv);
  if (!arguments) {
    std::fprintf(stderr,
                 "usage: %s DIR [--names FILE] [--interpret | --compile] [PART OF A NAME]\n",
                 argv[0]);
    return 2;
  }
  try {
    return run(*arguments);
  } catch (const weir::Error &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}
