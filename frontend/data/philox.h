// Philox 4x32-10 (Salmon et al. 2011) on the host: counter-based random numbers, the same as the op
// random_bits. A value, 24 bytes: where a sequence stands is (key, position), so that it can be
// saved and resumed.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace weir::data {

/// The four words of block `counter` under `key`.
std::array<uint32_t, 4> philox(std::array<uint32_t, 2> key, uint64_t counter);

/// A sequence of random words.
class Philox {
public:
  explicit Philox(uint64_t key, uint64_t position = 0) : key(key), position(position) {}
  // Restart from these for the same numbers.
  uint64_t key, position;

  uint32_t bits();
  /// In [0, bound), every value equally likely. bound >= 1.
  uint64_t below(uint64_t bound);
  /// In [0, 1), 53 bits.
  double uniform();
  /// Mean 0, variance 1 (Box-Muller; two uniforms a number).
  double normal();

private:
  std::array<uint32_t, 4> block{};             // of blockKey and blockCounter, four positions
  uint64_t blockKey = 0, blockCounter = ~0ull; // no block yet
};

/// A key from a seed and a name (FNV-1a), so that streams of different names are independent.
uint64_t streamKey(uint64_t seed, std::string_view name);

} // namespace weir::data
