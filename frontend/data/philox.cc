#include "frontend/data/philox.h"

#include <cmath>
#include <numbers>

namespace weir::data {

std::array<uint32_t, 4> philox(std::array<uint32_t, 2> key, uint64_t counter) {
  constexpr uint64_t multiplierA = 0xD2511F53, multiplierB = 0xCD9E8D57;
  constexpr uint32_t weylA = 0x9E3779B9, weylB = 0xBB67AE85;
  std::array<uint32_t, 4> x{static_cast<uint32_t>(counter), static_cast<uint32_t>(counter >> 32), 0,
                            0};
  for (int round = 0; round < 10; ++round) {
    uint64_t a = multiplierA * x[0], b = multiplierB * x[2];
    x = {static_cast<uint32_t>(b >> 32) ^ x[1] ^ key[0], static_cast<uint32_t>(b),
         static_cast<uint32_t>(a >> 32) ^ x[3] ^ key[1], static_cast<uint32_t>(a)};
    key[0] += weylA;
    key[1] += weylB;
  }
  return x;
}

uint32_t Philox::bits() {
  const uint64_t counter = position / 4;
  if (counter != blockCounter || key != blockKey) {
    block = philox({static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)}, counter);
    blockCounter = counter;
    blockKey = key;
  }
  return block[position++ % 4];
}

uint64_t Philox::below(uint64_t bound) {
  // Numbers at or above the largest multiple of bound are drawn again.
  const uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
  for (;;) {
    uint64_t high = bits(), value = high << 32 | bits();
    if (value < limit) return value % bound;
  }
}

double Philox::uniform() {
  uint64_t high = bits() >> 5, low = bits() >> 6;
  return static_cast<double>(high << 26 | low) * 0x1p-53;
}

double Philox::normal() {
  double radius = std::sqrt(-2 * std::log1p(-uniform()));
  return radius * std::cos(2 * std::numbers::pi * uniform());
}

uint64_t streamKey(uint64_t seed, std::string_view name) {
  uint64_t hash = 0xcbf29ce484222325;
  auto mix = [&](uint8_t byte) { hash = (hash ^ byte) * 0x100000001b3; };
  for (int shift = 0; shift < 64; shift += 8) mix(static_cast<uint8_t>(seed >> shift));
  for (char c : name) mix(static_cast<uint8_t>(c));
  return hash;
}

} // namespace weir::data
