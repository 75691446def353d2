// weir: one command-line tool for training, running, inspecting and explaining graphs.
#include "frontend/api/error.h"
#include "tools/weir/commands.h"

#include <cstdio>

int main(int argc, char **argv) {
  CLI::App app{"Weir: a static dataflow graph compiler and executor.\n"
               "Try: weir train gpt --steps 200\n"
               "     weir inspect gpt\n"
               "     weir explain memory gpt\n"
               "     weir bisect mlp\n"
               "     weir convert gpt gpt.weir"};
  app.require_subcommand(1);
  app.failure_message(CLI::FailureMessage::help);
  weir::tools::addTrain(app);
  weir::tools::addCompile(app);
  weir::tools::addRun(app);
  weir::tools::addInspect(app);
  weir::tools::addExplain(app);
  weir::tools::addCheckGrad(app);
  weir::tools::addBisect(app);
  weir::tools::addConvert(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const weir::tools::ExitStatus &exit) {
    return exit.status;
  } catch (const weir::Error &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  } catch (const std::exception &error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
  return 0;
}
