// weir-check: a .weirx file against arrays that it should give, or a loss that it should reach.
#include "frontend/import/npy/npy.h"
#include "runtime/executor/open.h"
#include "tools/flags/flags.h"
#include "tools/values/told.h"

#include <cmath>
#include <cstdio>

namespace {

using namespace weir;

struct Options {
  std::string file, loss = "loss";
  std::vector<std::string> archives;
  double absolute = 1e-5, relative = 1e-5, atMost = 0;
  int threads = 0, steps = 100;
};

using Arrays = std::map<std::string, Array>;

[[noreturn]] void fail(const std::string &message) {
  throw std::runtime_error(message);
}

template <typename T> T check(absl::StatusOr<T> result) {
  if (!result.ok()) fail(std::string(result.status().message()));
  return *std::move(result);
}

std::unique_ptr<runtime::Session> open(const Options &options) {
  return check(
      runtime::openSession(check(runtime::readExecutableFile(options.file)), options.threads));
}

/// The executable's inputs, in their order; each must be in the archive with its type.
std::vector<Array> feedsOf(const runtime::Executable &executable, const Arrays &arrays,
                           const std::string &archive) {
  std::vector<Array> feeds;
  for (const runtime::Input &input : executable.inputs) {
    auto found = arrays.find(input.name);
    const std::string type = runtime::typeStr(input.dtype, input.dims);
    if (found == arrays.end())
      fail(archive + ": has no array '" + input.name + "' for the input " + type);
    if (found->second.dtype() != input.dtype || found->second.dims() != input.dims)
      fail(archive + ": '" + input.name + "' is " + found->second.typeStr() +
           ", but the input is " + type);
    feeds.push_back(found->second);
  }
  return feeds;
}

/// Prints the largest difference; whether all elements are within the tolerance. NaN equals NaN.
bool compare(const std::string &name, const Array &got, const Array &expected,
             const Options &options) {
  if (got.dims() != expected.dims())
    fail(name + " is " + got.typeStr() + ", expected " + expected.typeStr());
  double worst = 0;
  int64_t at = -1, wrong = 0;
  for (int64_t i = 0; i < got.size(); ++i) {
    const double a = got.at(i), b = expected.at(i);
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    const double difference = std::abs(a - b);
    const bool isWrong = !(difference <= options.absolute + options.relative * std::abs(b));
    wrong += isWrong;
    if (at < 0 || !(difference <= worst)) worst = difference, at = i;
  }
  std::printf("  %s %s: %s, largest difference %.3g\n", name.c_str(), got.typeStr().c_str(),
              wrong ? "DIFFERS" : "agrees", worst);
  if (wrong)
    std::printf("    %ld of %ld elements; element %ld is %.9g, expected %.9g\n",
                static_cast<long>(wrong), static_cast<long>(got.size()), static_cast<long>(at),
                got.at(at), expected.at(at));
  return wrong == 0;
}

bool checkGraph(const Options &options) {
  bool isRight = true;
  for (const std::string &archive : options.archives) {
    auto session = open(options); // each case starts with the variables of the file
    const runtime::Executable &executable = session->executable();
    const Arrays arrays = npy::readArchive(archive);
    const std::vector<Array> results = check(session->run(feedsOf(executable, arrays, archive)));
    std::printf("%s\n", archive.c_str());
    int compared = 0;
    for (size_t i = 0; i < results.size(); ++i) {
      auto expected = arrays.find(executable.outputs[i].name);
      if (expected == arrays.end()) continue;
      isRight &= compare(expected->first, results[i], expected->second, options);
      ++compared;
    }
    for (const runtime::Variable &variable : executable.variables) {
      auto expected = arrays.find(variable.name);
      if (expected == arrays.end()) continue;
      isRight &= compare(variable.name, check(session->getVariable(variable.name)),
                         expected->second, options);
      ++compared;
    }
    if (!compared) fail(archive + ": has no array with the name of an output or variable");
  }
  return isRight;
}

bool checkTraining(const Options &options) {
  auto session = open(options);
  const runtime::Executable &executable = session->executable();
  size_t output = 0;
  while (output < executable.outputs.size() && executable.outputs[output].name != options.loss)
    ++output;
  if (output == executable.outputs.size())
    fail(options.file + ": has no output '" + options.loss + "'");
  std::vector<std::vector<Array>> batches;
  for (const std::string &archive : options.archives)
    batches.push_back(feedsOf(executable, npy::readArchive(archive), archive));
  double first = 0, last = 0; // means over all batches
  const auto count = static_cast<int>(batches.size());
  const int rounds = std::max(1, (options.steps + count - 1) / count);
  for (int round = 0; round < rounds; ++round) {
    last = 0;
    for (const std::vector<Array> &batch : batches)
      last += check(session->run(batch))[output].at(0) / count;
    if (round == 0) first = last;
  }
  const bool isLow = last <= options.atMost;
  std::printf("%s: %g at first, %g after %d steps, %s %g\n", options.loss.c_str(), first, last,
              rounds * count, isLow ? "at most" : "NOT at most", options.atMost);
  return isLow;
}

/// Says what went wrong; 2 tells it from numbers that differ.
int tell() {
  std::fflush(stdout);
  std::fprintf(stderr, "%s\n", tools::toldException("weir-check").c_str());
  return 2;
}

void addGraph(CLI::App &app, Options &options) {
  auto *graph = app.add_subcommand("graph", "its outputs on the inputs of .npz files");
  graph->add_option("file", options.file, "the .weirx file")->required();
  graph->add_option("cases", options.archives, ".npz files: inputs and outputs by name")
      ->required();
  graph->add_option("--absolute", options.absolute, "difference allowed")
      ->capture_default_str()
      ->check(tools::atLeast(0));
  graph->add_option("--relative", options.relative, "times the expected value, allowed too")
      ->capture_default_str()
      ->check(tools::atLeast(0));
  tools::addThreads(*graph, options.threads);
  tools::addExample(*graph, "weir-check graph model.weirx case1.npz case2.npz --relative 1e-4");
}

void addTrain(CLI::App &app, Options &options) {
  auto *train = app.add_subcommand("train", "the loss that a training step reaches");
  train->add_option("file", options.file, "the .weirx file")->required();
  train->add_option("batches", options.archives, ".npz files: inputs by name, used in turn")
      ->required();
  train->add_option("--steps", options.steps, "runs of the step")
      ->capture_default_str()
      ->check(tools::atLeast(1));
  train->add_option("--loss", options.loss, "the output that is the loss")->capture_default_str();
  train->add_option("--at-most", options.atMost, "what the loss must reach")->required();
  tools::addThreads(*train, options.threads);
  tools::addExample(*train, "weir-check train step.weirx batch.npz --steps 200 --at-most 0.1");
}

} // namespace

int main(int argc, char **argv) {
  CLI::App app{
      "Checks a .weirx file that weir compile has written: exit status 0 if it is right, 1 "
      "if numbers differ."};
  app.name("weir-check");
  app.require_subcommand(1);
  Options options;
  addGraph(app, options);
  addTrain(app, options);
  return tools::parseAndRun(
      app, {argv + 1, argv + argc},
      [&] {
        const bool isGraph = app.got_subcommand("graph");
        return (isGraph ? checkGraph(options) : checkTraining(options)) ? 0 : 1;
      },
      tell);
}
