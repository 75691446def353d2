#include "tests/conformance/onnx_cases.h"

#include "frontend/import/onnx/onnx.h"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sys/wait.h>
#include <unistd.h>

namespace weir::conformance {
namespace {

namespace fs = std::filesystem;

nlohmann::json tolerancesIn(const fs::path &folder) {
  std::ifstream stream(folder / "tolerances.json");
  nlohmann::json json = nlohmann::json::parse(stream, nullptr, false);
  return json.is_object() ? json : nlohmann::json::object();
}

std::string compareOutputs(const OnnxCase &onnxCase, const onnx::Model &model, const fs::path &data,
                           const Fetched &fetched) {
  for (size_t i = 0; i < model.outputs().size(); ++i) {
    const fs::path file = data / ("output_" + std::to_string(i) + ".pb");
    if (!fs::exists(file)) continue;
    const Array want = onnx::readTensor(file.string());
    const std::string &name = model.outputs()[i].name;
    const Array &got = fetched[Name(name)];
    if (got.dtype() != want.dtype())
      return name + " is " + got.typeStr() + ", but must be " + want.typeStr();
    const std::string reason = compareArrays(name, got, want, onnxCase.tolerance);
    if (!reason.empty()) return reason;
  }
  return "";
}

std::string checkData(const OnnxCase &onnxCase, const onnx::Model &model, const fs::path &data,
                      OnnxRuns runs) {
  onnx::ImportOptions options;
  for (size_t i = 0; i < model.inputs().size(); ++i) {
    const fs::path file = data / ("input_" + std::to_string(i) + ".pb");
    if (!fs::exists(file)) return "there is no " + file.string();
    if (model.inputs()[i].type.find('(') != std::string::npos) continue; // refused by the importer
    options.values[model.inputs()[i].name] = onnx::readTensor(file.string());
  }
  const Graph graph = model.graph(options);
  for (const bool interpret : {true, false}) {
    if (!(interpret ? runs.interpreted : runs.compiled)) continue;
    const Fetched fetched =
        graph.compile({.interpret = interpret, .threads = 1}).run(options.values);
    const std::string reason = compareOutputs(onnxCase, model, data, fetched);
    if (!reason.empty()) return (interpret ? "interpreted: " : "compiled: ") + reason;
  }
  return "";
}

std::string checkHere(const OnnxCase &onnxCase, OnnxRuns runs) {
  try {
    const onnx::Model model = onnx::Model::read(onnxCase.folder + "/model.onnx");
    int sets = 0;
    for (;; ++sets) {
      const fs::path data = fs::path(onnxCase.folder) / ("test_data_set_" + std::to_string(sets));
      if (!fs::exists(data)) break;
      const std::string reason = checkData(onnxCase, model, data, runs);
      if (!reason.empty()) return reason;
    }
    return sets ? "" : "there is no test_data_set_0";
  } catch (const std::exception &error) {
    return error.what();
  }
}

} // namespace

std::vector<OnnxCase> onnxCasesIn(const std::string &folder) {
  std::error_code error;
  const nlohmann::json tolerances = tolerancesIn(folder);
  std::vector<OnnxCase> cases;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (!fs::exists(entry->path() / "model.onnx")) continue;
    OnnxCase one{entry->path().filename().string(), entry->path().string()};
    if (auto found = tolerances.find(one.name); found != tolerances.end())
      one.tolerance = {found->value("rtol", one.tolerance.relative),
                       found->value("atol", one.tolerance.absolute)};
    cases.push_back(one);
  }
  if (error) throw Error("cannot read " + folder + ": " + error.message(), Location::current());
  if (cases.empty()) throw Error(folder + " has no cases with a model.onnx", Location::current());
  std::sort(cases.begin(), cases.end(),
            [](const OnnxCase &a, const OnnxCase &b) { return a.name < b.name; });
  return cases;
}

std::vector<std::string> namesIn(const std::string &file) {
  std::ifstream stream(file);
  if (!stream) throw Error("cannot open " + file, Location::current());
  std::vector<std::string> names;
  for (std::string line; std::getline(stream, line);)
    if (!line.empty()) names.push_back(line);
  return names;
}

std::string checkOnnx(const OnnxCase &onnxCase, OnnxRuns runs) {
  constexpr unsigned seconds = 120;
  int ends[2];
  if (pipe(ends) != 0) return std::string("pipe: ") + std::strerror(errno);
  const pid_t child = fork();
  if (child < 0) return std::string("fork: ") + std::strerror(errno);
  if (child == 0) {
    close(ends[0]);
    alarm(seconds);
    const std::string reason = checkHere(onnxCase, runs);
    for (size_t at = 0; at < reason.size();) {
      const ssize_t count = write(ends[1], reason.data() + at, reason.size() - at);
      if (count <= 0) break;
      at += static_cast<size_t>(count);
    }
    _exit(0);
  }
  close(ends[1]);
  std::string reason;
  char buffer[4096];
  for (ssize_t count; (count = read(ends[0], buffer, sizeof buffer)) > 0;)
    reason.append(buffer, static_cast<size_t>(count));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status))
    return WTERMSIG(status) == SIGALRM ? "takes longer than " + std::to_string(seconds) + " seconds"
                                       : std::string("CRASHED: ") + strsignal(WTERMSIG(status));
  return reason;
}

} // namespace weir::conformance
