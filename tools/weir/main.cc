// weir: one command-line tool for training, running, inspecting and explaining graphs.
#include "tools/values/told.h"
#include "tools/weir/commands.h"

#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

namespace {

/// Says what a command threw.
int tell() {
  try {
    throw;
  } catch (const weir::tools::ExitStatus &exit) {
    return exit.status;
  } catch (...) {
    std::fflush(stdout);
    std::fprintf(stderr, "%s\n", weir::tools::toldException("weir").c_str());
  }
  return 1;
}

/// `weir train model.onnx` is short for `weir train file model.onnx`, `weir help run` for
/// `weir run --help`.
std::vector<std::string> spelledOut(std::vector<std::string> words) {
  if (words.size() > 1 && words[0] == "train" && words[1].find('.') != std::string::npos)
    words.insert(words.begin() + 1, "file");
  if (!words.empty() && words[0] == "help") {
    words.erase(words.begin());
    words.push_back("--help");
  }
  return words;
}

} // namespace

int main(int argc, char **argv) {
  using namespace weir::tools;
  std::signal(SIGXFSZ, SIG_IGN); // a file that may not grow is an error like a full disk
  CLI::App app{"Weir: a static dataflow graph compiler and executor.\n"
               "Try: weir train gpt --steps 200\n"
               "     weir inspect gpt\n"
               "     weir view gpt                  an HTML page\n"
               "     weir bench model.onnx --dim batch=8\n"
               "     weir compile model.onnx -o model.weirx\n"
               "     weir explain memory gpt\n"
               "     weir convert gpt gpt.weir\n"
               "Each command has --help with examples."};
  app.name("weir");
  app.require_subcommand(1);
  addTrain(app);
  addCompile(app);
  addRun(app);
  addBench(app);
  addGenerate(app);
  addInspect(app);
  addView(app);
  addExplain(app);
  addCheckGrad(app);
  addBisect(app);
  addConvert(app);
  addDevices(app);
  return parseAndRun(app, spelledOut({argv + 1, argv + argc}), [] { return 0; }, tell);
}
