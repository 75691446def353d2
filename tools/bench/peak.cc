// Multiply-add peak: independent accumulators in registers, the widest vectors that the CPU has.
#include "tools/bench/peak.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <immintrin.h>
#include <thread>
#include <vector>

namespace weir::bench {

namespace {

constexpr int kAccumulators = 12;
constexpr int64_t kRounds = 1 << 16;

__attribute__((target("avx512f"))) double roundsAvx512() {
  __m512 acc[kAccumulators], a = _mm512_set1_ps(0.999f), b = _mm512_set1_ps(1e-6f);
  for (auto &v : acc) v = a;
  for (int64_t i = 0; i < kRounds; ++i) {
#pragma clang loop unroll(full)
    for (auto &v : acc) v = _mm512_fmadd_ps(v, a, b);
    __asm__ volatile("" : "+v"(a));
  }
  float sum = 0;
  for (auto &v : acc) sum += _mm512_reduce_add_ps(v);
  return sum;
}

__attribute__((target("avx2,fma"))) double roundsAvx2() {
  __m256 acc[kAccumulators], a = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(1e-6f);
  for (auto &v : acc) v = a;
  for (int64_t i = 0; i < kRounds; ++i) {
#pragma clang loop unroll(full)
    for (auto &v : acc) v = _mm256_fmadd_ps(v, a, b);
    __asm__ volatile("" : "+x"(a));
  }
  float sum = 0;
  for (auto &v : acc)
    for (int lane = 0; lane < 8; ++lane) sum += v[lane];
  return sum;
}

/// Best FLOP/s of a few bursts on this thread.
double burst() {
  bool wide = __builtin_cpu_supports("avx512f");
  double best = 0;
  volatile double sink = 0;
  for (int i = 0; i < 30; ++i) {
    auto start = std::chrono::steady_clock::now();
    sink = sink + (wide ? roundsAvx512() : roundsAvx2());
    double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    best = std::max(best, 2.0 * kAccumulators * kRounds * (wide ? 16 : 8) / seconds);
  }
  return best;
}

} // namespace

double measurePeakFlops(int threads) {
  std::vector<double> rates(std::max(threads, 1));
  std::vector<std::thread> pool;
  for (double &rate : rates) pool.emplace_back([&rate] { rate = burst(); });
  double total = 0;
  for (size_t i = 0; i < pool.size(); ++i) {
    pool[i].join();
    total += rates[i];
  }
  return total;
}

} // namespace weir::bench
