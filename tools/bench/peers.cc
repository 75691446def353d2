// Peers as child processes; their standard output is ours.
#include "tools/bench/peers.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <sys/wait.h>
#include <unistd.h>

namespace weir::bench {

namespace {

struct Peer {
  const char *environment, *script, *framework;
};
constexpr Peer kPeers[] = {{"jax", "bench_jax.py", "jax"},
                           {"torch", "bench_torch.py", "torch_eager"},
                           {"torch", "bench_torch.py", "torch_compile"}};

/// -> exit status of `program args...` run in `folder`, with variables NAME=VALUE added.
int runProcess(const std::string &folder, const std::vector<std::string> &command,
               const std::vector<std::string> &variables) {
  std::fflush(stdout);
  pid_t child = fork();
  if (child < 0) return -1;
  if (child == 0) {
    for (const std::string &variable : variables) putenv(const_cast<char *>(variable.c_str()));
    std::vector<char *> argv;
    for (const std::string &word : command) argv.push_back(const_cast<char *>(word.c_str()));
    argv.push_back(nullptr);
    if (chdir(folder.c_str()) == 0) execv(argv[0], argv.data());
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

} // namespace

bool runPeers(const std::string &dir, const std::string &scripts, const std::string &row,
              int threads) {
  bool any = false;
  for (const Peer &peer : kPeers) {
    std::string python = std::filesystem::absolute(dir) / peer.environment / "bin/python";
    if (!std::filesystem::exists(python)) {
      std::fprintf(stderr, "%s: no environment %s/%s (tools/bench/setup makes it)\n",
                   peer.framework, dir.c_str(), peer.environment);
      continue;
    }
    std::string out = std::filesystem::temp_directory_path() / "weir-peers/peers.jsonl";
    int status = runProcess(scripts, {python, peer.script, row},
                            {"BENCH_THREADS=" + std::to_string(threads),
                             std::string("FW=") + peer.framework, "BENCH_OUT=" + out});
    if (status != 0)
      std::fprintf(stderr, "%s: %s ended with status %d\n", peer.framework, row.c_str(), status);
    any |= status == 0;
  }
  return any;
}

} // namespace weir::bench
