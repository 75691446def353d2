//===- allocation_test.cc - a run allocates nothing -----------------------===//
// The C library's allocators and mmap are replaced by ones that count, which sees C++ and our own
// mappings alike. Not built under sanitizers, which replace them too.
//===----------------------------------------------------------------------===//
#include "runtime/executor/test_kernels.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WEIR_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define WEIR_SANITIZED 1
#endif
#endif

static std::atomic<int64_t> allocations{0};

#ifndef WEIR_SANITIZED
extern "C" {
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

void *malloc(size_t bytes) {
  ++allocations;
  return __libc_malloc(bytes);
}
void *calloc(size_t count, size_t bytes) {
  ++allocations;
  return __libc_calloc(count, bytes);
}
void *realloc(void *old, size_t bytes) {
  ++allocations;
  return __libc_realloc(old, bytes);
}
void *aligned_alloc(size_t alignment, size_t bytes) {
  ++allocations;
  return __libc_memalign(alignment, bytes);
}
int posix_memalign(void **result, size_t alignment, size_t bytes) {
  ++allocations;
  *result = __libc_memalign(alignment, bytes);
  return *result ? 0 : ENOMEM;
}
void *mmap(void *address, size_t bytes, int protection, int flags, int fd, off_t offset) {
  ++allocations;
  return reinterpret_cast<void *>(syscall(SYS_mmap, address, bytes, protection, flags, fd, offset));
}
}
#endif

namespace weir::runtime {
namespace {

using namespace test;

/// A training step in small: a loop and a branch over temporaries, a donated variable, parallel
/// launches, a fetch.
Builder step() {
  Builder b;
  const int64_t n = 1 << 16;
  b.e.numLoops = 1;
  int32_t pred = b.input("pred", {}, DType::I1), xs = b.input("xs", {4, n});
  int32_t w = b.variable("w", {n}), loss = b.output("loss", {n}), next = b.temporary({n});
  int32_t add = b.kernel("add", addKernel, n, 1 << 22, 4096);
  b.add(Builder::loop(0, 4, true,
                      {Builder::launch(add, {w, b.slice(xs, 0), next}),
                       Builder::branch(pred, {Builder::copy(next, w)}, {})}));
  b.add(Builder::copy(next, loss));
  return b;
}

// features: G8
TEST(Allocation, ARunAllocatesNothingOutsideItsStatement) {
#ifdef WEIR_SANITIZED
  GTEST_SKIP() << "the sanitizer has its own allocator";
#endif
  int64_t before = allocations.load();
  auto session = *step().session();
  ASSERT_GT(allocations.load(), before) << "the counters are not in place";
  const int64_t n = 1 << 16;
  ASSERT_TRUE(session->setVariable("w", HostTensor::zeros(DType::F32, {n})).ok());
  std::vector<HostTensor> feeds = {HostTensor::scalar(true), HostTensor::full<float>({4, n}, 1)};
  HostTensor loss = HostTensor::zeros(DType::F32, {n});
  std::vector<HostTensor *> fetches = {&loss};
  const void *rawFeeds[] = {feeds[0].raw(), feeds[1].raw()};
  void *rawFetches[] = {loss.mutableRaw()};
  TraceRecorder recorder;
  session->setTrace(&recorder);

  before = allocations.load();
  bool ok = true;
  for (int i = 0; i < 10; ++i) {
    ok &= session->runInto(feeds, fetches).ok();
    ok &= session->runRaw(rawFeeds, rawFetches).ok();
  }
  int64_t during = allocations.load() - before;
  EXPECT_TRUE(ok);
  EXPECT_EQ(during, 0) << "allocations in 20 runs";
  EXPECT_EQ(loss.data<float>()[n - 1], 80);
  EXPECT_EQ(recorder.events().size(), 80u);
}

} // namespace
} // namespace weir::runtime
