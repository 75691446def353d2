// The table of kernels.
#include "tools/weir/train/profile.h"

#include "runtime/base/library_file.h"
#include "runtime/executor/session.h"
#include "tools/weir/files.h"
#include "tools/weir/status.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <vector>

namespace weir::tools {

namespace {

struct Entry {
  const runtime::Kernel *kernel = nullptr;
  const runtime::Instruction *slowest = nullptr;
  int64_t launches = 0;
  double nanos = 0, slowestNanos = 0;
};

std::string placeOf(const runtime::Instruction &launch) {
  for (const runtime::Location &at : launch.locations)
    if (!runtime::isLibraryFile(at.file)) return at.file + ":" + std::to_string(at.line);
  return "";
}

} // namespace

std::string profileTable(const runtime::TraceRecorder &recorder, int64_t limit) {
  std::map<const runtime::Kernel *, Entry> byKernel;
  double total = 0;
  for (const runtime::TraceEvent &event : recorder.events()) {
    if (!event.kernel) continue; // of a collective
    Entry &entry = byKernel[event.kernel];
    double nanos = static_cast<double>(event.endNanos - event.startNanos);
    entry.kernel = event.kernel;
    ++entry.launches;
    entry.nanos += nanos;
    total += nanos;
    if (nanos >= entry.slowestNanos) entry.slowestNanos = nanos, entry.slowest = event.launch;
  }
  std::vector<Entry> entries;
  for (const auto &[kernel, entry] : byKernel) entries.push_back(entry);
  std::sort(entries.begin(), entries.end(),
            [](const Entry &a, const Entry &b) { return a.nanos > b.nanos; });
  char line[256];
  std::string table = "kernel            launches   share    us each   GFLOP/s    GB/s  line of "
                      "the slowest launch\n";
  for (size_t i = 0; i < entries.size() && static_cast<int64_t>(i) < limit; ++i) {
    const Entry &e = entries[i];
    double each = e.nanos / e.launches;
    std::snprintf(line, sizeof line, "%-16s %9ld %6.1f %% %10.1f %9.1f %7.1f  ",
                  e.kernel->name.c_str(), static_cast<long>(e.launches), 100 * e.nanos / total,
                  each * 1e-3, e.kernel->flops / each, e.kernel->bytesMoved / each);
    table += line + placeOf(*e.slowest) + "\n";
  }
  return table;
}

void Profile::start(const Program &program) {
  if (distributed::MeshSession *devices = program.meshSession()) {
    mesh = check(distributed::MeshTrace::start(*devices));
    return;
  }
  session = program.session();
  session->setTrace(&recorder);
}

void Profile::finish(const TrainOptions &options) {
  std::string file, communication;
  if (session) session->setTrace(nullptr);
  if (mesh) {
    auto result = check(mesh->finish());
    file = std::move(result.file);
    communication = "communication " + result.str() + "\n";
  } else {
    file = runtime::chromeTrace(recorder);
  }
  if (!options.isFirst) return;
  std::fprintf(options.reportFile(), "%s%s",
               profileTable(mesh ? mesh->recorder() : recorder, 40).c_str(), communication.c_str());
  writeText(options.folder + "/trace.json", file);
}

} // namespace weir::tools
