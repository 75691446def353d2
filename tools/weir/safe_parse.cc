#include "tools/weir/safe_parse.h"

#include "tools/weir/status.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace weir::tools {

namespace {

[[noreturn]] void runChild(int seconds, const std::function<void()> &parse) {
  const rlimit time{static_cast<rlim_t>(seconds), static_cast<rlim_t>(seconds + 1)}, noCore{0, 0};
  setrlimit(RLIMIT_CPU, &time);
  setrlimit(RLIMIT_CORE, &noCore);
  for (int number : {SIGSEGV, SIGABRT, SIGBUS, SIGILL, SIGFPE}) std::signal(number, SIG_DFL);
  if (int nowhere = open("/dev/null", O_WRONLY); nowhere >= 0) {
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
  }
  try {
    parse();
  } catch (...) {
  }
  _exit(0);
}

} // namespace

void tryInChild(const std::string &source, int seconds, const std::function<void()> &parse) {
  const pid_t child = fork();
  if (child < 0) fail("cannot start a process: " + std::string(std::strerror(errno)));
  if (child == 0) runChild(seconds, parse);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFSIGNALED(status)) {
    if (WEXITSTATUS(status) == 0) return;
    fail(source + ": MLIR's parser gave up on this text");
  }
  if (WTERMSIG(status) == SIGXCPU)
    fail(source + ": MLIR's parser was not done after " + std::to_string(seconds) + " s");
  fail(source + ": MLIR's parser crashed on this text (" +
       std::string(strsignal(WTERMSIG(status))) + "); it is not a valid graph");
}

} // namespace weir::tools
