// What a processor offers to the kernels compiled for it: vector width, registers, caches. Emitters
// ask it instead of holding constants, so one emitter serves AVX2, AVX-512 and the warps of a GPU
// (codegen/cuda). No LLVM headers here.
#ifndef WEIR_CODEGEN_CPU_TARGET_INFO_H
#define WEIR_CODEGEN_CPU_TARGET_INFO_H

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir::codegen {

struct TargetInfo {
  std::string cpu;         // LLVM's name, for instance "znver4"
  std::string features;    // LLVM's feature string; empty: what `cpu` implies
  int64_t vectorBytes = 0; // of one vector register: 64 with AVX-512, else 32
  int64_t registers = 0;   // vector registers: 32 or 16
  bool avx512 = false;     // F, BW, CD, DQ and VL: masks on everything
  int64_t l1Bytes = 0;     // data cache
  int64_t l2Bytes = 0;     // of one core
  int64_t l3Bytes = 0;     // shared by all cores; 0: unknown

  // A GPU: the lanes of a vector are the threads of a warp, for elements of any size. 0: a CPU.
  int64_t warpLanes = 0;
  int64_t wantedTasks = 32;         // for every thread (or warp) to be busy
  int64_t leastTaskElements = 4096; // below which a loop is not cut into tasks
  double leastTaskFlops = 500e3;    // the same for dots

  int64_t lanes(int64_t elementBytes) const {
    return warpLanes ? warpLanes : vectorBytes / elementBytes;
  }
};

/// The CPU this process runs on, or nothing when it lacks AVX2 and FMA, which every kernel needs.
std::optional<TargetInfo> hostTarget();

/// A named level: "host", "x86-64-v3" (AVX2) or "x86-64-v4" (AVX-512); nothing for other names.
std::optional<TargetInfo> targetForLevel(std::string_view level);

} // namespace weir::codegen

#endif // WEIR_CODEGEN_CPU_TARGET_INFO_H
