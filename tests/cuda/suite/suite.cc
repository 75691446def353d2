// One case after the other, each in a session of its own.
#include "tests/cuda/suite/suite.h"

#include "frontend/import/npy/npy.h"
#include "runtime/artifact/file/executable_file.h"
#include "runtime/device/session/device_session.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>

namespace weir::suite {

namespace {

using Arrays = std::map<std::string, Array>;
using Clock = std::chrono::steady_clock;

/// Where nothing else is said: sums have another order than where the numbers are from.
constexpr double kRelative = 5e-4;

struct Outcome {
  double worst = 0; // part of its bound that the worst element is off by
  double millis = 0;
  int64_t bytes = 0, launches = 0;
};

/// Where there are bounds, what is expected may be of a wider type.
absl::StatusOr<double> compare(const std::string &name, const Array &got, const Arrays &arrays) {
  const Array &want = arrays.at(name);
  const auto found = arrays.find("bound:" + name);
  const Array *bounds = found == arrays.end() ? nullptr : &found->second;
  if (got.dims() != want.dims() || (!bounds && got.dtype() != want.dtype()))
    return absl::InternalError(
        absl::StrCat(name, " is ", got.typeStr(), ", expected ", want.typeStr()));
  double worst = 0;
  for (int64_t i = 0; i < want.size(); ++i) {
    const double x = got.at(i), y = want.at(i), off = std::abs(x - y);
    const double allowed = bounds ? bounds->at(i) : kRelative * (1 + std::abs(y));
    if (x == y || (std::isnan(x) && std::isnan(y)) || std::isinf(allowed)) continue;
    if (!(off <= allowed))
      return absl::InternalError(
          absl::StrCat(name, ", element ", i, " is ", x, ", expected ", y, " +- ", allowed));
    worst = std::max(worst, off / allowed);
  }
  return worst;
}

absl::StatusOr<Outcome> runCase(const std::string &stem,
                                const std::shared_ptr<runtime::Device> &device, int repeat) {
  const Arrays arrays = npy::readArchive(stem + ".npz");
  auto loaded = runtime::readExecutableFile(stem + ".weirx", runtime::kCudaLevel);
  if (!loaded.ok()) return loaded.status();
  auto session = runtime::DeviceSession::create(loaded->executable, device);
  if (!session.ok()) return session.status();
  const runtime::Executable &executable = *loaded->executable;
  for (const runtime::Variable &variable : executable.variables)
    if (auto s = (*session)->setVariable(variable.name, arrays.at("var:" + variable.name)); !s.ok())
      return s;
  std::vector<Array> feeds;
  for (const runtime::Input &input : executable.inputs)
    feeds.push_back(arrays.at("in:" + input.name));
  auto outputs = (*session)->run(feeds);
  if (!outputs.ok()) return outputs.status();
  Outcome outcome{.bytes = (*session)->deviceBytes(),
                  .launches = runtime::maxLaunches(executable.instructions)};
  auto see = [&](const std::string &name, const Array &got) -> absl::Status {
    auto worst = compare(name, got, arrays);
    if (worst.ok()) outcome.worst = std::max(outcome.worst, *worst);
    return worst.status();
  };
  for (size_t i = 0; i < outputs->size(); ++i)
    if (auto s = see("out:" + executable.outputs[i].name, (*outputs)[i]); !s.ok()) return s;
  for (const runtime::Variable &variable : executable.variables) {
    auto value = (*session)->getVariable(variable.name);
    if (!value.ok()) return value.status();
    if (auto s = see("new:" + variable.name, *value); !s.ok()) return s;
  }
  std::vector<double> millis;
  for (int i = 0; i < repeat; ++i) {
    const Clock::time_point start = Clock::now();
    if (auto again = (*session)->run(feeds, {}); !again.ok()) return again.status();
    millis.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
  }
  std::sort(millis.begin(), millis.end());
  if (!millis.empty()) outcome.millis = millis[millis.size() / 2];
  return outcome;
}

/// An archive that cannot be read, or lacks an array, throws.
absl::StatusOr<Outcome> guarded(const std::string &stem,
                                const std::shared_ptr<runtime::Device> &device, int repeat) {
  try {
    return runCase(stem, device, repeat);
  } catch (const std::exception &error) {
    return absl::DataLossError(error.what());
  }
}

} // namespace

absl::StatusOr<Result> run(const std::string &folder,
                           const std::shared_ptr<runtime::Device> &device, const Options &options,
                           std::FILE *out) {
  std::vector<std::string> stems;
  std::error_code error;
  for (const auto &entry : std::filesystem::directory_iterator(folder, error))
    if (entry.path().extension() == ".weirx" &&
        entry.path().stem().string().find(options.filter) != std::string::npos)
      stems.push_back((entry.path().parent_path() / entry.path().stem()).string());
  if (error) return absl::NotFoundError(absl::StrCat(folder, ": ", error.message()));
  if (stems.empty()) return absl::NotFoundError(absl::StrCat(folder, ": no case"));
  std::sort(stems.begin(), stems.end());
  Result result;
  for (const std::string &stem : stems) {
    const std::string name = std::filesystem::path(stem).filename();
    auto outcome = guarded(stem, device, options.repeat);
    ++(outcome.ok() ? result.passed : result.failed);
    if (!outcome.ok())
      std::fprintf(out, "FAILED %s: %s\n", name.c_str(),
                   std::string(outcome.status().message()).c_str());
    else if (options.repeat > 0)
      std::fprintf(out, "ok     %-40s %.3f of its bound, %.3f ms, %ld launches, %ld bytes\n",
                   name.c_str(), outcome->worst, outcome->millis, long(outcome->launches),
                   long(outcome->bytes));
    else
      std::fprintf(out, "ok     %-40s %.3f of its bound\n", name.c_str(), outcome->worst);
  }
  std::fprintf(out, "%d passed, %d failed on %s\n", result.passed, result.failed,
               device->info().name.c_str());
  return result;
}

} // namespace weir::suite
