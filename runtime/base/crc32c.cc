#include "runtime/base/crc32c.h"

#include <nmmintrin.h>

#include <array>
#include <cstring>

namespace weir::runtime {

namespace {

constexpr uint32_t kPolynomial = 0x82f63b78; // reflected
constexpr size_t kStream = 4096;             // bytes of each of three streams

/// A linear map of the 32 bits of a CRC.
using Matrix = std::array<uint32_t, 32>;

constexpr uint32_t times(const Matrix &matrix, uint32_t vector) {
  uint32_t sum = 0;
  for (int i = 0; vector; vector >>= 1, ++i)
    if (vector & 1) sum ^= matrix[i];
  return sum;
}

/// What `bytes` zero bytes do to a CRC.
constexpr Matrix zeros(size_t bytes) {
  Matrix step{}; // one zero bit
  step[0] = kPolynomial;
  for (int i = 1; i < 32; ++i) step[i] = 1u << (i - 1);
  Matrix result{};
  for (int i = 0; i < 32; ++i) result[i] = 1u << i;
  for (size_t bits = bytes * 8; bits; bits >>= 1) {
    Matrix next{};
    if (bits & 1) {
      for (int i = 0; i < 32; ++i) next[i] = times(step, result[i]);
      result = next;
    }
    for (int i = 0; i < 32; ++i) next[i] = times(step, step[i]);
    step = next;
  }
  return result;
}

uint64_t load(const std::byte *at) {
  uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

__attribute__((target("sse4.2"))) uint32_t extend(uint32_t crc, const std::byte *at, size_t size) {
  uint64_t sum = crc;
  for (; size >= 8; at += 8, size -= 8) sum = _mm_crc32_u64(sum, load(at));
  for (; size > 0; ++at, --size)
    sum = _mm_crc32_u8(static_cast<uint32_t>(sum), static_cast<uint8_t>(*at));
  return static_cast<uint32_t>(sum);
}

} // namespace

__attribute__((target("sse4.2"))) uint32_t crc32c(std::span<const std::byte> bytes) {
  static const Matrix shift = zeros(kStream);
  const std::byte *at = bytes.data();
  size_t size = bytes.size();
  uint32_t crc = ~0u;
  for (; size >= 3 * kStream; at += 3 * kStream, size -= 3 * kStream) {
    uint64_t a = crc, b = 0, c = 0;
    for (size_t i = 0; i < kStream; i += 8) {
      a = _mm_crc32_u64(a, load(at + i));
      b = _mm_crc32_u64(b, load(at + kStream + i));
      c = _mm_crc32_u64(c, load(at + 2 * kStream + i));
    }
    crc = times(shift, static_cast<uint32_t>(a)) ^ static_cast<uint32_t>(b);
    crc = times(shift, crc) ^ static_cast<uint32_t>(c);
  }
  return ~extend(crc, at, size);
}

} // namespace weir::runtime
