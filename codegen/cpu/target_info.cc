// Reads the host's features through LLVM and its caches through sysconf.
#include "codegen/cpu/target_info.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"

#include <fstream>
#include <unistd.h>

namespace weir::codegen {

// Caches of a named level: what the smallest server cores of that level have.
constexpr int64_t defaultL1Bytes = 32 << 10;
constexpr int64_t defaultL2Bytes = 512 << 10;

static TargetInfo makeTarget(std::string cpu, bool avx512) {
  TargetInfo target;
  target.cpu = std::move(cpu);
  target.avx512 = avx512;
  target.vectorBytes = avx512 ? 64 : 32;
  target.registers = avx512 ? 32 : 16;
  target.l1Bytes = defaultL1Bytes;
  target.l2Bytes = defaultL2Bytes;
  return target;
}

/// The cache that this core shares; sysconf adds up those of the whole socket.
static int64_t sharedCacheBytes() {
  std::ifstream file("/sys/devices/system/cpu/cpu0/cache/index3/size");
  int64_t kibibytes = 0;
  char unit = 0;
  return file >> kibibytes >> unit && unit == 'K' ? kibibytes * 1024 : 0;
}

static std::optional<TargetInfo> detectHost() {
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  auto has = [&](const char *name) { return features.lookup(name); };
  if (!has("avx2") || !has("fma")) return std::nullopt;
  bool avx512 =
      has("avx512f") && has("avx512bw") && has("avx512cd") && has("avx512dq") && has("avx512vl");
  TargetInfo target = makeTarget(llvm::sys::getHostCPUName().str(), avx512);
  for (const auto &feature : features) {
    if (!target.features.empty()) target.features += ',';
    target.features += (feature.second ? "+" : "-") + feature.first().str();
  }
  if (long bytes = sysconf(_SC_LEVEL1_DCACHE_SIZE); bytes > 0) target.l1Bytes = bytes;
  if (long bytes = sysconf(_SC_LEVEL2_CACHE_SIZE); bytes > 0) target.l2Bytes = bytes;
  target.l3Bytes = sharedCacheBytes();
  return target;
}

std::optional<TargetInfo> hostTarget() {
  static const std::optional<TargetInfo> host = detectHost();
  return host;
}

std::optional<TargetInfo> targetForLevel(std::string_view level) {
  if (level == "host") return hostTarget();
  if (level == "x86-64-v3") return makeTarget("x86-64-v3", /*avx512=*/false);
  if (level == "x86-64-v4") return makeTarget("x86-64-v4", /*avx512=*/true);
  return std::nullopt;
}

} // namespace weir::codegen
