// Measures dot kernels against the multiply-add peak of the same run, on one and on two threads.
// Usage: dot_bench [n | m n k]
#include "codegen/cpu/dot/dot_kernel.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <sys/mman.h>
#include <thread>

using namespace weir::codegen;

static double wallSeconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

static double threadSeconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return double(time.tv_sec) + double(time.tv_nsec) * 1e-9;
}

/// Best seconds of `body(thread)` on `threads` threads started together: processor time of the
/// slower thread, so that other programs on the machine count little.
template <typename F> static double best(int threads, double budget, F body) {
  std::atomic<int> round = 0, done = 0;
  double slower = 0; // of the second thread, published by `done`
  std::thread other([&] {
    for (int i = 1; threads == 2; ++i) {
      while (round.load() < i) {
      }
      if (round.load() == INT_MAX) return;
      double start = threadSeconds();
      body(1);
      slower = threadSeconds() - start;
      ++done;
    }
  });
  double least = 1e9, end = wallSeconds() + budget;
  for (int i = 1; wallSeconds() < end || i < 5; ++i) {
    round = i;
    double start = threadSeconds();
    body(0);
    double time = threadSeconds() - start;
    while (threads == 2 && done.load() < i) {
    }
    least = std::min(least, std::max(time, slower));
  }
  round = INT_MAX;
  other.join();
  return least;
}

/// Ten independent chains of multiply-adds in registers.
static void multiplyAdds(int64_t steps) {
  asm volatile("1:\n\t"
               "vfmadd231ps %%zmm30, %%zmm31, %%zmm0\n\tvfmadd231ps %%zmm30, %%zmm31, %%zmm1\n\t"
               "vfmadd231ps %%zmm30, %%zmm31, %%zmm2\n\tvfmadd231ps %%zmm30, %%zmm31, %%zmm3\n\t"
               "vfmadd231ps %%zmm30, %%zmm31, %%zmm4\n\tvfmadd231ps %%zmm30, %%zmm31, %%zmm5\n\t"
               "vfmadd231ps %%zmm30, %%zmm31, %%zmm6\n\tvfmadd231ps %%zmm30, %%zmm31, %%zmm7\n\t"
               "vfmadd231ps %%zmm30, %%zmm31, %%zmm8\n\tvfmadd231ps %%zmm30, %%zmm31, %%zmm9\n\t"
               "dec %0\n\tjnz 1b\n\t"
               : "+r"(steps)
               :
               : "zmm0", "zmm1", "zmm2", "zmm3", "zmm4", "zmm5", "zmm6", "zmm7", "zmm8", "zmm9");
}

static void measure(const char *name, const DotCase &dot, const double peak[2]) {
  auto kernel = DotKernel::create(dot, *hostTarget());
  if (!kernel) exit(1);
  const DotPlan &plan = kernel->plan;
  // On huge pages, as the runtime's arena is.
  auto filled = [](llvm::ArrayRef<int64_t> shape) {
    constexpr size_t hugePage = 2 << 20;
    size_t size = 1;
    for (int64_t dim : shape) size *= dim;
    size_t bytes = (size * sizeof(float) + hugePage - 1) / hugePage * hugePage;
    float *data = static_cast<float *>(aligned_alloc(hugePage, bytes));
    madvise(data, bytes, MADV_HUGEPAGE);
    for (size_t i = 0; i < size; ++i) data[i] = float(i % 97) * 0.01f;
    return data;
  };
  float *lhs = filled(dot.lhs), *rhs = filled(dot.rhs), *out = filled({dot.resultElements()});
  printf("%-28s tile %2ldx%-3ld block %4ldx%-4ld copies %s%s tasks %3ld code %5zu compile %4.1f ms",
         name, plan.tileRows, plan.tileColumns, plan.rowBlock(), plan.contractBlockSize(),
         plan.copyLhs ? "l" : "-", plan.copyRhs ? "r" : "-", plan.tasks, kernel->imageBytes,
         kernel->compileMillis);
  for (int threads : {1, 2}) {
    // The clock of a thread's processor time is coarse: repeat what takes less than milliseconds.
    int64_t repeats = std::max<int64_t>(1, int64_t(0.005 * peak[0] * 1e9 / plan.flops));
    double time = best(threads, 2, [&](int thread) {
      int64_t begin = plan.tasks * thread / threads, end = plan.tasks * (thread + 1) / threads;
      for (int64_t i = 0; i < repeats; ++i) kernel->run(lhs, rhs, out, begin, end, thread);
    });
    time /= repeats;
    double gflops = plan.flops / time * 1e-9;
    printf(" | %8.4f ms %5.1f GF/s %3.0f %%", time * 1e3, gflops, 100 * gflops / peak[threads - 1]);
  }
  printf("\n");
  fflush(stdout);
  free(lhs), free(rhs), free(out);
}

int main(int argc, char **argv) {
  double peak[2];
  for (int threads : {1, 2}) {
    constexpr int64_t steps = 2'000'000;
    double time = best(threads, 1, [&](int) { multiplyAdds(steps); });
    peak[threads - 1] = threads * steps * 10 * 32.0 / time * 1e-9;
  }
  printf("peak %.1f, %.1f GF/s\n", peak[0], peak[1]);
  auto matmul = [](int64_t m, int64_t n, int64_t k) {
    return DotCase{{m, k}, {k, n}, {}, {}, {1}, {0}};
  };
  if (argc == 4) {
    measure("matmul", matmul(atol(argv[1]), atol(argv[2]), atol(argv[3])), peak);
    return 0;
  }
  if (argc == 2) {
    int64_t n = atol(argv[1]);
    measure("matmul", matmul(n, n, n), peak);
    measure("packed", {{n, n}, {n / 32, n, 32}, {}, {}, {1}, {1}}, peak);
    return 0;
  }
  for (int64_t n : {256, 512, 1024, 2048})
    measure(("matmul " + std::to_string(n)).c_str(), matmul(n, n, n), peak);
  for (int64_t n : {256, 512, 1024, 2048})
    measure(("packed " + std::to_string(n)).c_str(), {{n, n}, {n / 32, n, 32}, {}, {}, {1}, {1}},
            peak);
  measure("mlp 128x784x512", matmul(128, 512, 784), peak);
  measure("mlp 128x512x10", matmul(128, 10, 512), peak);
  measure("gpt2 128x768x3072", {{128, 768}, {96, 768, 32}, {}, {}, {1}, {1}}, peak);
  measure("gpt 2048x256x1024", matmul(2048, 1024, 256), peak);
  measure("gpt dW 256x2048x1024", {{2048, 256}, {2048, 1024}, {}, {}, {0}, {0}}, peak);
  measure("gpt dW packed", {{2048, 256}, {32, 2048, 32}, {}, {}, {0}, {1}}, peak);
  measure("gpt dW 1024x2048x256", {{2048, 1024}, {2048, 256}, {}, {}, {0}, {0}}, peak);
  measure("gpt qk 64x128x64x128", {{64, 128, 64}, {64, 64, 128}, {0}, {0}, {2}, {1}}, peak);
  measure("lstm 32x256x1024", matmul(32, 1024, 256), peak);
  measure("small 16x16x16", matmul(16, 16, 16), peak);
  measure("odd 100x100x100", matmul(100, 100, 100), peak);
}
