// bench: the benchmark table, weir beside its peers in one run.
//   bazel run //tools/bench -- --peers DIR --json ROW...
#include "frontend/api/error.h"
#include "runtime/device/cpu/thread_pool.h"
#include "tools/bench/peak.h"
#include "tools/bench/peers.h"
#include "tools/bench/rows.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>

using namespace weir::bench;

namespace {

struct Options {
  Settings settings;
  std::vector<std::string> rows;
  std::string peers, scripts;
  bool list = false;
};

/// Rows whose name is, or starts with, one of `names`; all when there are none.
std::vector<const Row *> select(const std::vector<std::string> &names) {
  std::vector<const Row *> picked;
  for (const std::string &name : names) {
    size_t before = picked.size();
    for (const Row &row : allRows())
      if (row.name.starts_with(name)) picked.push_back(&row);
    if (picked.size() == before)
      throw std::runtime_error("no row is called " + name + "; --list shows them");
  }
  if (names.empty())
    for (const Row &row : allRows()) picked.push_back(&row);
  return picked;
}

std::string defaultScripts() {
  const char *shared = std::getenv("WEIR_SHARED");
  return shared ? std::string(shared) + "/bench/peers" : "";
}

void run(const Options &options) {
  std::vector<const Row *> rows = select(options.rows);
  int threads =
      options.settings.threads > 0 ? options.settings.threads : weir::runtime::availableCores();
  double peak = measurePeakFlops(threads);
  std::fprintf(stderr, "multiply-add peak of %d thread%s: %.0f GFLOP/s\n", threads,
               threads == 1 ? "" : "s", peak * 1e-9);
  for (const Row *row : rows) {
    report(row->run(options.settings), options.settings, peak);
    if (options.peers.empty() || row->peerRow.empty()) continue;
    if (options.scripts.empty())
      throw std::runtime_error("--peers needs the peers' programs: set WEIR_SHARED or --scripts");
    runPeers(options.peers, options.scripts, row->peerRow, threads);
  }
}

} // namespace

int main(int argc, char **argv) {
  Options options;
  CLI::App app{"Times the rows of the benchmark table; medians of at least seven runs, the "
               "cleanest of up to three passes."};
  app.add_option("rows", options.rows, "rows, or the beginning of their names; none: all");
  app.add_option("--threads", options.settings.threads, "0: all cores");
  app.add_option("--seconds", options.settings.minSeconds, "steady time a row")
      ->capture_default_str();
  app.add_option("--peers", options.peers,
                 "folder of the peers' environments, made by tools/bench/setup");
  options.scripts = defaultScripts();
  app.add_option("--scripts", options.scripts, "folder of the peers' programs")
      ->capture_default_str();
  app.add_option("--dump-to", options.settings.dumpTo,
                 "folder for the compiler's levels, numbered");
  app.add_flag("--json", options.settings.json, "JSON lines");
  app.add_flag("--list", options.list, "name the rows and stop");
  CLI11_PARSE(app, argc, argv);
  try {
    if (options.list)
      for (const Row &row : allRows())
        std::printf("%-20s %s\n", row.name.c_str(), row.description.c_str());
    else
      run(options);
  } catch (const std::exception &error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
  return 0;
}
