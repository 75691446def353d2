// Timing and reporting.
#include "tools/bench/harness.h"

#include "runtime/device/cpu/thread_pool.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

namespace weir::bench {

namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Seconds of CPU that the whole machine has spent.
double machineCpuSeconds() {
  std::ifstream stat("/proc/stat");
  std::string label;
  stat >> label;
  double fields[8] = {};
  for (double &field : fields) stat >> field;
  return (fields[0] + fields[1] + fields[2] + fields[5] + fields[6] + fields[7]) /
         sysconf(_SC_CLK_TCK);
}

double ownCpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval &t) { return t.tv_sec + t.tv_usec * 1e-6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Pass {
  std::vector<double> times;
  double otherCpu = 1;
};

Pass timePass(const std::function<void()> &run, double minSeconds) {
  Pass pass;
  double machine = machineCpuSeconds(), own = ownCpuSeconds(), start = now();
  while (pass.times.size() < 7 || (now() - start < minSeconds && pass.times.size() < 200000)) {
    double before = now();
    run();
    pass.times.push_back(now() - before);
  }
  double wall = now() - start;
  double others = (machineCpuSeconds() - machine) - (ownCpuSeconds() - own);
  pass.otherCpu = std::max(0.0, others) / (wall * runtime::availableCores());
  return pass;
}

int64_t peakResidentMib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

} // namespace

Measurement measure(const std::string &workload, const Settings &settings, Work work,
                    const std::function<void()> &run, double scale) {
  run();
  run();
  Pass best;
  for (int attempt = 0; attempt < 3 && best.otherCpu >= 0.06; ++attempt) {
    Pass pass = timePass(run, settings.minSeconds);
    if (pass.otherCpu < best.otherCpu || best.times.empty()) best = std::move(pass);
  }
  std::sort(best.times.begin(), best.times.end());
  size_t n = best.times.size();
  int threads = settings.threads > 0 ? settings.threads : runtime::availableCores();
  return {.workload = workload,
          .threads = threads,
          .medianMs = best.times[n / 2] * 1e3 * scale,
          .minMs = best.times[0] * 1e3 * scale,
          .p90Ms = best.times[n * 9 / 10] * 1e3 * scale,
          .repetitions = static_cast<int64_t>(n),
          .otherCpu = best.otherCpu,
          .work = work};
}

void report(const Measurement &m, const Settings &settings, double peakFlops) {
  double gflops = m.work.flops / m.medianMs * 1e-6, gbs = m.work.bytes / m.medianMs * 1e-6;
  if (settings.json) {
    nlohmann::ordered_json line = {{"workload", m.workload},
                                   {"framework", m.framework},
                                   {"threads", m.threads},
                                   {"median_ms", m.medianMs},
                                   {"min_ms", m.minMs},
                                   {"p90_ms", m.p90Ms},
                                   {"n", m.repetitions},
                                   {"compile_ms", m.work.compileMs},
                                   {"first_result_ms", m.work.firstResultMs},
                                   {"peak_rss_mib", peakResidentMib()},
                                   {"other_cpu", m.otherCpu}};
    if (m.work.flops > 0) line["gflops"] = gflops;
    if (m.work.bytes > 0) line["gbs"] = gbs;
    if (m.work.flops > 0 && peakFlops > 0) line["share_of_peak"] = gflops * 1e9 / peakFlops;
    std::printf("%s\n", line.dump().c_str());
  } else {
    std::printf("%-20s %d thread%s  median %9.4f ms  min %9.4f", m.workload.c_str(), m.threads,
                m.threads == 1 ? " " : "s", m.medianMs, m.minMs);
    if (m.work.flops > 0) std::printf("  %7.1f GFLOP/s", gflops);
    if (m.work.flops > 0 && peakFlops > 0)
      std::printf(" (%.0f %% of peak)", gflops * 1e11 / peakFlops);
    if (m.work.bytes > 0) std::printf("  %6.1f GB/s", gbs);
    if (m.work.compileMs > 0)
      std::printf("  compile %.0f ms, first result after %.0f ms", m.work.compileMs,
                  m.work.firstResultMs);
    std::printf("%s\n", m.otherCpu >= 0.06 ? "  (noisy)" : "");
  }
  std::fflush(stdout);
}

} // namespace weir::bench
