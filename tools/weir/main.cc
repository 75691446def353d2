// weir: one command-line tool for training, running, inspecting and explaining graphs.
#include "frontend/api/error.h"
#include "tools/weir/commands.h"

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

/// A line of this tool tells its user nothing.
static std::string textOf(const weir::Error &error) {
  const std::string text = error.what();
  if (!error.file().starts_with("tools/")) return text;
  return "weir: error: " + error.message() + text.substr(std::min(text.find('\n'), text.size()));
}

int main(int argc, char **argv) {
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
  app.failure_message(CLI::FailureMessage::help);
  weir::tools::addTrain(app);
  weir::tools::addCompile(app);
  weir::tools::addRun(app);
  weir::tools::addBench(app);
  weir::tools::addGenerate(app);
  weir::tools::addInspect(app);
  weir::tools::addView(app);
  weir::tools::addExplain(app);
  weir::tools::addCheckGrad(app);
  weir::tools::addBisect(app);
  weir::tools::addConvert(app);
  weir::tools::addDevices(app);
  std::vector<std::string> words(argv + 1, argv + argc);
  // `weir train model.onnx` is short for `weir train file model.onnx`.
  if (words.size() > 1 && words[0] == "train" && words[1].find('.') != std::string::npos)
    words.insert(words.begin() + 1, "file");
  std::reverse(words.begin(), words.end());
  try {
    app.parse(std::move(words));
  } catch (const CLI::ParseError &error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const weir::tools::ExitStatus &exit) {
    return exit.status;
  } catch (const weir::Error &error) {
    std::fprintf(stderr, "%s\n", textOf(error).c_str());
    return 1;
  } catch (const std::exception &error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
  return 0;
}
