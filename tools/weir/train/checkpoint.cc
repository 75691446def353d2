// Checkpoints of training runs.
#include "tools/weir/train/checkpoint.h"

#include "distributed/session/checkpoint.h"
#include "distributed/session/mesh_session.h"
#include "tools/weir/status.h"

#include <charconv>
#include <cstring>

namespace weir::tools {

namespace {

constexpr const char *kLosses = "training.losses", *kValidationSteps = "training.validation_steps",
                     *kValidationLosses = "training.validation_losses";

template <typename T> Array vectorArray(const std::vector<T> &values) {
  return Array::from<T>({static_cast<int64_t>(values.size())}, values);
}

/// The tensor of that name with any length along its one dim.
template <typename T>
std::vector<T> readVector(const runtime::Checkpoint &file, const std::string &name) {
  for (const auto &[key, tensor] : file.tensors)
    if (key == name && tensor.dtype() == runtime::dtypeOf<T>() && tensor.rank() == 1)
      return {tensor.data<T>().begin(), tensor.data<T>().end()};
  fail(file.path + " is no training checkpoint: it has no list " + name);
}

double readSeconds(const runtime::Checkpoint &file) {
  std::string text = check(file.text("step_seconds"));
  double seconds = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (code != std::errc() || end != text.data() + text.size())
    fail(file.path + ": step_seconds is '" + text + "'");
  return seconds;
}

void restoreVariablesFrom(const runtime::Checkpoint &file, Program &program) {
  std::vector<std::pair<std::string, Array>> values; // all are read before one is set
  for (const Program::Port &port : program.variables())
    values.push_back({port.name, check(file.tensor(port.name, port.type.dtype, port.type.shape))});
  for (const auto &[name, value] : values) program.setVariable(name, value);
}

void checkConfig(const runtime::Checkpoint &file,
                 const std::map<std::string, std::string> &config) {
  for (const auto &[key, value] : config) {
    std::string saved = check(file.text(key));
    if (saved != value)
      fail(file.path + " was made with " + key + " " + saved + ", but this run has " + value);
  }
}

} // namespace

void saveCheckpoint(const std::string &path, const Program &program, const TrainTask &task,
                    const TrainResult &result) {
  std::vector<int64_t> steps;
  std::vector<double> losses;
  for (auto [step, loss] : result.curves.validation) steps.push_back(step), losses.push_back(loss);
  runtime::Checkpoint file;
  file.tensors.push_back({kLosses, vectorArray(result.curves.training)});
  file.tensors.push_back({kValidationSteps, vectorArray(steps)});
  file.tensors.push_back({kValidationLosses, vectorArray(losses)});
  file.metadata = task.config;
  file.metadata["data"] = task.samplerState();
  file.metadata["step_seconds"] = std::to_string(result.stepSeconds);
  if (distributed::MeshSession *mesh = program.meshSession()) {
    std::vector<std::string> names;
    for (const Program::Port &port : program.variables()) names.push_back(port.name);
    check(distributed::writeCheckpoint(path, *mesh->state(), names, file));
    return;
  }
  runtime::NamedTensors tensors;
  for (const Program::Port &port : program.variables())
    tensors.push_back({port.name, program.variable(port.name)});
  file.tensors.insert(file.tensors.begin(), tensors.begin(), tensors.end());
  check(runtime::writeCheckpoint(path, file));
}

void restoreCheckpoint(const std::string &path, Program &program, const TrainTask &task,
                       TrainResult &result) {
  std::unique_ptr<distributed::CheckpointReader> pieces; // on a mesh
  if (distributed::MeshSession *mesh = program.meshSession()) {
    std::vector<std::string> names;
    for (const Program::Port &port : program.variables()) names.push_back(port.name);
    pieces = check(distributed::CheckpointReader::open(path, *mesh->state(), names));
  }
  const runtime::Checkpoint file = pieces ? pieces->rest() : check(runtime::readCheckpoint(path));
  checkConfig(file, task.config);
  result.curves.training = readVector<float>(file, kLosses);
  auto steps = readVector<int64_t>(file, kValidationSteps);
  auto losses = readVector<double>(file, kValidationLosses);
  for (size_t i = 0; i < std::min(steps.size(), losses.size()); ++i)
    result.curves.validation.push_back({steps[i], losses[i]});
  if (!losses.empty()) result.validationLoss = losses.back();
  result.stepSeconds = readSeconds(file);
  std::string data = check(file.text("data"));
  if (pieces)
    check(pieces->restore());
  else
    restoreVariablesFrom(file, program);
  task.restoreSampler(data);
}

} // namespace weir::tools
